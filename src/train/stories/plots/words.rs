//! Things, places and creatures: what sentences are filled with.

/// Name, and alternatives.
pub(super) const RULES: &[(&str, &str)] = &[
    (
        "color",
        "red|blue|yellow|green|purple|orange|golden|silver|white|pink|brown|gray|striped|spotted",
    ),
    // Single things to play with; "a" and "the" fit before each.
    (
        "toy",
        "<color> [kite|ball|balloon|scarf|bucket|hat|wagon|yo-yo|ribbon|umbrella|mitten]\
        |toy [boat|car|train|truck|robot|plane]\
        |[wooden|old|painted|carved] [horse|duck|sword|flute|puppet|boat|drum|owl]\
        |[shiny|tiny|silver|tin] [whistle|bell|trumpet|top|soldier|compass|key]\
        |[soft|old|woolly|stuffed] [teddy bear|doll|blanket|rabbit|elephant]\
        |paint box|storybook|music box|jump rope|magnifying glass|paper dragon|jigsaw puzzle|rocking horse",
    ),
    // Goes after "the" or "some".
    (
        "food",
        "[apple|cherry|berry|plum|pumpkin] pie|[chocolate|carrot|lemon|honey|nut] cake|[hot|thick|pea|onion] soup\
        |[warm|ginger|oat|round] cookies|[sweet|cinnamon|raisin] buns|[strawberry|plum|apricot] jam\
        |[fresh|dark|warm|buttered] bread|[blueberry|banana] muffins|popcorn|pancakes|boiled eggs\
        |roasted chestnuts|noodles|porridge with honey|bread and cheese|nuts and raisins|potato dumplings",
    ),
    // Where something happens; "to", "near", "behind" and "from" fit before each.
    (
        "place",
        "the [old|stone|wooden|crooked] [bridge|mill|well|gate|tower|barn|fence]\
        |the [big|old|lonely|hollow] [oak|willow|chestnut tree|apple tree|pine]\
        |the [village|duck|lily] pond|the [market|school|church|bakery|playground|post office|train station|\
        fountain|library]\
        |the [strawberry|cabbage|pumpkin|potato] field|the [river|stream|lake|beach|harbor|waterfall]\
        |the [garden|orchard|meadow|park|greenhouse|vineyard]|the [green|windy|sandy|round] hill",
    ),
    (
        "spot",
        "[under|behind|beside|next to] the [old|broken|mossy|green|wooden|wet|big] \
        [bench|log|wheelbarrow|bushes|stones|barrel|steps|hedge|haystack|rowboat|woodpile|roots|bucket|flower pots]\
        |in the [long|tall|soft|yellow] [grass|reeds|clover|ferns]",
    ),
    (
        "trifle",
        "a [rusty|bent|lonely|broken|muddy|very small|forgotten] \
        [spoon|key|button|nail|coin|shoe|sock|comb|cup|hook|thimble|marble|bottle]\
        |a [smooth|round|white|striped] [stone|shell|feather|egg shell|pine cone]|[two|three|four|some] [acorns|\
        snails|feathers|buttons|worms]",
    ),
    // A small present that is not lost in a pocket.
    (
        "gift",
        "a [blue|red|silver|wooden|tiny|shiny] [button|bead|ribbon|bell|feather|shell|whistle|star]\
        |a [smooth|warm|green|striped] [stone|marble|acorn|chestnut]|a [pressed|dried|paper] [flower|rose|daisy|\
        leaf]",
    ),
    (
        "bird",
        "[gray|black|fat|tiny|lonely|noisy|white] [goose|crow|pigeon|robin|swallow|heron|magpie|gull|sparrow|\
        stork]",
    ),
    (
        "bug",
        "[green|shiny|small|sleepy|spotted|busy] [beetle|ladybug|grasshopper|snail|dragonfly|bee|butterfly|ant|\
        spider|caterpillar]",
    ),
    (
        "flower",
        "[yellow|white|red|wild|tall|blue|pale] [daisy|poppy|tulip|buttercup|rose|bluebell|thistle|clover|sunflower\
        |violet]",
    ),
    (
        "scent",
        "[warm bread|wet grass|honey|pine needles|wood smoke|mint|ripe apples|the sea|roses|fresh hay|rain|cinnamon\
        |clean washing|old books]",
    ),
    (
        "noise",
        "a [dog barked|bell rang|rooster crowed|cuckoo called|train whistled|door creaked|cow mooed|donkey brayed|\
        hammer knocked|flute played|child laughed|goose honked]",
    ),
    (
        "count",
        "two|three|four|five|six|seven|nine|ten|a dozen|twenty",
    ),
    (
        "weekday",
        "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday",
    ),
    (
        "clothes",
        "a <color> [scarf|hat|sweater|coat|cap|apron|bow|vest|cape]",
    ),
    (
        "outdoors",
        "[climb trees|jump in puddles|run down hills|sail paper boats|dig for treasure|feed the ducks|chase the \
        wind|\
        collect [stones|shells|leaves|feathers]|look for [mushrooms|berries|acorns|clover]|watch the [clouds|ants|\
        boats|trains]|\
        balance on walls|roll in the grass|walk in the rain|count the boats|pick flowers|talk to the birds]",
    ),
    (
        "indoors",
        "[tell stories|paint pictures|bake little cakes|read old books|build towers|sing in the bath|play the \
        [flute|drum|fiddle]|\
        knit long scarves|make up riddles|fold paper birds|dance in the kitchen|listen to the rain|draw maps|sort \
        buttons|ask questions|write letters]",
    ),
    // After "had" or "gave": what somebody carries things in.
    (
        "bag",
        "a [small|brown|heavy|round|patched] [basket|bag|sack|backpack|bundle]",
    ),
];
