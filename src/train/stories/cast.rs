//! Who is in a story.
//!
//! `hero`, `friend` and `other` are three characters of different names. For each of them, with the name `hero`:
//! `{hero}` is the name; `{hero.he}`, `.him`, `.his`, `.himself` the pronouns (`.He`, `.His` with a capital);
//! `{hero.full}` the name with the kind of animal; `{hero.kind}` what they are (girl, rabbit);
//! `{hero.intro}` introduces them ("a little rabbit named Pip");
//! `{hero.home}` is where they live ("a cozy burrow under the old oak").
//! `{parent}` is the hero's mother, father or grandmother, with the same pronouns; `{helper}` somebody wise
//! (`{Helper}` where a sentence begins after a quotation).

use rand_chacha::ChaCha12Rng;

use super::template::Variables;
use crate::train::random::below;

const GIRLS: &[&str] = &[
    "Lily", "Mia", "Emma", "Anna", "Lucy", "Rosie", "Ella", "Zoe", "Ruby", "Molly", "Daisy",
    "Clara", "Nina", "Sophie", "Hazel", "Penny", "Luna", "Ivy", "Maya", "Tilly", "Poppy", "Bella",
    "Nora", "Willow",
];
const BOYS: &[&str] = &[
    "Tom", "Ben", "Max", "Sam", "Leo", "Jack", "Finn", "Oliver", "Toby", "Theo", "Noah", "Henry",
    "Oscar", "Charlie", "Pip", "Bruno", "Milo", "Felix", "Otto", "Jasper", "Hugo", "Rusty",
    "Teddy", "Louis",
];

/// Animals, and where each lives.
const ANIMALS: &[(&str, &str)] = &[
    ("rabbit", "a cozy burrow under the old oak"),
    ("rabbit", "a small burrow near the carrot field"),
    ("mouse", "a tiny house behind the wall"),
    ("mouse", "a little hole under the barn"),
    ("fox", "a warm den at the edge of the forest"),
    ("bear", "a big cave on the hill"),
    ("squirrel", "a hollow tree in the park"),
    ("squirrel", "a nest high in a pine tree"),
    ("hedgehog", "a pile of soft leaves in the garden"),
    ("duck", "the reeds beside the pond"),
    ("frog", "the green pond in the meadow"),
    ("kitten", "a white house with a blue door"),
    ("puppy", "a farmhouse at the end of the road"),
    ("bird", "a round nest in the apple tree"),
    ("owl", "a tall tree in the quiet woods"),
    ("turtle", "a little hut on the river bank"),
    ("pig", "a red barn on the farm"),
    ("lamb", "a green meadow above the farm"),
    ("beaver", "a house of sticks in the river"),
    ("mole", "a long tunnel under the meadow"),
    ("raccoon", "an old tree near the stream"),
    ("penguin", "a snowy island by the cold sea"),
    ("elephant", "the tall grass near the lake"),
    ("monkey", "a leafy tree in the jungle"),
];

/// Where children live.
const HOUSES: &[&str] = &[
    "a small house near the forest",
    "a little house by the sea",
    "a yellow house on a quiet street",
    "a tall house in the town",
    "a farmhouse with a big garden",
    "a village between two hills",
    "a cottage beside the river",
];

const TRAITS: &[&str] = &[
    "little", "young", "small", "kind", "curious", "brave", "happy", "cheerful", "shy", "clever",
    "gentle", "playful", "friendly", "quiet", "busy",
];

const HELPERS: &[(&str, bool)] = &[
    ("the wise old owl", true),
    ("the old turtle", true),
    ("the kind farmer", true),
    ("the friendly baker", true),
    ("the old badger", true),
    ("the gardener", true),
    ("the old fisherman", true),
    ("the gray goose", false),
    ("the kind neighbor", false),
    ("the old woman next door", false),
    ("the mother deer", false),
    ("the librarian", false),
];

const PARENTS: &[(&str, bool)] = &[
    ("mother", false),
    ("mom", false),
    ("mama", false),
    ("father", true),
    ("dad", true),
    ("grandma", false),
    ("grandpa", true),
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
        let (kind, home) = loop {
            let (kind, home) = if animals {
                pick(ANIMALS, random)
            } else {
                (if male { "boy" } else { "girl" }, pick(HOUSES, random))
            };
            if !animals || !kinds.contains(&kind) {
                break (kind, home);
            }
        };
        kinds.push(kind);
        let described = format!("{} {kind}", pick(TRAITS, random));
        let verb = pick(&["named", "called"], random);
        let article = article(&described);
        let mut set = |form: &str, value: &str| {
            variables.insert(format!("{role}{form}"), value.into());
        };
        set("", name);
        let full = if animals {
            format!("{name} the {kind}")
        } else {
            name.into()
        };
        set(".full", &full);
        set(".kind", kind);
        set(".home", home);
        set(".intro", &format!("{article} {described} {verb} {name}"));
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

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
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
