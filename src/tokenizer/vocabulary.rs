//! The vocabulary: tokens by id, and ids by text.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{bad, byte_level};
use crate::allocation::with_capacity;
use crate::gguf::{IntegerArray, StringArray};
use crate::{Error, Result, TokenId};

/// How the vocabularies of SentencePiece spell a space.
pub(super) const SPACE: &str = "\u{2581}";

/// The kind of a token (`tokenizer.ggml.token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    /// A single byte, spelled like `<0x0A>`.
    Byte,
}

/// How a file spells the text that its tokens stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenEncoding {
    /// One printable character for each byte (GPT-2).
    ByteLevel,
    /// The text itself, with U+2581 in place of spaces; Gemma 4 does so too.
    SentencePiece,
    /// The text itself, after U+2581 where it begins a word; that is read as a space.
    #[cfg(feature = "encoder")]
    WordPiece,
}

impl TokenEncoding {
    /// Writes the text that `token` stands for to `out`; `None` if it is not spelled in this encoding.
    pub fn read(self, token: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            TokenEncoding::ByteLevel => byte_level::decode(token, out),
            #[cfg(feature = "encoder")]
            TokenEncoding::WordPiece => {
                out.clear();
                let rest = token.strip_prefix(SPACE.as_bytes());
                out.extend(rest.map(|_| b' '));
                out.extend_from_slice(rest.unwrap_or(token));
                Some(())
            }
            TokenEncoding::SentencePiece => {
                out.clear();
                let mut rest = token;
                while let Some(at) = rest.iter().position(|byte| *byte == SPACE.as_bytes()[0]) {
                    let (before, after) = rest.split_at(at);
                    out.extend_from_slice(before);
                    let space = after.strip_prefix(SPACE.as_bytes());
                    out.push(if space.is_some() { b' ' } else { after[0] });
                    rest = space.unwrap_or(&after[1..]);
                }
                out.extend_from_slice(rest);
                Some(())
            }
        }
    }

    /// Whether merging can produce this token. One spelled with a plain space in place of U+2581 is never produced.
    fn can_be_merged(self, token: &[u8]) -> bool {
        self != TokenEncoding::SentencePiece || !token.contains(&b' ')
    }
}

/// All tokens by id, and their ids by the text they stand for.
pub(super) struct Vocabulary {
    encoding: TokenEncoding,
    /// For tokens of the kinds `Normal` and `Byte` the bytes they stand for, for the others the spelling in the file.
    spellings: StringArray,
    kinds: Vec<Kind>,
    by_text: HashTable<TokenId>,
    hasher: DefaultHashBuilder,
    /// Length in bytes of the longest text in `by_text`.
    longest: usize,
}

