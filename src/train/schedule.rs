//! The schedule of training: steps, learning rate, weight decay and validation. What the options leave open is chosen
//! by the size of the text. `benches/recipe.md` has the measurements behind the constants.

use super::Options;
use super::options::MAX_DECAY;

/// The default number of epochs: how often the training text is read.
const EPOCHS: f64 = 8.0;
/// The bounds of the default number of steps: the first for very short texts, the second for very long ones.
const STEPS: (f64, f64) = (200.0, 3000.0);
/// The default warm-up: one part in this many of all steps, and at most so many steps.
const WARMUP: (u64, u64) = (8, 50);
/// The highest learning rate of a training of at most so many steps. A longer one has a lower rate, as many others have
/// found (Bjorck et al. 2024): this over the square root of how many times as long it is.
const LEARNING_RATE: (f32, f64) = (6e-3, 2000.0);
/// The share of the highest learning rate at which the cosine ends.
const LAST_SHARE: f64 = 0.05;
/// The number of validations in one training, and the most steps between two.
const LOOKS: (u64, u64) = (25, 250);

/// The time scale on which the weights forget earlier values, see [`weight_decay`].
struct TimeScale {
    /// Upper bound of the time scale, as a share of all steps.
    share: f64,
    /// Upper bound of the time scale, in epochs, where the text is read once; where it is read n times, that over √n.
    epochs: f64,
    /// Lower bound of the time scale, in steps: a shorter one leaves no time to learn.
    least: f64,
}

const TIME_SCALE: TimeScale = TimeScale {
    share: 0.6,
    epochs: 5.1,
    least: 40.0,
};

/// The schedule of one training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Steps in all.
    pub steps: u64,
    /// Steps of linear warm-up of the learning rate.
    pub warmup_steps: u64,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// The weight decay of the matrices: each step multiplies them by 1 − learning rate × weight decay.
    pub weight_decay: f32,
    /// Steps between two validations.
    pub validate_every: u64,
}

impl Schedule {
    /// The schedule that `options` ask for; what they leave open is chosen by the number of training tokens. The
    /// options must be valid.
    pub(super) fn new(options: &Options, training_tokens: usize) -> Self {
        let batch = (options.batch_size * options.shape.context_length) as f64;
        let epoch = training_tokens as f64 / batch;
        let steps = options
            .steps
            .unwrap_or_else(|| (EPOCHS * epoch).clamp(STEPS.0, STEPS.1).round() as u64);
        let learning_rate = options
            .learning_rate
            .unwrap_or_else(|| learning_rate(steps));
        Self {
            steps,
            warmup_steps: options
                .warmup_steps
                .unwrap_or_else(|| (steps / WARMUP.0).min(WARMUP.1)),
            learning_rate,
            weight_decay: options
                .weight_decay
                .unwrap_or_else(|| weight_decay(steps, epoch, learning_rate)),
            validate_every: (steps / LOOKS.0).clamp(1, LOOKS.1),
        }
    }

    /// The learning rate of a step, counted from 0: linear warm-up, then half a cosine down to a twentieth of the
    /// highest rate (Loshchilov and Hutter 2017).
    pub fn rate(&self, step: u64) -> f32 {
        let (step, warmup) = (step as f64, self.warmup_steps as f64);
        let highest = f64::from(self.learning_rate);
        if step < warmup {
            return (highest * (step + 1.0) / warmup) as f32;
        }
        let left = (self.steps as f64 - warmup).max(1.0);
        let way = ((step - warmup) / left).min(1.0);
        let cosine = 0.5 * (1.0 + libm::cos(std::f64::consts::PI * way));
        (highest * (LAST_SHARE + (1.0 - LAST_SHARE) * cosine)) as f32
    }

    /// Whether there is a validation after this many steps.
    pub(super) fn is_validation_step(&self, step: u64) -> bool {
        step > 0 && (step.is_multiple_of(self.validate_every) || step == self.steps)
    }

    /// The number of regular validations up to a step.
    pub(super) fn validations(&self, step: u64) -> u64 {
        step / self.validate_every
    }

    /// Sets the options to the values of the schedule, which are the given ones where there were any.
    pub(super) fn resolve_defaults(&self, options: &mut Options) {
        options.steps = Some(self.steps);
        options.warmup_steps = Some(self.warmup_steps);
        options.learning_rate = Some(self.learning_rate);
        options.weight_decay = Some(self.weight_decay);
    }
}

