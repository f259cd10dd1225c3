//! Logits → token: a chain of stages that reshape or cut the distribution, then one seeded random draw.
//!
//! ```text
//! logits ──► softmax ──► candidates ──► stage ──► stage ──► … ──► draw ──► choice
//!               │                                                            ▲
//!               └── the model's own distribution: log-probabilities ─────────┘
//! ```
//!
//! `stage` has a file for each stage, `candidates` those for the softmax and the draw.
//!
//! The usual order is llama.cpp's: penalties, cuts, temperature, draw. The cuts therefore look at the model's own
//! probabilities, and temperature only reshapes what they leave.
//!
//! A choice depends on nothing but the logits, the stages, the text so far, the seed, the number of the step and, with
//! mirostat, its μ. So a step that is rewound and taken again gives the same choice. It is the same on every platform:
//! exponentials come from [`crate::kernels`], other functions from `libm`, sums are taken in a defined order, and the
//! random numbers are ChaCha12's.
//!
//! A step takes time linear in the vocabulary and in the part of the text that penalties look at, and its buffers are
//! reused by the next step. The whole vocabulary is never sorted: weights are added up exactly, as integers, so that a
//! selection among the few tokens that matter equals a full sort. Natively any stage over all of 49,152 tokens takes at
//! most 0.23 ms beyond the softmax, 3 % of a step of SmolLM2-135M (`cargo bench --bench sampler`).

mod candidates;
mod mask;
mod random;
mod selection;
mod stage;
mod sums;
mod table;
#[cfg(test)]
mod tests;
mod trace;

pub use mask::Mask;
pub use stage::{
    Dry, LogitBias, MinP, Mirostat, MirostatV2, Penalties, SAMPLERS, SamplerName, Stage,
    Temperature, TokenBytes, TopK, TopNSigma, TopP, TypicalP, Xtc,
};
pub use trace::{Draw, StageTrace, Trace};

use crate::allocation::with_capacity;
use crate::{Error, Result, TokenId};
use candidates::Candidates;
use random::{Purpose, Random};
use selection::{TokenData, best_of};
use stage::{Repetitions, StageContext};
use std::f64::consts::LN_2;
use table::Table;

/// The circumstances of one step: which step it is, the text so far, and the tokens allowed.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// The number of the step; each has random numbers of its own.
    pub index: u64,
    /// The text so far, the prompt included.
    pub history: &'a [TokenId],
    /// The bytes of a token, for [`Dry`].
    pub bytes: TokenBytes<'a>,
    /// The tokens that a constraint allows; the others are removed before the first stage. `None` allows all.
    pub allowed: Option<&'a Mask>,
}

crate::debug::debug_in_brief!(Step<'a> { index, history });

/// The token chosen at one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The chosen token.
    pub id: TokenId,
    /// Natural logarithm of its probability under the model's own distribution: temperature 1, the whole
    /// vocabulary.
    pub logprob: f32,
    /// Its probability after the whole chain; 1 when greedy.
    pub probability: f32,
    /// The most probable tokens of the model's own distribution, best first; of equal ones, the lower id first.
    pub alternatives: Vec<Alternative>,
    /// Its surprisal in bits, from which mirostat learns.
    surprisal: Option<f64>,
}

/// One of the most probable tokens of a step, whether or not a stage cut it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alternative {
    /// The token.
    pub id: TokenId,
    /// Its logit as the model gave it; −∞ for NaN.
    pub logit: f32,
    /// Natural logarithm of its probability under the model's own distribution.
    pub logprob: f32,
    /// Its probability after the whole chain; 0 where a stage cut it.
    pub probability: f32,
}

impl Alternative {
    fn new(id: TokenId, logits: &[f32], log_sum_exp: f32) -> Self {
        let logit = logits.get(id as usize);
        let logit = logit.map_or(f32::NEG_INFINITY, |&logit| sanitize_logit(logit));
        Alternative {
            id,
            logit,
            logprob: logit - log_sum_exp,
            probability: 0.0,
        }
    }
}

/// What a sampler carries from step to step. Save it before a step to be able to rewind to that step.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct State {
    /// Mirostat's μ in bits; `None` before its first step.
    pub mu: Option<f64>,
}

/// Chooses tokens. It holds the chain, the seed, the [`State`], and buffers that are reused at each step.
#[derive(Debug)]
pub struct Sampler {
    stages: Vec<Stage>,
    context: StageContext,
    candidates: Candidates,
    /// Scratch memory for lists of the best tokens.
    ranking: Vec<TokenData>,
}

impl Sampler {
    /// A sampler that applies `stages` in their order, leaving out those that have no effect.
    pub fn new(stages: Vec<Stage>, seed: u64) -> Self {
        Sampler {
            stages: stage::effective(stages),
            context: StageContext {
                random: Random::new(seed),
                mu: None,
                pre_cut_surprisal: None,
                table: Table::default(),
                repetitions: Repetitions::default(),
            },
            candidates: Candidates::default(),
            ranking: Vec::new(),
        }
    }

    /// Changes the chain and the seed between two steps; the [`State`] stays as it is.
    pub fn configure(&mut self, stages: Vec<Stage>, seed: u64) {
        self.stages = stage::effective(stages);
        self.context.random = Random::new(seed);
    }

    /// The chain: the stages that have an effect, in their order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The state that it carries to the next step.
    pub fn state(&self) -> State {
        State {
            mu: self.context.mu,
        }
    }

