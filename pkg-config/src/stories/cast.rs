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

use super::random::{below, pick};
use super::template::{Variables, alternatives, phrase};
use super::texts;

/// Draws a cast. Half of all stories are about children, half about animals.
pub(super) fn draw(random: &mut ChaCha12Rng) -> Variables {
    let mut variables = Variables::new();
    let animals = below(2, random) == 0;
    let from = texts::list("from").unwrap_or_default();
    let mut taken: Vec<&str> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for role in ["hero", "friend", "other"] {
        let male = below(2, random) == 0;
        let names = listed(if male { "boys" } else { "girls" });
        let name = pick_new(&names, &taken, random);
        taken.push(name);
        let (kind, hand, home) = if animals {
            animal(&kinds, random)
        } else {
            let kind = if male { "boy" } else { "girl" };
            (kind, "hand", texts::list("houses").unwrap_or_default())
        };
        kinds.push(kind);
        let home = phrase(&format!("[{home}]"), random);
        let described = format!("{} {kind}", pick(&listed("traits"), random));
        let verb = pick(&["named", "called"], random);
        let full = match animals {
            true => format!("{name} the {kind}"),
            false => format!("{name} {}", phrase(from, random)),
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
    let parent = grown_up("parent", "parents", &mut variables, random);
    variables.insert("parent".into(), parent.into());
    let helper = grown_up("helper", "helpers", &mut variables, random);
    variables.insert("helper".into(), helper.into());
    variables.insert("Helper".into(), helper.replacen('t', "T", 1));
    variables
}

/// The alternatives listed under a name.
fn listed(name: &str) -> Vec<&'static str> {
    alternatives(texts::list(name).unwrap_or_default())
}

/// An element of a list that is not among those taken.
fn pick_new<'a>(list: &[&'a str], taken: &[&str], random: &mut ChaCha12Rng) -> &'a str {
    loop {
        let drawn = pick(list, random);
        if !taken.contains(&drawn) {
            return drawn;
        }
    }
}

/// An animal of a kind that is not among those taken: the kind, what it has for a hand, and its home.
fn animal(taken: &[&str], random: &mut ChaCha12Rng) -> (&'static str, &'static str, &'static str) {
    let animals = listed("animals");
    loop {
        let mut fields = pick(&animals, random).splitn(3, '/');
        let mut field = || fields.next().unwrap_or_default();
        let animal = (field(), field(), field());
        if !taken.contains(&animal.0) {
            return animal;
        }
    }
}

/// Draws who has a role from a list of names with their pronouns, `mother/she`.
fn grown_up(
    role: &str,
    list: &str,
    variables: &mut Variables,
    random: &mut ChaCha12Rng,
) -> &'static str {
    let drawn = pick(&listed(list), random);
    let (name, pronoun) = drawn.split_once('/').unwrap_or((drawn, "she"));
    pronouns(role, pronoun == "he", variables);
    name
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::random::stream;

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
