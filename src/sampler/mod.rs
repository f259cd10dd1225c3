//! Logits → token: a chain of small stages, then one seeded draw.
//!
//! ```text
//! logits ──► softmax ──► candidates ──► stage ──► stage ──► … ──► draw ──► choice
//!               │                                                            ▲
//!               └── the model's own distribution: log-probabilities ─────────┘
//! ```
//!
//! The usual order is llama.cpp's: top-k, top-p, min-p, temperature, draw. The cuts therefore judge the
//! model's own probabilities, and temperature only reshapes what they leave.
//!
//! The same logits, stages and seed choose the same token on every platform: exponentials come from
//! [`crate::kernels`], sums are taken in one fixed order, and the random numbers are ChaCha12's.

mod candidates;
mod stage;
#[cfg(test)]
mod tests;

pub use stage::Stage;

use crate::{Error, Result, TokenId, kernels};
use candidates::Candidates;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// The token chosen at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The chosen token.
    pub id: TokenId,
    /// Natural logarithm of its probability under the model's own distribution: temperature 1, the whole
    /// vocabulary.
    pub logprob: f32,
    /// Its probability under the distribution it was drawn from; 1 when greedy.
    pub probability: f32,
    /// The most probable tokens of the model's own distribution, best first, equals by id.
    pub alternatives: Vec<Alternative>,
}

/// One of the most probable tokens of a step, whether or not it could be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// The token.
    pub id: TokenId,
    /// Natural logarithm of its probability under the model's own distribution.
    pub logprob: f32,
    /// Its probability under the distribution the step drew from; 0 where a stage cut it.
    pub probability: f32,
}

/// Chooses tokens: holds the chain, the state of the random numbers, and buffers used again at each step.
#[derive(Debug, Clone)]
pub struct Sampler {
    stages: Vec<Stage>,
    greedy: bool,
    random: ChaCha12Rng,
    /// The model's own probabilities, by id.
    probabilities: Vec<f32>,
    candidates: Candidates,
    /// Scratch for the ranking behind [`Choice::alternatives`].
    ranking: Candidates,
}

impl Sampler {
    /// A sampler that applies `stages` in their order. The seed's 64 bits are the first of ChaCha's key, so
    /// what a seed gives depends on the definition of ChaCha12 alone.
    pub fn new(stages: Vec<Stage>, seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Sampler {
            greedy: stages.contains(&Stage::Temperature(0.0)),
            stages,
            random: ChaCha12Rng::from_seed(key),
            probabilities: Vec::new(),
            candidates: Candidates::default(),
            ranking: Candidates::default(),
        }
    }

    /// Chooses a token given `logits[vocabulary_size]`, and reports the `alternatives` most probable ones.
    ///
    /// A logit that is NaN or −∞ is never chosen; +∞ counts as the largest finite number. Errors:
    /// [`Error::NotFinite`] when that leaves nothing to choose, [`Error::OutOfMemory`]; the random numbers
    /// are then where they were.
    pub fn sample(&mut self, logits: &[f32], alternatives: usize) -> Result<Choice> {
        let normalizer = self.predict(logits)?;
        let (id, probability) = if self.greedy {
            self.candidates.clear();
            (argmax(logits)?, 1.0)
        } else {
            self.candidates.fill(logits, &self.probabilities)?;
            for stage in &self.stages {
                stage.apply(&mut self.candidates);
            }
            let point = unit_interval(self.random.next_u64());
            self.candidates.pick(point).ok_or(Error::NotFinite)?
        };
        let logprob = |id: TokenId| sane(logits[id as usize]) - normalizer;
        let mut choice = Choice {
            id,
            logprob: logprob(id),
            probability,
            alternatives: Vec::new(),
        };
        if alternatives > 0 {
            self.ranking.fill(logits, &self.probabilities)?;
            let best = self.ranking.keep_best_in_order(alternatives);
            let list = &mut choice.alternatives;
            reserve(list, best.len())?;
            list.extend(best.iter().map(|candidate| Alternative {
                id: candidate.id,
                logprob: logprob(candidate.id),
                probability: 0.0,
            }));
            self.fill_probabilities(logits, id, &mut choice.alternatives);
        }
        Ok(choice)
    }

    /// The model's own distribution, into `probabilities`; returns ln Σ exp(logit).
    fn predict(&mut self, logits: &[f32]) -> Result<f32> {
        self.probabilities.clear();
        reserve(&mut self.probabilities, logits.len())?;
        self.probabilities
            .extend(logits.iter().map(|&logit| sane(logit)));
        if !self.probabilities.iter().any(|logit| logit.is_finite()) {
            return Err(Error::NotFinite);
        }
        Ok(kernels::softmax(&mut self.probabilities))
    }

    /// Looks up under the distribution drawn from each of `alternatives` (best first).
    fn fill_probabilities(&self, logits: &[f32], chosen: TokenId, list: &mut [Alternative]) {
        let Some(worst) = list.last().map(|last| sane(logits[last.id as usize])) else {
            return;
        };
        if self.greedy {
            for entry in list.iter_mut().filter(|entry| entry.id == chosen) {
                entry.probability = 1.0;
            }
            return;
        }
        let mass = self.candidates.mass();
        // Only about as many survivors as there are alternatives reach the worst one's logit.
        let survivors = self.candidates.items().iter();
        for survivor in survivors.filter(|survivor| sane(logits[survivor.id as usize]) >= worst) {
            if let Some(entry) = list.iter_mut().find(|entry| entry.id == survivor.id) {
                entry.probability = (f64::from(survivor.weight) / mass) as f32;
            }
        }
    }
}

/// The id of the largest logit, the lowest id of equals, passing over NaN and −∞.
fn argmax(logits: &[f32]) -> Result<TokenId> {
    let mut best = f32::NEG_INFINITY;
    let mut id = None;
    for (index, &logit) in logits.iter().enumerate() {
        let logit = sane(logit);
        if logit > best {
            best = logit;
            id = Some(index as TokenId);
        }
    }
    id.ok_or(Error::NotFinite)
}

/// NaN → −∞ (never chosen), +∞ → the largest finite number (so that differences stay defined).
fn sane(logit: f32) -> f32 {
    if logit.is_nan() {
        f32::NEG_INFINITY
    } else {
        logit.min(f32::MAX)
    }
}

/// 53 random bits as a number in [0, 1).
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// Room for `extra` more elements, or a typed error.
fn reserve<T>(vec: &mut Vec<T>, extra: usize) -> Result<()> {
    vec.try_reserve_exact(extra)
        .map_err(|_| Error::OutOfMemory(extra.saturating_mul(size_of::<T>())))
}
