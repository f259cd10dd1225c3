//! A mixture of experts (Shazeer et al. 2017, <https://arxiv.org/abs/1701.06538>; Switch Transformers, Fedus et al. 2021,
//! <https://arxiv.org/abs/2101.03961>; OLMoE, Muennighoff et al. 2024, <https://arxiv.org/abs/2409.02060>): in place of one
//! feed-forward network a layer has many, the experts, and a router that chooses a few of them for each token.
//!
//! `y = Σ wₑ × expertₑ(x)` over the k experts of the largest scores: the scores are `p = softmax(router × x)`, or the
//! logistic function in place of softmax, to which a bias may be added that only counts for the choice (Wang et al. 2024,
//! <https://arxiv.org/abs/2408.15664>); `wₑ = pₑ`, in most models divided by the sum over the chosen.

use std::mem::swap;

use super::Config;
use super::architecture::Gating;
use super::experts_config::{ExpertsConfig, Routing};
use super::feed_forward::FeedForward;
use super::linear::Linear;
use super::scratch::Scratch;
use crate::Result;
use crate::allocation::{reserve_total, resize};
use crate::kernels::{self, Activations};

/// The least sum that weights are divided by, as in llama.cpp: the smallest normal half.
const LEAST_SUM: f32 = 6.103_515_6e-5;

/// The weights of a mixture.
pub(super) struct MixtureOfExperts {
    pub routing: Routing,
    pub router: Linear,
    /// What is added to the scores for the choice alone.
    pub selection_bias: Option<Vec<f32>>,
    pub experts: Vec<FeedForward>,
    /// The expert that every token runs through, with a weight of 1.
    pub shared: Option<FeedForward>,
}

/// What a mixture needs besides.
#[derive(Default)]
pub(super) struct ExpertsScratch {
    /// The weights of all experts, `[tokens][experts]`: 0 for those that were not chosen.
    weights: Vec<f32>,
    /// The scores of one token's experts.
    scores: Vec<f32>,
    /// The tokens that run through one expert.
    tokens: Vec<usize>,
    /// The input of all tokens, while [`Scratch::x`] has those of one expert.
    inputs: Activations,
    /// The weighted sums of the experts' outputs, `[tokens][hidden_size]`.
    sums: Vec<f32>,
}

impl ExpertsScratch {
    /// Takes the memory for `tokens` tokens, of which [`Scratch::x`] has as many as `widest` values.
    pub fn prepare(
        &mut self,
        experts: &ExpertsConfig,
        hidden: usize,
        [tokens, widest]: [usize; 2],
    ) -> Result<()> {
        self.inputs.prepare(tokens, widest)?;
        reserve_total(&mut self.tokens, tokens)?;
        resize(&mut self.weights, tokens * experts.count, 0.0)?;
        resize(&mut self.scores, experts.count, 0.0)?;
        resize(&mut self.sums, tokens * hidden, 0.0)
    }
}

impl MixtureOfExperts {
    /// Chooses the experts of all tokens, whose normalised input is in `scratch.x`.
    pub fn route(&self, scratch: &mut Scratch) -> Result<()> {
        let Scratch {
            x,
            adapters,
            experts,
            ..
        } = scratch;
        self.router.run(x, &mut experts.weights, adapters)?;
        let scores = &mut experts.scores;
        for weights in experts.weights.chunks_exact_mut(scores.len()) {
            let bias = self.selection_bias.as_deref();
            self.routing.weigh(weights, bias, scores);
        }
        Ok(())
    }

    /// residual = the weighted sum of the outputs of each token's experts. Each expert runs all its tokens at once; a token's
    /// sum is in the order of the experts, so that it does not depend on which tokens run together.
    pub fn run(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        swap(&mut scratch.x, &mut scratch.experts.inputs);
        scratch.experts.sums.fill(0.0);
        for (index, expert) in self.experts.iter().enumerate() {
            if gather(index, scratch)? {
                expert.project_up(scratch)?;
                expert.project_down(config, scratch)?;
                scatter(index, scratch);
            }
        }
        swap(&mut scratch.x, &mut scratch.experts.inputs);
        if let Some(shared) = &self.shared {
            shared.project_up(scratch)?;
            shared.project_down(config, scratch)?;
            kernels::add(&mut scratch.residual, &scratch.experts.sums);
        } else {
            swap(&mut scratch.residual, &mut scratch.experts.sums);
        }
        Ok(())
    }
}

/// Copies the inputs of the tokens of the expert `index` to `scratch.x`. False where it has none.
fn gather(index: usize, scratch: &mut Scratch) -> Result<bool> {
    let ExpertsScratch {
        weights,
        scores,
        tokens,
        inputs,
        ..
    } = &mut scratch.experts;
    let chosen = |token: &usize| weights[token * scores.len() + index] != 0.0;
    tokens.clear();
    tokens.extend((0..inputs.tokens()).filter(chosen));
    let x = scratch.x.prepare(tokens.len(), inputs.cols())?;
    for (x, token) in x.chunks_exact_mut(inputs.cols()).zip(&*tokens) {
        x.copy_from_slice(inputs.values(*token));
    }
    Ok(!tokens.is_empty())
}

