//! Things are lost, found and wondered at.

pub(super) const PLOTS: &[&str] = &[
    // Something is lost, looked for in several places, and found with help.
    r#"{thing=<toy>} {place=<nearby>}
    <open> {hero.His} favorite thing was {a thing}.

    <oneday>, {hero} [went to {place} with the {thing}|took the {thing} to {place}]. {hero.He} [played all day|had so much
    fun|ran and played]. But when it was time to go home, the {thing} was [gone|nowhere to be seen]! {hero} [was <sad>|felt
    <sad>|began to cry]. "Where is my {thing}?" {hero.he} [asked|cried].

    [{hero} looked [under the bench|behind the bushes|under the leaves|in the tall grass], but [it was not there|found
    only [an old shoe|a smooth stone|a feather|some acorns]].|]
    <soon>, [{friend.full}|{friend}] came by. "[What is wrong|Why are you so sad|What are you looking for], {hero}?"
    {friend.he} asked. "I lost my {thing}," said {hero}. "[Don't worry|Do not cry|Cheer up]," said {friend}. "[I will help
    you|We will find it together|Let us look together]."
    They looked {spot=[behind the big rock|under the old tree|near the water|in the long grass|under the bridge|next to
    the path]} [and then they looked again|together|very carefully]. [There it was!|And there was the {thing}!|Something
    {bright=[shiny|bright|small]} was there. It was the {thing}!] <thanks> [{hero} was <verygood>.|] <end>"#,
    // The moon is in the water.
    r#"<open>

    One night, {hero} saw the [big|round|bright|golden] moon [in the sky|above the trees|shining over the hill]. "I want to
    [catch|hold|touch] the moon," {hero.he} said. {hero.He} climbed [the tallest tree|a high hill|up on the roof|onto a big
    rock] and [reached out {hero.his} hand|jumped as high as {hero.he} could|stretched up as far as {hero.he} could], but the
    moon was too [far away|high].

    Then {hero} [walked to|ran down to] the [pond|lake|river]. There was the moon, [shining|floating|glowing] in the water!
    {hero.He} [put in {hero.his} hand|jumped in with a splash|tried to pick it up], and the moon [broke into little pieces|went
    away]. "Oh no!" cried {hero}. "I broke the moon!"
    {Helper} [heard {hero.him}|was sitting nearby] and [laughed softly|smiled]. "Look up," {helper.he} said. "The moon is [safe
    in the sky|still there]. [The water only showed you a picture of it|What you saw was only its light]."
    {hero} looked up and [smiled|laughed]. "[Good night|Hello], moon," {hero.he} said. "You can [stay in the sky|shine for
    everyone]." [Then {hero} walked home in the soft light.|The moon shone on {hero.him} all the way home.] <alone>"#,
    // A lost child finds the way home.
    r#"{path=[butterfly/a blue butterfly|bird/a small red bird|squirrel/a funny squirrel|leaf/a golden leaf in the wind|frog/a
    tiny green frog|cloud/a cloud that looked like a ship]}
    <open>

    <oneday>, {hero} saw {path.2}. {hero.He} [followed it|ran after it] [into|deep into] the [forest|woods]. {hero.He} ran and
    ran. Then {hero} stopped. [All the trees looked the same|It was getting dark|There was no path], and the {path.1} was
    gone. "I am lost," {hero.he} [whispered|said in a small voice|cried].
    {hero} remembered what {hero.his} {parent} [always said|had told {hero.him}]: "If you are lost, [stay calm and look around|
    stop and listen|stay in one place and call]." So {hero} [sat down on a log|took a deep breath|closed {hero.his} eyes] and
    [listened|waited|called out, "Hello! Is anyone there?"].

    <soon>, {hero} heard [a voice|somebody singing|footsteps]. It was {helper}! "[Are you lost, little one|What are you doing
    here all alone|Do you need help]?" asked {helper}. "Yes, please," said {hero}. "I want to go home."
    {Helper} [took {hero.his} hand|showed {hero.him} the way|lit a lantern], and they walked [past the tall trees|over the
    stream|along the quiet path] until they saw {hero.home}. {hero.His} {parent} [ran out and hugged {hero.him}|was waiting at the
    door]. "[I am so happy you are home|I was so worried]!" {parent.he} said. {hero} [said, "Thank you," to {helper}|thanked
    {helper}] and promised [never to run so far away again|to stay on the path]. <alone>"#,
    // A treasure that is not gold.
    r#"{gold=[a letter/It said, "The best treasure is a friend to share it with."|an old picture/It showed two friends who
    played here long ago.|a bag of seeds/They planted the seeds, and soon there were flowers everywhere.|a little bell/When
    they rang it, it made the sweetest sound.|a pair of cups/They sat down and shared some cool water from them.]}
    <open>

    <oneday>, {hero} found an old map [under {hero.his} bed|in a bottle|in a dusty book|inside a box|in the attic]. It showed a
    [big|red] X near <nearby>. "A treasure!" {hero.he} [shouted|said]. {hero} showed the map to {friend}. "[Let us go|We
    must find it]!" said {friend}.
    They walked [over the hill|through the tall grass|across the bridge|past the mill] and [around|along] [the pond|the stone
    wall|the river]. [Once they got lost, but {friend} knew the way.|It was a long way, and they shared some bread.|They sang
    songs on the way.|] At last they came to the right place and began to dig.

    They dug and dug. Then they found a [wooden|small|rusty|heavy] box. Inside there was [no gold|not any gold]. There was
    only {gold.1}. [{hero} and
    {friend} looked at it for a long time.|] {gold.2} "This is [better than gold|the best treasure]," said {hero}, and
    {friend} <smiled>. <end>"#,
    // A strange noise at night.
    r#"{noise=[Tap, tap, tap/a branch that [the wind moved|knocked on the window]|Whoo, whoo/a baby owl in the tree|Scratch,
    scratch/a hungry kitten at the door|Bump, bump/an apple that rolled on the roof|Squeak, squeak/a tiny mouse with a piece
    of cheese|Drip, drip/the rain falling into a bucket]}
    <open>

    One night, {hero} could not sleep. {noise.1}! [There was a strange sound.|Something made a noise in the dark.] "What is
    that?" {hero.he} whispered. {hero} [hid under the blanket|pulled the blanket over {hero.his} head|held {hero.his} pillow tight].
    {noise.1}! There it was again. [{hero.His} heart beat fast.|{hero} was afraid.]
    {hero} thought, "[I can be brave|Maybe it is not a monster|I will go and see]." {hero.He} [took a little lamp|lit a candle|
    called {hero.his} {parent}] and [walked slowly|tiptoed] to the [window|door].

    It was [only|just] {noise.2}! {hero} [laughed and laughed|began to laugh|let out a long breath]. "You [scared me|gave me a
    fright]," {hero.he} said[.|, "but now I know what you are."] {hero.His} {parent} [came in|smiled] and said, "[Things look scary
    when we do not know them|You were very brave tonight|The dark is full of small surprises]." {hero} went back to bed. {noise.1},
    went the sound, but now it was [like a song|not scary at all]. {hero} closed {hero.his} eyes and [slept until morning|slept
    very well]."#,
    // A wish too many.
    r#"{magic=[shell|stone|lamp|ring|feather|coin|bell]} {much=[cake/so much cake that {hero.he} could not get out of the
    door|snow/so much snow that nobody could go outside|toys/so many toys that there was no place to sit|candy/so much candy
    that {hero.his} tummy hurt|rain/so much rain that the garden became a lake|balloons/so many balloons that the house began
    to fly]}
    <open>

    <oneday>, {hero} found {a magic} [on the beach|in the grass|near the stream|under a tree]. [It began to glow|It was warm
    and it shone]. "I am a magic {magic}," it said. "You may have [three|two] wishes."
    {hero} [jumped up and down|could not believe it|thought for a long time]. "I wish for {much.1}!" {hero.he} said. [Poof!|Whoosh!|
    The {magic} shone.] There was {much.2}! [{hero} did not know what to do.|"Oh no!" said {hero}. "This is too much!"]

    {friend} [came running|saw it and came to help]. "What did you wish for?" {friend.he} asked. {hero} told {friend.him}
    everything. "[Use your last wish|You have one more wish]," said {friend}. "[Think well this time|Choose wisely]."
    {hero} [closed {hero.his} eyes|held the {magic} tight]. "I wish that everything was [as before|just like it was this
    morning]," {hero.he} said. And it was! [The {magic} was now just {a magic}.|The magic was gone.] "I do not need more
    {much.1}," said {hero}. "I have [enough|a good friend|all I need]." {friend} <smiled>. <together>"#,
    // A light in the dark wood.
    r#"{light=[firefly|star|glow worm]}
    <open> [Only one thing made {hero} afraid: the dark.|{hero} was [very|] afraid of the dark.]

    <oneday>, {hero} stayed too long at <nearby>. The sun went down, and [the sky turned black|it was night]. {hero} [could
    not see the path|did not dare to walk|sat down and cried]. Then {hero.he} saw a [tiny|little] light. It was a {light}! "Why are
    you crying?" asked the {light}. "Because it is so dark," said {hero}.
    "But if it was not dark, you would not see me," said the {light}. "[Look around|Open your eyes]. The night is [beautiful|
    full of wonders]."

    {hero} [looked|wiped {hero.his} eyes and looked]. {hero.He} saw [a thousand stars|the silver moon], and {hero.he} heard [the
    crickets sing|the soft wind in the trees|the frogs sing in the pond]. [The flowers smelled sweet.|An owl flew by without a
    sound.|] "You are right," {hero.he} said. The {light} [showed {hero.him} the way|went with {hero.him}] to {hero.home}.
    "Thank you, little {light}," said {hero}. "Will you come back tomorrow?" "[Every night|When it is dark]," said the {light}.
    After that, {hero} was [never afraid of the dark again|not so afraid of the dark anymore]. [Every night {hero.he} waved to the
    {light} from {hero.his} window.|<alone>]"#,
];
