//! Byte-pair encoding of one word.

use hashbrown::HashMap;

use super::byte_level;
use super::merge::Pieces;
use super::vocabulary::Vocabulary;
use crate::gguf::StringArray;
use crate::{Error, Result, TokenId};

/// The merges of a vocabulary. Their intermediate pieces need not be tokens; such a piece gets a number like a token's,
/// from the size of the vocabulary on.
pub(super) struct Bpe {
    /// (left, right) → (rank, merged): lower ranks merge first.
    merges: HashMap<(TokenId, TokenId), (u32, TokenId)>,
    bytes: [Option<TokenId>; 256],
    /// Whether a word that is a token is encoded as that token, whatever the merges say (Llama 3).
    ignore_merges: bool,
}

impl Bpe {
    /// Reads `merges`. Those that are not spelled in the byte-level alphabet can never apply and are left out.
    pub fn new(vocabulary: &Vocabulary, merges: &StringArray, ignore_merges: bool) -> Result<Self> {
        let mut table = HashMap::new();
        let no_memory = |_| Error::OutOfMemory(16 * merges.len());
        table.try_reserve(merges.len()).map_err(no_memory)?;
        let mut gaps: HashMap<Vec<u8>, TokenId> = HashMap::new();
        let mut piece = |text: &[u8]| -> Result<TokenId> {
            if let Some(id) = vocabulary.find(text) {
                return Ok(id);
            }
            let room = gaps.try_reserve(1);
            room.map_err(|_| Error::OutOfMemory(size_of::<(Vec<u8>, TokenId)>()))?;
            let next = (vocabulary.len() + gaps.len()) as TokenId;
            Ok(*gaps.entry_ref(text).or_insert(next))
        };
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (rank, merge) in merges.iter().enumerate() {
            // In odd vocabularies, the first piece may itself begin with a space.
            let Some(space) = merge.iter().skip(1).position(|byte| *byte == b' ') else {
                continue;
            };
            let (first, second) = (&merge[..space + 1], &merge[space + 2..]);
            let decoded =
                byte_level::decode(first, &mut left).and(byte_level::decode(second, &mut right));
            if decoded.is_none() {
                continue;
            }
            let pair = (piece(&left)?, piece(&right)?);
            left.extend_from_slice(&right);
            table.entry(pair).or_insert((rank as u32, piece(&left)?));
        }
        let bytes = std::array::from_fn(|byte| {
            let byte = [byte as u8];
            vocabulary
                .find(&byte)
                .or_else(|| gaps.get(&byte[..]).copied())
        });
        Ok(Self {
            merges: table,
            bytes,
            ignore_merges,
        })
    }

    /// Appends the ids of `word`. A piece that is not a token is encoded byte by byte. As in llama.cpp, bytes that
    /// byte-level BPE spells as another character (space, and all beyond ASCII) are left out then, as are those without
    /// a token.
    pub fn encode(&self, vocabulary: &Vocabulary, word: &str, ids: &mut Vec<TokenId>) {
        if self.ignore_merges
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
        let is_token = |id: &TokenId| (*id as usize) < vocabulary.len();
        for (id, span) in pieces.iter() {
            match id.filter(is_token) {
                Some(id) => ids.push(id),
                None => {
                    let bytes = word.as_bytes()[span].iter();
                    let plain = bytes.filter(|byte| byte.is_ascii_graphic());
                    let each = plain.filter_map(|byte| self.bytes[usize::from(*byte)]);
                    ids.extend(each.filter(is_token));
                }
            }
        }
    }
}