/// The default learning rate.
fn learning_rate(steps: u64) -> f32 {
    let (rate, most) = LEARNING_RATE;
    rate * (most / (steps as f64).max(most)).sqrt() as f32
}

/// The default weight decay. With AdamW the weights are a moving average of the updates over a time scale of 1 /
/// (learning rate × weight decay) steps (Wang and Aitchison 2024). That is set to a share of all steps, or shorter
/// where the text is read so often that it would be memorized: the more often, the shorter.
fn weight_decay(steps: u64, epoch: f64, learning_rate: f32) -> f32 {
    let steps = steps as f64;
    let bound = epoch * TIME_SCALE.epochs / (steps / epoch).max(1.0).sqrt();
    let scale = (steps * TIME_SCALE.share).min(bound);
    let decay = 1.0 / (f64::from(learning_rate) * scale.max(TIME_SCALE.least));
    decay.min(f64::from(MAX_DECAY)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_then_falls() {
        let schedule = Schedule {
            steps: 110,
            warmup_steps: 10,
            learning_rate: 1.0,
            weight_decay: 0.1,
            validate_every: 4,
        };
        let rate = |step| schedule.rate(step);
        assert!((rate(0) - 0.1).abs() < 1e-6 && (rate(9) - 1.0).abs() < 1e-6);
        assert!((rate(10) - 1.0).abs() < 1e-6);
        assert!((rate(60) - 0.525).abs() < 1e-6);
        assert!((rate(110) - 0.05).abs() < 1e-6 && (rate(500) - 0.05).abs() < 1e-6);
    }

    #[test]
    fn steps_and_decay_follow_from_the_text() {
        let options = Options::default();
        let of = |tokens| Schedule::new(&options, tokens);
        // Steps of 1,024 tokens, for a short text, a novel of 50,000 tokens and a long text.
        let (short, novel, long) = (of(1000), of(50_000), of(10_000_000));
        assert_eq!((short.steps, novel.steps, long.steps), (200, 391, 3000));
        assert!(short.weight_decay > novel.weight_decay);
        assert!(novel.weight_decay > 4.0 * long.weight_decay);
        assert!((1.5..2.2).contains(&novel.weight_decay), "{novel:?}");
        // More epochs give a larger decay. With a lower learning rate each step shrinks the weights as much as before.
        let steps = |steps| {
            Schedule::new(
                &Options {
                    steps: Some(steps),
                    ..options.clone()
                },
                500_000,
            )
        };
        let shrinks = |schedule: Schedule| schedule.weight_decay * schedule.learning_rate;
        assert!(shrinks(steps(40_000)) > shrinks(steps(10_000)));
        // A long training has a lower learning rate.
        let rates = [200, 2000, 8000].map(|count| steps(count).learning_rate);
        assert_eq!(rates, [6e-3, 6e-3, 3e-3]);
        // As long as the text is not read often, a longer training forgets more slowly.
        assert!(shrinks(steps(500)) > shrinks(steps(1000)));
        let slow = Options {
            learning_rate: Some(2e-3),
            ..options.clone()
        };
        let slow = Schedule::new(&slow, 50_000);
        assert!((slow.weight_decay * 2e-3 - novel.weight_decay * 6e-3).abs() < 1e-6);
        // Whatever is given, the derived options are valid.
        for rate in [1e-12, 1e-3, 1.0] {
            for tokens in [2, 100_000, usize::MAX >> 12] {
                let mut given = Options {
                    learning_rate: Some(rate),
                    ..options.clone()
                };
                let schedule = Schedule::new(&given, tokens);
                schedule.resolve_defaults(&mut given);
                given.validate().unwrap();
            }
        }
    }

    #[test]
    fn the_held_out_text_is_looked_at_often() {
        for steps in [1, 7, 25, 400, 3000, 100_000] {
            let options = Options {
                steps: Some(steps),
                ..Options::default()
            };
            let schedule = Schedule::new(&options, 50_000);
            let validations = (0..=steps)
                .filter(|step| schedule.is_validation_step(*step))
                .count() as u64;
            assert!(
                (steps.min(25)..=(steps / 250 + 50)).contains(&validations),
                "{steps}: {validations}"
            );
            assert!(schedule.is_validation_step(steps) && !schedule.is_validation_step(0));
        }
    }
}
