//! Texts → embeddings: text encoders of the architecture `bert` (all-MiniLM, bge, gte and others), by which texts are
//! searched, compared and grouped.
//!
//! An encoder is no text generator: each of its tokens attends to all others at once, so that there is no KV cache, no
//! head and no loop. A text's vectors, one for each token, are [pooled](Pooling) to one.
//!
//! ```
//! # fn main() -> nexttoken::Result<()> {
//! use nexttoken::encoder::{Encoder, Options};
//!
//! // Of random weights: a real one is, say, all-MiniLM-L6-v2.
//! let encoder = Encoder::open("tests/data/encoder/tiny.f32.gguf")?;
//! let embeddings = encoder.embed(&["A cat sleeps.", "Ein Hund."], Options::default())?;
//! // Embeddings have length 1: the dot product of two is their cosine similarity.
//! let cosine: f32 = embeddings[0].iter().zip(&embeddings[1]).map(|(a, b)| a * b).sum();
//! assert!(cosine < 1.0);
//! # Ok(())
//! # }
//! ```

mod config;
mod loader;
mod network;
mod tensors;

pub use crate::pooling::{Options, Pooling};
pub use config::{ARCHITECTURE, Config};
pub use loader::Loader;

use std::path::Path;

use crate::allocation::with_capacity;
use crate::error::invalid_option;
use crate::gguf::{Metadata, read_header};
use crate::model::{check_size, feed};
use crate::pooling::Pool;
use crate::tokenizer::WordPiece;
use crate::{Error, Result, TokenId};
use network::{Network, Scratch};

/// A loaded encoder. It is immutable, so that several threads can share it.
pub struct Encoder {
    /// The configuration of the network.
    pub config: Config,
    /// Text → ids.
    pub tokenizer: WordPiece,
    /// The file's other metadata (name, licence); the tokenizer's arrays have been moved out of it.
    pub metadata: Metadata,
    /// Parameters in all tensors.
    pub parameters: u64,
    /// Bytes of weights in memory.
    pub weight_bytes: usize,
    network: Network,
}

crate::debug::debug_in_brief!(Encoder { config, parameters });

impl Encoder {
    /// Loads the encoder in the GGUF file at `path`, reading it in pieces so that no weight is in memory twice.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, and those of [`Loader::push`] and [`Loader::finish`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        check_size(path)?;
        let mut loader = Loader::new();
        feed(path, |piece| loader.push(piece))?;
        loader.finish()
    }

    /// An encoder from the bytes of a whole file.
    ///
    /// # Errors
    /// Those of [`Loader::push`] and [`Loader::finish`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        // Before memory is taken for tensors that are not there.
        if let Some(header) = read_header(bytes)?
            && header.file_size > bytes.len() as u64
        {
            return Err(Error::Truncated(format!(
                "it has {} of {} bytes",
                bytes.len(),
                header.file_size
            )));
        }
        let mut loader = Loader::new();
        loader.push(bytes)?;
        loader.finish()
    }

    /// The embedding of each text, `[hidden_size]`. It is the same to the bit whatever the other texts are, and on any
    /// number of threads. In a text the spelling of a special token, say `[SEP]`, is plain text.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] for a text of more tokens than the context holds, unless it may be
    /// [cut](Options::truncate); [`Error::InvalidOption`] where neither the file nor the options say how to pool;
    /// [`Error::NotFinite`] where the weights give numbers that are not; [`Error::OutOfMemory`].
    pub fn embed(&self, texts: &[impl AsRef<str>], options: Options) -> Result<Vec<Vec<f32>>> {
        let pooling = options.pooling.or(self.config.pooling).ok_or_else(|| {
            invalid_option(
                "pooling",
                "given, because the file does not say which to use",
            )
        })?;
        let mut scratch = Scratch::default();
        let mut pool = Pool::new(pooling, self.config.hidden_size)?;
        let mut embeddings = with_capacity(texts.len())?;
        for text in texts {
            let tokens = self.tokens(text.as_ref(), options.truncate)?;
            self.network.forward(&self.config, &tokens, &mut scratch)?;
            pool.push(&scratch.hidden);
            embeddings.push(pool.take(options.normalize)?);
        }
        Ok(embeddings)
    }

    /// The tokens of a text, at most as many as the context holds.
    fn tokens(&self, text: &str, truncate: bool) -> Result<Vec<TokenId>> {
        let context = self.config.context_length;
        let mut tokens = self.tokenizer.encode(text);
        if tokens.len() > context {
            if !truncate {
                return Err(Error::PromptTooLong {
                    tokens: tokens.len(),
                    context,
                });
            }
            // A text that is cut ends with [SEP] as any other.
            tokens.truncate(context - 1);
            tokens.push(self.tokenizer.sep());
        }
        Ok(tokens)
    }
}
