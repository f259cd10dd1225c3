//! The training loop of fine-tuning.

use super::super::network::zeros;
use super::super::optimizer::{self, AdamW};
use super::super::options::PART_TOKENS;
use super::super::parallel::for_each_worker;
use super::super::random::{INITIAL, below, init_weights, stream};
use super::super::{BestState, Schedule, StepReport, Validation};
use super::examples::{Examples, Sequence};
use super::network::{Network, Part, Workspace};
use super::updates::Updates;
use super::{Options, export};
use crate::model::DenseModel;
use crate::{Error, Result, kernels};

/// Held-out tokens that count in a validation, at most by one sequence more: a validation must not take longer than the
/// steps between two.
const VALIDATION_TOKENS: usize = 2048;

/// The memory of one thread.
#[derive(Default)]
struct Worker {
    part: Part,
    work: Workspace,
    gradient: Vec<f32>,
    loss: f64,
}

/// The model with the updates as they are now.
fn network<'a>(
    base: &'a DenseModel,
    updates: &'a Updates,
    weights: &'a [f32],
    options: &Options,
) -> Network<'a> {
    Network {
        base,
        updates,
        weights,
        scale: options.alpha / options.rank as f32,
    }
}

/// Fine-tunes a model: learns low-rank updates (LoRA, Hu et al. 2021) of its frozen weights, step by step.
///
/// The weights are dequantised: they take four bytes each, besides the model's own. A thread takes memory for the activations
/// and the attention weights (one for each head and two positions) of 256 tokens, or of the longest sequence where that is
/// longer, and for a gradient.
///
/// ```
/// # fn main() -> nexttoken::Result<()> {
/// use nexttoken::model::{Adapter, Model};
/// use nexttoken::train::finetune::{Examples, Finetuner, Options};
/// use std::sync::Arc;
///
/// let model = Arc::new(Model::open("www/stories.gguf")?);
/// let text = "The robot counted the stars. Beep! Then it slept. ".repeat(8);
/// let examples = Examples::from_text(&model, &text, 64)?;
/// let options = Options { steps: Some(3), ..Options::default() };
/// let mut tuner = Finetuner::new(examples, options)?;
/// while !tuner.is_complete() {
///     println!("{:.3} nats per token", tuner.step()?.loss);
/// }
/// assert!(tuner.best().loss < tuner.first().loss);
/// let adapter = Adapter::from_bytes(&model, &tuner.to_gguf()?)?;
/// # Ok(())
/// # }
/// ```
pub struct Finetuner {
    options: Options,
    schedule: Schedule,
    base: DenseModel,
    examples: Examples,
    updates: Updates,
    weights: Vec<f32>,
    adam: AdamW,
    gradient: Vec<f32>,
    step: u64,
    /// The held-out loss of the model as it was.
    first: Validation,
    best: BestState,
    best_weights: Vec<f32>,
    workers: Vec<Worker>,
    /// The order of the examples in an epoch, and the number of that epoch.
    order: (Option<u64>, Vec<usize>),
}

crate::debug::debug_in_brief!(Finetuner { options, step });

impl Finetuner {
    /// Draws the initial updates of the model that the examples are for, which change nothing yet, and measures the
    /// held-out loss of the model as it is. It works on one thread until [`set_threads`](Self::set_threads) says
    /// otherwise.
    ///
    /// # Errors
    /// Those of [`with_threads`](Self::with_threads).
    pub fn new(examples: Examples, options: Options) -> Result<Self> {
        Self::with_threads(examples, options, 1)
    }

