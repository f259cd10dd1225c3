//! The corpus: a text cut into documents, split into training and validation text, and encoded.

use rand_chacha::ChaCha12Rng;

use super::bpe::{END_OF_TEXT, Vocabulary};
use super::random::below;
use crate::allocation::reserve;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId};

/// One of this many documents is held out; of a short text, the last such part of each document.
const HELD_OUT: usize = 20;

/// The documents of a text, split into those to train on and those held out.
pub(super) struct Documents<'a> {
    pub training: Vec<&'a str>,
    pub validation: Vec<&'a str>,
    /// Whether documents are in one list or the other as a whole: no end of any was cut off.
    pub whole: bool,
}

impl<'a> Documents<'a> {
    /// Cuts `text` at every `<|endoftext|>` and removes white space around the documents. Every twentieth document is
    /// held out; where there are fewer than twenty, the last twentieth of each.
    pub fn split(text: &'a str) -> Self {
        let all: Vec<&str> = text
            .split(END_OF_TEXT)
            .map(str::trim)
            .filter(|document| !document.is_empty())
            .collect();
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        let whole = all.len() >= HELD_OUT;
        if whole {
            for (index, document) in all.into_iter().enumerate() {
                let held_out = index % HELD_OUT == HELD_OUT - 1;
                let part = if held_out {
                    &mut validation
                } else {
                    &mut training
                };
                part.push(document);
            }
        } else {
            for document in all {
                let (head, tail) = document.split_at(cut(document));
                training.push(head.trim_end());
                validation.push(tail.trim_start());
            }
        }
        Self {
            training,
            validation,
            whole,
        }
    }
}

/// The documents of a text that [`super::Trainer`] holds out for validation.
pub fn held_out(text: &str) -> Vec<&str> {
    let mut documents = Documents::split(text).validation;
    documents.retain(|document| !document.is_empty());
    documents
}

/// The byte offset at which the held-out end of a document begins: between words, or between characters where there is
/// no white space nearby, as in Japanese or in DNA.
fn cut(document: &str) -> usize {
    let part = document.len() / HELD_OUT;
    let wanted = document.len() - part;
    let nearby = || {
        let characters = document.char_indices();
        characters.filter(|(at, _)| (wanted..=wanted + part / 2).contains(at))
    };
    let space = nearby().find(|(_, c)| c.is_whitespace());
    let place = space.or_else(|| nearby().next());
    place.map_or(document.len(), |(at, _)| at)
}

/// A window of the held-out text; only the first `counted` of its targets count.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub inputs: &'a [TokenId],
    pub targets: &'a [TokenId],
    pub counted: usize,
}

/// Encoded documents in one list: `<|endoftext|>` comes before each, and after the last.
pub(super) struct Tokens {
    ids: Vec<TokenId>,
    /// The index of the `<|endoftext|>` before each document, and of the last one.
    starts: Vec<usize>,
}

impl Tokens {
    pub fn encode(documents: &[&str], tokenizer: &Tokenizer, end_of_text: TokenId) -> Result<Self> {
        let (mut ids, mut starts) = (Vec::new(), Vec::new());
        for document in documents.iter().filter(|document| !document.is_empty()) {
            starts.push(ids.len());
            let encoded = tokenizer.encode(document, false);
            reserve(&mut ids, encoded.len() + 2)?;
            ids.push(end_of_text);
            ids.extend(encoded);
        }
        starts.push(ids.len());
        ids.push(end_of_text);
        Ok(Self { ids, starts })
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// A random window of `length` inputs and their targets, the same tokens shifted by one. A random token is drawn
    /// first: if its document fits the window, the window begins with the document, else with the token.
    pub fn window(&self, length: usize, random: &mut ChaCha12Rng) -> (&[TokenId], &[TokenId]) {
        let hit = below(self.ids.len(), random);
        let document = self.starts.partition_point(|start| *start <= hit) - 1;
        let start = self.starts[document];
        let end = self
            .starts
            .get(document + 1)
            .map_or(self.ids.len(), |end| end + 1);
        let start = if end - start <= length { start } else { hit };
        self.at(start.min(self.ids.len() - length - 1), length)
    }

    /// Windows for validation. Their counted targets are all tokens but the first, each once. A window counts up to the
    /// end of the last document that is complete in it, and the next begins there; a document that is longer than a
    /// window is cut. All windows but the last have `length` inputs.
    pub fn windows(&self, length: usize) -> impl Iterator<Item = Window<'_>> {
        let last = self.ids.len() - 1;
        let mut start = 0;
        std::iter::from_fn(move || {
            if start == last {
                return None;
            }
            let end = last.min(start + length);
            let documents = self.starts.partition_point(|begin| *begin <= end);
            let boundary = self.starts[documents - 1];
            let next = if boundary > start { boundary } else { end };
            let (inputs, targets) = self.at(start, end - start);
            let counted = next - start;
            start = next;
            Some(Window {
                inputs,
                targets,
                counted,
            })
        })
    }