    /// Restores the state of an earlier step.
    pub fn restore(&mut self, state: State) {
        self.context.mu = state.mu;
    }

    /// Chooses a token given `logits[vocabulary_size]`, and reports the `alternatives` most probable ones. The state
    /// does not change before [`Sampler::accept`].
    ///
    /// A logit that is NaN or −∞ is never chosen; +∞ counts as the largest finite number.
    ///
    /// # Errors
    /// [`Error::NotFinite`] where such logits, bans or the mask leave nothing to choose; [`Error::OutOfMemory`].
    pub fn choose(
        &mut self,
        logits: &[f32],
        step: &Step<'_>,
        alternatives: usize,
    ) -> Result<Choice> {
        let log_sum_exp = self.run(logits, step)?;
        let point = self.point(step);
        let drawn = self.candidates.draw(point)?.ok_or(Error::NotFinite)?;
        let surprisal = self
            .context
            .pre_cut_surprisal
            .map(|surprisal| surprisal.of(drawn.token.logit) / LN_2);
        let mut choice = self.build_choice(drawn.token.id, logits, log_sum_exp, alternatives)?;
        (choice.probability, choice.surprisal) = (drawn.probability, surprisal);
        Ok(choice)
    }

    /// The choice of the given token `id`, as if it had been sampled. Its probability is 0 where the chain cuts it, and
    /// mirostat learns nothing from it.
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
        let log_sum_exp = self.run(logits, step)?;
        let mut choice = self.build_choice(id, logits, log_sum_exp, alternatives)?;
        let mut found = 0.0;
        self.candidates.for_each(|other, probability| {
            if other == id {
                found = probability;
            }
        })?;
        choice.probability = found;
        Ok(choice)
    }

    /// Records that the choice was made: mirostat updates its μ.
    pub fn accept(&mut self, choice: &Choice) {
        if let Some(bits) = choice.surprisal {
            for stage in &self.stages {
                if let Stage::MirostatV2(mirostat) = stage {
                    self.context.mu = Some(mirostat.updated_mu(self.context.mu, bits));
                }
            }
        }
    }

    /// Begins a step with all tokens as candidates. Returns ln Σ e^logit.
    fn begin(&mut self, logits: &[f32]) -> Result<f32> {
        self.context.pre_cut_surprisal = None;
        let log_sum_exp = self.candidates.begin(logits)?;
        if log_sum_exp.is_finite() {
            Ok(log_sum_exp)
        } else {
            Err(Error::NotFinite)
        }
    }

    /// Removes the tokens that the step does not allow.
    fn restrict(&mut self, step: &Step<'_>) {
        if let Some(allowed) = step.allowed {
            self.candidates.allow(allowed);
        }
    }

    /// Runs the whole chain. Returns ln Σ e^logit of the model's own distribution.
    fn run(&mut self, logits: &[f32], step: &Step<'_>) -> Result<f32> {
        let log_sum_exp = self.begin(logits)?;
        self.restrict(step);
        for index in 0..self.stages.len() {
            self.apply(index, step)?;
        }
        Ok(log_sum_exp)
    }

    /// The random number of a step: the point in \[0, 1) at which the draw finds its token.
    fn point(&mut self, step: &Step<'_>) -> f64 {
        self.context.random.number(step.index, Purpose::Draw)
    }

    fn apply(&mut self, index: usize, step: &Step<'_>) -> Result<()> {
        self.stages[index].apply(&mut self.candidates, step, &mut self.context)
    }

    /// The choice of the token `id` with its alternatives; the caller fills in its probability and its surprisal.
    fn build_choice(
        &mut self,
        id: TokenId,
        logits: &[f32],
        log_sum_exp: f32,
        alternatives: usize,
    ) -> Result<Choice> {
        let mut alternatives = self.alternatives(logits, log_sum_exp, alternatives)?;
        if !alternatives.is_empty() {
            let places = &mut self.context.table;
            places.prepare(logits.len(), alternatives.len())?;
            for (place, entry) in (1..).zip(&alternatives) {
                places.change(entry.id, |_| place);
            }
            self.candidates.for_each(|id, probability| {
                if let Some(place) = places.get(id).checked_sub(1) {
                    alternatives[place as usize].probability = probability;
                }
            })?;
        }
        Ok(Choice {
            id,
            logprob: Alternative::new(id, logits, log_sum_exp).logprob,
            probability: 0.0,
            alternatives,
            surprisal: None,
        })
    }

    /// The `count` most probable tokens of the model's own distribution; their `probability` is 0 for now.
    pub(crate) fn alternatives(
        &mut self,
        logits: &[f32],
        log_sum_exp: f32,
        count: usize,
    ) -> Result<Vec<Alternative>> {
        best_of(logits, count, &mut self.ranking)?;
        let mut list = with_capacity(self.ranking.len())?;
        let ids = self.ranking.iter().map(|candidate| candidate.id);
        list.extend(ids.map(|id| Alternative::new(id, logits, log_sum_exp)));
        Ok(list)
    }
}

/// Makes a logit safe to compute with: NaN → −∞ (never chosen), +∞ → the largest finite number (so that differences
/// stay defined), −0 → 0 (`f32::total_cmp` tells the two zeros apart).
fn sanitize_logit(logit: f32) -> f32 {
    if logit.is_nan() {
        f32::NEG_INFINITY
    } else {
        logit.min(f32::MAX) + 0.0
    }
}
