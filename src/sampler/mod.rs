//! Logits → token: a chain of small stages, then one seeded draw.
//!
//! ```text
//! logits ──► softmax ──► candidates ──► stage ──► stage ──► … ──► draw ──► choice
//!               │                                                            ▲
//!               └── the model's own distribution: log-probabilities ─────────┘
//! ```
//!
//! The usual order is llama.cpp's: penalties, cuts, temperature, draw. The cuts therefore judge the model's
//! own probabilities, and temperature only reshapes what they leave.
//!
//! A choice is a function of the logits, the stages, the text so far, the seed, the number of the step and,
//! with mirostat, its μ: going back to a step finds it as it was. It is the same on every platform:
//! exponentials come from [`crate::kernels`], other functions from `libm`, sums are taken in defined orders,
//! and the random numbers are ChaCha12's.
//!
//! A step takes time linear in the vocabulary and the part of the text that penalties look at, and its memory
//! is used again by the next. Nothing sorts a vocabulary: weights are added up exactly, so that a selection from
//! those that can matter is that of a full sort. Natively any stage over all of 49,152 tokens takes at most 0.23 ms
//! beyond the softmax, 3 % of a step of SmolLM2-135M (`cargo bench --bench sampler`).

mod candidates;
mod dry;
mod mask;
mod penalties;
mod random;
mod selection;
mod stage;
mod sums;
mod table;
#[cfg(test)]
mod tests;
mod trace;

pub use dry::TokenBytes;
pub use mask::Mask;
pub use stage::Stage;
pub use trace::{StageTrace, Trace};

use crate::{Error, Result, TokenId};
use candidates::Candidates;
use dry::Dry;
use random::{Purpose, Random};
use selection::{Candidate, best_of};
use stage::StageContext;
use std::f64::consts::LN_2;
use table::Table;

/// Where in a text a token is chosen.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The number of the step: each has random numbers of its own.
    pub index: u64,
    /// The text so far, the prompt included.
    pub history: &'a [TokenId],
    /// The bytes of a token, for [`Stage::Dry`].
    pub bytes: TokenBytes<'a>,
    /// The tokens that may be chosen, where not all may: the others are out of play before the first stage.
    pub allowed: Option<&'a Mask>,
}

/// The token chosen at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The chosen token.
    pub id: TokenId,
    /// Natural logarithm of its probability under the model's own distribution: temperature 1, the whole
    /// vocabulary.
    pub logprob: f32,
    /// Its probability under the distribution the chain ends in; 1 when greedy.
    pub probability: f32,
    /// The most probable tokens of the model's own distribution, best first, equals by id.
    pub alternatives: Vec<Alternative>,
    /// The bits mirostat learns from.
    surprisal: Option<f64>,
}

/// One of the most probable tokens of a step, whether or not it could be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// The token.
    pub id: TokenId,
    /// Its logit as the model gave it (NaN as −∞).
    pub logit: f32,
    /// Natural logarithm of its probability under the model's own distribution.
    pub logprob: f32,
    /// Its probability under the distribution the chain ends in; 0 where a stage cut it.
    pub probability: f32,
}

impl Alternative {
    fn new(id: TokenId, logits: &[f32], normalizer: f32) -> Self {
        let logit = logits.get(id as usize);
        let logit = logit.map_or(f32::NEG_INFINITY, |&logit| sane(logit));
        Alternative {
            id,
            logit,
            logprob: logit - normalizer,
            probability: 0.0,
        }
    }
}

/// What a sampler carries from step to step, to be kept by who may go back.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct State {
    /// Mirostat's μ in bits, once there is one.
    pub mu: Option<f64>,
}

/// Chooses tokens: holds the chain, the seed, [`State`], and buffers used again at each step.
#[derive(Debug)]
pub struct Sampler {
    stages: Vec<Stage>,
    context: StageContext,
    candidates: Candidates,
    /// Scratch for the best of a list.
    ranking: Vec<Candidate>,
}

impl Sampler {
    /// A sampler that applies `stages` in their order, but for those that have no effect.
    pub fn new(stages: Vec<Stage>, seed: u64) -> Self {
        Sampler {
            stages: stage::effective(stages),
            context: StageContext {
                random: Random::new(seed),
                mu: None,
                uncut: None,
                table: Table::default(),
                dry: Dry::default(),
            },
            candidates: Candidates::default(),
            ranking: Vec::new(),
        }
    }

    /// Changes the chain and the seed between two steps; [`State`] stays.
    pub fn configure(&mut self, stages: Vec<Stage>, seed: u64) {
        self.stages = stage::effective(stages);
        self.context.random = Random::new(seed);
    }

    /// The chain: the stages that have an effect.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// What it carries to the next step.
    pub fn state(&self) -> State {
        State {
            mu: self.context.mu,
        }
    }

    /// Puts it back to an earlier step.
    pub fn restore(&mut self, state: State) {
        self.context.mu = state.mu;
    }

