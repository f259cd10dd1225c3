//! Tests of the whole trainer: derivatives, learning, checkpoints and export.

use super::network::{Network, Workspace};
use super::random::{normal, stream};
use super::*;
use crate::Error;
use crate::generator;
use crate::model::Model;
use crate::quant::TensorType;

const TEXT: &str = "The little fox ran to the river. The owl saw the fox and said hello. \
    \"Come and play,\" said the fox, and they played until the sun went down. ";

fn options() -> Options {
    Options {
        shape: Shape {
            vocabulary_size: 320,
            context_length: 24,
            hidden_size: 32,
            layers: 2,
            heads: 2,
            feed_forward_size: 64,
        },
        batch_size: 4,
        steps: Some(60),
        warmup_steps: Some(5),
        learning_rate: Some(1e-2),
        weight_decay: Some(0.1),
        patience: 0,
        seed: 7,
        ..Options::default()
    }
}

/// With batches of four parts, which threads can share.
fn in_parts() -> Options {
    Options {
        batch_size: 40,
        ..options()
    }
}

fn trainer() -> Trainer {
    Trainer::new(&TEXT.repeat(12), options()).unwrap()
}

/// Along a random direction within each tensor the loss changes as the gradient predicts.
#[test]
fn gradients_agree_with_finite_differences() {
    let mut trainer = trainer();
    let shape = *trainer.shape();
    let mut random = stream(1, 1);
    // The weights of norms begin with 1, which would hide a missing factor.
    for weight in trainer.weights_mut() {
        *weight += 0.2 * normal(&mut random);
    }
    let weights = trainer.weights_mut().to_vec();
    // Longer than a block of queries, and two sequences.
    let length = 80;
    let shape = Shape {
        context_length: length,
        ..shape
    };
    let mut id = |_| super::random::below(shape.vocabulary_size, &mut random) as u32;
    let ids: Vec<u32> = (0..=2 * length).map(&mut id).collect();
    let (inputs, targets) = (&ids[..2 * length], &ids[1..]);
    let mut work = Workspace::new(&shape, 2, length).unwrap();
    let mut gradient = vec![0.0; weights.len()];
    let network = Network {
        shape: &shape,
        weights: &weights,
    };
    network.loss_and_gradient(inputs, targets, 1.0, &mut work, &mut gradient);
    for tensor in shape.tensors() {
        let mut direction = vec![0.0; weights.len()];
        let mut square = 0.0;
        for value in &mut direction[tensor.range.clone()] {
            *value = normal(&mut random);
            square += f64::from(*value * *value);
        }
        let step = 0.02 / square.sqrt();
        let mut loss = |sign: f64| -> f64 {
            let moved: Vec<f32> = weights
                .iter()
                .zip(&direction)
                .map(|(w, d)| (f64::from(*w) + sign * step * f64::from(*d)) as f32)
                .collect();
            let network = Network {
                shape: &shape,
                weights: &moved,
            };
            network.losses(inputs, targets, &mut work).iter().sum()
        };
        let difference = (loss(1.0) - loss(-1.0)) / (2.0 * step);
        let slope: f64 = gradient
            .iter()
            .zip(&direction)
            .map(|(g, d)| f64::from(*g) * f64::from(*d))
            .sum();
        let length: f64 = gradient[tensor.range.clone()]
            .iter()
            .map(|g| f64::from(*g) * f64::from(*g))
            .sum::<f64>()
            .sqrt();
        assert!(length > 1e-3, "{} has no gradient", tensor.name);
        let error = (difference - slope).abs() / (length * square.sqrt() / 10.0).max(slope.abs());
        assert!(error < 2e-2, "{}: {difference} and {slope}", tensor.name);
    }
}

#[test]
fn one_batch_can_be_learnt_by_heart() {
    let trainer = trainer();
    let shape = *trainer.shape();
    let mut weights = trainer.weights.clone();
    let schedule = Schedule {
        weight_decay: 0.0,
        steps: 10_000,
        ..*trainer.schedule()
    };
    let mut adam = super::optimizer::AdamW::new(weights.len()).unwrap();
    let mut work = Workspace::new(&shape, 2, 24).unwrap();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let mut random = stream(5, 5);
    for _ in 0..2 {
        let (input, target) = trainer.corpus.training.window(24, &mut random);
        inputs.extend(input);
        targets.extend(target);
    }
    let mut loss = f64::INFINITY;
    for step in 0..150 {
        let mut gradient = vec![0.0; weights.len()];
        let network = Network {
            shape: &shape,
            weights: &weights,
        };
        let sum =
            network.loss_and_gradient(&inputs, &targets, 1.0 / 48.0, &mut work, &mut gradient);
        loss = sum / 48.0;
        super::optimizer::clip(1.0, &mut gradient, 1.0).unwrap();
        adam.update(&schedule, trainer.tensors(), step, &gradient, &mut weights);
    }
    assert!(loss < 0.02, "{loss}");
}

