//! A trace of the chain: what each stage does at one step.

use super::selection::{TokenData, best_of, sort};
use super::{Alternative, Sampler, Stage, Step, sanitize_logit};
use crate::allocation::reserve_exact;
use crate::{Result, TokenId};

/// What each stage of the chain does at one step. Choosing a token does not compute it, so that it costs nothing where
/// nobody asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The entropy of the model's own distribution, in nats.
    pub entropy: f32,
    /// The most probable tokens of the model's own distribution, best first; their `probability` is the one after the
    /// whole chain.
    pub tokens: Vec<Alternative>,
    /// The rank, from 0, of the token asked about: how many tokens are more probable, or equal with a lower id.
    pub rank: Option<usize>,
    /// The mask of a constraint, where there is one, and the stages in their order.
    pub stages: Vec<StageTrace>,
    /// The draw from what they leave; `None` where they leave nothing.
    pub draw: Option<Draw>,
}

/// The draw: the tokens that are left lie side by side from 0 to 1, each as wide as its probability after the whole chain,
/// the most probable first, and of equal ones the lower id. A random number is a point there, and the token in whose
/// segment it lies is drawn (inverse transform sampling).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// The random number of the step, in \[0, 1).
    pub point: f64,
    /// The token in whose segment it lies.
    pub id: TokenId,
    /// Where the segment begins: the probability of all tokens before it, together.
    pub from: f64,
    /// Where it ends: `from` and the token's own probability.
    pub to: f64,
}

/// What one stage did.
#[derive(Debug, Clone, PartialEq)]
pub struct StageTrace {
    /// The stage's name; "constraint" for the mask, which comes first where there is one.
    pub name: &'static str,
    /// The parameter that changes from step to step: the temperature, or mirostat's μ in bits.
    pub level: Option<f32>,
    /// How many candidates it left.
    pub kept: usize,
    /// How many it removed.
    pub removed: usize,
    /// The probability of those removed, together, before the stage.
    pub removed_probability: f32,
    /// The most probable of those removed, best first, with their probabilities before the stage.
    pub removed_tokens: Vec<(TokenId, f32)>,
    /// The probability of each of [`Trace::tokens`] after the stage, 0 where removed. The probabilities before it are
    /// those after the previous stage; before the first stage, the model's own.
    pub probabilities: Vec<f32>,
}

/// The candidates in the order of their ids, with their probabilities as weights.
type Distribution = Vec<TokenData>;

/// Stands for the mask in the place of a stage's index.
const CONSTRAINT: usize = usize::MAX;

impl Sampler {
    /// Traces a step without choosing: its `top` most probable tokens, and `id` among them if one is given.
    ///
    /// # Errors
    /// Those of [`Sampler::choose`].
    pub fn trace(
        &mut self,
        logits: &[f32],
        step: &Step<'_>,
        top: usize,
        id: Option<TokenId>,
    ) -> Result<Trace> {
        let log_sum_exp = self.begin(logits)?;
        let mut tokens = self.alternatives(logits, log_sum_exp, top)?;
        if let Some(id) = id.filter(|&id| tokens.iter().all(|token| token.id != id)) {
            reserve_exact(&mut tokens, 1)?;
            tokens.push(Alternative::new(id, logits, log_sum_exp));
        }
        let mut before = Vec::new();
        let mut after = Vec::new();
        self.distribution(&mut before)?;
        let entropy = self.candidates.entropy_and_max_entropy()?.0 as f32;

        let mut stages = Vec::new();
        reserve_exact(&mut stages, self.stages.len() + 1)?;
        let constraint = step.allowed.is_some().then_some(CONSTRAINT);
        for index in constraint.into_iter().chain(0..self.stages.len()) {
            let (name, level) = if index == CONSTRAINT {
                self.restrict(step);
                ("constraint", None)
            } else {
                let level = self.level(index)?;
                self.apply(index, step)?;
                (self.stages[index].name().as_str(), level)
            };
            self.distribution(&mut after)?;
            let of = |token: &Alternative| probability(&after, token.id);
            let mut stage = StageTrace {
                name,
                level,
                kept: after.len(),
                removed: before.len() - after.len(),
                removed_probability: 0.0,
                removed_tokens: Vec::new(),
                probabilities: tokens.iter().map(of).collect(),
            };
            // Most stages come when few candidates are left, and many remove none.
            if stage.removed > 0 {
                self.removed(&before, &after, top, &mut stage)?;
            }
            stages.push(stage);
            std::mem::swap(&mut before, &mut after);
        }
        for token in &mut tokens {
            token.probability = probability(&before, token.id);
        }
        let point = self.point(step);
        let drawn = self.candidates.draw(point)?;
        Ok(Trace {
            entropy,
            tokens,
            rank: id.map(|id| rank(logits, id)),
            stages,
            draw: drawn.map(|drawn| Draw {
                point,
                id: drawn.token.id,
                from: drawn.from,
                to: drawn.to,
            }),
        })
    }

