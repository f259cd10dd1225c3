//! Friends are found, lost and found again.

pub(super) const PLOTS: &[&str] = &[
    // Two want the same thing, and learn to share.
    r#"{thing=<toy>} {keep=[the {thing} for two|the quarrel about the {thing}|how they had shared the {thing}]} <open>

    <oneday>, {hero} and {friend.full} found a {thing} <spot>. "[I saw it first|It is mine|Let go of it]!"
    <cried hero>. "No, it is [mine|not yours|for me]!" <cried friend>. They [pulled|tugged] and [pulled|tugged]
    until [the {thing} fell into the mud|something went crack|they both sat down in the nettles|a <bird> flew away
    in fright], and now [both of them were angry|nobody was happy|neither of them laughed anymore]. {Helper} had
    watched them from <place>. "[There is a better way|A {thing} is no fun alone]," <said helper>. "[Take turns|Let
    each of you have it until the bell rings|Play with it together|One of you may have it on <weekday>, the other on
    <weekday>]." {hero} looked at {friend}, and {friend} looked at [the ground|{hero}|{friend.his} feet]. "[I am
    sorry|You may have it first|I pulled too hard]," <said hero>.

    So they [took turns|made up a new game with the {thing}|washed the {thing} in the river], and while {friend}
    counted to <count>, {hero} [hopped around <place>|showed it to a <bug>|made it dance]. It was [much more
    fun|twice as much fun|far nicer] than [before|alone|quarreling]. <together> <end>"#,
    // Somebody new.
    r#"{game=[hide and seek|catch|tag|a jumping game|pirates|marbles|blind man's buff|kings and queens]} {food=<food>}
    {keep=[the game of {game}|the first day|the {food} that made two friends]} <open> {hero} had just [moved
    there|come from another town|come from across the sea] and had no friends yet.

    Every [day|afternoon|<weekday>], {hero} [looked out of the window|sat alone on the steps|stood behind the fence]
    and watched the others play {game} near <place>. "What if they [do not like me|laugh at my hat|only like each
    other]?" {hero.he} thought, and stayed where {hero.he} was. <oneday>, {hero.his} {parent} gave {hero.him} <bag>
    with some {food} in it. "[Go and share this|Take this outside]," <hesaid parent>. "A friend begins with [a
    smile|a kind word|hello|one step]." {hero} walked [slowly|on shaking legs|past <place>] up to the others, while
    <noise>. "Hello, I am {hero}," <said hero>. "Would you like some {food}?" At once {friend.full} [came
    closer|smiled|put down the ball]. "[Yes, please|Oh yes, I am so hungry|I thought you would never ask]!"
    <cried friend>. "I am {friend}, and this is {other}. Do you know how to play {game}?"

    They [ate|shared] the {food} and played {game} until [the lamps were lit|it was time for dinner|the moon rose
    over <place>]. {hero} [won <count> times|laughed more than ever before|fell into the mud and did not mind].
    "[Come back tomorrow|See you tomorrow|Bring more {food}]!" called {other}. {hero} ran home to {hero.his}
    {parent}. "I have two friends now," <beamed hero>. <alone>"#,
    // Everyone seems to have forgotten the birthday.
    r#"{gift=<toy>} {keep=[the birthday that nobody had forgotten|the surprise|the {gift}]} <open>

    It was {hero}'s birthday, and {hero.he} woke up with a [big|happy|sleepy] smile, [earlier than ever|before the
    birds|while <noise>]. But {hero.his} {parent} [only said, "Good morning,"|was busy in the kitchen|was not at
    home] and did not say a word about it. {hero} went to {friend.full}, who was standing near <place> with <bag>.
    "[I cannot play today|I am sorry, I have no time]," <said friend>, and [ran away|turned red|hid something
    <color>]. {other} was not [at home|near <place>|at school] either. "They have all forgotten it," <sighed hero>.
    {hero} walked to <place>, sat down <spot> and [counted|watched] [the clouds|the ducks|the ants], but <noise>,
    and it was no fun at all. <sad hero>. When the sun [went down|was low], {hero.he} went home.

    There was no light in the window, and {hero} opened the door [slowly|with a sigh|while <noise>]. "Surprise,
    {hero}!" shouted everyone. There were {friend} and {other} and {hero.his} {parent}, and on the table stood [a
    big|a crooked|an enormous] cake with <count> candles and some <food>. "[Did you think we forgot|How could we
    forget your birthday]?" <asked friend>. {friend.He} gave {hero} a {gift}, and {other} gave {hero.him} <gift>.
    <glad hero>. <end>"#,
    // A friend moves away, and letters come.
    r#"{gift=<gift>} {keep=[the letters|the summer by the sea|the day at the train station]} <open> {hero.His} best
    friend was {friend.full}: they loved to <outdoors> together.

    <oneday>, {friend} came with tears in {friend.his} eyes. "We are moving [far away|to another town|across the
    sea|beyond the mountains]," <sighed friend>. They hugged [near|behind] <place> until <noise>. {friend} gave
    {hero} {gift}. "[Keep this|Look at it|Hold it in your {hero.hand}] and think of me," {friend.he} said. Then
    {friend} was gone, and <noise>. <sad hero>. The days were [long|gray|quiet|empty] without {friend}. {hero}
    [tried to|did not want to] <outdoors>. "You could write a letter," said {hero.his} {parent}. So {hero} sat down
    and wrote about [the weather|{hero.his} {parent}|a <bug> on a <flower>|school|<place>|<food>] and drew [a
    <bird>|the two of them|a <flower>].

    {hero} waited for [many|<count>] days. Then the mailman came with a <color> letter. "I miss you too," {friend}
    had written, "and here I [have learned to|can] <indoors>. Come and visit me [in the summer|in July|when the
    <flower> blooms], {hero}!" {hero} read it [again and again|<count> times|to {hero.his} {parent}]. <glad hero>.
    And when summer came, {hero} [took the train|packed some <food>|walked for <count> days] and the two friends met
    at last near <place>. <end>"#,
    // They build something together, after failing alone.
    r#"{build=[tree house|raft|sand castle|little hut|bridge|wagon|wind wheel|boat|tower|bird house]} {keep=[the
    {build}|how they had built the {build}|the crooked {build}]} <open>

    <oneday>, {hero} wanted to build a {build} near <place>. "I [need no help|can do it all by myself],"
    <said hero>. {hero.He} [worked all morning|hammered and tied|carried planks and stones] until <noise>, but the
    {build} [fell down|broke in two|was so crooked that a <bird> laughed]. {hero} tried again [with <count>
    nails|with more string], and again it [fell down|broke|leaned over]. "This is too hard," <sighed hero>. <soon>,
    {friend.full} came by with <bag>. "What is that supposed to be, {hero}?" <asked friend>. "A {build},"
    <said hero>, "but it [does not work|will not stand]." "[May I help you|Two can do more than one|I have a rope],"
    <said friend>. At first {hero} wanted to say no, but then {hero.he} [nodded|looked at {hero.his} sore
    {hero.hand}|moved over].

    {friend} held the [big|heavy|long] pieces, {hero} [tied|put|glued] them together, and {other} came too and
    brought [some <color> paint|<count> nails|a <color> flag|some <food>]. They [sang|worked|laughed] until
    [noon|evening|the moon rose], and then the {build} was ready: [a little crooked|strong|<color> from top to
    bottom], but [the best in the whole valley|all theirs|big enough for three]. "Together [it was easy|we are
    strong]," <beamed hero>. <end>"#,
    // A race in which the winner stops.
    r#"{prize=[golden cup|big cheese|blue ribbon|shiny medal|basket of apples|chocolate cake|new bicycle|silver bell]}
    {keep=[the race|the {prize}|the slowest race of all]} <open>

    <oneday>, there was a big race from <place> to <place>, and the winner would get a {prize}. {hero} had
    [practiced every <weekday>|dreamed of it for <count> weeks|bought <color> shoes], and so had {friend.full}.
    "Ready, set, go!" [called|shouted|cried] {helper}. {hero} ran [like the wind|as fast as {hero.he} could|past
    everyone], and {friend} ran [right behind {hero.him}|at {hero.his} side]. They were already near [the finish|the
    last hill|the end] when {hero} heard a cry. {friend} had [fallen over|slipped on|stepped on] <trifle>, and now
    {friend.he} sat <spot> and held {friend.his} [foot|knee]. {hero} looked at the finish near <place>, which was so
    close, and {hero.he} looked back. Then {hero.he} [turned around|stopped] and ran back. "Does [it|your foot|your
    knee] hurt, {friend}?" <asked hero>. "[I cannot run anymore|Go on without me]," <sighed friend>.

    "[Lean on me|Give me your {friend.hand}]," <said hero>. Together they [walked|limped|hopped] along, slower than
    a <bug>, and came in last, long after {other}, who had won. For a moment it was so quiet that <noise>. Then
    everybody [clapped|cheered|stood up and cheered]. "[You should have this|This is for you]," said {other}, and
    gave them the {prize}. "You have the biggest heart[| of all]." <glad hero>. <end>"#,
    // An angry word and an apology.
    r#"{work=[tower of blocks|picture of a horse|garland of flowers|house of cards|row of shells|paper boat|model
    ship|clay pot|castle of sand]} {keep=[the {work}|the new {work}|the broken the {work}]} <open>

    <oneday>, {hero} was working on a {work} that was going to be a present for {hero.his} {parent}. {hero.He} had
    [worked on it since <weekday>|painted it <color>|almost finished it], when {friend.full} came running from
    <place> [after a ball|with some <food>|to show {hero.him} a <bug>]. [Oops|Oh dear|Crash]! The {work} was ruined.
    "You [always ruin everything|are so clumsy|never look where you go], {friend}!" shouted {hero}. "Go away!"
    {friend} [went pale|hung {friend.his} head|put down what {friend.he} had brought] and left without a word.
    {hero} began again, but [the room was too quiet|it was no fun|nothing would hold], and outside <noise>. "It was
    only an accident," {hero.he} thought, "and my words [hurt more than|were worse than] a broken {work}."

    So {hero} ran past <place> and past <place>, until {hero.he} found {friend} <spot>. "I am sorry that I shouted,"
    <said hero>. "[You are more important than a {work}|I was angry, but you are my friend]." "I am sorry too,"
    <said friend>, "[I should have looked|I only wanted to show you <trifle>]." They [hugged|laughed|made peace],
    and [the sky looked brighter|the sun came out|a <bird> began to sing]. Together they made a new {work}, and it
    was even [better|bigger|finer] than the first. <end>"#,
    // Hidden too well.
    r#"{hide=[in the big barrel|in an old wardrobe|at the top of the haystack|under the rowboat|in the bell
    tower|behind the flour sacks|in the laundry basket]} {keep=[the long game of hide and seek|the best hiding
    place|the nap {hide}]} <open>

    <oneday>, {hero} played hide and seek with {friend.full} and {other} near <place>. {friend} [closed {friend.his}
    eyes|stood by the wall|leaned against a tree] and counted to <count>. {other} hid <spot> and was found at once,
    but {hero} hid {hide}, where it was [warm|dark|soft] and smelled of <scent>. {hero.He} [waited|kept
    still|listened], while [somewhere|outside] <noise>, and then {hero.he} fell asleep. "{hero}, where are you?"
    called {friend}. {friend.He} looked <spot> and <spot>, but found only <trifle>. {other} [asked {helper}|ran to
    <place>|climbed the wall]. The sun went down, and {friend} [grew worried|began to cry|called louder and louder].
    "[Come out, you have won|You may have all my <food>|The game is over]!" <cried friend>.

    At that very moment, {hero} [sneezed|woke up|snored so loudly that they heard it]. {other} [lifted the
    lid|pulled {hero.him} out by the {hero.hand}|held up a lamp], and there sat {hero} {hide}, with [straw|dust|a
    spider] on {hero.his} nose. "Have I won?" <asked hero>. "[Yes, but never hide so well again|You were gone for
    <count> hours]," <said friend>, and then they all laughed. <together> <end>"#,
    // The one who was always alone had a reason.
    r#"{who=[giant|dragon|troll|wolf|ogre]} {does=[knit socks|grow roses|play the harp|bake cherry pie|paint tiny
    pictures|read to the mice]} {toy=[ball|kite|hat|paper plane]} {keep=[the gentle {who}|the {who} who liked to
    {does}|tea with the {who}]} <open> Everyone was afraid of the {who} who lived behind <place>.

    <oneday>, {hero}'s {toy} flew over the {who}'s wall. "[Do not go there|It will eat you|Leave it, I will give you
    mine]," said {friend.full}, but {hero} [climbed over|crept through a hole|knocked at the gate]. {hero.His} heart
    went [bump, bump|like a drum], and somewhere <noise>. There, <spot>, sat the {who} with [big tears on its nose|a
    tiny cup|spectacles], trying to {does}. "[Are you going to eat me|Why are you crying|Is this yours]?"
    <asked hero>. "[I only eat <food>|Nobody ever visits me|You are the first who came]," said the {who} in a
    [deep|soft|rusty] voice. "I love to {does}, but [it is lonely|it is no fun alone|everyone runs away from me]."
    {hero} [thought for a moment|sat down|took its enormous hand]. "Then you [need a friend|must come with me|should
    not be alone]," <said hero>.

    <soon>, {hero} came back with {hero.his} {toy} under one arm and the {who} behind. {friend} [hid behind
    <place>|dropped some <food>|opened {friend.his} mouth], but {other} [said hello|offered it <gift>|laughed]. That
    <weekday>, the {who} taught them all to {does}, and they [taught it to|showed it how to] <outdoors>. <end>"#,
];
