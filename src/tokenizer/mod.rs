//! Text → token ids and back, built from the model file's metadata.
#![allow(missing_docs, unused)]
use crate::gguf::Metadata;
use crate::{Error, Result, TokenId};

pub struct Tokenizer;
impl Tokenizer {
    /// Moves the vocabulary out of `metadata`.
    pub fn from_metadata(metadata: &mut Metadata) -> Result<Self> { todo!() }
    /// Text → ids. `parse_special`: special tokens spelled out in the text become their ids. Adds no BOS.
    pub fn encode(&self, text: &str, parse_special: bool) -> Vec<TokenId> { todo!() }
    /// Prompt → ids: `encode` with special tokens parsed, preceded by BOS (followed by EOS) only where the model file asks for it.
    pub fn encode_prompt(&self, text: &str) -> Vec<TokenId> { todo!() }
    pub fn vocabulary_size(&self) -> usize { todo!() }
    /// The bytes a token stands for; empty for control tokens and unknown ids.
    pub fn token_bytes(&self, id: TokenId) -> &[u8] { todo!() }
    /// The token as the vocabulary spells it, readable, control tokens too ("<|im_end|>").
    pub fn token_name(&self, id: TokenId) -> String { todo!() }
    pub fn bos(&self) -> Option<TokenId> { todo!() }
    pub fn eos(&self) -> Option<TokenId> { todo!() }
    pub fn adds_bos(&self) -> bool { todo!() }
    /// EOS, EOT, end of message …: generation ends at any of these.
    pub fn is_end_of_generation(&self, id: TokenId) -> bool { todo!() }
    pub fn is_control(&self, id: TokenId) -> bool { todo!() }
    /// ids → text, lossily (U+FFFD for broken UTF-8).
    pub fn decode(&self, ids: &[TokenId]) -> String { todo!() }
    /// "gpt2/smollm": the kind and the pre-tokenizer, for `inspect`.
    pub fn description(&self) -> String { todo!() }
}

/// Bytes → text, streaming: never emits half a character.
#[derive(Default)]
pub struct TextDecoder;
impl TextDecoder {
    /// Takes bytes, returns all text that is complete. Invalid sequences become U+FFFD as soon as they are known to be invalid.
    pub fn push(&mut self, bytes: &[u8]) -> String { todo!() }
    /// What is held back, as U+FFFD; the decoder is empty afterwards.
    pub fn finish(&mut self) -> String { todo!() }
}
