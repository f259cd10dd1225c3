//! Cross-entropy of a given text: how much probability the model gives to each of its tokens.
//!
//! The targets are the input shifted by one: the model reads token 0 and is judged by the probability it
//! gives token 1, reads tokens 0 and 1 and is judged by token 2, and so on.

use crate::allocation::{reserve, with_capacity};
use crate::kernels::CacheType;
use crate::model::{Model, PREFILL_CHUNK, Session};
use crate::sampler::Sampler;
use crate::tokenizer::{TextDecoder, Tokenizer};
use crate::{Error, Progress, Result, TokenId, kernels};
use serde::Serialize;
use std::fmt;
use std::ops::Deref;

/// How well a model expects a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Score {
    /// The text's tokens, BOS included where the model asks for it.
    pub ids: Vec<TokenId>,
    /// What each token adds to the text: whole characters only, and nothing for a control token, except for those
    /// that mark a model's thinking.
    pub texts: Vec<String>,
    /// −ln p of each token after the first, given those before it, in nats: `[ids.len() - 1]`.
    pub nll: Vec<f32>,
    /// The mean of `nll`: the cross-entropy, in nats per token.
    pub mean_nll: f64,
    /// e to the power of `mean_nll`: the number of equally likely tokens among which the model seems to choose.
    pub perplexity: f64,
    /// The most probable tokens in the place of each token after the first, best first, as many as
    /// [`Scorer::with_top`] asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_logprobs: Vec<Vec<Expected>>,
}

/// A token among the most probable ones in the place of another.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Expected {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The token by itself: its text (half a character shows as U+FFFD), or the name of a control token that
    /// stands for none.
    pub text: String,
    /// Natural logarithm of its probability.
    pub logprob: f32,
}

/// Scores a whole text in one call.
///
/// # Errors
/// See [`Scorer::new`] and [`Scorer::step`].
pub fn score(model: &Model, text: &str) -> Result<Score> {
    let mut scorer = Scorer::new(model, text, CacheType::default())?;
    while !scorer.step()?.is_complete() {}
    scorer.finish()
}

/// Scores a text chunk by chunk, so that a caller can show progress.
///
/// ```
/// # fn main() -> nexttoken::Result<()> {
/// use nexttoken::generator::CacheType;
/// use nexttoken::model::Model;
/// use nexttoken::score::Scorer;
///
/// let model = Model::open("www/stories.gguf")?;
/// let mut scorer = Scorer::new(&model, "Once upon a time, there was a fox.", CacheType::default())?;
/// while !scorer.step()?.is_complete() {}
/// let score = scorer.finish()?;
/// assert_eq!(score.nll.len(), score.ids.len() - 1);
/// assert!(score.perplexity < 50.0);
/// # Ok(())
/// # }
/// ```
pub struct Scorer<M: Deref<Target = Model>> {
    model: M,
    session: Session,
    logits: Vec<f32>,
    ids: Vec<TokenId>,
    nll: Vec<f32>,
    top: usize,
    expected: Vec<Vec<Expected>>,
    /// Only finds the most probable tokens; nothing is sampled.
    sampler: Sampler,
}

impl<M: Deref<Target = Model>> fmt::Debug for Scorer<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scorer")
            .field("ids", &self.ids)
            .field("nll", &self.nll)
            .finish_non_exhaustive()
    }
}

impl<M: Deref<Target = Model>> Scorer<M> {
    /// Prepares to score `text` with a KV cache of the type `cache`; special tokens in the text are parsed.
    ///
    /// # Errors
    /// [`Error::TextTooShort`] for fewer than two tokens, [`Error::PromptTooLong`] for more than the model's context
    /// holds, [`Error::OutOfMemory`].
    pub fn new(model: M, text: &str, cache: CacheType) -> Result<Self> {
        let ids = model.tokenizer.encode_prompt(text);
        if ids.len() < 2 {
            return Err(Error::TextTooShort(ids.len()));
        }
        let context = model.config.context_length;
        if ids.len() > context {
            let tokens = ids.len();
            return Err(Error::PromptTooLong { tokens, context });
        }
        let nll = with_capacity(ids.len() - 1)?;
        Ok(Scorer {
            session: Session::new(&model, ids.len(), cache)?,
            model,
            logits: Vec::new(),
            ids,
            nll,
            top: 0,
            expected: Vec::new(),
            sampler: Sampler::new(Vec::new(), 0),
        })
    }