    /// Lists the most probable tokens that are in `before` but not in `after`, and adds up all of them.
    fn removed(
        &mut self,
        before: &Distribution,
        after: &Distribution,
        top: usize,
        stage: &mut StageTrace,
    ) -> Result<()> {
        let mut removed = Vec::new();
        reserve_exact(&mut removed, before.len())?;
        let mut kept = after.iter().peekable();
        let mut mass = 0.0;
        for token in before {
            let is_kept = kept.next_if(|kept| kept.id == token.id).is_some();
            let (weight, added) = match is_kept {
                true => (f32::NEG_INFINITY, 0.0),
                false => (token.weight, f64::from(token.weight)),
            };
            removed.push(weight);
            mass += added;
        }
        stage.removed_probability = mass as f32;
        best_of(&removed, top.min(stage.removed), &mut self.ranking)?;
        let list = &mut stage.removed_tokens;
        reserve_exact(list, self.ranking.len())?;
        let ranking = self.ranking.iter();
        list.extend(ranking.map(|place| (before[place.id as usize].id, place.logit)));
        Ok(())
    }

    /// Writes the current distribution into `into`.
    fn distribution(&mut self, into: &mut Distribution) -> Result<()> {
        into.clear();
        reserve_exact(into, self.candidates.len())?;
        let logit = 0.0;
        (self.candidates).for_each(|id, weight| into.push(TokenData { id, logit, weight }))?;
        // After a selection they are ordered by rank.
        if !into.is_sorted_by_key(|token| token.id) {
            sort(into, &|a, b| a.id.cmp(&b.id));
        }
        Ok(())
    }

    fn level(&mut self, index: usize) -> Result<Option<f32>> {
        Ok(match &self.stages[index] {
            Stage::Temperature(temperature) => Some(temperature.of(&mut self.candidates)?),
            Stage::MirostatV2(mirostat) => Some(mirostat.mu(self.context.mu) as f32),
            _ => None,
        })
    }
}

fn probability(distribution: &Distribution, id: TokenId) -> f32 {
    let found = distribution.binary_search_by_key(&id, |token| token.id);
    found.map_or(0.0, |at| distribution[at].weight)
}

fn rank(logits: &[f32], id: TokenId) -> usize {
    let own = logits
        .get(id as usize)
        .map_or(f32::NEG_INFINITY, |&l| sanitize_logit(l));
    let (before, after) = logits.split_at(logits.len().min(id as usize));
    // Of equal ones the lower id is better. Two loops without a branch, which compilers make SIMD of; a NaN is never better,
    // and nothing is than the largest finite number, which infinity counts as.
    let mut better = 0u32;
    for &logit in before {
        better += u32::from((logit >= own) | (own == f32::NEG_INFINITY));
    }
    for &logit in after {
        better += u32::from((logit > own) & (own < f32::MAX));
    }
    better as usize
}
