//! Phrases that several plots use.

/// Name, and alternatives.
pub(super) const RULES: &[(&str, &str)] = &[
    // The first sentences: who the hero is and where they live. Half begin as every tale does.
    (
        "open",
        "Once upon a time, <there>\
        |Once upon a time, <there>\
        |Once upon a time, [in|far away, in] a [quiet|green|sunny|happy] [valley|land|village], <there>\
        |There was once {hero.intro} who lived in {hero.home}. [<likes>|]\
        |{hero} was {a hero.kind} who lived in {hero.home}. [<likes>|]\
        |In {hero.home} lived {hero.intro}. [<likes>|]",
    ),
    (
        "there",
        "there was {hero.intro}. {hero.He} lived in {hero.home}. [<likes>|]\
        |there was {hero.intro}. <likes>\
        |there lived {hero.intro}. [<likes>|{hero.His} home was {hero.home}.]\
        |{hero.intro} lived in {hero.home}. [<likes>|]",
    ),
    (
        "likes",
        "{hero.He} [loved|liked] to [play outside|sing|run in the grass|look at the clouds|tell stories|explore|\
        jump in puddles|pick flowers|dance in the rain|count the stars|climb trees|help others].\
        |Every [day|morning], {hero.he} [played in the sun|went for a long walk|sang a little song|\
        looked for something new|helped {hero.his} {parent}].\
        |{hero.He} had [a big smile|a warm heart|a soft blue scarf|a little red hat|bright eyes].",
    ),
    (
        "oneday",
        "One day|One day|One [sunny|bright|warm|windy|cold|quiet|fine|gray|cloudy] [day|morning|afternoon]\
        |One [morning|afternoon|evening] in [spring|summer|autumn]|Early one morning|One day, when [the sun was shining|the leaves were falling|the birds were singing|the wind was soft|\
        the flowers were in bloom]|One [morning|afternoon], after [breakfast|the rain|lunch]|On a [sunny|bright|windy] day",
    ),
    ("soon", "Soon|After a while|A little later|Before long"),
    (
        "nearby",
        "[the park|the garden|the meadow|the river|the pond|the old bridge|the forest|the hill|the big oak tree|\
        the market|the beach|the stream|the field|the apple trees|\
        the mill|the school|the lake|the old barn|the playground|the garden wall|the cherry tree|the well]",
    ),
    (
        "color",
        "[red|blue|yellow|green|purple|orange|golden|silver|white|pink|brown]",
    ),
    (
        "toy",
        "[<color> ball|<color> kite|toy boat|toy train|wooden horse|<color> balloon|teddy bear|little drum|\
        <color> scarf|storybook|paint box|<color> wagon|toy car|shiny whistle|spinning top|soft blanket|toy robot|\
        jump rope|music box|puzzle|rubber duck|paper dragon|wooden sword|<color> yo-yo|toy truck|magnifying glass|\
        <color> bucket|doll|tin soldier|rocking horse|little trumpet|<color> hat]",
    ),
    (
        "treat",
        "[apple pie|chocolate cake|honey bread|berry soup|warm cookies|carrot cake|hot soup|pancakes|\
        sweet buns|cherry pie|strawberry jam|lemon cake|warm milk|\
        fresh bread|blueberry muffins|apple juice|popcorn|nuts and raisins]",
    ),
    (
        "verygood",
        "[very happy|so happy|very proud|full of joy|very glad|warm inside|so proud]",
    ),
    (
        "sad",
        "[very sad|so sad|upset|sad and lonely|worried|very worried]",
    ),
    (
        "smiled",
        "[smiled|laughed|grinned|clapped|nodded and smiled|jumped for joy|danced around]",
    ),
    (
        "thanks",
        "\"Thank you[|, {friend}| so much]!\" said {hero}.\
        |{hero} [hugged {friend}|gave {friend} a big hug] and said, \"Thank you!\"\
        |\"You are [so kind|a true friend|the best friend ever], {friend}!\" said {hero}.",
    ),
    (
        "together",
        "[They played together until the sun went down.|The two friends laughed all the way home.\
        |They sat side by side and watched the sunset.|They shared some <treat> and told funny stories.\
        |They held hands and danced in the grass.|That evening, they looked at the stars together.\
        |They ran and jumped until they were tired.]",
    ),
    (
        "end",
        "[From that day on, {hero} and {friend} were [best|good|close] friends.\
        |{hero} and {friend} lived happily ever after.\
        |It was the best day [ever|of all|of the whole year].\
        |{hero} [went to bed|fell asleep] with a [big|happy|little] smile that night.\
        |And they all lived happily ever after.\
        |That night, {hero} dreamed [sweet dreams|of tomorrow|about {hero.his} friend {friend}].]",
    ),
    (
        "alone",
        "[{hero} [went to bed|fell asleep] with a [big|happy|little] smile that night.\
        |It was a day {hero} would never forget.\
        |That night, {hero} had [sweet dreams|the best dreams].\
        |{hero} was <verygood>.\
        |And {hero} lived happily ever after.\
        |{hero} told everyone about it at dinner.]",
    ),
];