    /// The same on so many threads (see [`set_threads`](Self::set_threads)) from the first measurement on.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] for a model whose architecture is neither `llama` nor `qwen2`, [`Error::InvalidOption`],
    /// [`Error::NotFinite`] for a model whose loss is not a number, [`Error::OutOfMemory`].
    pub fn with_threads(examples: Examples, options: Options, threads: usize) -> Result<Self> {
        options.validate()?;
        let base = DenseModel::new(&examples.model, examples.context_length)?;
        let updates = Updates::new(&base, options.rank, &options.targets);
        let parameters = updates.parameters();
        let mut weights = zeros(1, parameters)?;
        let mut random = stream(options.seed, INITIAL);
        init_weights(&updates.tensors, &mut weights, &mut random);
        let nothing = Validation {
            loss: f64::INFINITY,
            perplexity: f64::INFINITY,
            tokens: 0,
        };
        let mut tuner = Self {
            schedule: options.schedule(&examples),
            options,
            base,
            examples,
            updates,
            adam: AdamW::new(parameters)?,
            gradient: zeros(1, parameters)?,
            step: 0,
            first: nothing,
            best: BestState {
                step: 0,
                loss: f64::INFINITY,
            },
            best_weights: crate::allocation::copy(&weights)?,
            weights,
            workers: vec![Worker::default()],
            order: (None, Vec::new()),
        };
        tuner.set_threads(threads);
        tuner.first = tuner.validate()?;
        tuner.best.loss = tuner.first.loss;
        match tuner.first.loss.is_finite() {
            true => Ok(tuner),
            false => Err(Error::NotFinite),
        }
    }

    /// Sets the number of threads, each of which takes memory of its own. The results do not depend on it. In
    /// WebAssembly there are never more than the module has ([`threads`](crate::threads)).
    pub fn set_threads(&mut self, threads: usize) {
        let most = match cfg!(target_arch = "wasm32") {
            true => kernels::threads::count(),
            // There are never more parts than sequences.
            false => self.options.batch_size.max(self.examples.held_out.len()),
        };
        self.workers
            .resize_with(threads.clamp(1, most), Worker::default);
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.workers.len()
    }

    /// Takes one step: computes the loss of a batch and its gradient, and changes the updates. At regular intervals it
    /// also validates, and keeps the updates if their held-out loss is the lowest so far.
    ///
    /// # Errors
    /// [`Error::NotFinite`] where training has diverged; the updates are then unchanged. [`Error::OutOfMemory`].
    pub fn step(&mut self) -> Result<StepReport> {
        let batch: Vec<usize> = (0..self.options.batch_size as u64)
            .map(|index| self.example(self.step * self.options.batch_size as u64 + index))
            .collect();
        let sequences = batch.iter().map(|index| &self.examples.training[*index]);
        let parts = parts(sequences.clone());
        let tokens: usize = sequences.map(Sequence::counted).sum();
        let scale = 1.0 / tokens as f32;
        let network = network(&self.base, &self.updates, &self.weights, &self.options);
        self.gradient.fill(0.0);
        let mut loss = 0.0;
        for group in parts.chunks(self.workers.len()) {
            let workers = &mut self.workers[..group.len()];
            for (worker, part) in workers.iter_mut().zip(group) {
                worker.prepare(&network, part)?;
                crate::allocation::resize(&mut worker.gradient, self.gradient.len(), 0.0)?;
            }
            for_each_worker(workers, |worker| worker.compute(network, scale));
            // In the order of the parts, so that the sums do not depend on the number of threads.
            for worker in workers {
                loss += worker.loss;
                kernels::add(&mut self.gradient, &worker.gradient);
            }
        }
        self.update(loss / tokens as f64, tokens)
    }

