//! The plots, and the phrases they share; written in the language of [`super::template`].

mod friends;
mod growing;
mod journeys;
mod kindness;
mod lost;
mod phrases;
mod words;

use rand_chacha::ChaCha12Rng;

use crate::train::random::below;

const ALL: [&[&str]; 5] = [
    lost::PLOTS,
    friends::PLOTS,
    kindness::PLOTS,
    growing::PLOTS,
    journeys::PLOTS,
];

/// One of the plots.
pub(super) fn pick(random: &mut ChaCha12Rng) -> &'static str {
    let count = ALL.iter().map(|plots| plots.len()).sum();
    let index = below(count, random);
    ALL.iter()
        .flat_map(|plots| plots.iter())
        .nth(index)
        .copied()
        .unwrap_or_default()
}

/// The shared phrases of a name, as alternatives.
pub(super) fn rule(name: &str) -> Option<&'static str> {
    let found = rules().find(|(rule, _)| *rule == name);
    found.map(|(_, phrases)| *phrases)
}

fn rules() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    phrases::RULES.iter().chain(words::RULES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_are_paired() {
        let phrases = rules().map(|(_, phrases)| *phrases);
        for template in ALL
            .iter()
            .flat_map(|plots| plots.iter().copied())
            .chain(phrases)
        {
            let mut open = Vec::new();
            for c in template.chars() {
                match c {
                    '[' => open.push(']'),
                    '{' => open.push('}'),
                    '<' => open.push('>'),
                    ']' | '}' | '>' => assert_eq!(open.pop(), Some(c), "{template}"),
                    _ => {}
                }
            }
            assert!(open.is_empty(), "{template}");
        }
    }
}
