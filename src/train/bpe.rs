//! Learning a byte-level BPE vocabulary from a text (Sennrich et al. 2016; on bytes, Radford et al. 2019).
//!
//! It is written here because the module in the browser learns a vocabulary too: the `tokenizers` crate would add 692
//! kB gzipped to a WebAssembly module, several times the size of the whole trainer. The result is used through the
//! [`Tokenizer`] that reads every model file.

use std::cmp::Reverse;

use hashbrown::{HashMap, HashSet};

use crate::gguf::{Metadata, StringArray, Value};
use crate::tokenizer::{Tokenizer, gpt2_words};
use crate::{Result, TokenId};

/// The token between documents: it begins each, and ends it.
pub(super) const END_OF_TEXT: &str = "<|endoftext|>";

/// A learnt vocabulary: tokens 0 to 255 are the bytes, then come the merges in the order they were learnt, then the end
/// of text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vocabulary {
    /// Every token in the spelling of byte-level BPE, see [`spell`].
    pub tokens: StringArray,
    /// Every merge as "left right", in the order they were learnt.
    pub merges: StringArray,
}

impl Vocabulary {
    /// Learns merges from `texts` until the vocabulary has `size` tokens, or no pair occurs twice.
    pub fn learn<'a>(texts: impl Iterator<Item = &'a str>, size: usize) -> Result<Self> {
        let mut spellings: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        let mut merges = StringArray::default();
        let mut words = Words::count(texts);
        while spellings.len() + 1 < size {
            let Some((left, right)) = words.best_pair() else {
                break;
            };
            let (first, second) = (&spellings[left as usize], &spellings[right as usize]);
            merges.push(format!("{} {}", spell(first), spell(second)).as_bytes())?;
            let merged = [first.as_slice(), second].concat();
            words.merge((left, right), spellings.len() as TokenId);
            spellings.push(merged);
        }
        let mut tokens = StringArray::default();
        for spelling in &spellings {
            tokens.push(spell(spelling).as_bytes())?;
        }
        tokens.push(END_OF_TEXT.as_bytes())?;
        Ok(Self { tokens, merges })
    }

    /// The id of [`END_OF_TEXT`].
    pub fn end_of_text(&self) -> TokenId {
        self.tokens.len() as TokenId - 1
    }

    /// The metadata that describes the tokenizer in a model file.
    pub fn metadata(&self) -> Vec<(&'static str, Value)> {
        let text = |text: &str| Value::String(text.into());
        let mut types = vec![1; self.tokens.len()];
        types[self.end_of_text() as usize] = 3;
        let end = || Value::U32(self.end_of_text());
        vec![
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.pre", text("gpt-2")),
            ("tokenizer.ggml.tokens", Value::Strings(self.tokens.clone())),
            ("tokenizer.ggml.token_type", Value::Integers(types.into())),
            ("tokenizer.ggml.merges", Value::Strings(self.merges.clone())),
            ("tokenizer.ggml.bos_token_id", end()),
            ("tokenizer.ggml.eos_token_id", end()),
            ("tokenizer.ggml.add_bos_token", Value::Bool(true)),
            ("tokenizer.ggml.add_eos_token", Value::Bool(false)),
        ]
    }

    /// The tokenizer of a model with this vocabulary.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let mut metadata = Metadata::default();
        for (key, value) in self.metadata() {
            metadata.insert(key.into(), value)?;
        }
        Tokenizer::from_metadata(&mut metadata)
    }
}

type Pair = (TokenId, TokenId);

/// The longest word in bytes; longer ones are cut into parts. A text without white space may be a single word of a
/// million letters, and each merge goes through all words that contain it.
const LONGEST_WORD: usize = 48;

/// Cuts a word into parts of at most [`LONGEST_WORD`] bytes, between characters.
fn parts(mut word: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let part;
        (part, word) = word.split_at(word.floor_char_boundary(LONGEST_WORD));
        (!part.is_empty()).then_some(part)
    })
}

/// The distinct words of the texts, each as its tokens so far and its number of occurrences; and for each pair of
/// neighbouring tokens how often and where it occurs.
struct Words {
    words: Vec<(Vec<TokenId>, u64)>,
    counts: HashMap<Pair, u64>,
    /// The indices of words that contain the pair, or have contained it.
    places: HashMap<Pair, HashSet<usize>>,
}

