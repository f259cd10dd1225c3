//! Somebody learns, dares or waits.

pub(super) const PLOTS: &[&str] = &[
    // Learning something hard.
    r#"{skill=[ride a bike/fell into the grass/rode down the road|swim/swallowed some water/swam across the pond|whistle/made only
    a funny sound/whistled a merry tune|climb the big tree/slid back down/sat at the very top|skate on the ice/fell on
    {hero.his} bottom/skated in a big circle|juggle three apples/dropped them all/juggled all three apples|jump over the
    stream/fell in with a splash/landed on the other side|play the flute/made a terrible noise/played a lovely song|tie a
    knot/got the string in a mess/tied a perfect knot|fly a kite/crashed it into a bush/flew it high above the trees]}
    <open> More than anything, {hero} wanted to {skill.1}.

    <oneday>, {hero} tried for the first time. {hero.He} tried [hard|very hard|with all {hero.his} strength], but {hero.he} {skill.2}.
    {friend} [saw it and laughed|was watching]. [{hero} felt {hero.his} face turn red.|{hero} wanted to give up.|"I will never learn
    it," said {hero}.]
    {hero.His} {parent} [sat down next to {hero.him}|gave {hero.him} a hug|dried {hero.his} tears]. "[I could not do it the first time
    either|Nobody can do it the first time|Even birds fall before they fly]," {parent.he} said. "[Try a little every day|Go slowly, and
    try again|Take a deep breath and try once more]."

    So {hero} practiced [every morning|every day after breakfast|in the sun and in the rain]. [Some days {hero.he} {skill.2}|Sometimes
    {hero.he} {skill.2} again], but {hero.he} [did not stop|got up again and again]. [Each day it went a little better.|{friend} came to
    help and cheered for {hero.him}.|]
    And then, [one fine day|at last], {hero} {skill.3}! "I did it!" {hero.he} shouted. {hero.His} {parent} [clapped and clapped|was so
    proud]. "[Can you teach me too|Will you show me how]?" asked {friend}. "[Of course|Yes]," said {hero}. "[It is easy. You only have to
    try a hundred times|First you fall, and then you fly|The secret is not to give up]." [{friend} laughed, and they practiced together.|And they both laughed.]"#,
    // A seed that takes its time.
    r#"{plant=[sunflower/a tall sunflower with a golden face|pumpkin/a big round pumpkin|apple tree/a tiny apple tree|rose/a red
    rose that smelled sweet|bean/a bean plant that climbed up the wall|strawberry/a plant full of red strawberries]}
    <open>

    <oneday>, {helper} gave {hero} a [little|tiny|brown] seed. "[Plant it and take care of it|Put it in the earth and wait]," {helper.he} said. {hero} [dug a hole|found a sunny place] in the garden and [put the seed inside|planted the seed]. {hero.He} gave it
    [some water|a little water].
    The next day, {hero} ran to look. [Nothing had grown.|There was only dirt.] {hero} looked [the next day|again and again], and still
    there was nothing. "[Maybe it is a bad seed|My seed is asleep|Why does it take so long]," {hero.he} said. "[Be patient|Good things
    take time|Keep waiting]," said {hero.his} {parent}.

    So {hero} [watered it every morning|sang to it every day|kept the birds away and waited]. [The rain came, and the sun came.|Many days
    went by.|A week went by, and then another.] <oneday>, {hero} saw a [tiny|small] green leaf! It grew [and grew|a little every
    day]. In the end, there was {plant.2}. "[Look, look|It worked]!" {hero.he} shouted.
    [{friend} came to see it.|Everyone came to see it.] {hero} [gave the seeds to all {hero.his} friends|shared it with {friend}|saved one seed
    for the next spring]. "[It only needed time|You just have to wait and care]," {hero.he} said [proudly|with a smile]."#,
    // Afraid, and then not.
    r#"{fear=[thunder/the sky grew dark, and the thunder went boom/The thunder is only the clouds [clapping|playing drums]|deep water/they came to the river, and the water was dark and cold/The water will carry you if you let it|high places/they came to a tall bridge, and the ground looked so far away/Do not look down, look at me|big dogs/a
    big dog barked/He only wants to play|the school play/it was their turn, and everyone looked at {hero.him}/Just tell the story to me|the big slide/they stood in front of it, and it looked as high as a mountain/I will go right behind you]}
    <open> [There was [only|] one thing {hero} was afraid of: {fear.1}.|{hero} was afraid of {fear.1}.]

    <oneday>, {hero} was [out|together] with {friend}. [Suddenly|Then] {fear.2}. {hero} [began to shake|held on tight|wanted to run
    away|closed {hero.his} eyes]. "I am scared," {hero.he} whispered. {friend} did not laugh. {friend.He} took {hero.his} hand. "I was afraid
    of {fear.1} too," said {friend}. "{fear.3}. [We can do it together|I am right here]."

    {hero} [took a deep breath|counted to three|opened one eye]. "One, two, three," {hero.he} said. [{hero.His} heart went bump, bump,
    bump.|{hero.He} held {friend}'s hand very tight.|] And then {hero} [was brave|did it]! [It was not so bad.|It was not bad at all.|It was even
    a little bit fun.] "[You did it|Look at you]!" cried {friend}. "[You are so brave|I knew you could]!"
    "[I am still a little scared|I was very scared]," said {hero}, "but [I did it anyway|you helped me]." "That is what brave means,"
    said {friend}. [{hero} told {hero.his} {parent} all about it.|<together>] <end>"#,
    // Warned, and not listening.
    r#"{danger=[the ice on the lake/the ice went crack, and {hero.his} foot got wet and cold|the old well/{hero.his} hat fell in, and {hero.he}
    almost fell in too|the bees' nest/the bees came out and buzzed all around {hero.him}|the deep part of the river/the water pulled at {hero.his}
    legs|the tall ladder/the ladder began to shake|the bramble bush/the thorns held {hero.him} and would not let go]}
    <open>

    "Stay away from {danger.1}," said {hero.his} {parent}[ every day|]. "It is [not safe|dangerous]." "Yes, yes," said {hero}, but {hero.he}
    [did not really listen|was already thinking of something else].
    <oneday>, {hero} and {friend} [were playing near|came to] {danger.1}. "[We should not go there|Your {parent} said no]," said {friend}. "[I will
    be careful|Just for a moment|I am not afraid]," said {hero}. {hero.He} went closer and closer. Then {danger.2}! "Help!" [cried|shouted]
    {hero}.

    {friend} ran [as fast as {friend.he} could|quickly] to get help. <soon>, {helper} came and [pulled {hero} back|reached out a long
    stick|brought {hero.him} to safety]. {hero} was [safe, but {hero.he} was shaking|cold and frightened, but safe].
    At home, {hero.his} {parent} [wrapped {hero.him} in a warm blanket|held {hero.him} close]. "I am sorry," said {hero}. "I did not listen." "[I
    am glad you are safe|I say these things because I love you]," {parent.he} said. {hero} [drank some warm milk|hugged {parent.him}]. After
    that, {hero} [always listened|was much more careful]. And {hero.he} [thanked {friend} for being so smart|gave {friend} {hero.his} best
    toy]."#,
    // The truth about a broken thing.
    r#"{ball=<color> ball} {thing=[blue vase|white cup|glass bowl|green lamp|flower pot|old clock|china plate|window]}
    <open>

    <oneday>, {hero} was playing with {a ball} inside the house. "[Do not play ball inside|Please play outside]," {hero.his} {parent}
    had said. But {hero} threw the ball [very high|just once more]. Crash! The {thing} [fell|broke] into many pieces.
    {hero} was <sad>. "[What shall I do|What will my {parent} say]?" {hero.he} thought. {hero.He} [hid the pieces under the rug|hid behind the
    sofa|swept the pieces under the bed|ran to {hero.his} room].

    When {hero.his} {parent} came home, {parent.he} asked, "Where is the {thing}?" {hero} [looked at the floor|felt {hero.his} cheeks get hot].
    {hero.He} wanted to say, "[I do not know|The wind did it|The cat did it]." But [that was not true|{hero.his} heart felt heavy]. "I
    broke it," {hero.he} said [softly|at last]. "I played with the ball inside. I am [very sorry|so sorry]."
    {hero.His} {parent} [was quiet for a moment|sat down]. "[I am sad about the {thing}|I liked the {thing}]," {parent.he} said, "but I am [proud|glad]
    that you told the truth." [They cleaned up the pieces together.|{hero} helped to glue it back together.|They picked up the pieces and had some
    <treat>.] {hero} felt [light as a feather|much better]. "[The truth was hard to say|From now on I will play outside]," said {hero}[.|, "but now I
    feel good."] {hero.His} {parent} gave {hero.him} a [big|warm] hug."#,
    // The smallest one is needed.
    r#"{small=[too small|too little]} {task=[reach the apples|see over the wall|ring the big bell|
    carry the big basket|open the heavy gate]}
    <open> {hero} was the smallest of all, and that made {hero.him} sad.

    "You are {small} to {task}," said {other}. "You are {small} to play with us," said {friend}. "[I wish I was big|One day I will be
    big]," sighed {hero}.
    <oneday>, there was [trouble|a loud cry]. {lost=[The key of the school/a tiny crack in the floor|{other}'s ring/a narrow hole in the wall|The
    baby bird's nest had slipped, and the little bird/a small gap between two rocks|{friend}'s kitten/a thin pipe under the road|The golden
    coin/a little hole under the stairs]} {lost.1} had [fallen|dropped] into {lost.2}! [{friend} tried to reach in, but {friend.his} arm was too big.|
    Everyone tried, but nobody could get in.]

    "Let me try," said {hero}. {hero.He} was just [small enough|the right size]. {hero.He} [crawled in|squeezed inside|reached in with {hero.his} thin
    arm]. It was [dark and dusty|tight], but {hero} was not afraid. A moment later, {hero.he} came out again and [smiled|laughed]. "[I have it|Here it is]!"
    {hero.he} called.
    Everyone [cheered|clapped]. "[It is good that you are small|Only you could do that]!" said {friend}. "I am sorry for what I said," said {other}. "[Will you play
    with us|Please play with us]?" {hero} [felt as tall as a tree|stood up very straight|smiled from ear to ear]. Being small was [not bad at all|sometimes the best
    thing in the world]. <alone>"#,
];
