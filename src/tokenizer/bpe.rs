//! Byte-pair encoding of one word.

use hashbrown::HashMap;

use super::byte_level;
use super::merge::Pieces;
use super::vocabulary::Vocabulary;
use crate::gguf::StringArray;
use crate::{Error, Result, TokenId};

/// The merges of a vocabulary.
pub(super) struct Bpe {
    /// (left, right) → (rank, merged): lower ranks merge first.
    merges: HashMap<(TokenId, TokenId), (u32, TokenId)>,
    bytes: [Option<TokenId>; 256],
    /// Whether a word that is a token is taken whole, whatever the merges say (Llama 3).
    whole_words: bool,
}

impl Bpe {
    /// Merges that name unknown tokens can never apply and are left out.
    pub fn new(vocabulary: &Vocabulary, merges: &StringArray, whole_words: bool) -> Result<Self> {
        let mut table = HashMap::new();
        let no_memory = |_| Error::OutOfMemory(16 * merges.len());
        table.try_reserve(merges.len()).map_err(no_memory)?;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (rank, merge) in merges.iter().enumerate() {
            // The first piece may itself begin with a space in odd vocabularies.
            let Some(space) = merge.iter().skip(1).position(|byte| *byte == b' ') else {
                continue;
            };
            let (first, second) = (&merge[..space + 1], &merge[space + 2..]);
            let decoded =
                byte_level::decode(first, &mut left).and(byte_level::decode(second, &mut right));
            if decoded.is_none() {
                continue;
            }
            let pair = vocabulary.find(&left).zip(vocabulary.find(&right));
            left.extend_from_slice(&right);
            if let Some((pair, merged)) = pair.zip(vocabulary.find(&left)) {
                table.entry(pair).or_insert((rank as u32, merged));
            }
        }
        let bytes = std::array::from_fn(|byte| vocabulary.find(&[byte as u8]));
        Ok(Self {
            merges: table,
            bytes,
            whole_words,
        })
    }

    /// Appends the ids of `word`. Bytes that the vocabulary lacks are passed over, after they have kept
    /// their neighbours apart.
    pub fn encode(&self, vocabulary: &Vocabulary, word: &str, ids: &mut Vec<TokenId>) {
        if self.whole_words
            && let Some(id) = vocabulary.find(word.as_bytes())
        {
            ids.push(id);
            return;
        }
        let mut pieces = Pieces::default();
        for byte in word.bytes() {
            pieces.push(1, self.bytes[usize::from(byte)]);
        }
        pieces.merge(|left, right, _| self.merges.get(&left.zip(right)?).copied());
        ids.extend(pieces.iter().filter_map(|(id, _)| id));
    }
}
