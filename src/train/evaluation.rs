//! What a training has come to: its loss on text that was held out, on a text of one's own, and what it writes.

use serde::Serialize;

use super::network::{Network, Workspace};
use super::{Trainer, export};
use crate::generator::{self, Context, Generator};
use crate::model::Model;
use crate::quant::TensorType;
use crate::{Error, Result};

/// Held-out tokens that are judged: enough for two digits of the loss, few enough to be quick.
const VALIDATION_TOKENS: usize = 16_384;

/// How well text is predicted that was held out from training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Validation {
    /// Mean cross-entropy, nats per token.
    pub loss: f64,
    /// e to the power of the loss.
    pub perplexity: f64,
    /// Tokens predicted.
    pub tokens: usize,
}

/// What is reached without learning anything about context, nats per token of the held-out text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Baselines {
    /// Guessing among all tokens alike.
    pub uniform: f64,
    /// Counting how often each token occurs.
    pub unigram: f64,
}

/// An input token and its target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The text of a token.
    pub input: String,
    /// The text of the token after it.
    pub target: String,
    /// −ln of the probability that the model gives the target, all before it known.
    pub nll: f64,
}

impl Trainer {
    /// How well the held-out text is predicted: about its first 16,384 tokens,
    /// each document from its beginning.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn validate(&self) -> Result<Validation> {
        let shape = &self.options.shape;
        let network = Network {
            shape,
            weights: &self.weights,
        };
        let (mut sum, mut tokens) = (0.0, 0);
        let mut work: Option<Workspace> = None;
        for window in self.corpus.validation.windows(shape.context_length) {
            // All windows but the last have the same length.
            let mut of_length = match work.take() {
                Some(work) if work.length() == window.inputs.len() => work,
                _ => Workspace::new(shape, 1, window.inputs.len())?,
            };
            let losses = network.losses(window.inputs, window.targets, &mut of_length);
            sum += losses[..window.counted].iter().sum::<f64>();
            tokens += window.counted;
            if tokens >= VALIDATION_TOKENS {
                break;
            }
            work = Some(of_length);
        }
        let loss = sum / tokens as f64;
        Ok(Validation {
            loss,
            perplexity: libm::exp(loss),
            tokens,
        })
    }

    /// What the loss is to be compared with.
    pub fn baselines(&self) -> Baselines {
        let (vocabulary, corpus) = (self.options.shape.vocabulary_size, &self.corpus);
        Baselines {
            uniform: libm::log(vocabulary as f64),
            unigram: corpus.training.unigram_loss(&corpus.validation, vocabulary),
        }
    }

    /// The cross-entropy of each token of `text`, nats, with the weights of the last step, as [`crate::score`] gives
    /// it with a model of them: a text of its own, after `<|endoftext|>`.
    ///
    /// # Errors
    /// [`Error::TextTooShort`], [`Error::PromptTooLong`], [`Error::OutOfMemory`].
    pub fn score(&self, text: &str) -> Result<Vec<f64>> {
        let shape = &self.options.shape;
        let ids = self.corpus.tokenizer.encode_prompt(text);
        if ids.len() < 2 {
            return Err(Error::TextTooShort(ids.len()));
        }
        let (tokens, context) = (ids.len(), shape.context_length);
        if tokens > context {
            return Err(Error::PromptTooLong { tokens, context });
        }
        let network = Network {
            shape,
            weights: &self.weights,
        };
        let mut work = Workspace::new(shape, 1, tokens - 1)?;
        Ok(network.losses(&ids[..tokens - 1], &ids[1..], &mut work))
    }

    /// Each token of `text` after the first with the one before it, and how surprising it is.
    ///
    /// # Errors
    /// As [`Trainer::score`].
    pub fn pairs(&self, text: &str) -> Result<Vec<Pair>> {
        let losses = self.score(text)?;
        let tokenizer = &self.corpus.tokenizer;
        let ids = tokenizer.encode_prompt(text);
        let pairs = ids.iter().zip(&ids[1..]).zip(losses);
        let pairs = pairs.map(|((input, target), nll)| Pair {
            input: tokenizer.token_text(*input),
            target: tokenizer.token_text(*target),
            nll,
        });
        Ok(pairs.collect())
    }

    /// What the model writes with the weights of the last step, after `prompt`; an empty one begins a new text.
    ///
    /// # Errors
    /// As [`Generator::start`] and [`Generator::next_token`].
    pub fn sample(&self, prompt: &str, options: generator::Options) -> Result<String> {
        let file = export::write(self, &self.weights, TensorType::F32)?;
        let model = Model::from_bytes(&file)?;
        let mut generator = Generator::new(model.into(), Context::default())?;
        generator.start(prompt, options)?;
        while generator.next_token()?.is_some() {}
        Ok(generator.text().into())
    }
}
