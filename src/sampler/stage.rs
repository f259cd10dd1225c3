//! The stages of the chain as data: a chain is a list of them. What each does is in the file of its name.

mod dry;
mod logit_bias;
mod min_p;
mod mirostat;
mod penalties;
mod temperature;
mod top_k;
mod top_n_sigma;
mod top_p;
mod typical_p;
mod xtc;

use super::Step;
use super::candidates::Candidates;
use super::random::{Purpose, Random};
use super::sums::Surprisal;
use super::table::Table;
use crate::error::invalid_option;
use crate::{Error, Result, TokenId};
pub(super) use dry::Dry;
pub use dry::TokenBytes;
pub use mirostat::Mirostat;
use serde::Serialize;
use std::f64::consts::LN_2;
use std::fmt;
use std::str::FromStr;

/// One transformation on the way from the model's distribution to the one that is sampled from. The fields are named
/// like the options of a generation; [`crate::generator::Options`] gives their ranges.
///
/// A stage always leaves at least one token. The exception is a logit bias: a banned token is never sampled.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "name", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Adds to the logits of some tokens and removes others.
    LogitBias {
        /// Tokens and what to add to their logits; each token once.
        logit_bias: Vec<(TokenId, f32)>,
        /// Tokens that are removed.
        banned_tokens: Vec<TokenId>,
    },
    /// Makes tokens less probable that occur among the last `penalty_last_n` tokens (−1: in the whole text).
    Penalties {
        /// How many of the last tokens are looked at.
        penalty_last_n: i32,
        /// Divides positive logits and multiplies others (Keskar et al. 2019, CTRL). 1 is neutral.
        repetition_penalty: f32,
        /// Subtracted for each occurrence (OpenAI's API). 0 is neutral.
        frequency_penalty: f32,
        /// Subtracted once (OpenAI's API). 0 is neutral.
        presence_penalty: f32,
        /// No n-gram of this size may occur twice (Paulus et al. 2017). 0 is neutral. Has no effect where it would
        /// remove all tokens.
        no_repeat_ngram_size: u32,
    },
    /// Subtracts `dry_multiplier` × `dry_base` ^ (length − `dry_allowed_length`) from the logits of tokens
    /// that would continue a repetition of that length (p-e-w 2024, text-generation-webui #5677).
    Dry {
        /// 0 is neutral.
        dry_multiplier: f32,
        /// The factor by which the penalty grows with each token of the repetition.
        dry_base: f32,
        /// The length of the shortest repetition that is penalised.
        dry_allowed_length: u32,
        /// How many of the last tokens are searched; −1 for the whole text.
        dry_penalty_last_n: i32,
        /// Strings that end a repetition. Control tokens always do, without being listed.
        dry_sequence_breakers: Vec<String>,
    },
    /// Keeps the tokens whose logit is at most this many standard deviations of the remaining logits below the largest
    /// (Tang et al. 2024). 0 or less is neutral.
    TopNSigma {
        /// The number of standard deviations.
        top_n_sigma: f32,
    },
    /// Keeps the k most probable tokens; of equal ones, those with the lowest ids. 0 is neutral.
    TopK {
        /// The number of tokens to keep.
        top_k: u32,
    },
    /// Keeps the tokens whose surprisal is nearest to the entropy, as few as have at least this probability together
    /// (Meister et al. 2022, locally typical sampling). 1 is neutral.
    TypicalP {
        /// The probability to keep.
        typical_p: f32,
    },
    /// Keeps the most probable tokens, as few as have at least this probability together (Holtzman et al. 2019, nucleus
    /// sampling). 1 is neutral; 0 leaves only the best.
    TopP {
        /// The probability to keep.
        top_p: f32,
    },
    /// Keeps the tokens with at least this share of the best token's probability (Nguyen et al. 2024). 0 is neutral; 1
    /// leaves only the best and those equal to it.
    MinP {
        /// The share of the best token's probability.
        min_p: f32,
    },
    /// With the probability `xtc_probability`, excludes the top choices, which are all tokens of at least the
    /// probability `xtc_threshold`, except the least probable of them (p-e-w 2024, text-generation-webui #6335).
    /// Neutral with a probability of 0, and with a threshold over 0.5, which no two tokens can reach.
    Xtc {
        /// The probability that a step excludes anything.
        xtc_probability: f32,
        /// The probability from which a token is a top choice.
        xtc_threshold: f32,
    },
    /// Divides the logits by the temperature: one under 1 sharpens the distribution, one over 1 flattens it, and 0
    /// leaves only the best token, which is the limit. With a range, the temperature follows the entropy H of the n
    /// candidates (dynamic temperature, kalomaze 2023): it goes from `temperature` − range, at least 0, to
    /// `temperature` + range as (H / ln n) ^ exponent goes from 0 to 1.
    Temperature {
        /// The temperature.
        temperature: f32,
        /// The range: how far the temperature may move. 0 is neutral.
        dynatemp_range: f32,
        /// The exponent of the normalised entropy.
        dynatemp_exponent: f32,
    },
    /// Mirostat 2.0 (Basu et al. 2020, algorithm 2): keeps the tokens of at most μ bits of surprisal, and adjusts μ
    /// after each token so that the surprisal of the sampled tokens approaches τ. μ begins at 2 τ.
    Mirostat {
        /// τ, the target surprisal in bits.
        mirostat_tau: f32,
        /// η, the learning rate of μ.
        mirostat_eta: f32,
    },
}

