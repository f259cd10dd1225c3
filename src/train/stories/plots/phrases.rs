//! Phrases that several plots use. Where one has `@`, it is about the character it is called with.

/// Name, and alternatives.
pub(super) const RULES: &[(&str, &str)] = &[
    // The first sentences: who the hero is and where they live. Half begin as every tale does.
    (
        "open",
        "Once upon a time, there [was|lived] {hero.intro} who <trait>. [<home>|]\
        |Once upon a time, there was {hero.intro}. [<home>|<likes>]\
        |Once upon a time, there lived {hero.intro} in {hero.home}. [<likes>|]\
        |[Long ago|Not long ago|Far away], [in a [quiet|green|sunny|happy|faraway] [valley|land|village],|] there \
        lived {hero.intro}. [<home>|<likes>]\
        |There was once {hero.intro} who lived in {hero.home} and <trait>.\
        |{hero} was a {hero.kind} who lived in {hero.home} [and <trait>|with {hero.his} {parent} <family>].\
        |In {hero.home} lived {hero.intro}, who <trait>.",
    ),
    (
        "home",
        "{hero.He} lived in {hero.home} with {hero.his} {parent}[ <family>|].\
        |{hero.His} home was {hero.home}, where it [always|often|sometimes] smelled of <scent>.\
        |{hero.He} lived in {hero.home}, not far from <place>.",
    ),
    (
        "family",
        "and <count> [cousins|little brothers|little sisters|noisy chickens|clocks|pots of flowers|old chairs]",
    ),
    (
        "trait",
        "[loved|liked] to <outdoors>|[loved|liked] to <indoors>|[always|often] wore <clothes>|could <indoors> all \
        day\
        |was never without <clothes>|asked <count> questions [a day|before breakfast]",
    ),
    (
        "likes",
        "{hero.He} [loved|liked] to <outdoors> and [to|] <indoors>.\
        |{hero.He} [loved|liked] to <outdoors>, but most of all {hero.he} loved <food>.\
        |Every <weekday>, {hero.he} went to <place> to <outdoors>.\
        |{hero.He} [always|often] wore <clothes>, even [in summer|in bed|on hot days|at dinner].\
        |Nobody could <indoors> [as well as|like|better than] {hero}.\
        |In the [morning|afternoon] {hero.he} liked to <outdoors>, and in the evening to <indoors>.",
    ),
    // Time and weather; a comma follows. Winter has its own plots.
    (
        "oneday",
        "One <daytime>|One <daytime>|One <daytime> [when|while] <sky>|One <daytime> [when|while] <sky>|On a \
        <dayadj> <weekday>\
        |One <weekday> [morning|afternoon], [when|while] <sky>|One day, after [breakfast|lunch|the rain|school|a \
        long walk]\
        |Early one [morning|<weekday>], before [the others were awake|the bells rang|the dew was dry|breakfast]",
    ),
    (
        "daytime",
        "[<dayadj>|] [day|morning|afternoon]|<dayadj> [morning|afternoon|day] in [early|late|] [spring|summer|\
        autumn]",
    ),
    (
        "dayadj",
        "[sunny|bright|warm|windy|cool|quiet|fine|gray|cloudy|golden|misty|lazy|busy|mild]",
    ),
    (
        "sky",
        "[the wind [played in the reeds|sang in the chimney|shook the trees|chased the clouds|smelled of <scent>]|\
        the sun [shone on the roofs|glittered on the water|warmed the stones|came out from behind the clouds]|\
        the birds [sang in the hedges|were looking for worms|sat in a row on the fence]|\
        the clouds [looked like sheep|sailed over the hills|hung low over the fields]|\
        the [roses|apple trees|lilacs|poppies] were in bloom|the [grass|path|garden] was still wet|everyone else \
        was asleep|\
        the [bread|soup|washing] was not ready yet]",
    ),
    (
        "nightadj",
        "[warm|clear|windy|quiet|cool|starry|mild|dark|silver|still]",
    ),
    (
        "soon",
        "[Soon|After a while|A little later|Before long|Just then|A moment later|Not much later]",
    ),
    // A look aside.
    (
        "aside",
        "A <bird> [flew|sailed|flapped] [over|past|around] <place>[.|, and <noise>.]\
        |[Somewhere|Far away|In the distance|Behind <place>,] <noise>, and [the air|the wind|everything] smelled of \
        <scent>.\
        |A <bug> [sat|rested|slept] on a <flower> and [did not move|looked at them|waited|listened].\
        |<count> [clouds|swallows|leaves|ducks|bees] went by, and <noise>.\
        |On the [wall|fence|roof|gate], a <bird> [cleaned its wings|looked down at them|slept|shook its head].",
    ),
    // Tags of speech: plain, glad, sad, and after a question.
    (
        "said",
        "said {@}|said {@}|{@} said|said {@} <manner>|said {@} <manner>|said {@} and <gesture @>",
    ),
    ("hesaid", "{@.he} said|{@.he} said|{@.he} said <manner>"),
    (
        "manner",
        "[softly|quietly|slowly|at last|after a while|in a [low|soft|small|clear] voice|and [nodded|looked up|\
        thought for a moment|waited]]",
    ),
    (
        "beamed",
        "said {@} with a [big|wide|happy|shy|proud|crooked] smile|laughed {@}|cried {@} [happily|and clapped|and \
        jumped up]|{@} [shouted|sang|laughed]\
        |called {@}, and [jumped|danced|hopped|whirled] around <count> times",
    ),
    (
        "sighed",
        "sighed {@} and <gesture @>|whispered {@}|said {@} [sadly|in a tiny voice|with a [long|deep|small] sigh|and \
        looked at the ground]|{@} [sighed|whispered|sobbed]",
    ),
    (
        "cried",
        "cried {@}|shouted {@}, [again and again|and stamped {@.his} foot|as loud as {@.he} could]\
        |cried {@} and <gesture @>|{@} shouted and <gesture @>|called {@}, louder than [a <bird>|the wind|the \
        church bells|<count> drums]",
    ),
    // What somebody does while they speak.
    (
        "gesture",
        "[scratched|rubbed|wrinkled|pulled|wiggled] {@.his} [nose|ear|chin|forehead|left foot]|[pointed|looked|\
        waved] [at a <bird>|toward <place>|up at the clouds]\
        |took a [bite|piece] of <food>|picked up <trifle>|sat down <spot>|[straightened|took off|put on|dropped] \
        {@.his} <color> [hat|scarf|cap|mitten]\
        |[watched|followed] a <bug>|counted to <count>|[jumped|hopped|turned] [once|twice|<count> times]",
    ),
    (
        "asked",
        "asked {@}|{@} asked|asked {@} [kindly|softly|with wide eyes|at once|and sat down <spot>]|asked {@} and \
        <gesture @>|{@} asked and <gesture @>|asked {@}, while <noise>",
    ),
    // Feelings.
    (
        "sad",
        "[{@} was|{@} felt] so [sad|worried|upset|unhappy|lonely] that {@.he} [could not speak|began to cry|sat \
        down in the grass|did not even hear the birds|wanted to hide|forgot to eat]\
        |{@} [swallowed hard|bit {@.his} lip|hung {@.his} head], and a [big|hot|round|single] tear ran down {@.his} \
        [nose|cheek]\
        |{@}'s heart felt as heavy as a [stone|sack of potatoes|wet blanket|bucket of sand], and [<noise>|not even \
        <food> would have helped|a <bird> looked at {@.him} sadly|everything smelled of <scent>, but {@.he} did not \
        notice]",
    ),
    (
        "glad",
        "{@} was so [happy|glad|proud|pleased] that {@.he} [hopped around <place>|hugged the nearest tree|sang all \
        the way home|danced on one foot|threw {@.his} [hat|arms] into the air|could not stop smiling]\
        |[Now|At once|In that moment], {@} felt [as light as a feather|as warm as fresh bread|as tall as a tower|as \
        bright as the sun|like a king|like a balloon in the wind], and {@.he} [hummed a song about <food>|danced \
        past <place>|wanted to <outdoors>|turned <count> somersaults|laughed at a <bird>]\
        |{@} [smiled|grinned|beamed] from ear to ear and [hugged everyone|<gesture @>|did a little dance|wanted to \
        <indoors>|kissed a <bug>]",
    ),
    (
        "comfort",
        "[Don't worry|Do not cry|Cheer up|Do not be sad|Dry your tears|Never mind], [little one|my dear|we will \
        find a way|it will be all right|everything can be mended]",
    ),
    (
        "thanks",
        "\"[Thank you|Thank you so much|A thousand thanks]!\" <beamed hero>. <hugs>|{hero} [hugged {friend}|took \
        {friend} by the {friend.hand}] and [said|whispered|cried], \"[Thank you|You are so kind|You are a true \
        friend|What would I do without you]!\"",
    ),
    (
        "hugs",
        "{hero.He} gave {friend} [<gift>|a [big|warm|long] hug|half of {hero.his} <food>] and [would not let go of \
        {friend.his} {friend.hand}|laughed with joy|did a little dance|could not stop smiling].",
    ),
    // Something pleasant for two.
    (
        "together",
        "They [played|sat|talked|sang] [near|behind|beside] <place> until [the sun went down|the stars came out|it \
        was time for dinner|the lamps were lit|the moon rose].\
        |Then they shared some <food> [near|beside|behind] <place> and [told funny stories|counted the clouds|\
        laughed until their sides hurt|made plans for tomorrow].\
        |The two friends [ran|walked|danced|skipped] home past <place>, [arm in arm|side by side|laughing all the \
        way|singing an old song].\
        |{hero} and {friend} [watched|waved to] a <bird> and [ate|shared] some <food>.",
    ),
    // The last sentence: what stays. `keep` is what the story was about.
    (
        "end",
        "[From that day on|After that|Ever since], {hero} and {friend} [met|played|sat together|went for a walk] \
        every <weekday> [near|behind] <place>.\
        |[Whenever|Every time] [it rained|<noise>|they walked past <place>|they ate <food>], {hero} and {friend} \
        [smiled|laughed] and remembered {keep}.\
        |That night, {hero} and {friend} both dreamed of {keep}.\
        |{hero} and {friend} were [best|good|close] friends from then on, and they never forgot {keep}.\
        |<alone>",
    ),
    (
        "alone",
        "[That night|That evening|At bedtime], {hero} [thought of|dreamed of|told the moon about|drew a picture of] \
        {keep} [while|as] [the rain tapped on the roof|the moon looked in|the wind sang outside|the stars came out|\
        the fire crackled|<noise>].\
        |{hero} told {hero.his} {parent} [all|everything] about {keep}, and [they laughed until dinner|{parent.he} \
        listened with wide eyes|they ate <food> and talked until it was dark].\
        |[Whenever|Every time] [it rained|<noise>|{hero.he} walked past <place>|{hero.he} ate <food>], {hero} \
        [smiled|laughed] and remembered {keep}.\
        |{hero} [went to bed|fell asleep] with a [big|happy|little|sleepy] smile, and {hero.he} dreamed of {keep}[.\
        | and of <food>.]\
        |And if you ever come to <place>, ask for {hero}: {hero.he} will tell you about {keep}.",
    ),
];
