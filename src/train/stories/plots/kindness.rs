//! Somebody gives, helps or forgives.

pub(super) const PLOTS: &[&str] = &[
    // A hurt animal is helped, and helps.
    r#"{animal=[bird/wing/flew|butterfly/wing/flew|bunny/foot/hopped|lamb/leg/ran|squirrel/paw/climbed|duckling/foot/swam|deer/leg/ran]}
    <open>

    <oneday>, {hero} heard a [soft|sad|small] cry [near|from] <nearby>. It was a little {animal.1}! Its {animal.2} was hurt. "[Poor thing|You poor
    little {animal.1}]," said {hero}. "[Do not be afraid|I will help you]."
    {hero} [carried the {animal.1} home|took it home in {hero.his} arms|made a soft bed of leaves]. {hero.His} {parent} helped {hero.him} [to clean the
    {animal.2}|to put a bandage on its {animal.2}]. Every day, {hero} gave it [food and water|some seeds and fresh water|milk and crumbs] and [sang to
    it|told it stories]. [{friend} came to visit and brought a soft cloth.|] [Soon|After some days|A week later], the {animal.1} was [well|strong] again.

    "[It is time to let it go|It wants to go home]," said {hero.his} {parent}. {hero} was [a little sad|sad and happy at the same time]. {hero.He} opened the
    [door|gate], and the {animal.1} {animal.3} away. [At the last tree it stopped and looked back.|"Goodbye, little friend!" called {hero}.]
    [The next morning|A few days later|One morning], {hero} heard a sound at the window. The {animal.1} [was back|had come back], and it had brought
    [a pretty flower|a sweet berry|a shiny stone|its family]! {hero} <smiled>. [Now {hero} had a friend in the forest.|It came to visit every day after
    that.|Kindness always comes back.]"#,
    // The greedy one.
    r#"{food=[berries|cookies|apples|cherries|nuts|plums|honey cakes|pears]}
    <open> {hero} loved {food} more than anything.

    <oneday>, {hero} found [a big basket|a whole pile|a bag full] of {food}. "{friend} and {other} would like some too," {hero.he} thought. "But then there
    would be [less for me|not so many for me]." So {hero} [hid behind a bush|went into a corner] and ate [one after the other|them all alone]. {hero.He} ate and
    ate until [all of them were gone|there were no more {food}].
    Then {hero.his} tummy [began to hurt|hurt very much]. "Ohhh," {hero.he} [groaned|said], and lay down in the grass.

    {friend} [found {hero.him} there|came by with {other}]. "[What is wrong|Are you ill], {hero}?" {friend.he} asked. "I ate all the {food}," said {hero}. "I did
    not want to share. And now I feel [terrible|so sick]." {friend} [could have been angry|was not angry], but {friend.he} [brought some tea|sat
    down and held {hero.his} hand|got a warm blanket]. {other} [told a funny story|rubbed {hero.his} tummy] until {hero} felt better.
    "[You are so good to me|Why are you so kind]," said {hero}, "[and I was so greedy|even though I did not share]." The next day, {hero} [picked|found] a new basket of
    {food}. [This time {hero.he} gave the first ones to {friend} and {other}.|"These are for all of us," {hero.he} said.] And the {food} tasted
    [twice as good|better than ever]."#,
    // Something baked for somebody ill, and what is missing.
    r#"{dish=[cake|pie|bread|pot of soup]} {missing=[butter/the old woman on the hill/The old woman gave {hero.him} a big piece of butter|milk/the cow in the field/The cow gave
    {hero.him} a can of milk|honey/the bees in the garden/The bees gave {hero.him} a jar of honey|flour/the miller by the river/The miller gave {hero.him} a
    bag of flour|salt/the old woman next door/The old woman gave {hero.him} a cup of salt|sugar/the baker in the village/The baker gave {hero.him} a bag of sugar]}
    <open>

    <oneday>, {hero} heard that {friend} was [ill|sick in bed|not well]. "I will make a {dish} for {friend.him}," said {hero}. {hero.He} [put on an apron|got out a
    big bowl]. But [something was missing: there was no more {missing.1} in the house|the {missing.1} was all used up|{hero.he}
    had no {missing.1}]! So {hero} went to
    {missing.2}. "Please, may I have some {missing.1}?" {hero.he} asked. "[Who is it for|What is it for]?" "It is for {friend}, who is ill." "[Then you shall
    have it|How kind of you]." {missing.3}.

    {hero} ran home and [stirred and mixed|mixed everything together]. {hero.His} {parent} helped {hero.him} with the [hot oven|fire]. <soon>, the whole house
    smelled [wonderful|so good]. {hero} [carried the {dish} through the rain|walked all the way|went carefully, step by step,] to {friend}'s [house|home].
    "For me?" asked {friend}, and [sat up in bed|{friend.his} eyes shone]. [{friend.He} ate one piece, and then another.|They ate it together, down to the last
    crumb.] "I feel better already," said {friend}. "[It must be magic!|What did you put in it?]" {hero} <smiled>. "[Only {missing.1} and love|A little {missing.1},
    and a lot of love]," {hero.he} said."#,
    // Rain, and room for one more.
    r#"{shelter=[umbrella|big leaf|blanket|little tent|red umbrella]}
    <open>

    <oneday>, it began to rain. [Big drops fell from the gray sky.|The wind blew, and the rain came down hard.|Drip, drop, went the rain.] {hero} [ran under|hid under|sat
    under] {a shelter}, and there it was [dry|dry and warm]. <soon>, {friend} came by. {friend.He} was [all wet|wet and cold]. "May I come under your
    {shelter} too?" asked {friend}. "[It is small|There is not much room]," said {hero}, "but [come in|we can make room]."
    They moved [close together|a little]. Then {other} came. "[I am so cold|I am so wet]," said {other}. "Is there room for me?" {hero} and {friend} looked at each
    other. "[Of course|Come in, come in]," they said. ["If we hold our breath," laughed {friend}.|]

    [Last of all came {helper}.|At last even {helper} came along.] "There is no room for {helper.him}," said {other}. "[There is always room for one more|We will find a
    way]," said {hero}. And they all [squeezed in|sat close, nose to nose]. It was [very tight|a little tight], but it was [so warm|warm and cozy]! [They told
    stories|They sang songs|They played a guessing game] until the rain [stopped|was over].
    Then the sun came out, and there was a [big|bright|beautiful] rainbow. "[I almost wish it would rain again|That was the best rain ever]," said {hero}, and
    everybody laughed."#,
    // Giving up the thing one saved for.
    r#"{thing=<toy>} {box=[jar|little box|tin box]} {need=[was cold and had no coat/a warm coat|had nothing to eat/a good dinner|had lost {friend.his} shoes/a pair of shoes|had no lamp for the
    dark nights/a new lamp]}
    <open> {hero} wanted to buy {a thing}. So {hero.he} [worked hard|helped {helper} every day|swept floors and carried water], and put every coin into a {box}.

    At last the {box} was full. {hero} [ran|walked proudly] to the market. [The {thing} was still there!|There it was, in the window.|{hero.His} eyes shone when
    {hero.he} saw it.] But near the door sat [{friend.full}|{friend}]. {friend.He} {need.1}. {hero} looked at the {thing}. {hero.He} looked at {friend}. [Then {hero.he}
    looked at the coins in {hero.his} hand.|It was very hard to choose.]
    {hero} [took a deep breath|thought for a long time]. Then {hero.he} [bought|went and bought] {need.2} for {friend}. "[This is for me|Is it really for me]?"
    asked {friend}, and [smiled|there were tears in {friend.his} eyes]. "[Nobody was ever so kind to me|I will never forget this]."

    {hero} walked home with [no coins and no {thing}|empty hands], but {hero.his} heart was [full|warm]. [{hero.His} {parent} heard what {hero.he} had done.|{helper} had seen it all.]
    The next morning, there was a [box|present] at the door. Inside was the {thing}, and a note: "[For a kind heart|Good deeds are seen]." {hero} [could not
    believe it|jumped for joy]. {hero.He} [ran to show {friend}|took it to {friend}, and they played together]. <end>"#,
    // An angry word and an apology.
    r#"{work=[tower of blocks|picture of a horse|garland of flowers|house of cards|row of shells|paper boat]}
    <open>

    <oneday>, {hero} was working on {a work}. [{hero.He} had worked on it all morning.|It was almost done.|It was going to be a present.]
    Then {friend} came running in. [{friend.He} did not look where {friend.he} was going|{friend.He} was in a hurry], and [oops|oh dear]! The {work} was [ruined|spoiled]. "You
    [always ruin everything|are so clumsy]!" [shouted|yelled] {hero}. "Go away! I do not want to be your friend!" {friend} [went pale|looked as if {friend.he} would
    cry] and walked away without a word.
    {hero} [began again|tried to make the {work} again], but it was no fun. The room was [very quiet|too quiet]. "[It was only an accident|{friend.He} did not mean to do it],"
    thought {hero}. "[And my words were not kind|My words hurt more than a broken {work}]." [{hero} asked {hero.his} {parent} what to do. "Say what is in your heart," {parent.he} said.|]

    So {hero} [went to look for|ran after] {friend}. {friend.He} was sitting [alone|all alone] [at|near] <nearby>. "I am sorry I shouted," said {hero}. "[You are more important to me than
    a {work}|I was angry, but you are my friend]." "I am sorry too," said {friend}. "[I should have been careful|I will look where I run]." They [hugged|shook
    hands], and [the sun seemed to shine brighter|both felt much better].
    "[Shall we make a new {work} together|Will you help me make another]?" asked {hero}. {friend} nodded. [And this one was even better than the first.|Two pairs of hands made it
    even better.] <together>"#,
    // The snowman, or what cannot be kept.
    r#"{made=[snowman/the sun grew warm/a puddle of water|ice castle/the warm wind came/a pool of clear water]} {nose=[a carrot|a pine cone|a round stone|a red
    apple]}
    <open>

    One winter [morning|day], [everything was white|there was snow everywhere]. {hero} and {friend} built {a made.1}. They gave it {nose} [for a nose|on top], and {hero} put {hero.his} own
    <color> scarf around it. "[You are our friend now|Good morning, {made.1}]," said {hero}. Every day they [came to say hello|played near the {made.1}|told it all
    their secrets].
    But then {made.2}. The {made.1} grew [smaller and smaller|thinner every day]. <oneday>, there was only {made.3}, with {nose} and a scarf in it. {hero} [cried|was
    <sad>]. "Our {made.1} is gone," {hero.he} said.

    "[It is not really gone|It only changed]," said {hero.his} {parent}. "[The water goes up to the clouds, and one day it comes back as snow|It will water the flowers, and next
    winter it will come back]." {hero} [thought about that|dried {hero.his} tears]. {hero.He} looked at the wet ground, and there was [a small green leaf|a tiny white flower|the
    first flower of spring]!
    "Look, {friend}!" {hero.he} called. "[That is a present from our {made.1}|Our {made.1} gave us a flower]!" They [smiled|laughed] and [ran to tell everyone|watered it every day].
    And when the [first snow fell again|next winter came], {hero} [put on {hero.his} boots|ran outside] and said, "[Welcome back|Hello again], old friend.""#,
];
