//! The loop of training.

use rand_chacha::ChaCha12Rng;
use serde::Serialize;

use super::corpus::{Corpus, Documents, Tokens};
use super::network::{Network, Workspace, zeros};
use super::optimizer::{self, AdamW};
use super::random::{normal, stream};
use super::shape::{Shape, Tensor};
use super::{Options, checkpoint, export};
use crate::generator::{self, Context, Generator};
use crate::model::Model;
use crate::quant::TensorType;
use crate::{Error, Result, TokenId};

/// Held-out tokens that are judged: enough for two digits of the loss, few enough to be quick.
const VALIDATION_TOKENS: usize = 16_384;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Report {
    /// Steps done, this one included.
    pub step: u64,
    /// Mean cross-entropy of the step's batch before it was learnt, nats per token.
    pub loss: f64,
    /// Euclidean length of the gradient before clipping.
    pub gradient: f64,
    /// The learning rate.
    pub learning_rate: f32,
    /// Tokens in the batch.
    pub tokens: usize,
}

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

/// One thread's memory.
struct Worker {
    work: Workspace,
    gradient: Vec<f32>,
    inputs: Vec<TokenId>,
    targets: Vec<TokenId>,
    loss: f64,
}

/// Trains one model on one text, step by step.
pub struct Trainer {
    pub(super) options: Options,
    pub(super) corpus: Corpus,
    pub(super) text_hash: u64,
    pub(super) weights: Vec<f32>,
    pub(super) adam: AdamW,
    pub(super) step: u64,
    tensors: Vec<Tensor>,
    gradient: Vec<f32>,
    workers: Vec<Worker>,
}

impl Trainer {
    /// Learns the vocabulary of `text` and draws the first weights. `<|endoftext|>` in the text ends a document.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], [`Error::CorpusTooSmall`], [`Error::OutOfMemory`].
    pub fn new(text: &str, options: Options) -> Result<Self> {
        options.validate()?;
        let shape = options.shape;
        let corpus = Corpus::new(text, shape.vocabulary_size, shape.context_length)?;
        let mut trainer = Self::with_corpus(corpus, hash(text), options)?;
        trainer.draw_weights();
        Ok(trainer)
    }

    /// Goes on where [`Trainer::checkpoint`] was taken, with the same text.
    ///
    /// # Errors
    /// [`Error::CheckpointMismatch`] where the checkpoint is of another text or no checkpoint at all; everything
    /// that can be wrong with a GGUF file; [`Error::OutOfMemory`].
    pub fn resume(text: &str, checkpoint: &[u8]) -> Result<Self> {
        let saved = checkpoint::read(checkpoint)?;
        if saved.text_hash != hash(text) {
            let reason = "it was made with another text".to_owned();
            return Err(Error::CheckpointMismatch(reason));
        }
        let context = saved.options.shape.context_length;
        let documents = Documents::split(text);
        let corpus = Corpus::with_vocabulary(&documents, saved.vocabulary, context)?;
        let mut trainer = Self::with_corpus(corpus, saved.text_hash, saved.options)?;
        for (to, from) in [
            (&mut trainer.weights, &saved.weights),
            (&mut trainer.adam.first, &saved.first),
            (&mut trainer.adam.second, &saved.second),
        ] {
            if to.len() != from.len() {
                let reason = "its weights do not fit its options".to_owned();
                return Err(Error::CheckpointMismatch(reason));
            }
            to.copy_from_slice(from);
        }
        trainer.step = saved.step;
        Ok(trainer)
    }

    fn with_corpus(corpus: Corpus, text_hash: u64, mut options: Options) -> Result<Self> {
        options.shape.vocabulary_size = corpus.vocabulary.tokens.len();
        let parameters = options.shape.parameters();
        let mut trainer = Self {
            tensors: options.shape.tensors(),
            weights: zeros(1, parameters)?,
            adam: AdamW::new(parameters)?,
            gradient: zeros(1, parameters)?,
            workers: Vec::new(),
            step: 0,
            options,
            corpus,
            text_hash,
        };
        trainer.set_threads(1)?;
        Ok(trainer)
    }

    fn draw_weights(&mut self) {
        let mut random = stream(self.options.seed, u64::MAX);
        for tensor in &self.tensors {
            let weights = &mut self.weights[tensor.range.clone()];
            match tensor.columns {
                None => weights.fill(1.0),
                Some(columns) => {
                    let deviation = tensor.spread / libm::sqrtf(columns as f32);
                    weights.fill_with(|| deviation * normal(&mut random));
                }
            }
        }
    }

    /// Computes on so many threads, each with memory of its own; the results are the same. In WebAssembly there
    /// is one, whatever is asked for.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; the number is then as it was.
    pub fn set_threads(&mut self, threads: usize) -> Result<()> {
        let (shape, size) = (&self.options.shape, self.options.part_size());
        let most = match cfg!(target_arch = "wasm32") {
            true => 1,
            false => self.options.batch_size.div_ceil(size),
        };
        let threads = threads.clamp(1, most);
        while self.workers.len() < threads {
            self.workers.push(Worker {
                work: Workspace::new(shape, size, shape.context_length)?,
                gradient: zeros(1, shape.parameters())?,
                inputs: Vec::new(),
                targets: Vec::new(),
                loss: 0.0,
            });
        }
        self.workers.truncate(threads);
        Ok(())
    }

