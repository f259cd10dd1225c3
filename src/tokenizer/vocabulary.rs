//! The tokens of a vocabulary and how they are found.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{bad, byte_level};
use crate::gguf::StringArray;
use crate::{Error, Result, TokenId};

/// What a token is for (`tokenizer.ggml.token_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
}

/// All tokens by id, and the ids of normal tokens by their bytes.
pub(super) struct Vocabulary {
    /// Normal tokens as the bytes they stand for, the others as they are spelled.
    spellings: StringArray,
    kinds: Vec<Kind>,
    by_bytes: HashTable<TokenId>,
    hasher: DefaultHashBuilder,
}

impl Vocabulary {
    pub fn new(tokens: &StringArray, types: Option<&[i64]>) -> Result<Self> {
        if tokens.is_empty() || u32::try_from(tokens.len()).is_err() {
            return Err(bad(
                "tokenizer.ggml.tokens",
                "it must have between 1 and 2³² tokens",
            ));
        }
        if types.is_some_and(|types| types.len() != tokens.len()) {
            return Err(bad(
                "tokenizer.ggml.token_type",
                "it needs one entry for each token",
            ));
        }
        let hasher = DefaultHashBuilder::default();
        let mut spellings = StringArray::default();
        let mut kinds = Vec::new();
        let bytes = tokens.len();
        kinds
            .try_reserve_exact(bytes)
            .map_err(|_| Error::OutOfMemory(bytes))?;
        let mut by_bytes: HashTable<TokenId> = HashTable::new();
        let no_memory = |_| Error::OutOfMemory(8 * tokens.len());
        by_bytes
            .try_reserve(tokens.len(), |_| 0)
            .map_err(no_memory)?;
        let mut buffer = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let kind = kind_of(types.map_or(1, |types| types[index]));
            let is_text = kind == Kind::Normal && byte_level::decode(token, &mut buffer).is_some();
            spellings.push(if is_text { &buffer } else { token })?;
            kinds.push(kind);
            if kind == Kind::Normal {
                let spelling = spellings.get(index).unwrap_or_default();
                let same = |id: &TokenId| spellings.get(*id as usize) == Some(spelling);
                let hash = hasher.hash_one(spelling);
                // Of two equal tokens the first counts.
                if by_bytes.find(hash, same).is_none() {
                    let rehash = |id: &TokenId| {
                        hasher.hash_one(spellings.get(*id as usize).unwrap_or_default())
                    };
                    by_bytes.insert_unique(hash, index as TokenId, rehash);
                }
            }
        }
        Ok(Self {
            spellings,
            kinds,
            by_bytes,
            hasher,
        })
    }

    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    pub fn kind(&self, id: TokenId) -> Option<Kind> {
        self.kinds.get(id as usize).copied()
    }

    pub fn spelling(&self, id: TokenId) -> &[u8] {
        self.spellings.get(id as usize).unwrap_or_default()
    }

    /// The normal token that stands for exactly these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<TokenId> {
        let same = |id: &TokenId| self.spelling(*id) == bytes;
        self.by_bytes
            .find(self.hasher.hash_one(bytes), same)
            .copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = (TokenId, Kind)> {
        self.kinds
            .iter()
            .enumerate()
            .map(|(id, kind)| (id as TokenId, *kind))
    }
}

fn kind_of(number: i64) -> Kind {
    match number {
        2 => Kind::Unknown,
        3 => Kind::Control,
        4 => Kind::UserDefined,
        5 => Kind::Unused,
        _ => Kind::Normal,
    }
}