    /// Also lists the `top` tokens that the model gave the highest probability in the place of each target.
    pub fn with_top(self, top: usize) -> Self {
        Self { top, ..self }
    }

    /// Scores the next chunk of tokens; the progress counts the tokens that are predicted.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], after which the step may be tried again; [`Error::NotFinite`].
    pub fn step(&mut self) -> Result<Progress> {
        let total = self.ids.len() - 1;
        let start = self.nll.len();
        let end = total.min(start + PREFILL_CHUNK);
        if start < end {
            self.model
                .forward_range(&self.ids, start..end, &mut self.session)?;
            for position in start..end {
                let nll = self.negative_log_likelihood(position - start, self.ids[position + 1])?;
                self.nll.push(nll);
            }
        }
        let done = self.nll.len();
        Ok(Progress { done, total })
    }

    /// −ln p(`target`) under the prediction in row `row` of the last chunk's hidden states.
    fn negative_log_likelihood(&mut self, row: usize, target: TokenId) -> Result<f32> {
        let hidden = self.session.hidden();
        self.model.head.logits(hidden.row(row), &mut self.logits)?;
        // Where the model has fewer logits than its tokenizer has tokens, the target may have no logit: probability 0.
        let logit = self.logits.get(target as usize).copied();
        let tokenizer = &self.model.tokenizer;
        let (expected, log_sum_exp) =
            most_expected(&mut self.logits, self.top, &mut self.sampler, tokenizer)?;
        if self.top > 0 {
            reserve(&mut self.expected, 1)?;
            self.expected.push(expected);
        }
        Ok(log_sum_exp - logit.unwrap_or(f32::NEG_INFINITY))
    }

    /// The score of the tokens scored so far.
    ///
    /// # Errors
    /// [`Error::TextTooShort`] before the first step.
    pub fn finish(self) -> Result<Score> {
        if self.nll.is_empty() {
            return Err(Error::TextTooShort(1));
        }
        let sum: f64 = self.nll.iter().map(|&nll| f64::from(nll)).sum();
        let mean_nll = sum / self.nll.len() as f64;
        Ok(Score {
            texts: texts(&self.model, &self.ids),
            ids: self.ids,
            nll: self.nll,
            mean_nll,
            perplexity: libm::exp(mean_nll),
            top_logprobs: self.expected,
        })
    }
}

/// The `top` most probable tokens by these logits, best first, and the logarithm of softmax's denominator. The logits
/// are probabilities afterwards.
///
/// # Errors
/// [`Error::NotFinite`], [`Error::OutOfMemory`].
pub(crate) fn most_expected(
    logits: &mut [f32],
    top: usize,
    sampler: &mut Sampler,
    tokenizer: &Tokenizer,
) -> Result<(Vec<Expected>, f32)> {
    let best = sampler.alternatives(logits, 0.0, top)?;
    let log_sum_exp = kernels::softmax(logits);
    if !log_sum_exp.is_finite() {
        return Err(Error::NotFinite);
    }
    let expected = best.into_iter().map(|best| Expected {
        id: best.id,
        text: tokenizer.token_text(best.id),
        logprob: best.logit - log_sum_exp,
    });
    Ok((expected.collect(), log_sum_exp))
}

/// What each token adds to the text.
fn texts(model: &Model, ids: &[TokenId]) -> Vec<String> {
    let mut decoder = TextDecoder::default();
    let tokens = ids.iter().map(|&id| model.tokenizer.token_bytes(id));
    let mut texts: Vec<String> = tokens.map(|bytes| decoder.push(bytes)).collect();
    if let Some(last) = texts.last_mut() {
        last.push_str(&decoder.finish());
    }
    texts
}
