//! A text to learn from: short children's stories, written by a grammar from a seed.
//!
//! A story has a cast (names, kinds of animal, pronouns, homes that stay the same), one of the plots in `plots`,
//! and is written by expanding the plot's template (see `template`): sentences with alternatives inside
//! alternatives, so that hardly any two stories share more than a few sentences. The same seed and number give
//! the same story.

mod cast;
mod plots;
mod template;

use rand_chacha::ChaCha12Rng;

use super::random::stream;

/// Which of the generator's streams the stories use: none that a training step does.
const STREAM: u64 = 1 << 63;

/// A story that comes out longer than this is thrown away, a few times at most.
const MOST_WORDS: usize = 165;
const TRIES: usize = 8;

/// Story number `index` of the seed: two or three paragraphs, 100 to 165 words.
pub fn story(seed: u64, index: u64) -> String {
    let mut random = stream(seed, STREAM | index);
    let mut story = tell(&mut random);
    for _ in 0..TRIES {
        if story.split_whitespace().count() <= MOST_WORDS {
            break;
        }
        story = tell(&mut random);
    }
    story
}

fn tell(random: &mut ChaCha12Rng) -> String {
    let plot = plots::pick(random);
    let variables = cast::draw(random);
    template::write(plot, variables, random)
}

/// The first `count` stories of the seed, each after the other as `nexttoken train` reads them.
pub fn stories(seed: u64, count: u64) -> impl Iterator<Item = String> {
    (0..count).map(move |index| story(seed, index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn stories_are_whole_and_of_the_right_length() {
        let mut lengths = Vec::new();
        for story in stories(1, 3000) {
            for bad in ['{', '}', '[', ']', '<', '>', '|', '⟨', '='] {
                assert!(!story.contains(bad), "{bad} in {story}");
            }
            for bad in [
                " ,", " .", "  ", ".,", "..", " a a", " a e", " a o", ",,", "\n\n\n",
            ] {
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
            lengths.push(story.split_whitespace().count());
        }
        lengths.sort_unstable();
        let (least, most) = (lengths[30], lengths[2970]);
        assert!(least >= 60 && most <= 190, "{least} to {most} words");
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        assert_eq!(story(5, 17), story(5, 17));
        assert_ne!(story(5, 17), story(6, 17));
        assert_ne!(story(5, 17), story(5, 18));
    }

    #[test]
    fn sentences_are_many() {
        let all: Vec<String> = stories(2, 2000).collect();
        let sentences: HashSet<&str> = all.iter().flat_map(|story| story.split(". ")).collect();
        assert!(sentences.len() > 12_000, "{} sentences", sentences.len());
        let beginnings: HashSet<String> = all
            .iter()
            .map(|story| story.chars().take(60).collect())
            .collect();
        assert!(beginnings.len() > 1000, "{} beginnings", beginnings.len());
    }
}
