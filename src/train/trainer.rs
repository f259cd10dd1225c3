//! The training loop.

use fnv::FnvHasher;
use rand_chacha::ChaCha12Rng;
use std::hash::Hasher;

use super::corpus::{Corpus, Tokens};
use super::network::{Network, Workspace, zeros};
use super::optimizer::{self, AdamW};
use super::parallel::for_each_worker;
use super::random::{INITIAL, init_weights, stream};
use super::report::{BestState, StepReport, Validation};
use super::shape::{Shape, Tensor};
use super::{Options, Schedule};
use crate::{Result, TokenId, kernels};

/// The memory of one thread.
struct Worker {
    work: Workspace,
    gradient: Vec<f32>,
    inputs: Vec<TokenId>,
    targets: Vec<TokenId>,
    loss: f64,
}

/// Trains one model on one text, step by step.
///
/// ```
/// # fn main() -> nexttoken::Result<()> {
/// use nexttoken::model::Model;
/// use nexttoken::quant::TensorType;
/// use nexttoken::train::{Options, Preset, Trainer};
///
/// let text = "The cat sat on the mat. The dog sat on the log. ".repeat(100);
/// let options = Options { steps: Some(3), ..Options::preset(Preset::Tiny) };
/// let mut trainer = Trainer::new(&text, options)?;
/// while !trainer.is_complete() {
///     println!("{:.3} nats per token", trainer.step()?.loss);
/// }
/// let model = Model::from_bytes(&trainer.to_gguf(TensorType::F32)?)?;
/// assert_eq!(model.config.layers, 2);
/// # Ok(())
/// # }
/// ```
pub struct Trainer {
    pub(super) options: Options,
    pub(super) corpus: Corpus,
    pub(super) text_hash: u64,
    pub(super) weights: Vec<f32>,
    pub(super) adam: AdamW,
    pub(super) step: u64,
    /// The best validated state, and its weights.
    pub(super) best: Option<BestState>,
    pub(super) best_weights: Vec<f32>,
    schedule: Schedule,
    tensors: Vec<Tensor>,
    gradient: Vec<f32>,
    workers: Vec<Worker>,
}

/// The fewest steps without progress before training may stop early: the validation loss fluctuates over some steps,
/// most of all at a high learning rate.
const MIN_WAIT: u64 = 50;

crate::debug::debug_in_brief!(Trainer { options, step });

