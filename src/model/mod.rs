//! Token ids → hidden state: configuration, weights, KV cache, transformer layers.
#![allow(missing_docs, unused)]
use std::sync::Arc;
use crate::head::Head;
use crate::gguf::Metadata;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId};
use ndarray::{ArrayView1, ArrayView2};

/// What the metadata says about the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Config { pub architecture: String, pub context_length: usize, pub vocabulary_size: usize, pub hidden_size: usize, pub layers: usize /* … */ }

/// A loaded model: shared, immutable.
pub struct Model { pub config: Config, pub tokenizer: Tokenizer, pub head: Head, /// what the file says besides (name, licence, chat template), large arrays taken out
    pub metadata: Metadata, /// parameters in all tensors
    pub parameters: u64, /// bytes of weights in memory
    pub weight_bytes: usize, /* transformer */ }

/// Builds a [`Model`] from the bytes of a GGUF file as they arrive, repacking each tensor on the way.
pub struct Loader;
impl Loader {
    pub fn new() -> Self { todo!() }
    /// The next bytes of the file. After an error the loader only repeats that error.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> { todo!() }
    /// Bytes of the whole file, once its header has arrived.
    pub fn file_size(&self) -> Option<u64> { todo!() }
    pub fn finish(self) -> Result<Model> { todo!() }
}
impl Model {
    /// All at once, from bytes in memory.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model> { todo!() }
    /// Runs `tokens` at the positions after those in `session`, appending their keys and values.
    /// On error the session is as it was before.
    pub fn forward(&self, tokens: &[TokenId], session: &mut Session) -> Result<()> { todo!() }
}

/// One text in progress: the KV cache and scratch memory. Tokens beyond the capacity are `PromptTooLong`.
pub struct Session;
impl Session {
    /// `capacity`: tokens the KV cache may grow to (memory is taken as needed).
    pub fn new(model: &Model, capacity: usize) -> Result<Self> { todo!() }
    /// Tokens in the KV cache.
    pub fn len(&self) -> usize { todo!() }
    pub fn capacity(&self) -> usize { todo!() }
    /// Forgets all tokens after the first `len` (keeps the memory).
    pub fn truncate(&mut self, len: usize) { todo!() }
    /// The hidden states (final norm applied) of the tokens of the last `forward`: `[tokens, hidden_size]`.
    pub fn hidden(&self) -> ArrayView2<'_, f32> { todo!() }
    /// Bytes of the KV cache now.
    pub fn cache_bytes(&self) -> usize { todo!() }
}
/// Tokens `forward` handles best at once; longer prompts are run in chunks of this many.
pub const PREFILL_CHUNK: usize = 64;