/// What the stages use besides the candidates.
#[derive(Debug, Clone)]
pub(super) struct StageContext {
    pub random: Random,
    /// Mirostat's μ in bits; `None` before its first step.
    pub mu: Option<f64>,
    /// Surprisals under the distribution before mirostat's cut.
    pub pre_cut_surprisal: Option<Surprisal>,
    pub table: Table,
    pub dry: Dry,
}

/// Defines [`SamplerName`] and [`SAMPLERS`] from the stages and their names.
macro_rules! names {
    ($($stage:ident: $name:literal,)*) => {
        /// The name of a [`Stage`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum SamplerName {
            $(#[doc = concat!("`", $name, "`: [`Stage::", stringify!($stage), "`].")] $stage,)*
        }

        /// The names of the stages in their default order, which is llama.cpp's;
        /// [`Options::samplers`](crate::generator::Options::samplers) can give another.
        pub const SAMPLERS: [SamplerName; [$($name,)*].len()] = [$(SamplerName::$stage,)*];

        /// The names as the command line and JavaScript spell them.
        const SPELLINGS: [&str; SAMPLERS.len()] = [$($name,)*];

        impl Stage {
            /// The stage's name in the option `samplers`.
            pub fn name(&self) -> SamplerName {
                match self {
                    $(Stage::$stage { .. } => SamplerName::$stage,)*
                }
            }
        }
    };
}

names! {
    LogitBias: "logit_bias",
    Penalties: "penalties",
    Dry: "dry",
    TopNSigma: "top_n_sigma",
    TopK: "top_k",
    TypicalP: "typical_p",
    TopP: "top_p",
    MinP: "min_p",
    Xtc: "xtc",
    Temperature: "temperature",
    Mirostat: "mirostat",
}

impl fmt::Display for SamplerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SamplerName {
    type Err = Error;

    /// The stage of this name.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for any other.
    fn from_str(given: &str) -> Result<Self> {
        if let Some(place) = SPELLINGS.iter().position(|name| *name == given) {
            return Ok(SAMPLERS[place]);
        }
        let names = SPELLINGS.join(", ");
        let allowed = format!("a list of {names}; there is no \"{given}\"");
        Err(invalid_option("samplers", &allowed))
    }
}

impl SamplerName {
    /// As users of the command line and of JavaScript spell it.
    pub fn as_str(self) -> &'static str {
        SPELLINGS[self as usize]
    }

    /// The stages of these names.
    pub(crate) fn parse_all(names: &[String]) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for name in names {
            all.push(name.parse()?);
        }
        Ok(all)
    }
}

