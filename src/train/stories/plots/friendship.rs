//! Friends are found, lost and found again.

pub(super) const PLOTS: &[&str] = &[
    // Two want the same thing, and learn to share.
    r#"{thing=<toy>}
    <open>

    <oneday>, {hero} and {friend} found {a thing} [near|at] <nearby>. "[I saw it first|It is mine]!" said {hero}. "No, [I saw
    it first|it is mine]!" said {friend}. They both [pulled|pulled and pulled], and [neither of them let go|they began to
    shout]. [Then the {thing} fell into the mud.|Snap! The {thing} almost broke.|They pulled so hard that they both fell
    down.] Now [both of them were sad|nobody was happy].

    {helper} [saw them|came by]. "[You can both play with it|There is a better way]," {helper.he} said. "[First one, then the
    other|Take turns|Play with it together]." {hero} looked at {friend}. "I am sorry," {hero.he} said. "[You can go first|Let us
    share]." "I am sorry too," said {friend}.
    So they [took turns|shared the {thing}|made up a new game with the {thing}]. {hero} [played while {friend} counted to ten|
    laughed|had a good idea for a game], and {friend} [laughed|clapped|did too]. It was [much more fun|twice as much fun]
    [together|that way]. <together> <end>"#,
    // Somebody new.
    r#"{game=[hide and seek|catch|tag|a jumping game|a game with a ball|pirates]}
    <open> {hero} [had just moved there|was new there] and had no friends yet.

    Every day, {hero} [looked out of the window|sat alone on the step|watched the others play]. They played {game} and laughed.
    {hero} wanted to play too, but {hero.he} was [too shy|afraid to ask]. "What if they do not like me?" {hero.he} thought.
    <oneday>, {hero.his} {parent} [gave {hero.him} a basket of cookies|made a big plate of sweet buns|baked a large pie]. "[Take this
    outside|Go and share this]," {parent.he} said. "Friends begin with [a smile|a kind word|hello]."

    {hero} [walked slowly up to|went out to] the others. {hero.His} [hands|knees] shook. "Hello," {hero.he} said. "I am {hero}. Would
    you like some?" [{friend.full}|{friend}] [smiled|came to {hero.him} at once]. "Yes, please! I am {friend}," {friend.he}
    said. "And this is {other}. Do you want to play {game}?" "[Yes, very much|I would love to]!" said {hero}.
    [They ate and played all afternoon.|They played {game} until it was time for dinner.] {hero} [was not shy anymore|forgot that
    {hero.he} was shy|laughed more than ever before]. "[See you tomorrow|Come back tomorrow]!" said {other}. {hero} ran home to
    tell {hero.his} {parent}. "I have [two new friends|friends now]!" {hero.he} said."#,
    // Everyone seems to have forgotten the birthday.
    r#"{gift=<toy>}
    <open>

    It was {hero}'s birthday, and {hero.he} woke up [early|with a big smile]. But nobody said a word about it. {hero.His} {parent}
    [was not at home|was busy in the kitchen|said only, "Good morning"]. {hero} went to see {friend}. "[I cannot play today|I am
    sorry, I have no time]," said {friend}, and [ran away|closed the door]. {hero} went to see {other}, but {other} [was not there|
    was busy too].
    "Everyone has forgotten my birthday," thought {hero}. {hero.He} [sat down near|walked to] <nearby> and [felt very lonely|looked
    at the ground|cried a little].

    When the sun [went down|was low], {hero} walked home [slowly|with a sad face]. [It was dark inside.|The door was open, and it
    was very quiet.|There was no light in the window.] {hero} opened the door. "Surprise!" shouted everyone. There were
    {friend} and {other} and {hero.his} {parent}! There was a big cake with candles, and [<color> balloons hung everywhere|the table was
    full of presents|everyone wore a funny hat].
    "[Did you think we forgot|How could we forget your birthday]?" [laughed|asked] {friend}. {friend.He} gave {hero} {a gift}[. They sang|, and they all sang] a song, and {hero} [blew out the candles|made a wish]. "This is the best birthday
    ever," said {hero}."#,
    // A friend moves away, and letters come.
    r#"<open> {hero.His} best friend was {friend}. They [played together every day|were always together|did everything together].

    <oneday>, {friend} came with [sad eyes|tears in {friend.his} eyes]. "We are moving [far away|to another town|across the sea]," said
    {friend}. {hero} [did not know what to say|felt {hero.his} heart grow heavy|began to cry]. They hugged for a long time. {friend}
    gave {hero} {gift=[a blue button|a smooth stone|a small shell|a red ribbon|a pressed flower|half of a paper heart]}
    {gift}. "[Keep this|Look at this] and think of me," {friend.he} said. Then {friend} was gone.

    The days were [long|gray and quiet] without {friend}. [{hero} sat by the window and looked at {gift}.|{hero} did not want to
    play.|] "You could write a letter," said {hero.his} {parent}. So {hero} [took a pen|sat down] and wrote [about the weather and
    the flowers|about everything that happened|a long letter] and drew a picture of [the two of them|the big tree|the sun].
    {hero} waited [and waited|for many days]. Then the mailman came. There was a letter from {friend}! "[I miss you too|I think of
    you every day]," it said. "Come and visit me in the summer!" {hero} read it [again and again|three times]. [They wrote each other
    every week.|Far away is not so far when you have a friend.|{hero} <smiled>.] And when summer came, {hero} [went to visit
    {friend}|and {friend} played together again]."#,
    // They build something together, after failing alone.
    r#"{build=[tree house|boat|sand castle|snowman|little hut|bridge|wagon|big kite]}
    <open>

    <oneday>, {hero} wanted to build a {build}. "I can do it all by myself," {hero.he} said. {hero.He} [worked hard|worked all morning],
    but [it fell down|it broke|it was crooked]. {hero} tried again, and [it fell down again|it broke again]. "[This is too hard|I
    cannot do it]," {hero.he} [said|sighed].
    {friend} came by. "[What are you making|What is that]?" {friend.he} asked. "A {build}," said {hero}, "but it does not work."
    "[May I help you|I can help]?" asked {friend}. [At first {hero} wanted to say no, but then {hero.he} nodded.|{hero} thought
    about it. "Yes, please," {hero.he} said.]

    {friend} [held|carried] the [big|heavy] pieces, and {hero} [put them together|told {friend.him} where to put them]. [{other}
    came too and brought [a rope|some nails|a bucket|a flag].|] They worked until [noon|the evening]. <soon>, the {build} was
    [done|ready]. It was [big and strong|the best {build} anyone had ever seen|a little crooked, but it was theirs].
    "We did it!" [they shouted|shouted {hero}]. "[Alone it was hard|I could not do it alone]," said {hero}, "but together [it was
    easy|it was fun]." {friend} <smiled>. <together>"#,
    // A race in which the winner stops.
    r#"{prize=[golden cup|big cake|blue ribbon|shiny medal|basket of apples|new bicycle]}
    <open>

    <oneday>, there was a big race [around the lake|through the forest|from the mill to the bridge|up the hill]. The winner would get
    {a prize}. {hero} [had practiced every day, and so had|was a fast runner, and so was|wanted to win very much, and so did] {friend}.
    [Everyone came to watch.|] "Ready, set, go!" said {helper}.
    {hero} ran [as fast as the wind|as fast as {hero.he} could]. {friend} ran [right behind {hero.him}|next to {hero.him}]. <soon>, {hero}
    heard a cry. {friend} had [fallen over a root|slipped in the mud|hurt {friend.his} foot]!

    {hero} [looked at the finish line|could see the finish line]. It was so close! But {friend} [was hurt|needed help]. So {hero}
    [stopped|turned around] and ran back. "Are you all right?" {hero.he} asked. "[My leg hurts|I cannot run anymore]," said
    {friend}. "[Lean on me|Hold my hand]," said {hero}. Together they walked [slowly|step by step] to the end, and they [were the very
    last|came in last].
    [Everyone was quiet. Then everyone clapped|But everyone clapped and cheered]. {other}, who had won, [walked over to them|came to them
    with the {prize}]. "[You should have this|This is for you]," said {other}. "You have the biggest heart." {hero} shared the {prize} with
    {friend}[ and {other}|]. <end>"#,
];
