//! How long a text is learnt, how fast, and how strongly the weights are held small: what the options leave open
//! follows from the size of the text. `benches/recipe.md` keeps what was measured of it.

use super::Options;
use super::options::MOST_DECAY;

/// How often a text is read where nothing else is asked for.
const EPOCHS: f64 = 8.0;
/// Even a very short text takes so many steps to learn from; a very long one is given this much time.
const STEPS: (f64, f64) = (200.0, 3000.0);
/// The learning rate rises over this share of the steps, and no longer than so many.
const WARMUP: (u64, u64) = (8, 50);
/// The highest learning rate.
const LEARNING_RATE: f32 = 6e-3;
/// The cosine ends at this share of the highest learning rate.
const LAST_SHARE: f64 = 0.05;
/// The held-out text is judged about so often in a training, and never less than once in so many steps.
const LOOKS: (u64, u64) = (25, 250);

/// The steps within which the weights forget what they were, see [`weight_decay`].
struct Memory {
    /// As a share of all steps.
    share: f64,
    /// As readings of the text.
    epochs: f64,
    /// Fewer leave no time to learn.
    least: f64,
}

const MEMORY: Memory = Memory {
    share: 0.22,
    epochs: 1.8,
    least: 80.0,
};

/// The course of one training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Steps in all.
    pub steps: u64,
    /// Steps over which the learning rate rises.
    pub warmup_steps: u64,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// How much matrices shrink at each step, in units of the learning rate.
    pub weight_decay: f32,
    /// Steps between two looks at the held-out text.
    pub validate_every: u64,
}

impl Schedule {
    /// What `options`, which are valid, say, and where they leave it open, what suits so many tokens to learn from.
    pub(super) fn new(options: &Options, training_tokens: usize) -> Self {
        let batch = (options.batch_size * options.shape.context_length) as f64;
        let epoch = training_tokens as f64 / batch;
        let steps = options
            .steps
            .unwrap_or_else(|| (EPOCHS * epoch).clamp(STEPS.0, STEPS.1).round() as u64);
        let learning_rate = options.learning_rate.unwrap_or(LEARNING_RATE);
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

    /// The learning rate of a step, counted from 0: linear warm-up, then half a cosine down to a twentieth
    /// (Loshchilov and Hutter 2017).
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

    /// Whether the held-out text is judged after so many steps.
    pub(super) fn is_look(&self, step: u64) -> bool {
        step > 0 && (step.is_multiple_of(self.validate_every) || step == self.steps)
    }

    /// Looks at the held-out text up to a step.
    pub(super) fn looks(&self, step: u64) -> u64 {
        step / self.validate_every
    }
}

/// How much matrices shrink at each step, in units of the learning rate: so much that the weights forget what they
/// were within a share of the training (Wang and Aitchison 2024), and sooner where the text is read so often that it
/// would be learnt by heart.
fn weight_decay(steps: u64, epoch: f64, learning_rate: f32) -> f32 {
    let memory = (steps as f64 * MEMORY.share).min(epoch * MEMORY.epochs);
    let decay = 1.0 / (f64::from(learning_rate) * memory.max(MEMORY.least));
    decay.min(f64::from(MOST_DECAY)) as f32
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
        // Steps of 1,024 tokens: a short text, a novel of 50,000 tokens, a long text.
        let (short, novel, long) = (of(1000), of(50_000), of(10_000_000));
        assert_eq!((short.steps, novel.steps, long.steps), (200, 391, 3000));
        assert!(short.weight_decay > novel.weight_decay);
        assert!(novel.weight_decay > 4.0 * long.weight_decay);
        assert!((1.5..2.2).contains(&novel.weight_decay), "{novel:?}");
        // Read oftener, it is held smaller; a slower rate shrinks as much at each step.
        let steps = |steps| {
            Schedule::new(
                &Options {
                    steps: Some(steps),
                    ..options.clone()
                },
                500_000,
            )
        };
        let shrinks = |schedule: Schedule| schedule.weight_decay * steps(1).learning_rate;
        assert!((shrinks(steps(40_000)) - shrinks(steps(20_000))).abs() < 1e-9);
        assert!(shrinks(steps(2000)) > shrinks(steps(4000)));
        let slow = Options {
            learning_rate: Some(2e-3),
            ..options.clone()
        };
        let slow = Schedule::new(&slow, 50_000);
        assert!((slow.weight_decay * 2e-3 - novel.weight_decay * 6e-3).abs() < 1e-6);
        // Whatever is given, what follows is allowed.
        for rate in [1e-12, 1e-3, 1.0] {
            for tokens in [2, 100_000, usize::MAX >> 12] {
                let mut given = Options {
                    learning_rate: Some(rate),
                    ..options.clone()
                };
                let schedule = Schedule::new(&given, tokens);
                given.fill_in(&schedule);
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
            let looks = (0..=steps).filter(|step| schedule.is_look(*step)).count() as u64;
            assert!(
                (steps.min(25)..=(steps / 250 + 50)).contains(&looks),
                "{steps}: {looks}"
            );
            assert!(schedule.is_look(steps) && !schedule.is_look(0));
        }
    }
}