/// Over many windows of the held-out text, the last of which is shorter.
#[test]
fn validation_is_the_same_on_any_number_of_threads() {
    let mut trainer = Trainer::new(&TEXT.repeat(200), in_parts()).unwrap();
    let context = trainer.shape().context_length;
    let windows = trainer.corpus.validation.windows(context).count();
    assert!(windows > 12 && !windows.is_multiple_of(4), "{windows}");
    let one = trainer.validate().unwrap();
    for threads in [2, 3, 4] {
        trainer.set_threads(threads).unwrap();
        assert_eq!(trainer.threads(), threads);
        assert_eq!(trainer.validate().unwrap(), one, "{threads} threads");
    }
}

#[test]
fn it_learns_and_threads_change_nothing() {
    let [mut one, mut three] =
        [(); 2].map(|()| Trainer::new(&TEXT.repeat(12), in_parts()).unwrap());
    three.set_threads(3).unwrap();
    assert_eq!((one.threads(), three.threads()), (1, 3));
    let before = one.validate().unwrap();
    let baselines = one.baselines();
    assert!(
        (before.loss - baselines.uniform).abs() < 0.7,
        "{before:?} {baselines:?}"
    );
    while !one.is_complete() {
        assert_eq!(one.step().unwrap(), three.step().unwrap());
    }
    assert_eq!(one.weights, three.weights);
    let after = one.validate().unwrap();
    assert_eq!(after, three.validate().unwrap());
    assert!(
        after.loss < 0.5 * baselines.unigram,
        "{after:?} {baselines:?}"
    );
    let other = Options {
        seed: 8,
        ..options()
    };
    let mut other = Trainer::new(&TEXT.repeat(12), other).unwrap();
    assert_ne!(other.step().unwrap(), trainer().step().unwrap());
}

#[test]
fn a_resumed_run_is_the_uninterrupted_one() {
    let text = TEXT.repeat(12);
    let mut whole = trainer();
    let mut first = trainer();
    for _ in 0..6 {
        whole.step().unwrap();
    }
    for _ in 0..3 {
        first.step().unwrap();
    }
    let saved = first.checkpoint().unwrap();
    let mut second = Trainer::resume(&text, &saved).unwrap();
    assert_eq!(second.steps_done(), 3);
    assert_eq!(second.options(), first.options());
    for _ in 0..3 {
        second.step().unwrap();
    }
    assert_eq!(whole.weights, second.weights);
    let (one, other) = (
        whole.to_gguf(TensorType::Q8_0),
        second.to_gguf(TensorType::Q8_0),
    );
    assert_eq!(one.unwrap(), other.unwrap());
}

#[test]
fn a_checkpoint_that_does_not_fit_is_refused() {
    let text = TEXT.repeat(12);
    let trainer = trainer();
    let saved = trainer.checkpoint().unwrap();
    let code = |text: &str, bytes: &[u8]| Trainer::resume(text, bytes).err().unwrap().code();
    assert_eq!(code("another text", &saved), "checkpoint_mismatch");
    assert_eq!(
        code(&text, &trainer.to_gguf(TensorType::F32).unwrap()),
        "checkpoint_mismatch"
    );
    assert_eq!(code(&text, &saved[..saved.len() - 400]), "truncated");
    assert_eq!(code(&text, b"something else altogether"), "not_gguf");
    // Impossible numbers.
    let of = |change: &dyn Fn(&mut Trainer)| {
        let mut trainer = self::trainer();
        change(&mut trainer);
        code(&text, &trainer.checkpoint().unwrap())
    };
    let best =
        |step, loss| move |trainer: &mut Trainer| trainer.best = Some(BestState { step, loss });
    assert_eq!(of(&|t| t.step = u64::MAX), "checkpoint_mismatch");
    assert_eq!(of(&|t| t.step = (1 << 48) + 1), "checkpoint_mismatch");
    assert_eq!(of(&best(1, 2.0)), "checkpoint_mismatch");
    assert_eq!(of(&best(0, f64::NAN)), "checkpoint_mismatch");
    assert_eq!(of(&|t| t.options.shape.layers = 1), "checkpoint_mismatch");
    assert_eq!(of(&|t| t.options.shape.layers = 200), "checkpoint_mismatch");
    let mut late = self::trainer();
    late.step = 1 << 48;
    let mut late = Trainer::resume(&text, &late.checkpoint().unwrap()).unwrap();
    late.step().unwrap();
    // Whatever byte is wrong, the result is an error or a trainer, never a panic.
    for at in (0..saved.len().min(20_000)).step_by(7) {
        let mut broken = saved.clone();
        broken[at] ^= 0x41;
        let _ = Trainer::resume(&text, &broken);
    }
}

