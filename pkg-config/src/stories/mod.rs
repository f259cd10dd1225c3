//! A corpus to train on: short children's stories, written by a grammar from a seed.
//!
//! A story has a cast (names, kinds of animal, pronouns and homes that stay the same) and one of the plots in
//! `pkg-config/stories/`. It is written by expanding the plot's template (see `template`): sentences with alternatives inside alternatives,
//! several of them independent in each, so that most sentences of a story occur in no other. The same seed and number
//! give the same story.

mod cast;
mod random;
mod template;
mod texts;

use std::io::{BufWriter, ErrorKind, Write};

use anyhow::Result;

use random::{pick, stream};

/// The streams of random numbers that the stories use, which are none of those that a training with the same seed uses.
const STREAM: u64 = 1 << 63;

/// The longest story in words. A longer one is written again, at most so many times.
const MOST_WORDS: usize = 220;
const TRIES: usize = 20;

/// Story number `index` of a seed: three paragraphs of 130 to 220 words in all.
fn story(seed: u64, index: u64) -> String {
    let mut random = stream(seed, STREAM | index);
    let plot = pick(&plots(), &mut random);
    let mut shortest: Option<String> = None;
    for _ in 0..TRIES {
        let cast = cast::draw(&mut random);
        let story = template::write(plot, cast, &mut random);
        if words(&story) <= MOST_WORDS {
            return story;
        }
        if shortest
            .as_deref()
            .is_none_or(|best| words(&story) < words(best))
        {
            shortest = Some(story);
        }
    }
    shortest.unwrap_or_default()
}

fn plots() -> Vec<&'static str> {
    texts::plots().iter().map(String::as_str).collect()
}

fn words(story: &str) -> usize {
    story.split_whitespace().count()
}

/// The first `count` stories of a seed, one after the other.
fn stories(seed: u64, count: u64) -> impl Iterator<Item = String> {
    (0..count).map(move |index| story(seed, index))
}

