//! Evaluation during training: the loss on held-out text and on given text, the baselines to compare it with, and
//! samples.

use serde::Serialize;

use super::corpus::Window;
use super::network::{Network, Workspace};
use super::parallel::for_each_worker;
use super::report::Validation;
use super::shape::Shape;
use super::{Trainer, export};
use crate::generator::{self, Context, Generator};
use crate::model::Model;
use crate::quant::TensorType;
use crate::{Error, Result};

/// The number of held-out tokens for a validation: enough for two significant digits of the loss, few enough to be
/// quick.
const VALIDATION_TOKENS: usize = 16_384;

/// The losses that are reached without any context, in nats per token of the held-out text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Baselines {
    /// The loss of giving every token the same probability.
    pub uniform: f64,
    /// The loss of giving each token its frequency in the training text (a unigram model).
    pub unigram: f64,
}

/// A token of a text, the token after it, and the loss of predicting the latter.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TokenLoss {
    /// The text of a token.
    pub input: String,
    /// The text of the token after it.
    pub target: String,
    /// −ln of the probability that the model gives the target after all tokens before it.
    pub nll: f64,
}

/// The memory of one thread that validates, and the loss of the window it has computed last.
struct WindowLoss<'a> {
    window: Window<'a>,
    work: Workspace,
    /// The sum over the counted targets, in nats.
    loss: f64,
}

impl<'a> WindowLoss<'a> {
    fn new(shape: &Shape, window: Window<'a>) -> Result<Self> {
        Ok(Self {
            window,
            work: Workspace::new(shape, 1, window.inputs.len())?,
            loss: 0.0,
        })
    }

    fn compute(&mut self, network: Network<'_>) {
        let Window {
            inputs,
            targets,
            counted,
        } = self.window;
        let losses = network.losses(inputs, targets, &mut self.work);
        self.loss = losses[..counted].iter().sum();
    }
}

impl Trainer {
    /// Measures the validation loss, on about the first 16,384 tokens of the held-out text. Each document is read from
    /// its beginning.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where there is no memory for the computation.
    pub fn validate(&self) -> Result<Validation> {
        let shape = &self.options.shape;
        let network = Network {
            shape,
            weights: &self.weights,
        };
        let windows = self.validation_windows();
        let mut workers: Vec<WindowLoss> = Vec::new();
        let (mut sum, mut tokens) = (0.0, 0);
        for window in windows.iter().take(self.threads()) {
            match WindowLoss::new(shape, *window) {
                Ok(worker) => workers.push(worker),
                // Out of memory: fewer threads give the same result.
                Err(_) if !workers.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        for group in windows.chunks(workers.len().max(1)) {
            let workers = &mut workers[..group.len()];
            for (worker, window) in workers.iter_mut().zip(group) {
                // All windows but the last have the same length.
                if worker.work.length() == window.inputs.len() {
                    worker.window = *window;
                } else {
                    *worker = WindowLoss::new(shape, *window)?;
                }
            }
            for_each_worker(workers, |worker| worker.compute(network));
            // In the order of the windows, so that the sum does not depend on the number of threads.
            for worker in workers {
                sum += worker.loss;
                tokens += worker.window.counted;
            }
        }
        let loss = sum / tokens as f64;
        Ok(Validation {
            loss,
            perplexity: libm::exp(loss),
            tokens,
        })
    }

    /// The windows of the held-out text that are validated with.
    fn validation_windows(&self) -> Vec<Window<'_>> {
        let mut tokens = 0;
        let windows = self
            .corpus
            .validation
            .windows(self.options.shape.context_length);
        let enough = windows.take_while(|window| {
            let is_wanted = tokens < VALIDATION_TOKENS;
            tokens += window.counted;
            is_wanted
        });
        enough.collect()
    }

    /// The losses that the validation loss is to be compared with.
    pub fn baselines(&self) -> Baselines {
        let (vocabulary, corpus) = (self.options.shape.vocabulary_size, &self.corpus);
        Baselines {
            uniform: libm::log(vocabulary as f64),
            unigram: corpus.training.unigram_loss(&corpus.validation, vocabulary),
        }
    }

    /// The cross-entropy of each token of `text`, in nats, with the weights of the last step. `text` is a document of
    /// its own, after `<|endoftext|>`; the values are those that [`crate::score`] gives for the exported model.
    ///
    /// # Errors
    /// [`Error::TextTooShort`] where there is no token to predict, [`Error::PromptTooLong`] where the text is longer
    /// than the context, [`Error::OutOfMemory`].
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

    /// Each token of `text` with the token before it and its loss, in nats.
    ///
    /// # Errors
    /// Those of [`Trainer::score`].
    pub fn pairs(&self, text: &str) -> Result<Vec<TokenLoss>> {
        let losses = self.score(text)?;
        let tokenizer = &self.corpus.tokenizer;
        let ids = tokenizer.encode_prompt(text);
        let pairs = ids.iter().zip(&ids[1..]).zip(losses);
        let pairs = pairs.map(|((input, target), nll)| TokenLoss {
            input: tokenizer.token_text(*input),
            target: tokenizer.token_text(*target),
            nll,
        });
        Ok(pairs.collect())
    }

    /// Generates a text with the weights of the last step, after `prompt`; an empty prompt begins a new document.
    ///
    /// # Errors
    /// Those of [`Generator::start`] and [`Generator::next_token`].
    pub fn sample(&self, prompt: &str, options: generator::Options) -> Result<String> {
        let file = export::write(self, &self.weights, TensorType::F32)?;
        let model = Model::from_bytes(&file)?;
        let mut generator = Generator::new(model.into(), Context::default())?;
        generator.start(prompt, options)?;
        while generator.next_token()?.is_some() {}
        Ok(generator.text().into())
    }
}
