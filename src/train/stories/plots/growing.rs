//! Somebody learns, dares or waits.

pub(super) const PLOTS: &[&str] = &[
    // Learning something hard.
    r#"{skill=[ride a bike/fell into the grass/rode all the way to <place>|swim/swallowed a lot of water/swam across
    the pond|whistle/made only a funny sound/whistled a merry tune|climb the big tree/slid back down/sat at the very
    top|skate/fell on {hero.his} bottom/skated in a big circle|juggle three apples/dropped them all/juggled all
    three of them|jump over the stream/fell in with a splash/landed on the other side|play the flute/made a terrible
    noise/played a lovely song|tie a knot/got the string in a mess/tied a perfect knot|walk on stilts/fell over a
    root/walked past <place>|row a boat/went round in circles/rowed to the other side]} {keep=[the day {hero.he}
    learned to {skill.1}|the hundred tries|how {hero.he} {skill.3}]} <open> More than anything, {hero} wanted to
    {skill.1}.

    <oneday>, {hero} went to <place> and tried for the first time. {hero.He} tried with all {hero.his} strength, but
    {hero.he} {skill.2}, and <noise>. {friend.full} had [watched it|seen it from the fence|come by with <bag>] and
    laughed. "I will never learn it," <sighed hero>. {hero.His} {parent} gave {hero.him} some <food>. "[Even birds
    fall before they fly|Nobody can {skill.1} the first time|I fell <count> times myself]," <hesaid parent>. "[Try a
    little every day|Go slowly and try again|Take a deep breath and try once more]." So {hero} practiced [every
    <weekday>|every morning before breakfast|in the sun and in the rain|when nobody but a <bird> was watching].
    Sometimes {hero.he} {skill.2} again, but {hero.he} [got up|laughed about it|did not give up]. {friend} [came to
    help|cheered|held {hero.his} <color> hat] and did not laugh anymore.

    And then, [at last|one <dayadj> evening|after <count> weeks], {hero} {skill.3}! "I did it, {friend}!"
    <cried hero>. <glad hero>. "Can you teach me to {skill.1} too, {hero}?" <asked friend>. "[First you fall, and
    then you fly|You only have to try a hundred times|Of course, it is easy now]," <beamed hero>. <end>"#,
    // A seed that takes its time.
    r#"{plant=[sunflower/a tall sunflower with a golden face|pumpkin/a pumpkin as big as a barrel|apple tree/a tiny
    apple tree|rose/a <color> rose that smelled of <scent>|bean/a bean plant that climbed up to the
    roof|strawberry/a plant full of red strawberries|pea/a row of sweet green peas]} {keep=[the seed from
    {helper}|the {plant.1}|the first green leaf]} <open>

    <oneday>, {helper} gave {hero} a [little|tiny|brown|round] seed. "[Plant it and take care of it|Put it in the
    earth and wait|There is a surprise in it]," <said helper>. {hero} dug a hole near <place>, put the seed in, and
    gave it [a cup of water|some good earth|a kiss]. But the next day there was only [dirt|mud|a <bug>], and the day
    after that only <trifle>. "Why does a {plant.1} take so long?" <asked hero>. "[Good things take time|It is still
    asleep|Seeds cannot read clocks]," said {hero.his} {parent}. So {hero} [watered|sang to|talked to] it every
    [morning|<weekday>|evening], kept the [crows|snails|chickens] away, and tried to <indoors> meanwhile.
    {friend.full} [laughed about the empty spot|thought the seed was only a stone|brought <gift> for it]. The rain
    came, the sun came, and <count> weeks went by.

    And then [one morning|on a <dayadj> day], while <noise>, there was a [tiny|small|pale] green leaf! It grew and
    grew, as high as {hero.his} [knees|nose|hat], and in the end there was {plant.2}. "Look, {friend}, look!"
    <cried hero>. <glad hero>. "[It only needed time|One has to wait and care]," <said hero>, and gave {friend}
    <count> new seeds. <alone>"#,
    // Afraid, and then not.
    r#"{fear=[thunder/the sky turned black, and the thunder went boom/It is only the clouds playing drums|deep
    water/they came to the river, and the water was dark and cold/The water will carry you if you let it|high
    places/they came to a narrow bridge, and the ground was far below/Do not look down, look at me|big dogs/a dog as
    big as a calf ran up to them and barked/It only wants to play|the big slide/they came to it, and it was as high
    as a house/I will go right behind you|spiders/a fat spider sat on {hero.his} sleeve/It is only looking for a
    warm place|the dark/the sun went down, and there was no lamp on the road/The dark is only a room without a
    lamp]} {keep=[the day {hero.he} was brave|what {friend} had said|how {hero.his} heart had jumped]} <open> There
    was only one thing {hero} was afraid of: {fear.1}.

    <oneday>, {hero} and {friend.full} were on the way [to|from] <place> with <bag> full of <food>. They
    [talked|sang|laughed] and watched a <bird>. Then {fear.2}. {hero} [began to shake|held on tight|closed
    {hero.his} eyes|wanted to run all the way home], and {hero.his} heart [jumped|beat] like [a frog|a drum|a fish
    in a net]. "I am scared," <sighed hero>. {friend} did not laugh. {friend.He} took {hero} by the {hero.hand}. "I
    used to be afraid of {fear.1} too," <said friend>. "{fear.3}." {hero} [took a deep breath|counted to
    <count>|opened one eye|thought of <food>], while somewhere <noise>. "One, two, three," <said hero>. And then it
    was [not so bad|not bad at all|even a little bit fun]! "[You did it|Look at you|I knew you could], {hero}!"
    <cried friend>.

    "I [am still|was] a little scared, but [I did it anyway|you were with me]," <beamed hero>. "That is what brave
    means," <said friend>. At home they [told {hero.his} {parent} all about it|ate some <food>|acted it out <count>
    times]. <glad hero>. <end>"#,
    // Warned, and not listening.
    r#"{danger=[the thin ice/the ice went crack, and {hero.his} foot sank into the cold water|the old well/{hero.his}
    hat fell in, and {hero.he} almost fell in too|the bees' nest/the bees came out and buzzed all around
    {hero.him}|the deep part of the river/the water pulled at {hero.his} legs|the tall ladder/the ladder began to
    shake|the bramble bush/the thorns held {hero.him} and would not let go|the broken bridge/a plank broke, and
    {hero.his} leg got stuck]} {keep=[the warning|{danger.1}|the day nobody would forget]} <open>

    "Stay away from {danger.1}, {hero}," said {hero.his} {parent} every <weekday>. "Yes, yes," {hero} always
    answered, but {hero.he} [was already thinking of <food>|did not really listen|only wanted to <outdoors>].
    <oneday>, {hero} and {friend.full} went past <place> and came to {danger.1}. "[We should not go there|Remember
    what you promised|Let us rather <outdoors>]," <said friend>. "[I will be careful|It is only for a moment|I want
    to look at a <bug>]," <said hero>, and went closer, step by step. A <bird> flew up, and then {danger.2}! "Help!"
    <cried hero>. {friend} ran [as fast as {friend.he} could|faster than the wind] to <place> and came back with
    {helper}, who carried [a long rope|a big stick|a blanket]. Together they pulled {hero} out,
    [cold|pale|scratched] and [shaking|muddy], but safe.

    At home, {hero.his} {parent} wrapped {hero.him} in a [warm|<color>|thick] blanket and [gave {hero.him}|warmed]
    some <food>. "I did not listen, and I am sorry," <sighed hero>. "[I say these things because I love you|I am
    only glad that you are here]," <hesaid parent>. {hero} gave {friend} <gift> for being so [smart|quick|brave].
    <alone>"#,
    // The truth about a broken thing.
    r#"{thing=[<color> vase|<color> cup|glass bowl|<color> lamp|flower pot|old clock|china plate|<color> teapot|big
    mirror]} {keep=[the broken {thing}|the truth about the {thing}|the day of the truth]} <open>

    <oneday>, {hero} was playing with a <color> ball [in the kitchen|in the hall|near the stairs], although
    {hero.his} {parent} had said <count> times that one must not. {hero.He} threw it [higher and higher|just once
    more|under {hero.his} leg], while outside <noise>. Crash! The {thing} [fell|broke] into <count> pieces. "What
    shall I [do|say|do with the {thing}] now?" <sighed hero>. {hero.He} hid the pieces [under the rug|in
    <bag>|behind the sofa|in a drawer] and went out to <outdoors>, but [nothing was fun|the sun did not feel
    warm|even <food> had no taste]. In the evening, {hero.his} {parent} looked [at the shelf|around|at the empty
    table]. "Where is the {thing}?" {parent.he} asked. {hero} wanted to say that [the wind|the cat|a
    <bird>|{friend}] had done it, but {hero.his} heart was as heavy as [lead|a stone|a sack of flour]. "I broke it
    with my ball, and I am so sorry," <said hero>.

    {hero.His} {parent} [was quiet|sat down|looked out of the window] for a moment. "I [liked|loved] the {thing},"
    {parent.he} said, "but I love the truth more." Together they [glued the pieces|picked up the pieces|made a
    picture from the pieces], and then they had some <food>. {hero} felt as light as [a feather|a balloon|a leaf in
    the wind]. <alone>"#,
    // The smallest one is needed.
    r#"{task=[reach the apples|see over the wall|ring the big bell|carry the big basket|open the heavy gate|play the
    big drum]} {lost=[the key of the school/a tiny crack in the floor|{other}'s ring/a narrow hole in the wall|a
    baby bird/a gap between two rocks|{friend}'s kitten/a thin pipe under the road|the golden coin/a little hole
    under the stairs|the winning ball/a hollow tree]} {keep=[{lost.1}|the day it was good to be small]} <open>
    {hero} was smaller than [everyone else|all the others|a <flower>|a broom], and that made {hero.him} sad [every
    <weekday>|even in spring|in the evenings].

    "You are too small to {task}," said {other}, and {friend.full} said the same every <weekday>. So {hero} sat
    <spot>, watched a <bug> and [sighed|tried to grow|stretched {hero.his} legs]. "One day I will be as big as [a
    tree|a house|a horse|a tower]," <sighed hero>. <oneday>, there was a [loud|great|sudden] cry near <place>:
    {lost.1} had fallen into {lost.2}! {friend} [pushed in {friend.his} arm|tried it with a long stick|pulled and
    pushed], but it was too narrow. Even {helper} did not know what to do. "Let me try[| it| it once]," <said hero>.
    {hero.He} [took off {hero.his} coat|held {hero.his} breath|made {hero.himself} thin] and crawled in, where it
    was dark and smelled of <scent>.

    Everyone waited, and <noise>. Then {hero} came out again, with [dust|cobwebs|leaves] on {hero.his} nose and
    {lost.1} in {hero.his} arms. "[Only you could do that|How good that you are small], {hero}!" <cried friend>. "I
    am sorry for what I said," <said other>. <glad hero>. <end>"#,
    // Not able to sleep.
    r#"{herd=[sheep|stars|frogs|clouds|boats|buttons]} {keep=[<count> {herd}|a sky full of {herd}]} <open>

    One <nightadj> night, {hero} could not sleep. {hero.He} turned to the left, {hero.he} turned to the right, and
    outside <noise>. "Count {herd}," said {hero.his} {parent}. {hero} counted <count> {herd}, but the
    [first|last|smallest] one wore <clothes> and [winked|danced|sneezed], and {hero} had to laugh. "[Think of
    something nice|A full tummy sleeps better]," <hesaid parent>, and brought some <food>. {hero} thought of
    <place>, and how nice it was to <outdoors> there, and was more awake than before. So {hero} got up,
    <gesture hero>, and looked out of the window. On the other side, {friend.full} was looking out too! "[Can you
    not sleep either|Are you awake too], {friend}?" <asked hero>. "[The moon is too bright|I keep thinking of
    <food>|I am too happy to sleep]," <said friend>. They [waved|whispered|made faces], and {friend} began to tell a
    story about a <bird> that lived near <place> and [had lost its hat|wanted to see the sea|wore <clothes>|was
    afraid of worms].

    It was a [long|slow|strange|sleepy] story, and long before it was over, {friend} [yawned|stopped in the middle],
    and {hero} [yawned|leaned on the window sill|closed {hero.his} eyes]. In the morning, {hero.his} {parent} found
    {hero.him} asleep [at the window|on the rug|in the armchair], with a smile on {hero.his} face. <alone>"#,
    // On a stage.
    r#"{part=[tree/stand still|king/wear the crown|mouse/say squeak|moon/shine from a
    ladder|wolf/howl|queen/wave|cloud/carry a bucket]} {keep=[the school play|the little {part.1}|the loudest
    applause of all]} <open>

    There was going to be a play near <place>. {friend.full} was to be [the giant|the dragon|the old wizard], and
    {other} [the knight|the witch|the horse], but {hero} got only the part of the {part.1}. "All I have to do is to
    {part.2}," <sighed hero>. {hero.His} {parent} [smiled|nodded] and sewed {hero.him} <clothes>. "[There are no
    small parts|Without a {part.1} there is no play|Be the best {part.1} in the world]," <hesaid parent>. So {hero}
    practiced every <weekday>, [in the bath|behind <place>|before the mirror|in front of the [chickens|cat|geese]].
    On the evening of the play everybody came, even {helper}, and <noise>. But in the middle, {friend} [forgot
    {friend.his} words|stopped and went red|could not go on]. It was so quiet that one could hear [a <bug> walk|the
    candles burn|somebody cough]. <sad friend>.

    Then the {part.1} [stepped forward|spoke|came closer]. "[I saw everything|Let me tell you what happened next|Do
    not be afraid]," said {hero}, and [whispered|gave|sang] {friend} the missing words. Everybody thought it was
    part of the play, and they clapped for <count> minutes. "You saved me," <said friend>, and pulled {hero} to the
    front, where {hero.he} [bowed|waved|turned red]. <glad hero>. <end>"#,
];