/// Prints the first `count` stories of a seed. A reader that has gone is no error.
pub fn print(seed: u64, count: u64) -> Result<()> {
    let out = BufWriter::new(std::io::stdout().lock());
    match write(seed, count, out) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Writes stories with lines of `<|endoftext|>` between them, at which `nexttoken train` separates documents.
fn write(seed: u64, count: u64, mut out: impl Write) -> std::io::Result<()> {
    for (index, story) in stories(seed, count).enumerate() {
        if index > 0 {
            writeln!(out, "<|endoftext|>")?;
        }
        writeln!(out, "{story}")?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::collections::HashSet;

    #[test]
    fn stories_are_whole_and_of_the_right_length() {
        let mut lengths = Vec::new();
        for story in stories(1, 1500) {
            for bad in ['{', '}', '[', ']', '<', '>', '|', '⟨', '=', '/', '@'] {
                assert!(!story.contains(bad), "{bad} in {story}");
            }
            for bad in [" ,", " .", "  ", ".,", "..", ",,", "\n\n\n", "\"\""] {
                assert!(!story.contains(bad), "{bad:?} in {story}");
            }
            assert!(story.starts_with(|c: char| c.is_uppercase()), "{story}");
            assert!(story.ends_with(['.', '!', '"']), "{story}");
            assert_eq!(story.matches('"').count() % 2, 0, "{story}");
            for sentence in story.split(". ").skip(1) {
                let first = sentence.trim_start_matches('"').chars().next();
                assert!(
                    first.is_some_and(char::is_uppercase),
                    "{sentence:?} in {story}"
                );
            }
            lengths.push(words(&story));
        }
        lengths.sort_unstable();
        let (least, most) = (lengths[15], lengths[1485]);
        assert!(least >= 120 && most <= MOST_WORDS + 20, "{least} to {most}");
    }

    #[test]
    fn words_fit_their_neighbors() {
        // No indefinite article may come directly before these.
        let uncountable = [
            "bread",
            "honey",
            "milk",
            "water",
            "jam",
            "butter",
            "flour",
            "sugar",
            "salt",
            "popcorn",
            "porridge",
            "wool",
            "thunder",
            "cookies",
            "pancakes",
            "noodles",
            "berries",
            "buns",
            "muffins",
            "shoes",
            "spectacles",
        ];
        for story in stories(3, 1500) {
            let words: Vec<&str> = story.split_whitespace().collect();
            for pair in words.windows(2) {
                let (first, second) = (pair[0].trim_start_matches('"'), pair[1]);
                let context = format!("{first} {second} in {story}");
                // "Tap, tap" is intended.
                let doubled = first.eq_ignore_ascii_case(second) && !first.ends_with(',');
                assert!(!doubled, "{context}");
                let vowel = second.starts_with(['a', 'e', 'i', 'o', 'u']);
                match first {
                    "a" | "A" => assert!(!vowel, "{context}"),
                    "an" | "An" => assert!(vowel, "{context}"),
                    _ => continue,
                }
                let bare = second.trim_end_matches(|c: char| !c.is_alphabetic());
                assert!(!uncountable.contains(&bare), "{context}");
            }
        }
    }

    #[test]
    fn pronouns_are_those_of_the_cast() {
        let mut seen = 0;
        for index in 0..6000 {
            let mut random = stream(4, index);
            let plot = pick(&plots(), &mut random);
            let cast = cast::draw(&mut random);
            let roles = ["hero", "friend", "other", "parent", "helper"];
            let male = |role: &&str| cast[&format!("{role}.he")] == "he";
            let wrong = match roles.iter().filter(|role| male(role)).count() {
                0 => ["he", "him", "his", "himself"],
                5 => ["she", "her", "hers", "herself"],
                _ => continue,
            };
            seen += 1;
            let story = template::write(plot, cast, &mut random);
            for word in story.split(|c: char| !c.is_alphabetic()) {
                let word = word.to_lowercase();
                assert!(!wrong.contains(&word.as_str()), "{word} in {story}");
            }
        }
        assert!(seen > 200, "{seen} stories with one kind of pronoun");
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        assert_eq!(story(5, 17), story(5, 17));
        assert_ne!(story(5, 17), story(6, 17));
        assert_ne!(story(5, 17), story(5, 18));
    }

    #[test]
    fn most_sentences_are_new() {
        let known: Vec<String> = stories(2, 3000).collect();
        let known: HashSet<&str> = known.iter().flat_map(|story| sentences(story)).collect();
        assert!(known.len() > 30_000, "{} sentences", known.len());
        let more: Vec<String> = (3000..3200).map(|index| story(2, index)).collect();
        let more: Vec<&str> = more.iter().flat_map(|story| sentences(story)).collect();
        let copied = more.iter().filter(|it| known.contains(*it)).count();
        assert!(copied * 100 < more.len() * 45, "{copied} of {}", more.len());
    }

    fn sentences(story: &str) -> impl Iterator<Item = &str> {
        story
            .split_inclusive(['.', '!', '?', '\n'])
            .map(|sentence| sentence.trim_matches(|c: char| c.is_whitespace() || c == '"'))
            .filter(|sentence| !sentence.is_empty())
    }

    fn written(seed: u64, count: u64) -> String {
        let mut out = Vec::new();
        write(seed, count, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("stories are text")
    }

    /// `www/stories.gguf` is trained on these; without them its figures could not be had again.
    #[test]
    fn the_corpus_stays_what_it_was() {
        let sum = Sha256::digest(written(3, 50));
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            sum,
            "753c61ed6bbfb50facacc93480ceca9d924075050a1544afde8a6dd3309612eb"
        );
    }

    #[test]
    fn held_out_stories_are_of_this_grammar() {
        let kept = include_str!("../../../tests/data/stories.txt");
        assert_eq!(written(1, 20), kept);
    }

    #[test]
    fn stories_are_separated_as_documents() {
        let three = written(4, 3);
        assert_eq!(three.matches("\n<|endoftext|>\n").count(), 2, "{three}");
        assert!(three.starts_with(&written(4, 1)));
    }
}
