//! Somebody sets out: on water, through storms, with errands and riddles.

pub(super) const PLOTS: &[&str] = &[
    // A storm, and a night under one roof.
    r#"{shelter=[the old mill|a fisherman's hut|an empty barn|a cave by the path|the lighthouse|a shepherd's wagon]}
    {keep=[the great storm|the night in {shelter}|how the wind had howled]} <open>

    <oneday>, {hero} and {friend.full} were far from home, because they had gone past <place> to <outdoors>.
    Suddenly [the sky turned as dark as ink|black clouds came over the hills|the birds fell silent]. The wind tore
    at {hero.his} <color> [scarf|hat|coat], and thunder rolled like [barrels|drums|a train]. "[We will never get
    home|The storm is too strong|I cannot see the path]!" <cried friend>. "[Take my {hero.hand}|I see a light|This
    way]," <said hero>. They ran past <place>, wet to the bone, and knocked at {shelter}. It was {helper} who
    opened. "Come in, come in," <said helper>. Inside it smelled of <scent>, and there was a fire and some <food>.
    {friend} [trembled|hid under a blanket|covered {friend.his} ears] at every clap of thunder. So {hero} began to
    [tell a story about a <bird>|count after each flash|sing as loud as the storm|make up riddles], and {helper}
    [played the fiddle|joined in|beat time with a spoon], until {friend} [smiled|forgot the thunder|laughed].

    In the morning the storm was over, and <spot> they found <trifle>, and a big tree lay across the path, but the
    sky was [as blue as a cornflower|as clear as glass]. {hero.His} {parent} came running toward them and
    [hugged|kissed] them both. <end>"#,
    // A riddle has to be solved.
    r#"{riddle=[I have teeth but cannot bite/a comb|I have a face and two hands but no legs/a clock|I run all day but
    never leave my bed/a river|I have keys but open no door/a piano|I have one eye but cannot see/a needle|the more
    you take from me, the bigger I get/a hole|I get wet while I dry others/a towel|I have a neck but no head/a
    bottle|I fall but never get hurt/the rain|I fly without wings and cry without eyes/a cloud|I follow you all day
    but am gone in the dark/your shadow|I am full of holes but hold water/a sponge]} {who=[troll|old goat|stone
    lion|gray cat|toad|sleepy giant]} {lunch=<food>} {keep=[the riddle of the {who}|the {who} and its riddle]}
    <open>

    <oneday>, {hero} and {friend.full} wanted to go to <place> with <bag> full of {lunch}. But on the narrow bridge
    sat a {who} and [yawned|did not move|stretched its legs]. "Nobody crosses here without an answer," said the
    {who}. "Listen: {riddle.1}. What am I?" {friend} [scratched {friend.his} head|frowned|sat down]. "[An old shoe|A
    fish|A potato|A ghost]?" <asked friend>. "Wrong," said the {who}, and while they thought, <noise>. {hero} looked
    <spot>, and {hero.he} looked at a <bug> on a <flower>. {hero.He} said the words once more, [slowly|backward|with
    closed eyes]: "{riddle.1}." Then {hero} [jumped up|laughed|snapped {hero.his} fingers]. "I know it! It is
    {riddle.2}!" <cried hero>.

    The {who} [bowed|grinned|sighed] and made room. "Right, and nobody has known it for <count> years," it said.
    "May we sit with you instead?" <asked friend>, and they shared the {lunch}. The {who} knew <count> more riddles,
    and {hero} [solved|learned] them all before [the sun went down|dinner|<noise>]. <end>"#,
    // One thing is traded for another.
    r#"{a=[button|nail|feather|red bead]} {b=[ball of wool|cup of flour|candle|length of rope]} {c=[big cheese|clay
    pot|young hen|pair of boots]} {want=<toy>} {keep=[the {a} and the {want}|the trades|the road to the market]}
    <open> {hero} wished for a {want}, but all {hero.he} had was a {a}.

    <oneday>, {hero} set out for the market. Near <place> sat {friend.full}, who could not go on with {friend.his}
    work. "If only I had a [<color>|little|good|new] {a}!" <sighed friend>. "Take mine," <said hero>, and {friend}
    gave {hero.him} a {b}. A little farther on, {hero} met {helper}, who [looked everywhere|searched <spot>|sighed].
    "I need a {b}, or everything is lost," <said helper>. {hero} gave it away at once, and got a {c}. At <place>,
    where <noise>, {other} sat with a {want} in {other.his} lap. "I would give anything for a {c}," <sighed other>.
    "Even your {want}?" <asked hero>. {other} [thought for a moment|looked at the {want}] and nodded. So they traded
    the {c} for the {want}, and both of them [smiled|felt rich|were content].

    In the evening, {hero} showed the {want} to {hero.his} {parent}. "And all that for a {a}?" {parent.he} asked.
    "[Somebody always needs what you have|One only has to give first]," <beamed hero>. <alone>"#,
    // An errand, and what should not be forgotten.
    r#"{first=[bread|flour|cheese|butter]} {second=[a candle|a needle|a broom|a bell]} {keep=[the errand|{first} and
    {second}|the song about {first}]} <open>

    <oneday>, {hero.his} {parent} gave {hero} <bag> and <count> coins. "Please bring me some {first} and {second},
    and do not forget," <hesaid parent>. So {hero} walked along and sang, "Some {first} and {second}, some {first}
    and {second}!" Near <place>, {hero.he} had to jump over a puddle. When {hero.he} went on, the song was gone!
    "Was it [some sand and a feather|a shoe and a spoon|some mud and a hat]?" <asked hero>. "What does one need at
    home on a <weekday>?" {hero} asked {friend.full}. "[A pillow and a song|<food>, of course|A dog and a friend],"
    <said friend>, but that was not it. {hero} asked {helper}, who [laughed|nodded]. "Go back to the place where you
    lost it," <said helper>. So they went back past <place> to the puddle, and {hero} jumped over it once more.
    Splash, {hero.he} fell right in, and [there|suddenly] it was again: "Some {first} and {second}!"

    {hero} came home [wet|muddy] from {hero.his} nose to {hero.his} toes, but with {first} and {second} in the bag,
    and with <gift> from {friend}. {hero.His} {parent} [laughed|clapped] and [gave {hero.him}|warmed] some <food>.
    <alone>"#,
    // Out on the water.
    r#"{boat=[wash tub|raft of four logs|paper boat|old rowboat|wooden door|big pumpkin]} {sail=[<color> tablecloth|bed
    sheet|<color> coat|big leaf]} {keep=[the voyage in the {boat}|the captain of the {boat}|the island]} <open>

    <oneday>, {hero} and {friend.full} found a {boat} near <place>. "[Now we are sailors|I will be the captain|To
    the sea]!" <cried hero>. They tied a {sail} to a stick, took some <food> and <trifle>, and pushed off from the
    shore. The {boat} [rocked|danced|turned round] past <place>, a <bird> followed them, and on the bank <noise>.
    But then the {boat} began to [leak|spin|sink a little], and the wind blew them [farther and farther out|against
    a rock|onto a tiny island]. "I want to go home," <sighed friend>. {hero} [threw the <food> to the fish|used
    {hero.his} hat as a bucket|paddled with a shoe|waved with the {sail}], and {friend} [blew into the sail|called
    for help|sang <count> songs to keep up their spirits]. <soon>, {helper} came along in a [real boat|slow
    barge|little canoe] and threw them a [rope|line].

    "Where did you want to go, captain {hero}?" <asked helper>. "[Around the world|To the end of the river|Only as
    far as <place>]," <said hero>, "but [we forgot to ask the wind|the world is bigger than I thought|next time we
    will build a better boat]." They came home when the lamps were lit, and {hero.his} {parent} hung the {sail} up
    to dry. <end>"#,
    // A star has fallen.
    r#"{star=[star/sky|snowflake/cloud|sunbeam/sun|raindrop/cloud|wind/mountains]} {keep=[the little {star.1}|the
    {star.1} that was far from home|the way to the {star.2}]} <open>

    One <nightadj> night, [while|when] <noise>, something fell down near <place>. {hero} put on <clothes> and went
    to look. <spot> lay a little {star.1} and [cried|trembled|glowed faintly]. "[I was too curious|I let go for only
    a moment|I leaned over too far]," said the {star.1}, "and now I cannot get home." {hero} took it in both
    {hero.hand}s, where it felt like [cool water|warm milk|a tiny bird|feathers]. "[I will take you back|I know how
    you feel|We will find a way]," <said hero>. {hero} woke {friend.full}, who lived near <place>. They tried it
    with [a ladder|a kite|a see-saw|a slingshot], but the {star.2} was too far away, and they fell down into a heap
    of [leaves|hay|old nets]. "Who is the tallest of all near <place>?" <asked friend>. "The big hill," <said hero>,
    and so they climbed it together, [hand in hand|step by step|panting and slipping], with <bag> full of <food>.

    At the top, the {star.1} grew [lighter|brighter] and [lighter|brighter], and at last it rose from {hero.his}
    {hero.hand}s. "[Thank you, I will look down on you|I will never forget you|I will tell them all about you]," it
    whispered, and was gone. <sad hero>. But [every night after that|on every <weekday> after that], something
    twinkled [at the window|over {hero.his} home], <count> times. <alone>"#,
    // A thing that has lost its voice.
    r#"{what=[clock/tick|bell/ring|fiddle/sing|music box/play|cuckoo clock/call|piano/play]} {in=[a nest with <count>
    eggs/the nest|a family of mice/the mice|a sleeping ladybug/the ladybug|a tiny bat/the bat|a spider with <count>
    babies/the spiders|a hedgehog in its winter sleep/the hedgehog]} {keep=[the silent {what.1}|the secret of the
    {what.1}]} <open>

    <oneday>, the old {what.1} near <place> did not {what.2} anymore. Nobody knew [what time it was|when to
    dance|when dinner was ready], and everyone was [cross|late|sad]. {helper} [knocked on it|looked at it through
    spectacles|gave it a kick], but it [stayed silent|only sighed|said nothing]. "Perhaps it is [tired|ill|lonely],"
    <said hero>. {hero.He} and {friend.full} sat down beside it and [waited|listened|put an ear to it], while
    <noise>. "I hear something inside," <said friend>. {hero} took a [candle|lamp|spoon] and opened the little door
    at the back. It was dark in there and smelled of <scent>. And there, [between dust and cobwebs|behind a <color>
    wheel|as snug as could be], was {in.1}! "[Do not wake anyone|Now I understand|So that is why]," <said hero>.
    They did not want to do any harm, so {friend} fetched <bag> with [soft hay|wool|moss], and very
    [carefully|slowly|gently] they moved {in.2} to a warm place <spot>.

    At once the {what.1} began to {what.2} again, even [louder|clearer|sweeter] than before. People came from
    <place> and from <place> to hear it. "[How did you do that|Are you magicians], {hero}?" <asked helper>. "We only
    [listened|looked inside]," <beamed hero>. <end>"#,
    // Who is the best?
    r#"{skill=[sing|jump|dance|paint|tell stories|whistle|cook]} {keep=[the great contest|the day two were the best|the
    contest near <place>]} <open> {hero} could {skill} better than anyone, and {hero.he} said so <count> times a
    day.

    <oneday>, {friend.full} came to <place>. "I can {skill} too," <said friend>. "[Not as well as I|Then show
    me|Nobody is better than me]!" <cried hero>. So they held a contest, and {helper} was the judge. {hero} went
    first, and it was so [good|fine] that a <bird> fell off the fence. Then it was {friend}'s turn, and it was just
    as good, but [quite different|softer|wilder|funnier]. "You both win," <said helper>. "[That cannot be|There can
    be only one winner]," <said hero>, and walked away behind <place>. <sad hero>. {hero.He} tried to {skill} alone,
    but only a <bug> was there. {other} sat down beside {hero.him}. "[Salt is good and honey is good|The sun is fine
    and the moon is fine|Left foot and right foot], and [nobody|who] asks which is [better|the best]," <said other>.

    {hero} thought about that until [the moon rose|it was time for dinner|{hero.he} had to smile]. Then {hero.he}
    went back to {friend}. "[Will you teach me your way|Shall we {skill} together], {friend}?" <asked hero>. And
    when they did it together near <place>, it was [better than either alone|the finest thing anyone had ever
    seen|so good that even {helper} joined in]. <end>"#,
    // A picnic goes wrong, and right.
    r#"{food=<food>} {guest=[ants|geese|goats|squirrels|cows|hens]} {keep=[the picnic with the {guest}|the hungry
    {guest}]} <open>

    <oneday>, {hero} packed some {food} into <bag> and met {friend.full} and {other} near <place>. They spread a
    <color> blanket <spot>, where it was [shady|sunny|soft] and smelled of <scent>. "[This will be the best picnic
    of the year|I am as hungry as a bear]," <beamed friend>. First they wanted to <outdoors> a little. But when they
    came back, <count> {guest} stood on the blanket and ate the {food}! "[Go away|Shame on you|That is ours]!"
    <cried hero>. The {guest} [looked up|did not care|went on eating]. {friend} [waved {friend.his} <color> hat|ran
    in circles|clapped], and {other} [barked like a dog|threw <trifle>|fell over the basket], but soon every crumb
    was gone. <sad hero>. Then {friend} looked at {other}, who had {food} in {other.his} hair, and began to laugh.

    "[They must have been very hungry|At least somebody liked it|We never asked them to sit down]," <said friend>.
    They found [berries|plums|nuts] <spot> and ate those instead. On {hero.his} way home, {hero} met {helper}, who
    gave them <food>, and they had a second picnic on the stairs, [without any {guest}|while <noise>|by the light of
    the moon]. <end>"#,
];