/// Words in random order: held-out text can only be guessed, so that memorizing the training text makes it worse.
fn disorder() -> String {
    let mut random = stream(2, 2);
    let words = ["fox", "owl", "river", "sun", "hello", "play", "down", "saw"];
    let mut word = |_| words[super::random::below(words.len(), &mut random)];
    (0..400).map(&mut word).collect::<Vec<_>>().join(" ")
}

fn overfitting() -> Options {
    Options {
        steps: Some(150),
        weight_decay: Some(0.0),
        patience: 0,
        ..options()
    }
}

fn bits(trainer: &Trainer) -> (BestState, Vec<u8>) {
    let file = trainer.to_gguf(TensorType::F32).unwrap();
    (trainer.best().unwrap(), file)
}

#[test]
fn the_best_state_is_what_is_written() {
    let mut trainer = Trainer::new(&disorder(), overfitting()).unwrap();
    let mut validations = Vec::new();
    while !trainer.is_complete() {
        let report = trainer.step().unwrap();
        validations.extend(
            report
                .validation
                .map(|validation| (report.step, validation.loss)),
        );
    }
    assert_eq!(validations.len(), 25);
    assert_eq!(validations.last().unwrap().0, 150);
    let best = validations
        .iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap();
    let last = validations.last().unwrap().1;
    let (BestState { step, loss }, file) = bits(&trainer);
    assert_eq!((step, loss), *best);
    assert!(step < 100 && loss + 0.3 < last, "{best:?} {last}");
    // The same text, trained for that many steps, ends with exactly these weights.
    let mut again = Trainer::new(&disorder(), overfitting()).unwrap();
    for _ in 0..step {
        again.step().unwrap();
    }
    assert_eq!(bits(&again), (BestState { step, loss }, file));
    assert_eq!(again.validate().unwrap().loss, loss);
}

#[test]
fn a_state_that_was_not_looked_at_is_written_where_it_is_better() {
    let options = Options {
        steps: Some(1000),
        learning_rate: Some(1e-3),
        ..options()
    };
    let mut trainer = Trainer::new(&TEXT.repeat(12), options).unwrap();
    assert_eq!(trainer.best().unwrap().step, 0);
    for _ in 0..59 {
        trainer.step().unwrap();
    }
    // The last validation was after step 40, and the weights are much better now.
    assert_eq!(trainer.schedule().validate_every, 40);
    let (best, file) = bits(&trainer);
    assert_eq!(best.step, 59);
    assert_eq!(best.loss, trainer.validate().unwrap().loss);
    // The query changes nothing.
    assert_eq!(bits(&trainer), (best, file));
    assert_eq!(trainer.best.unwrap().step, 40);
}

#[test]
fn training_ends_where_it_no_longer_gets_better() {
    let patient = |patience| {
        let options = Options {
            patience,
            ..overfitting()
        };
        let mut trainer = Trainer::new(&disorder(), options).unwrap();
        while !trainer.is_complete() {
            trainer.step().unwrap();
        }
        trainer
    };
    let (never, three, nine) = (patient(0), patient(3), patient(9));
    assert_eq!(never.steps_done(), 150);
    assert!(!never.should_stop_early() && three.should_stop_early());
    // A validation every six steps, and fifty steps at least.
    let best = |trainer: &Trainer| trainer.best().unwrap().step;
    assert_eq!(three.steps_done(), best(&three) + 50);
    assert_eq!(nine.steps_done(), best(&nine) + 9 * 6);
    // Training can go on all the same.
    let mut three = three;
    three.step().unwrap();
}