    fn at(&self, start: usize, length: usize) -> (&[TokenId], &[TokenId]) {
        let end = start + length;
        (&self.ids[start..end], &self.ids[start + 1..end + 1])
    }

    /// The cross-entropy of `other`, in nats per token, under the frequencies of the tokens here (with one added to
    /// each count): the loss of a model that knows no context.
    pub fn unigram_loss(&self, other: &Tokens, vocabulary: usize) -> f64 {
        let mut counts = vec![1u64; vocabulary];
        for id in &self.ids[1..] {
            counts[*id as usize] += 1;
        }
        let total: u64 = counts.iter().sum();
        let nll = |id: &TokenId| -libm::log(counts[*id as usize] as f64 / total as f64);
        let targets = &other.ids[1..];
        targets.iter().map(nll).sum::<f64>() / targets.len() as f64
    }
}

/// A text, ready for training.
pub(super) struct Corpus {
    pub vocabulary: Vocabulary,
    pub tokenizer: Tokenizer,
    pub training: Tokens,
    pub validation: Tokens,
}

impl Corpus {
    /// Learns the vocabulary from the part of `text` that is trained on, and encodes both parts.
    ///
    /// # Errors
    /// [`Error::CorpusTooSmall`] where the text does not fill the `context` or leaves nothing to validate with;
    /// [`Error::OutOfMemory`].
    pub fn new(text: &str, vocabulary: usize, context: usize) -> Result<Self> {
        let documents = Documents::split(text);
        let vocabulary = Vocabulary::learn(documents.training.iter().copied(), vocabulary)?;
        Self::with_vocabulary(&documents, vocabulary, context)
    }

