//! Texts → ids, in the way of the encoder's file.

use crate::gguf::Metadata;
use crate::tokenizer::{self, WordPiece};
use crate::{Result, TokenId};

/// The tokenizer of an encoder.
#[derive(Debug)]
pub enum Tokenizer {
    /// BERT's own.
    WordPiece(WordPiece),
    /// One that generators have, too: byte-pair encoding or SentencePiece.
    Other(Box<tokenizer::Tokenizer>),
}

impl Tokenizer {
    /// Builds the tokenizer from `metadata`, out of which it moves the vocabulary's arrays.
    ///
    /// # Errors
    /// Those of [`WordPiece::from_metadata`] and [`tokenizer::Tokenizer::from_metadata`].
    pub fn from_metadata(metadata: &mut Metadata) -> Result<Self> {
        Ok(match metadata.require_str("tokenizer.ggml.model")? {
            "bert" => Self::WordPiece(WordPiece::from_metadata(metadata)?),
            _ => Self::Other(Box::new(tokenizer::Tokenizer::from_metadata(metadata)?)),
        })
    }

    /// Text → ids, with the tokens that begin and end a text. The spellings of special tokens in the text are plain text.
    pub fn encode(&self, text: &str) -> Vec<TokenId> {
        match self {
            Self::WordPiece(tokenizer) => tokenizer.encode(text),
            Self::Other(tokenizer) => tokenizer.encode_enclosed(text, false),
        }
    }

    /// Cuts `ids`, which [`encode`](Self::encode) gave, to `length`. A text that is cut ends as any other.
    pub(super) fn truncate(&self, ids: &mut Vec<TokenId>, length: usize) {
        match self {
            Self::Other(tokenizer) => tokenizer.truncate_prompt(ids, length),
            Self::WordPiece(tokenizer) if ids.len() > length => {
                ids.truncate(length - 1);
                ids.push(tokenizer.sep());
            }
            Self::WordPiece(_) => {}
        }
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        match self {
            Self::WordPiece(tokenizer) => tokenizer.vocabulary_size(),
            Self::Other(tokenizer) => tokenizer.vocabulary_size(),
        }
    }
}