impl Stage {
    /// Whether it has no effect on any distribution.
    pub fn is_neutral(&self) -> bool {
        match self {
            Stage::LogitBias {
                logit_bias,
                banned_tokens,
            } => logit_bias.iter().all(|pair| pair.1 == 0.0) && banned_tokens.is_empty(),
            Stage::Penalties {
                penalty_last_n,
                repetition_penalty,
                frequency_penalty,
                presence_penalty,
                no_repeat_ngram_size,
            } => {
                let penalties = [*repetition_penalty, *frequency_penalty, *presence_penalty];
                *penalty_last_n == 0 || (penalties == [1.0, 0.0, 0.0] && *no_repeat_ngram_size == 0)
            }
            Stage::Dry {
                dry_multiplier,
                dry_penalty_last_n,
                ..
            } => *dry_multiplier == 0.0 || *dry_penalty_last_n == 0,
            Stage::TopNSigma { top_n_sigma } => *top_n_sigma <= 0.0,
            Stage::TopK { top_k } => *top_k == 0,
            Stage::TypicalP { typical_p } => *typical_p >= 1.0,
            Stage::TopP { top_p } => *top_p >= 1.0,
            Stage::MinP { min_p } => *min_p <= 0.0,
            Stage::Xtc {
                xtc_probability,
                xtc_threshold,
            } => *xtc_probability <= 0.0 || *xtc_threshold > 0.5,
            Stage::Temperature {
                temperature,
                dynatemp_range,
                ..
            } => *temperature == 1.0 && *dynatemp_range == 0.0,
            Stage::Mirostat { .. } => false,
        }
    }

    /// Whether it leaves only the token with the largest logit.
    fn is_greedy(&self) -> bool {
        matches!(self, Stage::Temperature { temperature, dynatemp_range, .. }
            if *temperature <= 0.0 && *dynatemp_range <= 0.0)
    }

    /// Whether the best token is always kept and stays the best.
    fn preserves_argmax(&self) -> bool {
        use Stage::*;
        matches!(
            self,
            TopNSigma { .. } | TopK { .. } | TopP { .. } | MinP { .. }
        )
    }

    /// Applies the stage to `candidates`.
    pub(super) fn apply(
        &self,
        candidates: &mut Candidates,
        step: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()> {
        let table = &mut context.table;
        match self {
            Stage::LogitBias {
                logit_bias,
                banned_tokens,
            } => logit_bias::bias(candidates, logit_bias, banned_tokens, table)?,
            Stage::Penalties {
                penalty_last_n,
                repetition_penalty,
                frequency_penalty,
                presence_penalty,
                no_repeat_ngram_size,
            } => {
                let window = penalties::window(step.history, *penalty_last_n);
                let rates = [*repetition_penalty, *frequency_penalty, *presence_penalty];
                penalties::penalize(candidates, window, rates, table)?;
                if *no_repeat_ngram_size > 0 {
                    let size = usize::try_from(*no_repeat_ngram_size).unwrap_or(usize::MAX);
                    penalties::remove_repeated_ngrams(candidates, window, size, table)?;
                }
            }
            Stage::Dry { .. } => self.dry(candidates, step, context)?,
            Stage::TopNSigma { top_n_sigma } => candidates.top_n_sigma(*top_n_sigma)?,
            Stage::TopK { top_k } => {
                candidates.keep_best(usize::try_from(*top_k).unwrap_or(usize::MAX))?;
            }
            Stage::TypicalP { typical_p } => candidates.typical_p(f64::from(*typical_p))?,
            Stage::TopP { top_p } => candidates.top_p(f64::from(*top_p))?,
            Stage::MinP { min_p } => candidates.min_p(*min_p)?,
            Stage::Xtc {
                xtc_probability,
                xtc_threshold,
            } => {
                let chance = context.random.number(step.index, Purpose::Exclude);
                if chance < f64::from(*xtc_probability) {
                    candidates.xtc(*xtc_threshold)?;
                }
            }
            Stage::Temperature { .. } => {
                let temperature = self.temperature(candidates)?;
                if temperature > 0.0 {
                    candidates.scale(temperature)?;
                } else {
                    candidates.keep_best(1)?;
                }
            }
            Stage::Mirostat { mirostat_tau, .. } => {
                let mu = context.mu.unwrap_or(2.0 * f64::from(*mirostat_tau));
                context.pre_cut_surprisal = candidates.mirostat(mu * LN_2)?;
            }
        }
        Ok(())
    }
}

/// The chain without the stages that have no effect: neutral ones; and with a temperature of 0, those after it, and
/// directly before it those that keep the best token as the best.
pub(super) fn effective(mut stages: Vec<Stage>) -> Vec<Stage> {
    stages.retain(|stage| !stage.is_neutral());
    if let Some(greedy) = stages.iter().position(Stage::is_greedy) {
        let end = stages.split_off(greedy);
        while stages.last().is_some_and(Stage::preserves_argmax) {
            stages.pop();
        }
        stages.extend(end.into_iter().take(1));
    }
    stages
}
