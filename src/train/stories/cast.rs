//! The cast of a story: the variables that its template uses.
//!
//! `hero`, `friend` and `other` are three characters with different names. Each of them has these variables, shown for
//! `hero`: `{hero}` is the name; `{hero.he}`, `.him`, `.his`, `.himself` are the pronouns (`.He`, `.His` with a
//! capital); `{hero.full}` is the name with the kind of animal, or where a child is from; `{hero.kind}` what they are
//! (girl, rabbit); `{hero.hand}` a hand, paw or wing; `{hero.intro}` introduces them ("a little rabbit named Pip");
//! `{hero.home}` is where they live ("a cozy burrow under the old oak").
//!
//! `{parent}` is the hero's mother, father or grandmother, with the same pronouns; `{helper}` is somebody wise
//! (`{Helper}` where a sentence begins after a quotation).

use rand_chacha::ChaCha12Rng;

use super::template::{Variables, phrase};
use crate::train::random::below;

const GIRLS: &[&str] = &[
    "Lily", "Mia", "Emma", "Anna", "Lucy", "Rosie", "Ella", "Zoe", "Ruby", "Molly", "Daisy",
    "Clara", "Nina", "Sophie", "Hazel", "Penny", "Luna", "Ivy", "Maya", "Tilly",
];
const BOYS: &[&str] = &[
    "Tom", "Ben", "Max", "Sam", "Leo", "Jack", "Finn", "Oliver", "Toby", "Theo", "Noah", "Henry",
    "Oscar", "Charlie", "Pip", "Bruno", "Milo", "Felix", "Otto", "Jasper",
];

/// Animals: the kind, its home, and what it has for a hand.
const ANIMALS: &[(&str, &str, &str)] = &[
    (
        "rabbit",
        "a [cozy|deep|sandy] burrow under [the old oak|the hedge|the carrot field|the blackberry bush]",
        "paw",
    ),
    (
        "mouse",
        "a [tiny|tidy|warm] [house|hole] [behind the kitchen wall|under the barn|beneath the church stairs|in the hay]",
        "paw",
    ),
    (
        "fox",
        "a [warm|dry|red] den [at the edge of the forest|between two rocks|under the fallen pine]",
        "paw",
    ),
    (
        "bear",
        "a [big|dry|quiet] cave [on the hill|behind the waterfall|above the honey meadow]",
        "paw",
    ),
    (
        "squirrel",
        "a [hollow|tall|crooked] [beech|pine|chestnut] tree [in the park|near the school|at the end of the lane]",
        "paw",
    ),
    (
        "hedgehog",
        "a [soft|big|rustling] pile of leaves [in the garden|behind the shed|under the hazel bush]",
        "paw",
    ),
    (
        "duck",
        "[the tall reeds|a nest of rushes|a little floating house] [beside the pond|on the lake|near the mill]",
        "wing",
    ),
    (
        "frog",
        "a [cool|muddy|green] [pond|ditch|pool] [in the meadow|behind the farm|near the willows]",
        "hand",
    ),
    (
        "kitten",
        "a [white|narrow|sunny] house with a [blue|green|red] door",
        "paw",
    ),
    (
        "puppy",
        "a [noisy|old|big] farmhouse [at the end of the road|behind the poplars|near the railway]",
        "paw",
    ),
    (
        "sparrow",
        "a [round|windy|messy] nest [in the apple tree|under the roof of the station|above the bakery]",
        "wing",
    ),
    (
        "owl",
        "a [tall|hollow|very old] tree in [the quiet woods|the churchyard|the middle of the forest]",
        "wing",
    ),
    (
        "turtle",
        "a [little|mossy|round] hut [on the river bank|near the lily pond|between the reeds]",
        "hand",
    ),
    (
        "pig",
        "a [red|clean|cheerful] [barn|sty] [on the farm|next to the orchard|behind the windmill]",
        "hoof",
    ),
    (
        "lamb",
        "a [green|steep|sunny] meadow [above the farm|near the chapel|between two brooks]",
        "hoof",
    ),
    (
        "beaver",
        "a [solid|new|round] house of sticks in [the river|the cold lake|the wide stream]",
        "paw",
    ),
    (
        "mole",
        "a [long|winding|dark] tunnel under [the meadow|the football field|the cabbage garden]",
        "paw",
    ),
    (
        "raccoon",
        "an [old|empty|enormous] tree near [the stream|the campground|the berry fields]",
        "paw",
    ),
    (
        "penguin",
        "a [snowy|rocky|windy] island [by the cold sea|at the end of the world|near the icebergs]",
        "wing",
    ),
    (
        "elephant",
        "[the tall grass|a green clearing|the shade of the fig trees] near the [lake|water hole|jungle]",
        "trunk",
    ),
    (
        "monkey",
        "a [leafy|giant|swaying] [fig|mango|palm] tree in the jungle",
        "hand",
    ),
    (
        "badger",
        "a [large|warm|tidy] den [beneath the birches|below the hill|near the quarry]",
        "paw",
    ),
    (
        "goat",
        "a [stony|high|flowery] [pasture|ledge] [in the mountains|above the village]",
        "hoof",
    ),
    (
        "otter",
        "a [smooth|snug|secret] den [under the river bank|beside the rapids|below the old bridge]",
        "paw",
    ),
];

