//! The options of training: the architecture and the hyperparameters.

use std::str::FromStr;

use super::shape::Shape;
use crate::error::{check_option, invalid_option};
use crate::{Error, Result};

/// Sizes of the model to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// 140 thousand weights: shows results within seconds, even in a browser tab.
    Tiny,
    /// About a million weights: learns a text of some hundred kilobytes while one watches.
    Small,
    /// About one and a half million weights, and a context that holds a whole story: the preset of the default model.
    Medium,
}

impl FromStr for Preset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "tiny" => Ok(Self::Tiny),
            "small" => Ok(Self::Small),
            "medium" => Ok(Self::Medium),
            _ => Err(invalid_option(
                "preset",
                "\"tiny\", \"small\" or \"medium\"",
            )),
        }
    }
}

/// Everything that training depends on besides the text. The same options and text give the same model.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The architecture of the model. Its vocabulary size is an upper bound: a short text has fewer merges to learn.
    pub shape: Shape,
    /// Sequences in the batch of one step.
    pub batch_size: usize,
    /// Steps in all, over which the learning-rate schedule runs. `None`, here and below, means a value that suits the
    /// size of the text; see [`super::Schedule`].
    pub steps: Option<u64>,
    /// Steps of linear warm-up of the learning rate.
    pub warmup_steps: Option<u64>,
    /// The highest learning rate.
    pub learning_rate: Option<f32>,
    /// The weight decay of the matrices: each step multiplies them by 1 − learning rate × weight decay.
    pub weight_decay: Option<f32>,
    /// Early stopping: training is complete after this many consecutive validations, spanning at least 50 steps,
    /// without a new lowest loss. 0 turns it off. There are about 25 validations in all, or one every 250 steps where
    /// that is more.
    pub patience: u64,
    /// The largest Euclidean norm of the gradient; a longer one is scaled down to it.
    pub max_gradient: f32,
    /// The seed of the initial weights and of the batches.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self::preset(Preset::Small)
    }
}

/// Checks the size of a training, by the names of its options.
pub(super) fn check_size(batch_size: usize, steps: Option<u64>) -> Result<()> {
    check_option(
        (1..=1024).contains(&batch_size),
        "batch_size",
        "a whole number from 1 to 1024",
    )?;
    check_option(
        steps.is_none_or(|steps| (1..=MAX_STEPS).contains(&steps)),
        "steps",
        "a whole number from 1 to 1000000000",
    )
}

impl Options {
    /// The options of a preset.
    pub fn preset(preset: Preset) -> Self {
        let (vocabulary_size, context_length, hidden_size, layers, heads, feed_forward_size) =
            match preset {
                Preset::Tiny => (512, 64, 64, 2, 2, 192),
                Preset::Small => (1024, 128, 128, 4, 4, 352),
                Preset::Medium => (2048, 320, 160, 4, 5, 448),
            };
        Self {
            shape: Shape {
                vocabulary_size,
                context_length,
                hidden_size,
                layers,
                heads,
                feed_forward_size,
            },
            batch_size: match preset {
                Preset::Tiny | Preset::Small => 8,
                Preset::Medium => 4,
            },
            steps: None,
            warmup_steps: None,
            learning_rate: None,
            weight_decay: None,
            patience: 6,
            max_gradient: 1.0,
            seed: 0,
        }
    }

    /// Checks every option.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] with the option's name.
    pub fn validate(&self) -> Result<()> {
        self.shape.validate()?;
        let positive = |value: f32| value.is_finite() && value > 0.0;
        check_size(self.batch_size, self.steps)?;
        check_option(
            self.warmup_steps.is_none_or(|steps| steps <= MAX_STEPS),
            "warmup_steps",
            "a whole number up to 1000000000",
        )?;
        check_option(
            self.learning_rate
                .is_none_or(|rate| positive(rate) && rate <= 1.0),
            "learning_rate",
            "a number over 0, at most 1",
        )?;
        check_option(
            self.weight_decay
                .is_none_or(|decay| (0.0..=MAX_DECAY).contains(&decay)),
            "weight_decay",
            "a number from 0 to 10",
        )?;
        check_option(
            positive(self.max_gradient),
            "max_gradient",
            "a finite number over 0",
        )
    }

    /// The number of sequences computed together, a divisor of the batch size. The gradients of these parts are added
    /// in their order, so that the result does not depend on the number of threads or their speed.
    pub(super) fn part_size(&self) -> usize {
        let most = (PART_TOKENS / self.shape.context_length).clamp(1, self.batch_size);
        let divides = |size: &usize| self.batch_size.is_multiple_of(*size);
        (1..=most).rev().find(divides).unwrap_or(1)
    }
}

/// The largest weight decay.
pub(super) const MAX_DECAY: f32 = 10.0;
/// The most steps: more than anybody waits for, and far from an overflow of the step number.
pub(super) const MAX_STEPS: u64 = 1_000_000_000;
/// About how many tokens are computed together: enough for large matrix products, few enough for the processor's cache.
pub(super) const PART_TOKENS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid() {
        for (name, millions) in [
            ("tiny", 0.135..0.145),
            ("small", 0.8..1.2),
            ("medium", 1.4..1.8),
        ] {
            let options = Options::preset(name.parse().unwrap());
            options.validate().unwrap();
            let size = options.shape.parameters() as f64 / 1e6;
            assert!(millions.contains(&size), "{name}: {size} million");
        }
        assert!("large".parse::<Preset>().is_err());
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let refused = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            match options.validate() {
                Err(Error::InvalidOption { name, .. }) => name,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(|o| o.batch_size = 0), "batch_size");
        assert_eq!(refused(|o| o.steps = Some(0)), "steps");
        assert_eq!(refused(|o| o.warmup_steps = Some(u64::MAX)), "warmup_steps");
        assert_eq!(
            refused(|o| o.learning_rate = Some(f32::NAN)),
            "learning_rate"
        );
        assert_eq!(refused(|o| o.weight_decay = Some(-1.0)), "weight_decay");
        assert_eq!(refused(|o| o.max_gradient = 0.0), "max_gradient");
        assert_eq!(refused(|o| o.shape.layers = 0), "layers");
    }
}
