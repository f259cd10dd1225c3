//! Measures how varied generated texts are, and how much of them is copied from the training text.

use std::collections::HashSet;

use serde::Serialize;

/// The sentences and documents of a corpus, which a model may have memorized.
pub struct Sentences<'a> {
    known: HashSet<&'a str>,
    documents: HashSet<&'a str>,
}

/// Measurements of generated texts. Shares are from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Variety {
    /// Texts measured.
    pub texts: usize,
    /// Words in all of them.
    pub words: usize,
    /// The distinct n-grams of one, two, three and four words, each as a share of all n-grams of that length.
    pub distinct: [f64; 4],
    /// Sentences in all texts.
    pub sentences: usize,
    /// The share of the sentences that occur literally in the corpus.
    pub copied_sentences: f64,
    /// The share of the texts that are a whole document of the corpus.
    pub copied_texts: f64,
}

crate::debug::debug_in_brief!(Sentences<'a> {});

impl<'a> Sentences<'a> {
    /// The sentences of a corpus, its documents divided by `<|endoftext|>`.
    pub fn of(corpus: &'a str) -> Self {
        let documents = || corpus.split(super::END_OF_TEXT).map(str::trim);
        Self {
            known: documents().flat_map(sentences).collect(),
            documents: documents().collect(),
        }
    }

    /// Measures `texts` against the corpus.
    pub fn measure(&self, texts: &[String]) -> Variety {
        let words: Vec<Vec<&str>> = texts
            .iter()
            .map(|text| text.split_whitespace().collect())
            .collect();
        let written: Vec<&str> = texts.iter().flat_map(|text| sentences(text)).collect();
        let copied = written
            .iter()
            .filter(|sentence| self.known.contains(**sentence));
        let whole = texts
            .iter()
            .filter(|text| self.documents.contains(text.trim()));
        Variety {
            texts: texts.len(),
            words: words.iter().map(Vec::len).sum(),
            distinct: [1, 2, 3, 4].map(|n| distinct(&words, n)),
            sentences: written.len(),
            copied_sentences: share(copied.count(), written.len()),
            copied_texts: share(whole.count(), texts.len()),
        }
    }
}

/// The number of distinct n-grams as a share of all n-grams.
fn distinct(texts: &[Vec<&str>], n: usize) -> f64 {
    let runs = || texts.iter().flat_map(|words| words.windows(n));
    share(runs().collect::<HashSet<_>>().len(), runs().count())
}

fn share(part: usize, all: usize) -> f64 {
    part as f64 / all.max(1) as f64
}

/// The sentences of a text, without the white space around them.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?', '\n'])
        .map(|sentence| sentence.trim_matches(|c: char| c.is_whitespace() || c == '"'))
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_found() {
        let corpus = "One fox ran. Two owls sat!<|endoftext|>\"Where?\" A cat slept.";
        let known = Sentences::of(corpus);
        let texts = ["One fox ran. Two owls slept!", "\"Where?\" A cat slept."];
        let variety = known.measure(&texts.map(str::to_owned));
        assert_eq!(
            (variety.texts, variety.words, variety.sentences),
            (2, 10, 4)
        );
        assert_eq!(variety.copied_sentences, 0.75);
        assert_eq!(variety.copied_texts, 0.5);
        assert_eq!(variety.distinct, [1.0; 4]);
        let again = known.measure(&["a b a b".to_owned()]);
        assert_eq!(again.distinct, [0.5, 2.0 / 3.0, 1.0, 1.0]);
    }
}
