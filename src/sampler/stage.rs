//! The stages of the chain as data: a chain is a list of them. Each is in the file of its name: its options, and what it
//! does.

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
use super::random::Random;
use super::sums::Surprisal;
use super::table::Table;
use crate::error::invalid_option;
use crate::{Error, Result, TokenId};
pub(super) use dry::Repetitions;
pub use dry::{Dry, TokenBytes};
pub use logit_bias::LogitBias;
pub use min_p::MinP;
pub use mirostat::{Mirostat, MirostatV2};
pub use penalties::Penalties;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
pub use temperature::Temperature;
pub use top_k::TopK;
pub use top_n_sigma::TopNSigma;
pub use top_p::TopP;
pub use typical_p::TypicalP;
pub use xtc::Xtc;

/// What the stages use besides the candidates.
#[derive(Debug, Clone)]
pub(super) struct StageContext {
    pub random: Random,
    /// Mirostat's μ in bits; `None` before its first step.
    pub mu: Option<f64>,
    /// Surprisals under the distribution before mirostat's cut.
    pub pre_cut_surprisal: Option<Surprisal>,
    pub table: Table,
    pub repetitions: Repetitions,
}

/// Defines [`Parameter`], which has a variant for each type that an option of a stage can have.
macro_rules! types {
    ($($variant:ident($type:ty),)*) => {
        /// An option of a stage, as it is told to whoever looks at the chain.
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Parameter<'a> {
            $($variant(&'a $type),)*
        }

        $(impl<'a> From<&'a $type> for Parameter<'a> {
            fn from(value: &'a $type) -> Self {
                Parameter::$variant(value)
            }
        })*
    };
}

types! {
    F32(f32),
    U32(u32),
    I32(i32),
    Biases(Vec<(TokenId, f32)>),
    Tokens(Vec<TokenId>),
    Strings(Vec<String>),
}

/// The parameters of a stage, by the names of its fields.
macro_rules! parameters {
    ($($name:ident),*) => {
        fn parameters(&self) -> Vec<(&'static str, Parameter<'_>)> {
            vec![$((stringify!($name), Parameter::from(&self.$name)),)*]
        }
    };
}
use parameters;

/// What every stage does.
trait Apply {
    /// Its options in their order, by their names.
    fn parameters(&self) -> Vec<(&'static str, Parameter<'_>)>;

    /// Whether it has no effect on any distribution.
    fn is_neutral(&self) -> bool;

    /// Whether the best token is always kept and stays the best.
    fn preserves_argmax(&self) -> bool {
        false
    }

    /// Applies the stage to `candidates`.
    fn apply(
        &self,
        candidates: &mut Candidates,
        step: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()>;
}

/// Defines [`Stage`], [`SamplerName`] and [`SAMPLERS`] from the stages and their names.
macro_rules! stages {
    ($($stage:ident: $name:literal,)*) => {
        /// One transformation on the way from the model's distribution to the one that is sampled from. The fields of
        /// each are named like the options of a generation; [`crate::generator::Options`] gives their ranges.
        ///
        /// A stage always leaves at least one token. The exception is a logit bias: a banned token is never sampled.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Stage {
            $(#[doc = concat!("See [`", stringify!($stage), "`].")] $stage($stage),)*
        }

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
                    $(Stage::$stage(_) => SamplerName::$stage,)*
                }
            }

            /// Whether it has no effect on any distribution.
            pub fn is_neutral(&self) -> bool {
                match self {
                    $(Stage::$stage(stage) => stage.is_neutral(),)*
                }
            }

            fn parameters(&self) -> Vec<(&'static str, Parameter<'_>)> {
                match self {
                    $(Stage::$stage(stage) => stage.parameters(),)*
                }
            }

            /// Whether the best token is always kept and stays the best.
            fn preserves_argmax(&self) -> bool {
                match self {
                    $(Stage::$stage(stage) => stage.preserves_argmax(),)*
                }
            }

            /// Applies the stage to `candidates`.
            pub(super) fn apply(
                &self,
                candidates: &mut Candidates,
                step: &Step<'_>,
                context: &mut StageContext,
            ) -> Result<()> {
                match self {
                    $(Stage::$stage(stage) => stage.apply(candidates, step, context),)*
                }
            }
        }
    };
}

stages! {
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
    MirostatV2: "mirostat",
}

/// A stage is an object of its name and its options. One loop writes those of all stages: derived for each, it took 1 kB more
/// of WebAssembly.
impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let parameters = self.parameters();
        let mut object = serializer.serialize_struct("Stage", 1 + parameters.len())?;
        object.serialize_field("name", self.name().as_str())?;
        for (name, parameter) in parameters {
            object.serialize_field(name, &parameter)?;
        }
        object.end()
    }
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

/// The chain without the stages that have no effect: neutral ones; and with a temperature of 0, those after it, and
/// directly before it those that keep the best token as the best.
pub(super) fn effective(mut stages: Vec<Stage>) -> Vec<Stage> {
    stages.retain(|stage| !stage.is_neutral());
    if let Some(greedy) = stages.iter().position(is_greedy) {
        let end = stages.split_off(greedy);
        while stages.last().is_some_and(Stage::preserves_argmax) {
            stages.pop();
        }
        stages.extend(end.into_iter().take(1));
    }
    stages
}

/// Whether it leaves only the token with the largest logit.
fn is_greedy(stage: &Stage) -> bool {
    matches!(stage, Stage::Temperature(temperature) if temperature.is_greedy())
}
