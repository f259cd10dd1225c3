//! Tests of the chain: against a naive reference, of its limits, of its draws.

mod chain;
mod draws;
mod leading;
mod limits;
mod reference;
mod repetition;

use super::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// Random numbers for tests.
struct Dice(ChaCha12Rng);

impl Dice {
    fn new(seed: u64) -> Self {
        Dice(ChaCha12Rng::seed_from_u64(seed))
    }

    /// In [0, 1).
    fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Under `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end
    }

    fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }

    fn ids(&mut self, count: usize, vocabulary: usize) -> Vec<TokenId> {
        (0..count)
            .map(|_| self.below(vocabulary) as TokenId)
            .collect()
    }
}

/// Logits of a plausible shape: a few large ones, a long tail, some exact equals.
fn random_logits(count: usize, seed: u64) -> Vec<f32> {
    let mut dice = Dice::new(seed);
    (0..count)
        .map(|_| {
            let (u, v) = (dice.unit(), dice.unit());
            // A third of them land on a coarse grid, so that equals occur.
            let logit = (u * u * u) * 18.0 - 6.0 + v;
            if v < 0.33 { logit.round() } else { logit }
        })
        .collect()
}

/// A step for tests in which the bytes of tokens do not matter.
fn step(index: u64, history: &[TokenId]) -> Step<'_> {
    let bytes = &|_| &b"x"[..];
    Step {
        index,
        history,
        bytes,
        allowed: None,
    }
}

fn sampler(stages: &[Stage]) -> Sampler {
    Sampler::new(stages.to_vec(), 42)
}

/// The candidates that the stages leave: ids, best first, with their probabilities.
fn survivors_after(logits: &[f32], stages: &[Stage], history: &[TokenId]) -> Vec<(TokenId, f64)> {
    let mut sampler = sampler(stages);
    sampler.run(logits, &step(0, history)).unwrap();
    let mut left = Vec::new();
    let take = |id, probability| left.push((id, f64::from(probability)));
    sampler.candidates.for_each(take).unwrap();
    left.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    left
}

fn survivors(logits: &[f32], stages: &[Stage]) -> Vec<(TokenId, f64)> {
    survivors_after(logits, stages, &[])
}

fn ids(ranked: &[(TokenId, f64)]) -> Vec<TokenId> {
    ranked.iter().map(|one| one.0).collect()
}

/// The model's distribution in double precision, best first, equals by id.
fn distribution(logits: &[f32]) -> Vec<(TokenId, f64)> {
    let max = logits.iter().copied().fold(f32::MIN, f32::max);
    let weights = logits
        .iter()
        .map(|&l| (f64::from(l) - f64::from(max)).exp());
    let sum: f64 = weights.clone().sum();
    let mut ranked: Vec<(TokenId, f64)> = (0..).zip(weights.map(|w| w / sum)).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

fn top_k(top_k: u32) -> Stage {
    Stage::TopK(TopK { top_k })
}

fn top_p(top_p: f32) -> Stage {
    Stage::TopP(TopP { top_p })
}

fn min_p(min_p: f32) -> Stage {
    Stage::MinP(MinP { min_p })
}

fn typical_p(typical_p: f32) -> Stage {
    Stage::TypicalP(TypicalP { typical_p })
}

fn top_n_sigma(top_n_sigma: f32) -> Stage {
    Stage::TopNSigma(TopNSigma { top_n_sigma })
}

fn xtc(xtc_probability: f32, xtc_threshold: f32) -> Stage {
    Stage::Xtc(Xtc {
        xtc_probability,
        xtc_threshold,
    })
}

fn temperature(temperature: f32) -> Stage {
    dynamic(temperature, 0.0, 1.0)
}

fn dynamic(temperature: f32, dynatemp_range: f32, dynatemp_exponent: f32) -> Stage {
    Stage::Temperature(Temperature {
        temperature,
        dynatemp_range,
        dynatemp_exponent,
    })
}

fn mirostat(mirostat_tau: f32, mirostat_eta: f32) -> Stage {
    Stage::MirostatV2(MirostatV2 {
        mirostat_tau,
        mirostat_eta,
    })
}

fn penalties(
    penalty_last_n: i32,
    [repetition, frequency, presence]: [f32; 3],
    ngram: u32,
) -> Stage {
    Stage::Penalties(Penalties {
        penalty_last_n,
        repetition_penalty: repetition,
        frequency_penalty: frequency,
        presence_penalty: presence,
        no_repeat_ngram_size: ngram,
    })
}

fn dry(multiplier: f32, allowed: u32, last_n: i32, breakers: &[&str]) -> Stage {
    Stage::Dry(Dry {
        dry_multiplier: multiplier,
        dry_base: 1.75,
        dry_allowed_length: allowed,
        dry_penalty_last_n: last_n,
        dry_sequence_breakers: breakers.iter().map(|&one| one.into()).collect(),
    })
}