    /// One step: draws a batch, computes its loss and the gradient, changes the weights.
    ///
    /// # Errors
    /// [`Error::NotFinite`] where the training has diverged; the weights are then as they were.
    pub fn step(&mut self) -> Result<Report> {
        let options = &self.options;
        let tokens = options.batch_size * options.shape.context_length;
        let network = Network {
            shape: &options.shape,
            weights: &self.weights,
        };
        let mut random = stream(options.seed, self.step);
        let scale = 1.0 / tokens as f32;
        self.gradient.fill(0.0);
        let mut loss = 0.0;
        let mut parts = options.batch_size / options.part_size();
        while parts > 0 {
            let busy = parts.min(self.workers.len());
            parts -= busy;
            let workers = &mut self.workers[..busy];
            for worker in &mut *workers {
                worker.draw(&self.corpus.training, options, &mut random);
            }
            compute(network, scale, workers);
            for worker in workers {
                loss += worker.loss;
                for (sum, slope) in self.gradient.iter_mut().zip(&worker.gradient) {
                    *sum += slope;
                }
            }
        }
        let loss = loss / tokens as f64;
        let gradient = optimizer::clip(&mut self.gradient, options.max_gradient);
        if !(loss.is_finite() && gradient.is_finite()) {
            return Err(Error::NotFinite);
        }
        self.adam.update(
            options,
            &self.tensors,
            self.step,
            &self.gradient,
            &mut self.weights,
        );
        let learning_rate = optimizer::learning_rate(options, self.step);
        self.step += 1;
        Ok(Report {
            step: self.step,
            loss,
            gradient,
            learning_rate,
            tokens,
        })
    }

    /// How well the held-out text is predicted: about its first 16,384 tokens,
    /// each document from its beginning.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn validate(&mut self) -> Result<Validation> {
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

    /// The cross-entropy of each token of `text`, nats, as [`crate::score`] gives it with the model of
    /// [`Trainer::to_gguf`]: a text of its own, after `<|endoftext|>`.
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

    /// What the model writes now, after `prompt`; an empty one begins a new text.
    ///
    /// # Errors
    /// As [`Generator::start`] and [`Generator::next_token`].
    pub fn sample(&self, prompt: &str, options: generator::Options) -> Result<String> {
        let model = Model::from_bytes(&self.to_gguf(TensorType::F32)?)?;
        let mut generator = Generator::new(model.into(), Context::default())?;
        generator.start(prompt, options)?;
        while generator.next_token()?.is_some() {}
        Ok(generator.text().into())
    }

    /// The model as a GGUF file; `kind` is F32, F16 or Q8_0.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another type, [`Error::OutOfMemory`].
    pub fn to_gguf(&self, kind: TensorType) -> Result<Vec<u8>> {
        export::write(self, kind)
    }

    /// Everything needed to go on later, as a GGUF file; see [`Trainer::resume`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        checkpoint::write(self)
    }

    /// The options, with the size the vocabulary really has.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The shape of the model.
    pub fn shape(&self) -> &Shape {
        &self.options.shape
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Whether all steps of the options are done; more may be, at the lowest learning rate.
    pub fn is_complete(&self) -> bool {
        self.step >= self.options.steps
    }

    /// Tokens trained on and tokens held out.
    pub fn corpus_tokens(&self) -> (usize, usize) {
        (self.corpus.training.len(), self.corpus.validation.len())
    }

    pub(super) fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    #[cfg(test)]
    pub(super) fn weights_mut(&mut self) -> &mut [f32] {
        &mut self.weights
    }
}

/// Computes each worker's part, on a thread for each.
fn compute(network: Network<'_>, scale: f32, workers: &mut [Worker]) {
    #[cfg(not(target_arch = "wasm32"))]
    if let [first, others @ ..] = workers
        && !others.is_empty()
    {
        std::thread::scope(|scope| {
            for worker in others {
                scope.spawn(move || worker.compute(network, scale));
            }
            first.compute(network, scale);
        });
        return;
    }
    for worker in workers {
        worker.compute(network, scale);
    }
}

impl Worker {
    /// Draws the windows of one part.
    fn draw(&mut self, tokens: &Tokens, options: &Options, random: &mut ChaCha12Rng) {
        self.inputs.clear();
        self.targets.clear();
        for _ in 0..options.part_size() {
            let (inputs, targets) = tokens.window(options.shape.context_length, random);
            self.inputs.extend(inputs);
            self.targets.extend(targets);
        }
    }

    fn compute(&mut self, network: Network<'_>, scale: f32) {
        self.gradient.fill(0.0);
        self.loss = network.loss_and_gradient(
            &self.inputs,
            &self.targets,
            scale,
            &mut self.work,
            &mut self.gradient,
        );
    }
}

/// FNV-1a of a text: tells texts apart, no more.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}
