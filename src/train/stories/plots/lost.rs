//! Things and ways are lost, found and wondered at.

pub(super) const PLOTS: &[&str] = &[
    // Something is lost, looked for in several places, and found with help.
    r#"{thing=<toy>} {keep=[the lost {thing}|the day the {thing} was gone]} <open> {hero.His} [favorite thing|greatest
    treasure|dearest possession] was a {thing} [from {hero.his} {parent}|that {hero.he} had found near <place>|with
    {hero.his} name on it].

    <oneday>, {hero} [took|carried] the {thing} to <place> [to show it to {friend}|and played there until
    noon|because it was such a fine day]. But [when it was time to go home|after a short nap|when {hero.he} looked
    into {hero.his} bag], the {thing} was [gone|nowhere to be seen]. <sad hero>. "Where is my {thing}?"
    <sighed hero>. {hero.He} looked <spot> and <spot>, but found only <trifle>. <soon>, {friend.full} came along
    with <bag>. "What are you looking for, {hero}?" <asked friend>. "[My {thing} is gone|I have lost my {thing}],"
    <said hero>. "<comfort>," <said friend>, "[four eyes see more than two|I am good at finding things|we will look
    together]."

    They [walked all the way back|searched once more|went from stone to stone], past <place>, [until|and then]
    {friend} [stopped|pointed|gave a shout]. There, <spot>, [lay the {thing}|was something <color>: the {thing}|the
    {thing} was waiting]! <thanks> <end>"#,
    // The same, but somebody else has found it.
    r#"{thing=<toy>} {bird=[crow|magpie|jackdaw|seagull]} {keep=[the {thing} in the nest|the clever {bird}|the {bird}
    and the {thing}]} <open>

    <oneday>, {hero} put {hero.his} {thing} on the [wall|steps|window sill|grass] for a moment to <outdoors>. When
    {hero.he} came back, [it was gone|there was nothing but a black feather]. "[Somebody took it|A thief was here]!"
    <sighed hero>. {hero} asked {helper}, who had [seen nothing|been asleep|only heard the flapping of wings], and
    {friend.full}, who [pointed up|had seen a {bird}|looked at the sky]. High up in [the oak|a pine|the church
    tower|an old chimney], a {bird} sat on its nest, and in the nest lay the {thing}. "[Give it back|That is not
    yours]!" called {hero}. The {bird} only [shook its head|turned its back|closed one eye].

    "[Let us give it something else|It only likes things that are pretty|We can trade with it]," <said friend>. So
    they brought <gift>, <gift> and <trifle>, and laid them <spot>. The {bird} [looked|listened| thought about it],
    flew down, [took|chose] [one of them|the smallest one|the shiniest one] and let the {thing} fall [at {hero}'s
    feet|into the grass|right into {hero.his} lap]. <glad hero>. "[Now we all have something|That was a fair
    trade]," <beamed friend>. <end>"#,
    // A lost child finds the way home.
    r#"{path=[butterfly/a [blue|yellow|white] butterfly|bird/a small red bird|squirrel/a funny squirrel|leaf/a golden
    leaf in the wind|frog/a tiny green frog|feather/a floating feather|cloud/a cloud that looked like a ship|cat/a
    cat with white feet]} {keep=[the {path.1} and the long way home|the day in the deep forest|the {path.1}]} <open>

    <oneday>, {hero} saw {path.2} near <place> and [followed it|ran after it] [over the stream|through the
    ferns|between the tall trees|up the hill], deeper and deeper into the [forest|woods]. When {hero.he} stopped,
    [all the trees looked the same|there was no path anymore|it was getting dark], and the {path.1} was gone. "I am
    lost," <sighed hero>. But {hero} remembered what {hero.his} {parent} [always said|had taught {hero.him}|had told
    {hero.him} <count> times]: "If you are lost, [stay where you are and call|stop, breathe and listen|sit down and
    wait for help]." So {hero.he} sat down <spot> and [listened|waited|called]. A <bird> [looked at {hero.him}|flew
    by], and [at last|far away] <noise>.

    <soon>, {helper} came [between the trees|along with a lantern|with <bag>]. "[Are you lost, little one|Shall I
    take you home|Do you need help]?" <asked helper>. "Yes, please take me home," <said hero>. [Step by step|
    Slowly|Hand in hand] they walked past <place> and past <place>, until they saw {hero.his} home. {hero.His}
    {parent} [ran out|was waiting at the door|stood there with a lamp] and [hugged {hero.him}| held {hero.him}
    tight|laughed and cried]. <alone>"#,
    // A treasure that is not gold.
    r#"{gold=[a letter/It said, "The best treasure is a friend to share it with."|an old picture/It showed two friends
    who had played here [long ago|when the trees were small].|a bag of seeds/They planted the seeds near <place>,
    and soon there were flowers everywhere.|a little bell/When they rang it, every bird near <place> began to
    sing.|a pair of cups/They sat down and drank cool water from them.|a tiny mirror/They looked into it and saw two
    dirty, happy faces.|another map/It led them straight back home.]} {keep=[the map and the box|the treasure that
    was no gold|{gold.1} in the box]} <open>

    <oneday>, {hero} found an old map [under {hero.his} bed|in a bottle|in a dusty book|inside a clock|in the
    attic|in the pocket of a coat]. It showed a [big|red|crooked] X near <place>. "A treasure [near <place>|for
    {friend} and me|at last]!" <beamed hero>. {hero.He} showed it to {friend.full}, who [turned it around <count>
    times|fetched a spade at once|packed some <food>]. They walked past <place>, then [over|along|around] [the
    hills|the stone wall|the marsh|the railway], and on the way <noise>.

    <spot> they began to dig, and they dug until [their arms hurt|the sun was low|they hit something hard]. It was a
    [small|rusty|heavy|wooden|painted] box! First they found <trifle>, and under it there was only {gold.1}.
    {gold.2} "[This is better than gold|What a fine treasure]," <said hero>, and {friend} [nodded|laughed|agreed at
    once]. <together> <end>"#,
    // A strange noise at night.
    r#"{noise=[Tap, tap, tap/a branch that the wind moved/branch|Whoo, whoo/a baby owl on the roof/baby owl|Scratch,
    scratch/a hungry kitten at the door/hungry kitten|Bump, bump/an apple that rolled across the attic/apple|Squeak,
    squeak/a tiny mouse with a piece of cheese/tiny mouse|Drip, drip/the rain falling into a bucket/rain|Click,
    clack/a loose shutter/shutter|Rattle, rattle/a hedgehog in the tin box/hedgehog|Whee, whee/the kettle in the
    kitchen/kettle]} {keep=[the noise in the night|the {noise.3} in the night]} <open>

    One <nightadj> night, [when|while] {hero.his} {parent} was asleep and the moon stood over <place>, {hero} woke
    up. {noise.1}! "What is that [in the dark|in the kitchen|behind the wall|up there|near the stove]?"
    <sighed hero>. {hero.He} [hid under the blanket|held {hero.his} pillow tight|counted to <count>|looked at the
    dark window], but there it was again. {noise.1}! It might be [a giant|a ghost|a robber|a dragon|a witch] with
    [long teeth|a sack|wet feet|<count> heads|big boots], {hero.he} thought. "[I can be brave|I will go and
    see|Perhaps it is only hungry]," <said hero>. {hero.He} [lit a candle|put on <color> slippers|took {hero.his}
    [teddy bear|broom|umbrella]] and [tiptoed|crept|walked step by step] [down the stairs|along the wall|through the
    kitchen|to the door].

    It was only {noise.2}! {hero} laughed so [hard|much] that {hero.his} {parent} [woke up|came running|sat up in
    bed]. "[Things look scary when we do not know them|The dark is full of small surprises|You were very brave
    tonight]," <hesaid parent>. They [drank|had] some <food> together, and then {hero} slept until
    [morning|noon|<noise>]. <alone>"#,
    // A wish too many.
    r#"{magic=[shell|stone|lamp|ring|feather|coin|bell|teapot|button]} {much=[cake/there was so much cake that
    {hero.he} could not get out of the door|snow/there was so much snow that nobody found the village
    anymore|toys/there were so many toys that there was no place to sit|candy/there was so much candy that
    {hero.his} tummy hurt|rain/there was so much rain that the garden became a lake|balloons/there were so many
    balloons that the roof began to fly|kittens/there were so many kittens that they slept in the soup
    pots|jam/there was so much jam that all the chairs stuck to the floor]} {keep=[the magic {magic}|all that
    {much.1}|the last wish]} <open>

    <oneday>, {hero} found a {magic} <spot>. It [glowed like a tiny sun|hummed like a sleeping cat|was as warm as
    fresh bread|shone like a star|sang a little song]. "I am a magic {magic}," it said, "and you have [two|three]
    wishes." {hero} thought about it [all the way to <place>|until <noise>|for a whole minute]. "I wish for
    {much.1}!" {hero.he} [shouted|said|cried]. [Poof|Whoosh|Bang]! Suddenly {much.2}. "Oh no, this is too much,"
    <sighed hero>.

    {friend.full} came running from <place>. "What [did you wish for|have you done], {hero}?" <asked friend>. {hero}
    [told {friend.him} everything|pointed at the {magic}]. "[Use your last wish well|Think before you speak this
    time|There must be one wish left]," <said friend>. {hero} [closed {hero.his} eyes|held the {magic} tight|took a
    deep breath] and wished that everything was [as before|just like it was that morning]. And so it was! The
    {magic} was now only a {magic}, and they put it [on the shelf|back <spot>|into the river]. "[I have enough
    without any {much.1}|A friend is better than {much.1}]," <said hero>. <end>"#,
    // The moon is in the water.
    r#"{water=[pond|lake|river|well|bucket]} {keep=[the moon in the {water}|the night of two moons]} <open>

    One <nightadj> night, [while <noise>|when the crickets sang|after dinner], {hero} saw the
    [big|round|bright|golden] moon above <place>. "I want to [catch|hold|touch] it," <said hero>. {hero.He} climbed
    [the tallest tree|a high hill|up on the roof|onto a big rock|<count> stairs] and stretched as far as {hero.he}
    could, but the moon was [much too high|still too far away|as far away as before]. Then {hero} ran down to the
    {water}, and there was the moon, [shining|floating|glowing] in it like a [coin|lamp|cheese|plate]! {hero.He}
    [put in {hero.his} {hero.hand}|threw in a stone|bent down to kiss it], and the moon broke into <count> pieces.
    "Oh no, I broke the [moon|big moon|moon in the {water}]!" <sighed hero>.

    {Helper} had [heard {hero.him}|been sitting nearby|come for a walk]. "Look up, little one," <said helper>. "The
    moon is [safe in the sky|still where it was]. The water only [showed you a picture of it|borrowed its light]."
    {hero} [looked up|turned around] and [waved|laughed|bowed]. "[Good night|Hello], moon," {hero.he} said, "you may
    [stay up there|shine for everyone|sleep in the {water} whenever you like]." The moon [shone on
    {hero.him}|followed {hero.him}|lit the path] all the way home to {hero.his} {parent}. <alone>"#,
    // A light in the dark wood.
    r#"{light=[firefly|star|glow worm|moonbeam|spark]} {keep=[the little {light}|the night at <place>|what the {light}
    had said]} <open> Only one thing made {hero} afraid: the dark [near|behind|beside] <place>.

    <oneday>, {hero} stayed too long at <place>, [because it was so nice to|where {hero.he} liked to] <outdoors>.
    The sun went down [behind the hills|into the sea|behind the roofs], and [the sky turned black|it was night].
    {hero} [could not see the path|did not dare to walk|bumped into <trifle>] and sat down <spot>. Then a
    [tiny|little|soft] light came [through the leaves|over the water|closer and closer]. It was a {light}! "Why are
    you [crying|trembling|hiding], little {hero.kind}?" asked the {light}. "Because it is so dark," <sighed hero>.
    "But if it was not dark, you would not see me," said the {light}. "[Look around|Open your eyes]: the night is
    [beautiful|full of wonders|not empty]."

    {hero} [looked|wiped {hero.his} eyes]. There were [a thousand stars|silver leaves|sleeping flowers],
    [somewhere|far away] <noise>, and the wind smelled of <scent>. "[You are right|It is like a <color> blanket],"
    <said hero>. The {light} went with {hero.him} past <place>, all the way home. "Will you come back [tomorrow|on
    <weekday>], {light}?" <asked hero>. "[Every night|Whenever it is dark]," said the {light}, [and blinked <count>
    times|and flew away]. <alone>"#,
    // Something is stuck in a tree.
    r#"{thing=<color> [kite|balloon|hat|ball|scarf|paper plane]} {tool=[a ladder/was too short|a fishing rod/got stuck
    too|a broom/broke in two|a stone/hit only the leaves|a long rope/made a knot]} {keep=[the {thing} in the
    tree|the flight of the {thing}]} <open>

    <oneday>, {hero} and {friend.full} were playing with a {thing} near <place>. Suddenly [the wind grew strong|a
    gust of wind came|{friend} let go], and the {thing} flew [up, up and up|over the fence|higher than the roofs],
    right into the top of [a chestnut tree|the oldest pine|a thorny tree]. "Oh no," <sighed friend>. {hero}
    [jumped|climbed on {friend}'s back|shook the tree], but only [leaves|<count> acorns|<trifle>] fell down.
    {friend} fetched {tool.1}, but it {tool.2}. Then {helper} came by with <bag>. "[Wait for the wind|What the wind
    has taken, the wind may bring back|The tree is only holding it for you]," <said helper>.

    So they sat down, shared some <food> and waited, while <noise>. {friend} began to <indoors>, and {hero} watched
    a <bug> on a <flower>. At last [the wind turned|the branches began to sway|a <bird> landed beside the {thing}],
    and the {thing} came down like a [leaf|feather|sleepy bird], straight into {hero}'s lap. <glad hero>.
    "[Sometimes one must only wait|Thank you, wind]," <beamed friend>. <end>"#,
];