    /// The second half of a step, from the gradient on.
    fn update(&mut self, loss: f64, tokens: usize) -> Result<StepReport> {
        let gradient = optimizer::clip(loss, &mut self.gradient, self.options.max_gradient)?;
        self.adam.update(
            &self.schedule,
            &self.updates.tensors,
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

    /// The example with this number in the endless list of all epochs, each in an order of its own (Fisher and Yates).
    fn example(&mut self, number: u64) -> usize {
        let count = self.examples.training.len();
        let (epoch, index) = (number / count as u64, number % count as u64);
        let (shuffled, order) = &mut self.order;
        if *shuffled != Some(epoch) {
            let mut random = stream(self.options.seed, epoch);
            *order = (0..count).collect();
            for last in (1..count).rev() {
                order.swap(last, below(last + 1, &mut random));
            }
            *shuffled = Some(epoch);
        }
        order[index as usize]
    }

    /// Measures the loss on the first 2,048 or so of the held-out tokens that count.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn validate(&mut self) -> Result<Validation> {
        let mut tokens = 0;
        let sequences = self.examples.held_out.iter().take_while(|sequence| {
            let is_wanted = tokens < VALIDATION_TOKENS;
            tokens += if is_wanted { sequence.counted() } else { 0 };
            is_wanted
        });
        let parts = parts(sequences);
        let network = network(&self.base, &self.updates, &self.weights, &self.options);
        let mut sum = 0.0;
        for group in parts.chunks(self.workers.len()) {
            let workers = &mut self.workers[..group.len()];
            for (worker, part) in workers.iter_mut().zip(group) {
                worker.prepare(&network, part)?;
            }
            for_each_worker(workers, |worker| {
                let losses = network.losses(&worker.part, &mut worker.work);
                worker.loss = losses.iter().sum();
            });
            // In the order of the parts, so that the sum does not depend on the number of threads.
            for worker in workers {
                sum += worker.loss;
            }
        }
        let loss = sum / tokens as f64;
        Ok(Validation {
            loss,
            perplexity: libm::exp(loss),
            tokens,
        })
    }

    fn validate_and_keep_best(&mut self) -> Result<Validation> {
        let validation = self.validate()?;
        if validation.loss < self.best.loss {
            self.best = BestState {
                step: self.step,
                loss: validation.loss,
            };
            self.best_weights.copy_from_slice(&self.weights);
        }
        Ok(validation)
    }

    /// The adapter in its best state as a GGUF file, in single precision. Both this crate
    /// ([`Adapter`](crate::model::Adapter)) and llama.cpp load it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn to_gguf(&self) -> Result<Vec<u8>> {
        export::write(
            self.base.config().architecture.name,
            self.options.alpha,
            &self.updates.tensors,
            &self.best_weights,
        )
    }

    /// The state that [`Finetuner::to_gguf`] writes: the one with the lowest held-out loss among all that were
    /// validated. Step 0 is the model as it was.
    pub fn best(&self) -> BestState {
        self.best
    }

    /// The held-out loss of the model as it was.
    pub fn first(&self) -> Validation {
        self.first
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The schedule of the training.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// What is learnt from.
    pub fn examples(&self) -> &Examples {
        &self.examples
    }

    /// Numbers in all updates.
    pub fn parameters(&self) -> usize {
        self.updates.parameters()
    }

    /// The number of steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Whether training is complete: all steps are done, or as many validations as the patience have found no lower
    /// loss.
    pub fn is_complete(&self) -> bool {
        let patience = self.options.patience;
        let since =
            self.schedule.validations(self.step) - self.schedule.validations(self.best.step);
        self.step >= self.schedule.steps || (patience > 0 && since >= patience)
    }
}

impl Worker {
    fn prepare(&mut self, network: &Network<'_>, sequences: &[&Sequence]) -> Result<()> {
        self.part.clear();
        for sequence in sequences {
            self.part.push(sequence);
        }
        self.work
            .prepare(network.base, network.updates.rank, &self.part.lengths)
    }

    fn compute(&mut self, network: Network<'_>, scale: f32) {
        self.gradient.fill(0.0);
        self.loss =
            network.loss_and_gradient(&self.part, scale, &mut self.work, &mut self.gradient);
    }
}

/// `sequences` in their order, cut into parts of some 256 tokens. They do not depend on the number of threads.
fn parts<'a>(sequences: impl Iterator<Item = &'a Sequence>) -> Vec<Vec<&'a Sequence>> {
    let mut parts: Vec<Vec<&Sequence>> = Vec::new();
    let mut rows = usize::MAX;
    for sequence in sequences {
        rows = rows.saturating_add(sequence.rows());
        match parts.last_mut().filter(|_| rows <= PART_TOKENS) {
            Some(part) => part.push(sequence),
            None => {
                rows = sequence.rows();
                parts.push(vec![sequence]);
            }
        }
    }
    parts
}