#[test]
fn a_resumed_run_keeps_its_best_state() {
    let mut whole = Trainer::new(&disorder(), overfitting()).unwrap();
    for _ in 0..130 {
        whole.step().unwrap();
    }
    assert!(whole.best().unwrap().step < 100);
    let mut resumed = Trainer::resume(&disorder(), &whole.checkpoint().unwrap()).unwrap();
    assert_eq!(resumed.options(), whole.options());
    assert_eq!(bits(&resumed), bits(&whole));
    while !whole.is_complete() {
        assert_eq!(resumed.step().unwrap(), whole.step().unwrap());
    }
    assert_eq!(bits(&resumed), bits(&whole));
}

/// The size of the text decides what the options leave open, and a checkpoint keeps it.
#[test]
fn what_is_left_open_follows_from_the_text() {
    let open = Options {
        steps: None,
        warmup_steps: None,
        learning_rate: None,
        weight_decay: None,
        ..options()
    };
    let text = TEXT.repeat(12);
    let trainer = Trainer::new(&text, open.clone()).unwrap();
    let schedule = Schedule::new(&open, trainer.corpus_tokens().0);
    assert_eq!(*trainer.schedule(), schedule);
    assert_eq!(trainer.options().steps, Some(schedule.steps));
    let read = schedule.steps as f64 * (4.0 * 24.0);
    assert!((trainer.epochs() - read / trainer.corpus_tokens().0 as f64).abs() < 1e-9);
    let resumed = Trainer::resume(&text, &trainer.checkpoint().unwrap()).unwrap();
    assert_eq!(*resumed.schedule(), schedule);
}

/// The exported model computes what the trained one does: the same loss, and texts that end.
#[test]
fn the_file_scores_as_the_trainer_does() {
    let mut trainer = trainer();
    while !trainer.is_complete() {
        trainer.step().unwrap();
    }
    let text = "The owl ran to the river and said hello.";
    let own = trainer.score(text).unwrap();
    for (kind, tolerance) in [
        (TensorType::F32, 2e-3),
        (TensorType::F16, 1e-2),
        (TensorType::Q8_0, 2e-1),
    ] {
        // The weights of the last step, with which the trainer scores, and not the best ones.
        let file = super::export::write(&trainer, &trainer.weights, kind).unwrap();
        let model = Model::from_bytes(&file).unwrap();
        let score = crate::score::score(&model, text).unwrap();
        assert_eq!(score.nll.len(), own.len());
        for (file, own) in score.nll.iter().zip(&own) {
            assert!(
                (f64::from(*file) - own).abs() < tolerance,
                "{kind:?}: {file} {own}"
            );
        }
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        assert!((score.mean_nll - mean).abs() < tolerance / 4.0);
    }
    let greedy = generator::Options {
        temperature: 0.0,
        max_tokens: Some(12),
        ..Default::default()
    };
    let text = trainer.sample("The little fox", greedy.clone()).unwrap();
    assert!(text.starts_with(" ran to the river"), "{text}");
    assert!(!trainer.sample("", greedy).unwrap().is_empty());
    assert_eq!(
        trainer.to_gguf(TensorType::Q4_0).unwrap_err().code(),
        "invalid_option"
    );
}

#[test]
fn what_cannot_be_trained_is_an_error() {
    let error = |text: &str, options| Trainer::new(text, options).err().unwrap();
    assert_eq!(error("", options()).code(), "corpus_too_small");
    assert_eq!(error("a few words", options()).code(), "corpus_too_small");
    let mut huge = options();
    huge.shape.hidden_size = 16_384;
    huge.shape.feed_forward_size = 16_384;
    huge.shape.layers = 256;
    assert!(matches!(
        error(&TEXT.repeat(12), huge),
        Error::OutOfMemory(_)
    ));
    let mut odd = options();
    odd.shape.hidden_size = 40;
    assert_eq!(error(TEXT, odd).code(), "invalid_option");
    assert!(matches!(
        trainer().score(&TEXT.repeat(3)),
        Err(Error::PromptTooLong { .. })
    ));
}

/// Weights that are validated after training has diverged never become the best, whether at the first validation or
/// later.
#[test]
fn broken_weights_are_never_the_best() {
    let mut trainer = trainer();
    trainer.weights_mut().fill(f32::NAN);
    assert!(!trainer.validate_and_keep_best().unwrap().loss.is_finite());
    assert!(!trainer.has_best());
    trainer.init_weights();
    trainer.validate_and_keep_best().unwrap();
    assert!(trainer.has_best());
    trainer.weights_mut().fill(f32::NAN);
    trainer.validate_and_keep_best().unwrap();
    assert!(trainer.best().unwrap().loss.is_finite());
}
