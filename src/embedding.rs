//! Embeddings of texts: the model's final hidden states, pooled into one vector for each text.
//!
//! A causal model that was trained for it (Qwen3-Embedding, 2025) says in its file how its hidden states are pooled, and
//! that EOS is added. Any other generator has hidden states too; its vectors tell topics apart, but less well.

use crate::allocation::with_capacity;
use crate::error::invalid_option;
use crate::kernels::CacheType;
use crate::model::{Model, PREFILL_CHUNK, Session};
use crate::pooling::Pool;
pub use crate::pooling::{Options, Pooling};
use crate::{Error, Progress, Result, TokenId};
use std::fmt;
use std::ops::Deref;

/// The vectors of `texts` in one call, `[texts][hidden_size]`.
///
/// # Errors
/// See [`Embedder::new`] and [`Embedder::step`].
pub fn embed(model: &Model, texts: &[impl AsRef<str>], options: Options) -> Result<Vec<Vec<f32>>> {
    Embedder::new(model, texts, options, CacheType::default())?.finish()
}

/// Embeds texts chunk by chunk, so that a caller can show progress.
///
/// ```
/// # fn main() -> nexttoken::Result<()> {
/// use nexttoken::embedding::{Embedder, Options};
/// use nexttoken::generator::CacheType;
/// use nexttoken::model::Model;
///
/// let model = Model::open("www/stories.gguf")?;
/// let texts = ["A fox lived in the wood.", "The rabbit was happy."];
/// let mut embedder = Embedder::new(&model, &texts, Options::default(), CacheType::default())?;
/// while !embedder.step()?.is_complete() {}
/// let vectors = embedder.finish()?;
/// assert_eq!(vectors.len(), 2);
/// assert_eq!(vectors[0].len(), model.config.hidden_size);
/// # Ok(())
/// # }
/// ```
pub struct Embedder<M: Deref<Target = Model>> {
    model: M,
    session: Session,
    normalize: bool,
    texts: Vec<Vec<TokenId>>,
    vectors: Vec<Vec<f32>>,
    /// The hidden states of the text that is being run.
    pool: Pool,
    progress: Progress,
}

impl<M: Deref<Target = Model>> fmt::Debug for Embedder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedder")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

impl<M: Deref<Target = Model>> Embedder<M> {
    /// Prepares to embed `texts` with a KV cache of the type `cache`. Special tokens in a text are parsed; BOS comes
    /// before it and EOS after it where the model's file asks for them.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] for a pooling that does not exist in the file; [`Error::InvalidOption`] for a text without
    /// tokens, [`Error::PromptTooLong`] for one of more than the model's context holds, unless it may be
    /// [cut](Options::truncate); [`Error::OutOfMemory`].
    pub fn new(
        model: M,
        texts: &[impl AsRef<str>],
        options: Options,
        cache: CacheType,
    ) -> Result<Self> {
        let config = &model.config;
        let pooling = match options.pooling {
            Some(pooling) => pooling,
            None => Pooling::from_metadata(&model.metadata, config.architecture.name)?
                .unwrap_or(Pooling::Last),
        };
        let (mut encoded, mut total) = (with_capacity(texts.len())?, 0);
        for (index, text) in texts.iter().enumerate() {
            let mut ids = model.tokenizer.encode_prompt(text.as_ref());
            let context = config.context_length;
            if options.truncate {
                model.tokenizer.truncate_prompt(&mut ids, context);
            }
            let tokens = ids.len();
            if tokens == 0 {
                let name = format!("texts[{index}]");
                return Err(invalid_option(&name, "a text of at least one token"));
            }
            if tokens > context {
                return Err(Error::PromptTooLong { tokens, context });
            }
            total += tokens;
            encoded.push(ids);
        }
        Ok(Self {
            // Of the model's own length, so that no vector depends on how long the other texts are: the frequencies of
            // LongRoPE follow the session's capacity. Its memory is taken as the text grows.
            session: Session::new(&model, config.context_length, cache)?,
            normalize: options.normalize,
            vectors: with_capacity(encoded.len())?,
            texts: encoded,
            pool: Pool::new(pooling, config.hidden_size)?,
            progress: Progress { done: 0, total },
            model,
        })
    }

    /// Runs the next chunk of tokens; the progress counts the tokens of all texts.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], after which the step may be tried again; [`Error::NotFinite`].
    pub fn step(&mut self) -> Result<Progress> {
        let Some(ids) = self.texts.get(self.vectors.len()) else {
            return Ok(self.progress);
        };
        let start = self.pool.tokens();
        let end = ids.len().min(start + PREFILL_CHUNK);
        if start < end {
            self.model
                .forward_range(ids, start..end, &mut self.session)?;
            self.pool.push(self.session.hidden_rows(0..end - start));
            self.progress.done += end - start;
        }
        if end == ids.len() {
            self.vectors.push(self.pool.take(self.normalize)?);
        }
        Ok(self.progress)
    }

    /// The vectors of the texts, in their order, after the steps that are left: `[texts][hidden_size]`.
    ///
    /// # Errors
    /// As [`Embedder::step`].
    pub fn finish(mut self) -> Result<Vec<Vec<f32>>> {
        while !self.step()?.is_complete() {}
        Ok(self.vectors)
    }
}