impl Trainer {
    /// Learns the vocabulary of `text` and draws the initial weights. `<|endoftext|>` in the text separates documents.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption), [`Error::CorpusTooSmall`](crate::Error::CorpusTooSmall),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(text: &str, options: Options) -> Result<Self> {
        options.validate()?;
        let shape = options.shape;
        let corpus = Corpus::new(text, shape.vocabulary_size, shape.context_length)?;
        let mut trainer = Self::with_corpus(corpus, hash(text), options)?;
        trainer.init_weights();
        Ok(trainer)
    }

    pub(super) fn with_corpus(
        corpus: Corpus,
        text_hash: u64,
        mut options: Options,
    ) -> Result<Self> {
        options.shape.vocabulary_size = corpus.vocabulary.tokens.len();
        let schedule = Schedule::new(&options, corpus.training.len());
        schedule.resolve_defaults(&mut options);
        let parameters = options.shape.parameters();
        let mut trainer = Self {
            tensors: options.shape.tensors(),
            weights: zeros(1, parameters)?,
            adam: AdamW::new(parameters)?,
            gradient: zeros(1, parameters)?,
            workers: Vec::new(),
            step: 0,
            best: None,
            best_weights: zeros(1, parameters)?,
            schedule,
            options,
            corpus,
            text_hash,
        };
        trainer.set_threads(1)?;
        Ok(trainer)
    }

    pub(super) fn init_weights(&mut self) {
        let mut random = stream(self.options.seed, INITIAL);
        init_weights(&self.tensors, &mut self.weights, &mut random);
    }

    /// Sets the number of threads, each of which needs memory of its own. The results do not depend on it. There are
    /// never more threads than parts of a batch, nor in WebAssembly more than the module has
    /// ([`threads`](crate::threads)).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) where there is no memory for all of them; those that fit are
    /// kept.
    pub fn set_threads(&mut self, threads: usize) -> Result<()> {
        let (shape, size) = (&self.options.shape, self.options.part_size());
        let mut most = self.options.batch_size.div_ceil(size);
        if cfg!(target_arch = "wasm32") {
            most = most.min(kernels::threads::count());
        }
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

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.workers.len()
    }

    /// Takes one step: draws a batch, computes its loss and the gradient, and updates the weights. At regular intervals
    /// it also validates, and keeps the weights if their validation loss is the lowest so far.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) where training has diverged; the weights are then
    /// unchanged. [`Error::OutOfMemory`](crate::Error::OutOfMemory) where there is no memory for the validation; the step is
    /// done then.
    pub fn step(&mut self) -> Result<StepReport> {
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
            for_each_worker(workers, |worker| worker.compute(network, scale));
            for worker in workers {
                loss += worker.loss;
                kernels::add(&mut self.gradient, &worker.gradient);
            }
        }
        let loss = loss / tokens as f64;
        let gradient = optimizer::clip(loss, &mut self.gradient, options.max_gradient)?;
        self.adam.update(
            &self.schedule,
            &self.tensors,
            self.step,
            &self.gradient,
            &mut self.weights,
        );
        let learning_rate = self.schedule.rate(self.step);
        self.step += 1;
        let validation = match self.schedule.is_validation_step(self.step) {
            true => Some(self.validate_and_keep_best()?),
            false => None,
        };
        Ok(StepReport {
            step: self.step,
            loss,
            gradient,
            learning_rate,
            tokens,
            validation,
        })
    }

    pub(super) fn validate_and_keep_best(&mut self) -> Result<Validation> {
        let validation = self.validate()?;
        let loss = validation.loss;
        // Weights that have diverged must not become the best: nothing is less than NaN, so that they would stay the
        // best.
        if loss.is_finite() && self.best.is_none_or(|best| loss < best.loss) {
            self.best = Some(BestState {
                step: self.step,
                loss,
            });
            self.best_weights.copy_from_slice(&self.weights);
        }
        Ok(validation)
    }

    /// The state that [`Trainer::to_gguf`] writes: the one with the lowest validation loss among all validated states
    /// and the present one.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) where there is no memory to validate the present state.
    pub fn best(&self) -> Result<BestState> {
        Ok(self.best_state()?.0)
    }

    /// Whether a validation has found a best state. It remains even if a later step fails.
    pub fn has_best(&self) -> bool {
        self.best.is_some()
    }

    pub(super) fn best_state(&self) -> Result<(BestState, &[f32])> {
        if let Some(best) = self.best
            && self.schedule.is_validation_step(self.step)
        {
            return Ok((best, &self.best_weights));
        }
        let (step, loss) = (self.step, self.validate()?.loss);
        match self.best {
            Some(best) if best.loss <= loss || loss.is_nan() => Ok((best, &self.best_weights)),
            _ => Ok((BestState { step, loss }, &self.weights)),
        }
    }

    /// The options, with the vocabulary's actual size and with nothing left open.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The architecture of the model.
    pub fn shape(&self) -> &Shape {
        &self.options.shape
    }

    /// The number of steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// The schedule of the training.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The epochs of the whole schedule: how often its steps read the training text.
    pub fn epochs(&self) -> f64 {
        let batch = self.options.batch_size * self.options.shape.context_length;
        self.schedule.steps as f64 * batch as f64 / self.corpus.training.len() as f64
    }

    /// Whether training is complete: all steps are done, or early stopping applies. More steps may still be taken;
    /// after the last of the schedule they have the lowest learning rate.
    pub fn is_complete(&self) -> bool {
        self.step >= self.schedule.steps || self.should_stop_early()
    }

    /// Whether early stopping applies: as many validations as the patience, spanning at least 50 steps, have found no
    /// lower loss.
    pub fn should_stop_early(&self) -> bool {
        let Some(best) = self.best.filter(|_| self.options.patience > 0) else {
            return false;
        };
        let validations =
            self.schedule.validations(self.step) - self.schedule.validations(best.step);
        validations >= self.options.patience && self.step - best.step >= MIN_WAIT
    }

    /// The numbers of tokens trained on and held out.
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

impl Worker {
    /// Draws the windows of one part of the batch.
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

/// The FNV-1a hash of a text: it only tells texts apart, and is not cryptographic.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}