    /// Chooses a token given `logits[vocabulary_size]`, and reports the `alternatives` most probable ones.
    /// Changes nothing: [`Sampler::accept`] does.
    ///
    /// A logit that is NaN or −∞ is never chosen; +∞ counts as the largest finite number. Errors:
    /// [`Error::NotFinite`] when that, a ban, or the mask leaves nothing to choose; [`Error::OutOfMemory`].
    pub fn choose(
        &mut self,
        logits: &[f32],
        step: &Step<'_>,
        alternatives: usize,
    ) -> Result<Choice> {
        let normalizer = self.run(logits, step)?;
        let point = self.context.random.number(step.index, Purpose::Draw);
        let picked = self.candidates.pick(point)?;
        let (picked, probability) = picked.ok_or(Error::NotFinite)?;
        let surprisal = self
            .context
            .uncut
            .map(|uncut| uncut.of(picked.logit) / LN_2);
        let mut choice = self.describe(picked.id, logits, normalizer, alternatives)?;
        (choice.probability, choice.surprisal) = (probability, surprisal);
        Ok(choice)
    }

    /// The choice of a given token, as if it had been drawn: its probability is 0 where the chain cuts it.
    /// Mirostat learns nothing from it.
    ///
    /// # Errors
    /// Those of [`Sampler::choose`].
    pub fn force(
        &mut self,
        id: TokenId,
        logits: &[f32],
        step: &Step<'_>,
        alternatives: usize,
    ) -> Result<Choice> {
        let normalizer = self.run(logits, step)?;
        let mut choice = self.describe(id, logits, normalizer, alternatives)?;
        let mut found = 0.0;
        self.candidates.each(|other, probability| {
            if other == id {
                found = probability;
            }
        })?;
        choice.probability = found;
        Ok(choice)
    }

    /// Takes note that the choice was made.
    pub fn accept(&mut self, choice: &Choice) {
        if let Some(bits) = choice.surprisal {
            for stage in &self.stages {
                self.context.mu = stage.updated_mu(self.context.mu, bits);
            }
        }
    }

    /// Begins a step: all tokens are in play. Returns ln Σ e^logit.
    fn begin(&mut self, logits: &[f32]) -> Result<f32> {
        self.context.uncut = None;
        let normalizer = self.candidates.begin(logits)?;
        if normalizer.is_finite() {
            Ok(normalizer)
        } else {
            Err(Error::NotFinite)
        }
    }

    /// Takes the tokens out of play that are not allowed.
    fn restrict(&mut self, step: &Step<'_>) {
        if let Some(allowed) = step.allowed {
            self.candidates.allow(allowed);
        }
    }

    /// The whole chain. Returns ln Σ e^logit of the model's own distribution.
    fn run(&mut self, logits: &[f32], step: &Step<'_>) -> Result<f32> {
        let normalizer = self.begin(logits)?;
        self.restrict(step);
        for index in 0..self.stages.len() {
            self.apply(index, step)?;
        }
        Ok(normalizer)
    }

    fn apply(&mut self, index: usize, step: &Step<'_>) -> Result<()> {
        self.stages[index].apply(&mut self.candidates, step, &mut self.context)
    }

    fn describe(
        &mut self,
        id: TokenId,
        logits: &[f32],
        normalizer: f32,
        alternatives: usize,
    ) -> Result<Choice> {
        let mut alternatives = self.alternatives(logits, normalizer, alternatives)?;
        if !alternatives.is_empty() {
            let places = &mut self.context.table;
            places.prepare(logits.len(), alternatives.len())?;
            for (place, entry) in (1..).zip(&alternatives) {
                places.change(entry.id, |_| place);
            }
            self.candidates.each(|id, probability| {
                if let Some(place) = places.get(id).checked_sub(1) {
                    alternatives[place as usize].probability = probability;
                }
            })?;
        }
        Ok(Choice {
            id,
            logprob: Alternative::new(id, logits, normalizer).logprob,
            probability: 0.0,
            alternatives,
            surprisal: None,
        })
    }

    /// The `count` most probable tokens of the model's own distribution, their `probability` left at 0.
    pub(crate) fn alternatives(
        &mut self,
        logits: &[f32],
        normalizer: f32,
        count: usize,
    ) -> Result<Vec<Alternative>> {
        best_of(logits, count, &mut self.ranking)?;
        let mut list = Vec::new();
        reserve(&mut list, self.ranking.len())?;
        let ids = self.ranking.iter().map(|candidate| candidate.id);
        list.extend(ids.map(|id| Alternative::new(id, logits, normalizer)));
        Ok(list)
    }
}

/// NaN → −∞ (never chosen), +∞ → the largest finite number (so that differences stay defined), −0 → 0 (in the
/// total order of floats they are not equals).
fn sane(logit: f32) -> f32 {
    if logit.is_nan() {
        f32::NEG_INFINITY
    } else {
        logit.min(f32::MAX) + 0.0
    }
}

/// Room for `extra` more elements, or a typed error.
fn reserve<T>(vec: &mut Vec<T>, extra: usize) -> Result<()> {
    vec.try_reserve_exact(extra)
        .map_err(|_| Error::OutOfMemory(extra.saturating_mul(size_of::<T>())))
}
