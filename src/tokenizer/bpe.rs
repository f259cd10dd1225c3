//! Byte-pair encoding of one word, which begins with its bytes or, in Gemma 4, with its characters.

use hashbrown::HashMap;

use super::merge::Pieces;
use super::vocabulary::{SPACE, TokenEncoding, Vocabulary};
use crate::gguf::StringArray;
use crate::{Error, Result, TokenId};

/// The merges of a vocabulary. Their intermediate pieces need not be tokens; such a piece gets a number like a token's,
/// from the size of the vocabulary on.
pub(super) struct Bpe {
    /// (left, right) → (rank, merged): lower ranks merge first.
    merges: HashMap<(TokenId, TokenId), (u32, TokenId)>,
    /// The numbers of the pieces that are no tokens.
    gaps: HashMap<Vec<u8>, TokenId>,
    /// The pieces that merging begins with; where it begins with characters, the tokens of those that are none.
    bytes: [Option<TokenId>; 256],
    /// Whether merging begins with characters (Gemma 4) rather than with bytes.
    merges_characters: bool,
    /// Whether a word that is a token is encoded as that token, whatever the merges say (Llama 3).
    ignore_merges: bool,
}

impl Bpe {
    /// Reads `merges`. Those that are not spelled as the tokens of the vocabulary are can never apply and are left out.
    pub fn new(vocabulary: &Vocabulary, merges: &StringArray, ignore_merges: bool) -> Result<Self> {
        let encoding = vocabulary.encoding();
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
            let decoded = (encoding.read(first, &mut left)).and(encoding.read(second, &mut right));
            if decoded.is_none() {
                continue;
            }
            let pair = (piece(&left)?, piece(&right)?);
            left.extend_from_slice(&right);
            table.entry(pair).or_insert((rank as u32, piece(&left)?));
        }
        let merges_characters = encoding == TokenEncoding::SentencePiece;
        let mut pairs = Self {
            merges: table,
            gaps,
            bytes: [None; 256],
            merges_characters,
            ignore_merges,
        };
        pairs.bytes = match merges_characters {
            true => vocabulary.byte_tokens(),
            false => std::array::from_fn(|byte| pairs.piece(vocabulary, &[byte as u8])),
        };
        Ok(pairs)
    }

    /// The token of this text, or the number of the piece.
    fn piece(&self, vocabulary: &Vocabulary, text: &[u8]) -> Option<TokenId> {
        let token = vocabulary.find(text);
        token.or_else(|| self.gaps.get(text).copied())
    }

    /// Whether merging begins with characters rather than with bytes.
    pub fn merges_characters(&self) -> bool {
        self.merges_characters
    }

    /// Appends the ids of `word`. A piece that is not a token is encoded byte by byte. As in llama.cpp, bytes that
    /// byte-level BPE spells as another character (space, and all beyond ASCII) are left out then, as are those without
    /// a token.
    pub fn encode(&self, vocabulary: &Vocabulary, word: &str, ids: &mut Vec<TokenId>) {
        // The newlines of Gemma 4, which are words of their own, have tokens without merges.
        let is_whole = self.ignore_merges || (self.merges_characters && word.starts_with('\n'));
        if is_whole && let Some(id) = vocabulary.find(word.as_bytes()) {
            ids.push(id);
            return;
        }
        let mut pieces = Pieces::default();
        if self.merges_characters {
            let mut buffer = [0; 4];
            for c in word.chars() {
                let c = c.encode_utf8(&mut buffer).as_bytes();
                pieces.push(c.len(), self.piece(vocabulary, c));
            }
        } else {
            for byte in word.bytes() {
                pieces.push(1, self.bytes[usize::from(byte)]);
            }
        }
        pieces.merge(|left, right, _| self.merges.get(&left.zip(right)?).copied());
        let is_token = |id: &TokenId| (*id as usize) < vocabulary.len();
        for (id, span) in pieces.iter() {
            match id.filter(is_token) {
                Some(id) => ids.push(id),
                None if self.merges_characters => {
                    let spelled = word[span].replace(' ', SPACE);
                    let bytes = spelled.bytes();
                    ids.extend(bytes.filter_map(|byte| self.bytes[usize::from(byte)]));
                }
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