/// Where children live.
const HOUSES: &str = "a [small|little|yellow|tall|crooked|narrow|blue|stone|cozy|noisy] [house|cottage] \
    [near the forest|by the sea|on a quiet street|in the town|beside the river|between two hills|\
    next to the bakery|at the foot of the mountain|behind the station|on the market square|near the lighthouse]\
    |a farmhouse [with a big garden|full of cats|near the crossroads|behind the windmill]\
    |an old [mill|lighthouse|school] [by the river|on the coast|outside the village]\
    |a [red|green|slow] houseboat on the [river|canal|lake]";

/// What tells a child from others of the same name.
const FROM: &str = "[from next door|from the mill|from the yellow house|from across the street|from the bakery|\
    from the top floor|from the farm|from the other side of the river|from school|with the curly hair|\
    with the freckles|with the big glasses|with the long scarf]";

const TRAITS: &[&str] = &[
    "little",
    "young",
    "small",
    "kind",
    "curious",
    "brave",
    "happy",
    "cheerful",
    "shy",
    "clever",
    "gentle",
    "playful",
    "friendly",
    "quiet",
    "busy",
    "dreamy",
    "lively",
    "careful",
    "merry",
    "thoughtful",
    "sleepy",
    "proud",
    "patient",
    "stubborn",
    "funny",
];

const HELPERS: &[(&str, bool)] = &[
    ("the wise old owl", true),
    ("the old turtle", true),
    ("the kind farmer", true),
    ("the friendly baker", true),
    ("the old badger", true),
    ("the gardener", true),
    ("the old fisherman", true),
    ("the mailman", true),
    ("the miller", true),
    ("the clockmaker", true),
    ("the lighthouse keeper", true),
    ("the gray goose", false),
    ("the kind neighbor", false),
    ("the old woman next door", false),
    ("the mother deer", false),
    ("the librarian", false),
    ("the ferrywoman", false),
    ("the beekeeper", false),
    ("the music teacher", false),
    ("the old shepherdess", false),
];

const PARENTS: &[(&str, bool)] = &[
    ("mother", false),
    ("mom", false),
    ("mama", false),
    ("grandma", false),
    ("aunt", false),
    ("big sister", false),
    ("father", true),
    ("dad", true),
    ("papa", true),
    ("grandpa", true),
    ("uncle", true),
    ("big brother", true),
];

/// Draws a cast. Half of all stories are about children, half about animals.
pub(super) fn draw(random: &mut ChaCha12Rng) -> Variables {
    let mut variables = Variables::new();
    let animals = below(2, random) == 0;
    let mut taken: Vec<&str> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for role in ["hero", "friend", "other"] {
        let male = below(2, random) == 0;
        let names = if male { BOYS } else { GIRLS };
        let name = loop {
            let name = pick(names, random);
            if !taken.contains(&name) {
                break name;
            }
        };
        taken.push(name);
        let (kind, home, hand) = loop {
            let (kind, home, hand) = if animals {
                pick(ANIMALS, random)
            } else {
                (if male { "boy" } else { "girl" }, HOUSES, "hand")
            };
            if !animals || !kinds.contains(&kind) {
                break (kind, home, hand);
            }
        };
        kinds.push(kind);
        let home = phrase(&format!("[{home}]"), random);
        let described = format!("{} {kind}", pick(TRAITS, random));
        let verb = pick(&["named", "called"], random);
        let full = match animals {
            true => format!("{name} the {kind}"),
            false => format!("{name} {}", phrase(FROM, random)),
        };
        let mut set = |form: &str, value: &str| {
            variables.insert(format!("{role}{form}"), value.into());
        };
        set("", name);
        set(".full", &full);
        set(".kind", kind);
        set(".home", &home);
        set(".hand", hand);
        set(".intro", &format!("a {described} {verb} {name}"));
        pronouns(role, male, &mut variables);
    }
    let (parent, male) = pick(PARENTS, random);
    variables.insert("parent".into(), parent.into());
    pronouns("parent", male, &mut variables);
    let (helper, male) = pick(HELPERS, random);
    variables.insert("helper".into(), helper.into());
    variables.insert("Helper".into(), helper.replacen('t', "T", 1));
    pronouns("helper", male, &mut variables);
    variables
}

fn pronouns(role: &str, male: bool, variables: &mut Variables) {
    let forms = if male {
        ["he", "him", "his", "himself", "He", "His"]
    } else {
        ["she", "her", "her", "herself", "She", "Her"]
    };
    let names = ["he", "him", "his", "himself", "He", "His"];
    for (name, form) in names.into_iter().zip(forms) {
        variables.insert(format!("{role}.{name}"), form.into());
    }
}

fn pick<T: Copy>(list: &[T], random: &mut ChaCha12Rng) -> T {
    list[below(list.len(), random)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::random::stream;

    #[test]
    fn the_cast_is_of_one_world_and_told_apart() {
        for seed in 0..500 {
            let cast = draw(&mut stream(seed, 0));
            assert!(cast["hero"] != cast["friend"] && cast["friend"] != cast["other"]);
            let child = |role: &str| ["boy", "girl"].contains(&cast[role].as_str());
            assert_eq!(child("hero.kind"), child("friend.kind"));
            assert!(child("hero.kind") || cast["hero.kind"] != cast["friend.kind"]);
            if cast["hero.kind"] == "boy" {
                assert_eq!(cast["hero.he"], "he");
            }
            assert!(cast["hero.intro"].ends_with(&cast["hero"]));
        }
    }
}