    /// Encodes both parts of the text with a given vocabulary instead of a learnt one.
    ///
    /// # Errors
    /// Those of [`Corpus::new`].
    pub fn with_vocabulary(
        documents: &Documents<'_>,
        vocabulary: Vocabulary,
        context: usize,
    ) -> Result<Self> {
        let tokenizer = vocabulary.tokenizer()?;
        let encode = |part| Tokens::encode(part, &tokenizer, vocabulary.end_of_text());
        let (training, validation) = (encode(&documents.training)?, encode(&documents.validation)?);
        if training.len() <= context || validation.len() < 3 {
            return Err(Error::CorpusTooSmall {
                tokens: training.len() + validation.len() - 2,
                needed: (context + 1) * HELD_OUT / (HELD_OUT - 1),
            });
        }
        Ok(Self {
            vocabulary,
            tokenizer,
            training,
            validation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::random::stream;

    #[test]
    fn every_twentieth_document_is_held_out() {
        let text: Vec<String> = (0..45).map(|n| format!(" story {n}\n")).collect();
        let text = text.join(END_OF_TEXT);
        let documents = Documents::split(&text);
        assert_eq!(documents.validation, ["story 19", "story 39"]);
        assert_eq!(documents.training.len(), 43);
    }

    #[test]
    fn a_text_without_white_space_is_cut_between_characters() {
        let japanese = "静かな朝に長い手紙を書いた。".repeat(40);
        let documents = Documents::split(&japanese);
        let ([head], [tail]) = (&documents.training[..], &documents.validation[..]) else {
            panic!("one part of each");
        };
        assert_eq!([*head, tail].concat(), japanese);
        assert!((70..90).contains(&tail.len()), "{}", tail.len());
        // White space too far behind the wanted place is ignored.
        let dna = format!("{} end", "ACGTTGCA".repeat(100));
        assert_eq!(Documents::split(&dna).training[0].len(), 764);
    }

    #[test]
    fn a_single_text_gives_its_end() {
        let text = "word ".repeat(100);
        let documents = Documents::split(&text);
        assert_eq!(documents.training, [&text[..479]]);
        assert_eq!(documents.validation, [&text[480..499]]);
        assert!(Documents::split(" \n ").training.is_empty());
    }

    #[test]
    fn windows_are_shifted_by_one() {
        let text = "One fox ran. ".repeat(40);
        let corpus = Corpus::new(&text, 300, 16).unwrap();
        let mut random = stream(1, 2);
        for _ in 0..100 {
            let (inputs, targets) = corpus.training.window(16, &mut random);
            assert_eq!((inputs.len(), targets.len()), (16, 16));
            assert_eq!(inputs[1..], targets[..15]);
        }
        for length in [1, 5, 16, 1000] {
            let windows = corpus.validation.windows(length);
            let covered: usize = windows.map(|window| window.counted).sum();
            assert_eq!(covered, corpus.validation.len() - 1);
        }
    }

    #[test]
    fn judging_begins_at_documents() {
        let documents = Documents {
            training: vec!["some text to learn from"],
            validation: vec!["one", "two", "much longer than a window"],
            whole: true,
        };
        let vocabulary = Vocabulary::learn([].into_iter(), 257).unwrap();
        let corpus = Corpus::with_vocabulary(&documents, vocabulary, 10).unwrap();
        let windows: Vec<(Vec<u32>, usize)> = corpus
            .validation
            .windows(10)
            .map(|window| (window.inputs[..2].to_vec(), window.counted))
            .collect();
        let first = |letter: u8| vec![256, u32::from(letter)];
        assert_eq!(windows[0], (first(b'o'), 8));
        assert_eq!(windows[1], (first(b'm'), 10));
        assert_eq!(windows[2].1, 10);
        assert_eq!(windows.len(), 4);
    }

    #[test]
    fn documents_that_fit_are_read_from_their_beginning() {
        let text = [
            "a short one",
            "a much longer document that never fits the window",
        ]
        .join(END_OF_TEXT);
        let documents = Documents {
            training: text.split(END_OF_TEXT).collect(),
            validation: vec!["some more"],
            whole: true,
        };
        let vocabulary = Vocabulary::learn([].into_iter(), 257).unwrap();
        let corpus = Corpus::with_vocabulary(&documents, vocabulary, 16).unwrap();
        let mut random = stream(3, 4);
        let inner = (0..200)
            .map(|_| corpus.training.window(16, &mut random).0)
            .filter(|inputs| inputs[0] != 256)
            .inspect(|inputs| assert!(!inputs.starts_with(&[u32::from(b's')])))
            .count();
        assert!((100..200).contains(&inner), "{inner}");
    }

    #[test]
    fn too_little_text_is_an_error() {
        for text in ["", "  \n", "word", "a few words only", END_OF_TEXT] {
            let error = Corpus::new(text, 300, 64).err().expect(text);
            assert_eq!(error.code(), "corpus_too_small");
        }
    }

    #[test]
    fn counting_is_judged() {
        let text = "ab".repeat(500);
        let documents = Documents {
            training: vec![&text],
            validation: vec!["abababab"],
            whole: true,
        };
        let vocabulary = Vocabulary::learn([].into_iter(), 257).unwrap();
        let corpus = Corpus::with_vocabulary(&documents, vocabulary, 8).unwrap();
        let loss = corpus.training.unigram_loss(&corpus.validation, 257);
        // A little above ln 2, because of the end of the text and the tokens that do not occur.
        assert!((0.69..2.0).contains(&loss), "{loss}");
    }
}