impl Vocabulary {
    /// The vocabulary of `tokens` as the file spells them, with the kind of each.
    pub fn new(
        encoding: TokenEncoding,
        tokens: &StringArray,
        mut kinds: Vec<Kind>,
    ) -> Result<Self> {
        let mut by_text: HashTable<TokenId> = HashTable::new();
        let no_memory = |_| Error::OutOfMemory(8 * tokens.len());
        by_text
            .try_reserve(tokens.len(), |_| 0)
            .map_err(no_memory)?;
        let hasher = DefaultHashBuilder::default();
        let mut spellings = StringArray::default();
        let mut longest = 0;
        let mut text = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let kind = &mut kinds[index];
            let byte = (*kind == Kind::Byte).then(|| byte_of(token));
            let is_text = byte.is_none() && encoding.read(token, &mut text).is_some();
            match byte {
                Some(Some(byte)) => spellings.push(&[byte])?,
                Some(None) => {
                    *kind = Kind::Unused;
                    spellings.push(token)?;
                }
                None if is_text && *kind == Kind::Normal => spellings.push(&text)?,
                None => spellings.push(token)?,
            }
            if !is_text || text.is_empty() || !encoding.can_be_merged(token) {
                continue;
            }
            longest = longest.max(text.len());
            let same = |id: &TokenId| is_text_of(encoding, &spellings, &kinds, *id, &text);
            // The table has room for all; of tokens with equal text, the first counts.
            let hash = hasher.hash_one(text.as_slice());
            if by_text.find(hash, same).is_none() {
                by_text.insert_unique(hash, index as TokenId, |_| 0);
            }
        }
        Ok(Self {
            encoding,
            spellings,
            kinds,
            by_text,
            hasher,
            longest,
        })
    }

    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether both have the same spellings. The kinds of tokens may differ between files of one family, because some are
    /// told by other metadata.
    pub fn has_tokens_of(&self, other: &Vocabulary) -> bool {
        self.spellings == other.spellings
    }

    /// How the file spells tokens.
    pub fn encoding(&self) -> TokenEncoding {
        self.encoding
    }

    /// The token of each byte, spelled like `<0x0A>`.
    pub fn byte_tokens(&self) -> [Option<TokenId>; 256] {
        let mut bytes = [None; 256];
        for (id, _) in self.ids().filter(|(_, kind)| *kind == Kind::Byte) {
            if let [byte] = self.spelling(id) {
                bytes[usize::from(*byte)].get_or_insert(id);
            }
        }
        for (byte, id) in bytes.iter_mut().enumerate() {
            *id = id.or_else(|| self.find(format!("<0x{byte:02X}>").as_bytes()));
        }
        bytes
    }

    pub fn kind(&self, id: TokenId) -> Option<Kind> {
        self.kinds.get(id as usize).copied()
    }

    /// The bytes that a normal or byte token stands for; the spelling of any other.
    pub fn spelling(&self, id: TokenId) -> &[u8] {
        self.spellings.get(id as usize).unwrap_or_default()
    }

    /// The token that stands for exactly this text, or whose spelling does.
    pub fn find(&self, text: &[u8]) -> Option<TokenId> {
        if text.len() > self.longest {
            return None;
        }
        let same =
            |id: &TokenId| is_text_of(self.encoding, &self.spellings, &self.kinds, *id, text);
        self.by_text.find(self.hasher.hash_one(text), same).copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = (TokenId, Kind)> {
        self.kinds
            .iter()
            .enumerate()
            .map(|(id, kind)| (id as TokenId, *kind))
    }
}

fn is_text_of(
    encoding: TokenEncoding,
    spellings: &StringArray,
    kinds: &[Kind],
    id: TokenId,
    text: &[u8],
) -> bool {
    let spelling = spellings.get(id as usize).unwrap_or_default();
    match kinds[id as usize] {
        Kind::Normal => spelling == text,
        Kind::Byte => false,
        _ => {
            let mut read = Vec::new();
            encoding.read(spelling, &mut read).is_some() && read == text
        }
    }
}

/// The byte that `<0x0A>` stands for.
fn byte_of(token: &[u8]) -> Option<u8> {
    let digits = token.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    let digits = std::str::from_utf8(digits).ok()?;
    (digits.len() == 2)
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// The kind of each token, from `tokenizer.ggml.token_type`; without it all are normal.
pub(super) fn kinds(tokens: &StringArray, types: Option<&IntegerArray>) -> Result<Vec<Kind>> {
    if tokens.is_empty() || u32::try_from(tokens.len()).is_err() {
        return Err(bad(
            "tokenizer.ggml.tokens",
            "it must have between 1 and 2³² tokens",
        ));
    }
    if types.is_some_and(|types| types.len() < tokens.len()) {
        return Err(bad(
            "tokenizer.ggml.token_type",
            "it needs one entry for each token",
        ));
    }
    let mut kinds = with_capacity(tokens.len())?;
    match types {
        None => kinds.resize(tokens.len(), Kind::Normal),
        Some(types) => kinds.extend(types.iter().take(tokens.len()).map(|kind| match kind {
            1 => Kind::Normal,
            2 => Kind::Unknown,
            3 => Kind::Control,
            4 => Kind::UserDefined,
            6 => Kind::Byte,
            _ => Kind::Unused,
        })),
    }
    Ok(kinds)
}