/// Adds the weighted outputs of the expert `index`, which are in `scratch.residual`, to the sums of its tokens.
fn scatter(index: usize, scratch: &mut Scratch) {
    let experts = &mut scratch.experts;
    let hidden = experts.inputs.cols();
    let outputs = scratch.residual.chunks_exact_mut(hidden);
    for (output, token) in outputs.zip(&experts.tokens) {
        let weight = experts.weights[token * experts.scores.len() + index];
        kernels::multiply(output, weight);
        kernels::add(&mut experts.sums[token * hidden..][..hidden], output);
    }
}

impl Routing {
    /// Replaces the router's outputs for one token by the weights of the experts. `scores` has room for as many values.
    fn weigh(self, weights: &mut [f32], bias: Option<&[f32]>, scores: &mut [f32]) {
        match self.gating {
            Gating::Softmax => {
                kernels::softmax(weights);
            }
            Gating::Sigmoid => weights.iter_mut().for_each(|x| *x = kernels::sigmoid(*x)),
        }
        scores.copy_from_slice(weights);
        if let Some(bias) = bias {
            kernels::add(scores, bias);
        }
        for _ in 0..self.used {
            // The first of the largest; with NaN, which only a damaged file has, any one.
            let mut best = 0;
            for index in 1..scores.len() {
                if scores[index] > scores[best] {
                    best = index;
                }
            }
            // The mark of a chosen expert.
            scores[best] = f32::NEG_INFINITY;
        }
        for (weight, score) in weights.iter_mut().zip(scores) {
            if *score != f32::NEG_INFINITY {
                *weight = 0.0;
            }
        }
        let sum = match self.normalizes {
            true => weights.iter().sum::<f32>().max(LEAST_SUM),
            false => 1.0,
        };
        kernels::multiply(weights, self.scale / sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const LOGITS: [f32; 5] = [0.5, 2.0, -1.0, 2.0, 1.0];

    fn weigh(routing: Routing, logits: [f32; 5], bias: Option<&[f32]>) -> [f32; 5] {
        let mut weights = logits;
        routing.weigh(&mut weights, bias, &mut [0.0; 5]);
        weights
    }

    fn routing(used: usize, gating: Gating, normalizes: bool) -> Routing {
        Routing {
            used,
            gating,
            normalizes,
            scale: 1.0,
        }
    }

    #[track_caller]
    fn assert_near(weights: [f32; 5], expected: [f64; 5]) {
        for (weight, expected) in weights.into_iter().zip(expected) {
            let error = (f64::from(weight) - expected).abs();
            assert!(error < 1e-6, "{weights:?}, not {expected}");
        }
    }

    #[test]
    fn the_largest_are_chosen_and_weighed_by_softmax() {
        let e = LOGITS.map(|logit| f64::from(logit).exp());
        let all: f64 = e.iter().sum();
        let expected = [0.0, e[1] / all, 0.0, e[3] / all, e[4] / all];
        let three = routing(3, Gating::Softmax, false);
        assert_near(weigh(three, LOGITS, None), expected);
        let doubled = Routing {
            scale: 2.0,
            ..three
        };
        assert_near(weigh(doubled, LOGITS, None), expected.map(|p| 2.0 * p));
        let sum = e[1] + e[3] + e[4];
        let expected = [0.0, e[1] / sum, 0.0, e[3] / sum, e[4] / sum];
        let three = routing(3, Gating::Softmax, true);
        assert_near(weigh(three, LOGITS, None), expected);
    }

    /// Of equal scores the first is chosen, so that the choice is one.
    #[test]
    fn the_first_of_equal_scores_is_chosen() {
        let one = routing(1, Gating::Softmax, true);
        assert_eq!(weigh(one, LOGITS, None), [0.0, 1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_bias_takes_part_in_the_choice_and_not_in_the_weights() {
        let bias = [0.0, -1.0, 2.0, 0.0, 0.0];
        let two = routing(2, Gating::Sigmoid, false);
        let p = LOGITS.map(|logit| 1.0 / (1.0 + (-f64::from(logit)).exp()));
        let expected = [0.0, 0.0, p[2], p[3], 0.0];
        assert_near(weigh(two, LOGITS, Some(&bias)), expected);
        let two = routing(2, Gating::Sigmoid, true);
        let expected = expected.map(|weight| weight / (p[2] + p[3]));
        assert_near(weigh(two, LOGITS, Some(&bias)), expected);
    }

    /// Weights that no training makes must not end in a panic.
    #[test]
    fn numbers_that_are_not_finite_are_survived() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for gating in [Gating::Softmax, Gating::Sigmoid] {
                weigh(routing(3, gating, true), [bad; 5], Some(&[bad; 5]));
            }
        }
    }
}