impl Words {
    fn count<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for text in texts {
            gpt2_words(text, |word| {
                for part in parts(word) {
                    *counts.entry(part).or_default() += 1;
                }
            });
        }
        let ids = |word: &str| word.bytes().map(TokenId::from).collect();
        let mut words = Self {
            words: counts.into_iter().map(|(word, n)| (ids(word), n)).collect(),
            counts: HashMap::new(),
            places: HashMap::new(),
        };
        for index in 0..words.words.len() {
            words.add(index);
        }
        words
    }

    fn add(&mut self, index: usize) {
        let (ids, times) = &self.words[index];
        for pair in ids.windows(2) {
            let pair = (pair[0], pair[1]);
            *self.counts.entry(pair).or_default() += times;
            self.places.entry(pair).or_default().insert(index);
        }
    }

    fn remove(&mut self, index: usize) {
        let (ids, times) = &self.words[index];
        for pair in ids.windows(2) {
            let pair = (pair[0], pair[1]);
            if let Some(count) = self.counts.get_mut(&pair) {
                *count -= times;
                if *count == 0 {
                    self.counts.remove(&pair);
                    self.places.remove(&pair);
                }
            }
        }
    }

    /// The most frequent pair; of several, that with the lowest ids, so that the result is the same every time. `None`
    /// where no pair occurs twice.
    fn best_pair(&self) -> Option<Pair> {
        let best = self
            .counts
            .iter()
            .max_by_key(|(pair, n)| (**n, Reverse(**pair)));
        best.filter(|(_, n)| **n > 1).map(|(pair, _)| *pair)
    }

    fn merge(&mut self, pair: Pair, merged: TokenId) {
        for index in self.places.remove(&pair).unwrap_or_default() {
            self.remove(index);
            let ids = &mut self.words[index].0;
            let mut kept = 0;
            let mut at = 0;
            while at < ids.len() {
                let found = ids[at] == pair.0 && ids.get(at + 1) == Some(&pair.1);
                ids[kept] = if found { merged } else { ids[at] };
                at += if found { 2 } else { 1 };
                kept += 1;
            }
            ids.truncate(kept);
            self.add(index);
        }
    }
}

/// The spelling of bytes in byte-level BPE: printable characters of Latin-1 stand for themselves, all other bytes for
/// the characters from U+0100 on, in order.
fn spell(bytes: &[u8]) -> String {
    let plain = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let spell = |&byte: &u8| {
        if plain(byte) {
            return char::from(byte);
        }
        let before = (0..byte).filter(|&other| !plain(other)).count() as u32;
        char::from_u32(0x100 + before).unwrap_or_default()
    };
    bytes.iter().map(spell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::TestRandom;

    fn merges(text: &str, size: usize) -> Vec<String> {
        let vocabulary = Vocabulary::learn([text].into_iter(), size).unwrap();
        let merges = vocabulary.merges.iter();
        merges
            .map(|merge| String::from_utf8_lossy(merge).into_owned())
            .collect()
    }

    #[test]
    fn frequent_pairs_come_first_and_single_ones_never() {
        // "l o" occurs five times, then "lo w" does; " n" three times, "ne", "ew" too.
        let text = "low low low lower lowest new newer newest";
        let learnt = merges(text, 1000);
        assert_eq!(learnt[..2], ["l o", "lo w"]);
        assert!(learnt.contains(&"Ġ low".to_owned()), "{learnt:?}");
        assert!(!learnt.iter().any(|merge| merge == "low est"), "{learnt:?}");
        assert_eq!(merges(text, 258), ["l o"]);
        assert_eq!(merges("abc", 1000), [""; 0]);
        // Overlapping pairs are merged from the left.
        assert_eq!(merges("aaaa aaaa", 258), ["a a"]);
    }

    #[test]
    fn what_is_learnt_is_what_the_tokenizer_uses() {
        let text = "The fox said hello. The fox, the crow; «été» 🦊 and the end.\n\n  Two!";
        let vocabulary = Vocabulary::learn([text; 4].into_iter(), 600).unwrap();
        let tokenizer = vocabulary.tokenizer().unwrap();
        let ids = tokenizer.encode(text, true);
        assert_eq!(tokenizer.decode(&ids), text);
        assert!(ids.len() * 2 < text.len(), "{} tokens", ids.len());
        assert_eq!(
            tokenizer.encode(END_OF_TEXT, true),
            [vocabulary.end_of_text()]
        );
        assert!(tokenizer.is_end_of_generation(vocabulary.end_of_text()));
        assert_eq!(tokenizer.encode_prompt(""), [vocabulary.end_of_text()]);
        let bytes: String = (0..0x250).filter_map(char::from_u32).collect();
        assert_eq!(tokenizer.decode(&tokenizer.encode(&bytes, false)), bytes);
    }

    #[test]
    fn a_text_of_one_word_is_learnt() {
        let mut random = TestRandom(1);
        let mut letter = || ["A", "C", "G", "T", "舟", "é"][random.next_u16() as usize % 6];
        let text: String = (0..100_000).map(|_| letter()).collect();
        let parts: Vec<&str> = parts(&text).collect();
        assert_eq!(parts.concat(), text);
        let (last, whole) = parts.split_last().unwrap();
        assert!(last.len() <= 48 && whole.iter().all(|part| (46..=48).contains(&part.len())));
        let vocabulary = Vocabulary::learn([&*text].into_iter(), 512).unwrap();
        assert_eq!(vocabulary.tokens.len(), 512);
        let ids = vocabulary.tokenizer().unwrap().encode(&text, false);
        assert!(ids.len() < 60_000, "{} tokens", ids.len());
    }

    #[test]
    fn the_order_of_the_texts_makes_no_difference() {
        let texts = ["one two three two one", "two three four", "five four three"];
        let forwards = Vocabulary::learn(texts.into_iter(), 300).unwrap();
        let backwards = Vocabulary::learn(texts.into_iter().rev(), 300).unwrap();
        assert_eq!(forwards, backwards);
    }
}
