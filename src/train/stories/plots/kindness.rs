//! Somebody gives, helps or forgives.

pub(super) const PLOTS: &[&str] = &[
    // A hurt animal is helped, and comes back.
    r#"{animal=[bird/wing/flew|butterfly/wing/fluttered|hare/foot/hopped|lamb/leg/ran|weasel/paw/slipped|
    duckling/foot/swam|deer/leg/leaped|bat/wing/flapped]}
    {keep=[the little {animal.1}|the {animal.1} with the hurt {animal.2}]} <open>

    <oneday>, {hero} heard a [soft|sad|small|thin] cry near <place>. <spot> lay a little {animal.1} with a hurt
    {animal.2}! "[Poor thing|Do not be afraid|I will help you], little {animal.1}," <said hero>. {hero.He} [carried
    it home|wrapped it in {hero.his} scarf|put it into {hero.his} hat] very [gently|carefully|slowly], and
    {hero.his} {parent} [washed|bandaged|looked at] the {animal.2} with [a clean cloth|warm water|a piece of
    ribbon]. Every day, {hero} gave it [fresh water|crumbs|seeds|milk] and [sang to it|told it about <place>|showed
    it the <color> clouds]. {friend.full} came to visit with <gift> and <bag> full of [hay|soft moss|leaves]. After
    <count> days, the {animal.1} was [well|strong] again. "It is time to let it go," <said friend>, and {hero}
    opened the [door|gate|window]. The {animal.1} {animal.3} [away|off] [toward|past] <place>, and [at the last tree
    it looked back|<noise>|it was gone]. <sad hero>.

    But on <weekday>, {hero} heard [a tapping at the window|a soft sound at the door|a rustle outside]. The
    {animal.1} had come back with [its whole family|a red berry|a shiny stone|<gift>]! <glad hero>. <alone>"#,
    // The greedy one.
    r#"{food=[berries|cookies|apples|cherries|nuts|plums|honey cakes|pears|pancakes|sweet buns]} {keep=[all those
    {food}|the {food} {hero.he} had eaten alone|the basket of {food}]} <open> {hero} loved {food} more than
    anything.

    <oneday>, {hero} found [a big basket|a whole heap|<bag>] full of {food} <spot>. "{friend} and {other} would like
    some too," {hero.he} thought, "but then there would be less for me." So {hero} crept behind <place> and ate
    <count> {food}, and then <count> more, while <noise> and a <bird> watched. {hero.He} ate until [none were
    left|the basket was empty|{hero.his} belt burst]. Then {hero.his} tummy began to hurt like [a drum|a sack of
    stones|a storm at sea]. "Ohhh," <sighed hero>. <soon>, {friend.full} came by and found {hero} <spot>. "[Are you
    ill|What is wrong], {hero}?" <asked friend>. "I ate all the {food}, because I did not want to share,"
    <said hero>. {friend} could have been angry, but {friend.he} only [shook {friend.his} head|smiled] and fetched
    [peppermint tea|a warm blanket|a hot stone for {hero.his} tummy]. {other} [told a funny story|sang <count>
    songs|rubbed {hero.his} feet] until {hero} felt better.

    On <weekday>, {hero} [got|brought home] new {food} and took them to <place>. "The first ones are for you,"
    <said hero>. They shared them until [the basket was empty|the sun went down], and the {food} tasted [twice as
    good|better than ever|like summer]. <end>"#,
    // Something baked for somebody ill, and what is missing.
    r#"{dish=[a cake/the cake|a pie/the pie|a loaf of bread/the bread|a pot of soup/the soup|a plate of pancakes/the
    pancakes|a sweet pudding/the pudding]} {missing=[butter/a big piece of butter|milk/a can of milk|honey/a jar of
    honey|flour/a bag of flour|salt/a cup of salt|sugar/a bag of sugar|cinnamon/a stick of cinnamon]} {keep=[the day
    {friend} was ill|how they had looked for {missing.1}|{missing.2} from a friend]} <open>

    <oneday>, {hero} heard that {friend.full} was [ill|sick in bed|not well]. "I will make {dish.1} for
    {friend.him}," <said hero>. {hero.He} put on <clothes> and took [the big bowl|the blue pan|a wooden spoon|the
    old cookbook], but there was no {missing.1} [left|in the house|in the jar]! So {hero} walked past <place> to see
    {helper}, while <noise>. "Please, may I have some {missing.1}?" <asked hero>. "[Who|What] is the {missing.1}
    for, {hero}?" <asked helper>. "For {friend}, who is ill," <said hero>. "Then you shall have {missing.2}[| and
    <gift>]," <said helper>. {hero} ran home and [stirred|mixed|tasted] until {hero.his} arms [hurt|were white up to
    the elbows]. {hero.His} {parent} [helped with|lit] the fire, and soon the house smelled of <scent>. Then {hero}
    carried {dish.2} [through the rain|through the wind|step by step|under a <color> cloth] all the way from <place>
    to {friend}'s bed.

    "For me, {hero}?" asked {friend}, and sat up. {friend.He} ate [one bite and then another|everything, down to the
    last crumb|<count> spoonfuls] and [looked less pale|smiled for the first time|got red cheeks]. "I feel better
    already. What did you put into {dish.2}, {hero}?" <asked friend>. "Only {missing.1}, and a little love,"
    <said hero>. <end>"#,
    // Rain, and room for one more.
    r#"{shelter=[<color> umbrella|big leaf|<color> tent|old blanket|little roof]} {keep=[the rain and the {shelter}|how
    they had all sat under the {shelter}]} <open>

    One <weekday>, when {hero} was on the way to <place>, it began to rain. The drops were as big as
    [cherries|buttons|peas|marbles] and fell on [the roofs|the leaves|the stones] like [drums|tiny feet|spoons].
    {hero} sat down under a {shelter} <spot>, and there it was dry. <soon>, {friend.full} came by, wet from
    {friend.his} nose to {friend.his} toes. "Is there room under your {shelter}?" <asked friend>. "It is small, but
    [we can move together|come in|two will be warmer than one]," <said hero>. Then came {other}, with <bag> on
    {other.his} head. "[I am so cold|I have swallowed <count> drops|Even my socks can swim]," <sighed other>. {hero}
    and {friend} [looked at each other|held their breath|moved a little] and made room. Last of all came {helper},
    who was [the biggest|the wettest]. "[There is always room for one more|We will find a way]," <said hero>.

    So they all sat [nose to nose|as close as peas in a pod|like sardines in a tin], [ate|shared] some <food> and
    [told stories|made up riddles|sang <count> songs] until the rain stopped and a rainbow stood over <place>. "I
    almost wish it would rain again," <beamed friend>. <end>"#,
    // Giving up the thing one saved for.
    r#"{thing=<toy>} {need=[was cold and had no coat/a warm <color> coat|had not eaten since <weekday>/a good
    dinner|had lost {friend.his} shoes/a pair of <color> shoes|had no lamp for the dark nights/a new lamp|had no
    money for the train home/a ticket]} {keep=[the {thing} in the window|the coins and the {thing}|the empty jar]}
    <open> {hero} wanted to buy a {thing}.

    Every <weekday>, {hero} [carried water|swept the floor|picked beans|washed windows] for {helper} and put a coin
    into a [jar|tin box|<color> sock]. After <count> weeks it was full, and {hero} [ran|skipped|walked proudly] past
    <place> to the shop, where the {thing} was still in the window. But near the door sat {friend.full}, who
    {need.1}. {hero} looked at the {thing}, then at {friend}, then at the coins in {hero.his} {hero.hand}, and
    somewhere <noise>. It was [very hard|not easy] to choose. At last {hero} [took a deep breath|nodded|turned
    around] and bought {need.2} for {friend}. "Is this really for me, {hero}?" <asked friend>. "[You need it more
    than I need a {thing}|Now you need not shiver anymore|I can save again]," <said hero>. {hero.He} went home with
    [empty pockets|no coins and no {thing}], but {hero.his} heart was as warm as [an oven|fresh bread|the summer
    sun].

    On <weekday>, there was <bag> at {hero.his} door. In it lay the {thing} and a note from {helper}: "[For a kind
    heart|Good deeds are seen|I saw what you did]." <glad hero>. <end>"#,
    // The snowman, or what cannot be kept.
    r#"{made=[snowman|snow rabbit|snow castle|ice lantern|snow horse|snow giant]} {nose=[a carrot|a pine cone|a round
    stone|a red apple|a brass button]} {keep=[the {made}|the winter of the {made}|their friend of snow]} <open>

    One winter [morning|day], the [roofs were|world was|hills were] white, and <noise>. {hero} and {friend.full} ran
    to <place> in their [thick|warm|<color>] mittens and built a {made}. They gave it {nose} and <count> [black
    stones|twigs|chestnuts], and {hero} tied {hero.his} <color> scarf around it. "[You are our friend now|Good
    morning], {made}!" <cried friend>. Every <weekday> they [told it their secrets|brought it some <food>|danced
    around it]. But when spring came near, the {made} grew [thinner|smaller|softer] from day to day. One morning
    there was only a puddle, with {nose} and a scarf in it. "Our {made} is gone," <sighed hero>, and {friend} [wiped
    {friend.his} eyes|looked away|held {hero.his} {hero.hand}]. "It is not gone, it has only changed," said
    {hero.his} {parent}. "The water [goes up to the clouds and comes back as snow|helps the flowers grow|runs to the
    sea and sees the world]."

    {hero} [thought about that|nodded] and looked at the wet ground: there stood a [tiny|brave|little] <flower>!
    "[That is a present from our {made}|The {made} has left us a flower]," <beamed hero>. And when it snowed again,
    they took {nose}, went back to <place> and said, "[Welcome back|Hello again], old friend." <end>"#,
    // A soup that everybody puts something into.
    r#"{first=[stone|button|old boot|horseshoe|wooden spoon|rusty key]} {veg=[onion|carrot|leek|turnip|mushroom]}
    {keep=[the soup from the {first}|the soup for everyone|the big pot]} <open>

    One <dayadj> [evening|day], {hero} was so hungry that {hero.his} tummy [growled|sang], but there was only a
    {first} in {hero.his} bag. So {hero.he} filled a pot with water near <place>, made a fire and put the {first}
    in. <soon>, {friend.full} came by. "What are you cooking near <place>, {hero}?" <asked friend>. "Soup from a
    {first}," <said hero>, "and it is almost perfect, but a {veg} would make it better." {friend} ran home and came
    back with <count> {veg}s. Then {helper}, who had [smelled it from <place>|seen the smoke|heard them sing],
    [stopped|looked into the pot]. "[A little|Some] [salt|butter|parsley|pepper] would not hurt," <said hero>, and
    {helper} [fetched it|nodded and brought it]. And {other} brought some beans and <food>, for {other.he} had never
    heard of such a soup.

    When <noise>, the soup was ready. They all sat down <spot> and ate [two|three|four|five] bowls each, and it
    tasted of <scent>. "And all that from a {first}!" <cried other>. {hero} [winked|smiled|took the {first} out of
    the pot]. "[From a {first}, and from friends|Nobody is poor who has good neighbors]," <said hero>. <together>
    <end>"#,
    // Somebody is lonely.
    r#"{who=[scarecrow/field|old lighthouse/coast|statue/market|last apple/tree|old donkey/stable|wooden bench/park]}
    {dress=a/<color> [scarf|hat|coat|cap|apron|bow|vest|cape]} {keep=[the lonely {who.1}|the {who.1} that smiled]}
    <open>

    <oneday>, on the way to <place>, {hero} heard somebody sigh. It was the {who.1}! "Why are you so sad, {who.1}?"
    <asked hero>. "[All day I look at the {who.2}, and nobody talks to me|Nobody has said good morning to me for
    <count> years|Everyone walks past me]," said the {who.1}. {hero} [sat down|stayed] and told it about <place>,
    about {hero.his} {parent} and about <food>, until <noise>. At home, {hero} [could not sleep|thought and thought
    until <noise>] and then had an idea. On <weekday>, {hero.he} came back with {friend.full}, who loved to
    <indoors>, and with {other}, who carried a {dress.2}. "[We want to be your friends|Now you are not alone
    anymore]," <said friend>. They put the {dress.2} on the {who.1} and [sang|played|danced] around it, and a <bird>
    [joined in|sat on top of it].

    The {who.1} [laughed so much that it shook|was so happy that it shone|did not sigh anymore]. "[Will you come
    again|Will you stay a little|Will it be like this tomorrow]?" it asked. "Every <weekday>," <beamed hero>. And
    they did: in spring they brought it a <flower>, and in autumn some <food>. <end>"#,
];
