//! Texts → embeddings: text encoders, by which texts are searched, compared and grouped.
//!
//! An encoder is no text generator: each of its tokens attends to those on both sides at once, so that there is no KV
//! cache, no head and no loop. A text's vectors, one for each token, are [pooled](Pooling) to one.
//!
//! | file | what it does |
//! |---|---|
//! | `network` | the forward pass, which names every step in its order |
//! | `attention`, `feed_forward` | the two halves of a layer |
//! | `scratch` | the residual stream and other memory, and the norms that read and write it |
//! | `tokenizer` | text → ids |
//! | `loader`, `tensors` | the file's bytes → weights |
//! | `config` | what the file's metadata say |
//! | `architecture` | what each of the [architectures](ARCHITECTURES) is made of |
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

mod architecture;
mod attention;
mod config;
mod feed_forward;
mod loader;
mod network;
mod scratch;
mod tensors;
mod tokenizer;

pub use crate::pooling::{Options, Pooling};
pub use architecture::{ARCHITECTURES, Architecture};
pub use config::Config;
pub use loader::Loader;
pub use tokenizer::Tokenizer;

use std::path::Path;

use crate::allocation::with_capacity;
use crate::error::invalid_option;
use crate::gguf::{Metadata, read_header};
use crate::model::{check_size, feed};
use crate::pooling::Pool;
use crate::{Error, Result, TokenId};
use network::Network;
use scratch::Scratch;

/// A loaded encoder. It is immutable, so that several threads can share it.
pub struct Encoder {
    /// The configuration of the network.
    pub config: Config,
    /// Text → ids.
    pub tokenizer: Tokenizer,
    /// The file's other metadata (name, licence); the tokenizer's arrays have been moved out of it.
    pub metadata: Metadata,
    /// Parameters in all tensors.
    pub parameters: u64,
    /// Bytes of weights in memory.
    pub weight_bytes: u64,
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
    /// [cut](Options::truncate); [`Error::InvalidOption`] where neither the file nor the options say how to pool, and for
    /// an empty text where the tokenizer adds no token to a text;
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
        for (index, text) in texts.iter().enumerate() {
            let tokens = self.tokens(text.as_ref(), options.truncate)?;
            if tokens.is_empty() {
                let name = format!("texts[{index}]");
                return Err(invalid_option(&name, "a text of at least one token"));
            }
            self.network.forward(&self.config, &tokens, &mut scratch)?;
            pool.push(&scratch.hidden);
            embeddings.push(self.pooled(&mut pool, options.normalize, &mut scratch)?);
        }
        Ok(embeddings)
    }

    /// The pooled vector, through the dense layers where there are some.
    fn pooled(&self, pool: &mut Pool, normalize: bool, scratch: &mut Scratch) -> Result<Vec<f32>> {
        if self.config.dense_size.is_none() {
            return pool.take(normalize);
        }
        let vector = self.network.project(pool.take(false)?, scratch)?;
        let mut pool = Pool::new(Pooling::Last, vector.len())?;
        pool.push(&vector);
        pool.take(normalize)
    }

    /// The tokens of a text, at most as many as the context holds.
    fn tokens(&self, text: &str, truncate: bool) -> Result<Vec<TokenId>> {
        let context = self.config.context_length;
        let mut tokens = self.tokenizer.encode(text);
        if truncate {
            self.tokenizer.truncate(&mut tokens, context);
        }
        match tokens.len() {
            tokens if tokens > context => Err(Error::PromptTooLong { tokens, context }),
            _ => Ok(tokens),
        }
    }
}
