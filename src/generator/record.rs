//! The record of a step: the model's distribution, and what each stage of the sampler made of it.

use super::generation::Generation;
use crate::sampler::{Alternative, StageTrace, Step, Trace};
use crate::tokenizer::Tokenizer;
use crate::{Result, TokenId};
use serde::Serialize;

/// One step of the loop, from the model's distribution to the one that the token is sampled from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Record {
    /// The number of the step, which is the number of tokens generated before it.
    pub step: usize,
    /// The entropy of the model's own distribution, in nats.
    pub entropy: f32,
    /// The chosen token; absent where none was chosen (`peek`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Chosen>,
    /// The most probable tokens of the model's own distribution, best first. The chosen token is appended where it is
    /// not among them.
    pub candidates: Vec<RecordedToken>,
    /// The stages of the sampler, in their order; those without effect are left out.
    pub stages: Vec<RecordedStage>,
    /// The draw from what they leave: of the chosen token, unless that was forced. Absent where they leave nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draw: Option<RecordedDraw>,
}

/// The token a step chose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Chosen {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// Its rank in the model's own distribution: 1 for the most probable token.
    pub rank: usize,
    /// −ln of its probability under the model's own distribution, in nats.
    pub surprisal: f32,
    /// Its probability under the distribution that is sampled from; 0 for a forced token that a stage had cut.
    pub probability: f32,
}

/// A token among a step's candidates.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedToken {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The token by itself: its text (half a character shows as U+FFFD), or the name of a control token.
    pub text: String,
    /// Its bytes; none for a control token.
    pub bytes: Vec<u8>,
    /// Its logit as the model gave it.
    pub logit: f32,
    /// Natural logarithm of its probability under the model's own distribution.
    pub logprob: f32,
    /// Its probability after all stages; 0 where one of them cut it.
    pub probability: f32,
}

/// The draw: the tokens that the stages leave lie side by side from 0 to 1, each as wide as its probability, the most
/// probable first. A random number is a point there, and the token in whose segment it lies is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedDraw {
    /// The random number in \[0, 1), which depends on nothing but the seed and the number of the step.
    pub point: f64,
    /// The token in whose segment it lies. A forced token may be another.
    pub id: TokenId,
    /// The token by itself, as in [`RecordedToken`].
    pub text: String,
    /// Where its segment begins: the probability of all tokens before it, together.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

/// What one stage did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RecordedStage {
    /// Its name, as in [`super::SAMPLERS`]; [`super::Generator::samplers`] has its parameters. "constraint" stands
    /// before all of them, where there is a constraint.
    pub name: &'static str,
    /// The parameter that changes from step to step: the temperature, or mirostat's μ in bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<f32>,
    /// How many tokens it left as candidates.
    pub kept: usize,
    /// How many it cut.
    pub removed: usize,
    /// The probability of those it cut, together, before it.
    pub removed_probability: f32,
    /// The most probable of those it cut, best first.
    pub removed_tokens: Vec<RemovedToken>,
    /// The probability of each of [`Record::candidates`] after this stage, 0 where cut. The probabilities before it
    /// are those after the previous stage; before the first stage, the model's own.
    pub probabilities: Vec<f32>,
}

/// A token that a stage cut.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RemovedToken {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The token by itself, as in [`RecordedToken`].
    pub text: String,
    /// Its probability before the stage.
    pub probability: f32,
}

impl Record {
    /// The record of the step number `step`, in which `chosen` was chosen, if any token was.
    pub(super) fn new(
        step: usize,
        trace: Trace,
        chosen: Option<TokenId>,
        tokenizer: &Tokenizer,
    ) -> Self {
        let of_chosen = |id| trace.tokens.iter().find(|token| token.id == id);
        let chosen = chosen.and_then(|id| {
            let token = of_chosen(id)?;
            Some(Chosen {
                id,
                rank: trace.rank? + 1,
                surprisal: -token.logprob,
                probability: token.probability,
            })
        });
        let candidates = trace.tokens.iter();
        let stages = trace.stages.into_iter();
        Record {
            step,
            entropy: trace.entropy,
            chosen,
            candidates: candidates
                .map(|token| RecordedToken::new(token, tokenizer))
                .collect(),
            stages: stages
                .map(|stage| RecordedStage::new(stage, tokenizer))
                .collect(),
            draw: trace.draw.map(|draw| RecordedDraw {
                point: draw.point,
                id: draw.id,
                text: tokenizer.token_text(draw.id),
                from: draw.from,
                to: draw.to,
            }),
        }
    }
}

impl RecordedToken {
    fn new(token: &Alternative, tokenizer: &Tokenizer) -> Self {
        RecordedToken {
            id: token.id,
            text: tokenizer.token_text(token.id),
            bytes: tokenizer.token_bytes(token.id).to_vec(),
            logit: token.logit,
            logprob: token.logprob,
            probability: token.probability,
        }
    }
}

impl RecordedStage {
    fn new(stage: StageTrace, tokenizer: &Tokenizer) -> Self {
        let removed = stage.removed_tokens.into_iter();
        RecordedStage {
            name: stage.name,
            level: stage.level,
            kept: stage.kept,
            removed: stage.removed,
            removed_probability: stage.removed_probability,
            removed_tokens: removed
                .map(|(id, probability)| RemovedToken {
                    id,
                    text: tokenizer.token_text(id),
                    probability,
                })
                .collect(),
            probabilities: stage.probabilities,
        }
    }
}

/// The record of the current step, with lists of up to `top` tokens.
pub(super) fn record(
    generation: &mut Generation,
    logits: &[f32],
    tokenizer: &Tokenizer,
    top: usize,
    chosen: Option<TokenId>,
) -> Result<Record> {
    let index = generation.generated();
    let bytes = |id| tokenizer.token_bytes(id);
    let step = Step {
        index: index as u64,
        history: Generation::history(&generation.ids, generation.shift),
        bytes: &bytes,
        allowed: generation.allowed.as_ref(),
    };
    let trace = generation.sampler.trace(logits, &step, top, chosen)?;
    Ok(Record::new(index, trace, chosen, tokenizer))
}
