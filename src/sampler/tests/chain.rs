//! Tests of chains built from options, and of traces.

use super::*;
use crate::generator::{Mirostat, Options, SAMPLERS, SamplerName};

/// A number that is plausible, on an edge, or nonsense.
fn any_number(dice: &mut Dice) -> f32 {
    let plausible = dice.unit();
    dice.one_of(&[
        plausible,
        plausible,
        plausible,
        plausible,
        1.0,
        0.0,
        1.0 + plausible,
        5.0 * plausible,
        1e-30,
        1e30,
        -plausible,
        f32::MAX,
        f32::MIN_POSITIVE,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ])
}

/// The default options, a few of them replaced by random values.
fn any_options(dice: &mut Dice, vocabulary: usize) -> Options {
    let mut o = Options::default();
    for _ in 0..=dice.below(6) {
        match dice.below(27) {
            0 => o.temperature = any_number(dice),
            1 => o.dynatemp_range = any_number(dice),
            2 => o.dynatemp_exponent = any_number(dice),
            3 => o.top_k = dice.one_of(&[0, 1, 2, 7, 1000, u32::MAX]),
            4 => o.top_p = any_number(dice),
            5 => o.min_p = any_number(dice),
            6 => o.typical_p = any_number(dice),
            7 => o.top_n_sigma = any_number(dice),
            8 => o.xtc_probability = any_number(dice),
            9 => o.xtc_threshold = any_number(dice),
            10 => o.repetition_penalty = any_number(dice),
            11 => o.frequency_penalty = any_number(dice),
            12 => o.presence_penalty = any_number(dice),
            13 => o.no_repeat_ngram_size = dice.one_of(&[0, 1, 2, 3, u32::MAX]),
            14 => o.penalty_last_n = dice.one_of(&[-1, 0, 1, 64, i32::MAX, -2, i32::MIN]),
            15 => o.dry_multiplier = any_number(dice),
            16 => o.dry_base = any_number(dice),
            17 => o.dry_allowed_length = dice.one_of(&[0, 1, 2, u32::MAX]),
            18 => o.dry_penalty_last_n = dice.one_of(&[-1, 0, 1, 64, i32::MAX, -2]),
            19 => {
                let breakers = ["", "x", "xx", "a long one"];
                let count = dice.below(4);
                o.dry_sequence_breakers =
                    (0..count).map(|_| dice.one_of(&breakers).into()).collect();
            }
            20 => {
                // What stands for no version leaves the option as it is.
                let version = Mirostat::try_from(dice.one_of(&[0, 1, 2, 2, 2, 3]));
                o.mirostat = version.unwrap_or(o.mirostat);
            }
            21 => o.mirostat_tau = any_number(dice),
            22 => o.mirostat_eta = any_number(dice),
            23 => o.logit_bias.push((
                dice.below(vocabulary + 3) as TokenId,
                10.0 * any_number(dice),
            )),
            24 => o.banned_tokens.push(dice.below(vocabulary + 3) as TokenId),
            25 => {
                let count = dice.below(SAMPLERS.len());
                let names = (0..count).map(|_| dice.one_of(&SAMPLERS));
                o.samplers = Some(names.collect());
                if dice.below(8) == 0 {
                    o.samplers = Some(vec![SamplerName::TopK; 2]);
                }
            }
            _ => {
                o.samplers = Some(SAMPLERS[1..10].iter().rev().copied().collect());
            }
        }
    }
    o
}

#[test]
fn ten_thousand_random_option_sets() {
    let mut dice = Dice::new(5);
    let (mut valid, mut refused) = (0, 0);
    for round in 0..10_000 {
        let count = dice.one_of(&[1, 2, 9, 50, 1200]);
        let options = any_options(&mut dice, count);
        let stages = match options.sampler_stages(count) {
            Ok(stages) => stages,
            Err(Error::InvalidOption { name, reason }) => {
                assert!(reason.starts_with("it must "), "{name}: {reason}");
                assert!(
                    format!("{options:?}").contains(&name),
                    "there is no option {name}"
                );
                refused += 1;
                continue;
            }
            Err(other) => panic!("{options:?}: {other}"),
        };
        valid += 1;
        let mut logits = random_logits(count, round % 50);
        if dice.below(5) == 0 {
            // Extreme values and NaN.
            let odd = dice.one_of(&[f32::NAN, f32::MAX, f32::MIN, f32::INFINITY, 1e-40]);
            logits[dice.below(count)] = odd;
            if !logits.iter().any(|l| l.is_finite() || *l == f32::INFINITY) {
                continue;
            }
        }
        let mut history = dice.ids(30, count.min(4));
        let mut sampler = Sampler::new(stages, round);
        for index in 0..3 {
            let step = step(index, &history);
            let choice = match sampler.choose(&logits, &step, 2) {
                // The one usable token was banned.
                Err(Error::NotFinite)
                    if !options.banned_tokens.is_empty() || !options.logit_bias.is_empty() =>
                {
                    break;
                }
                other => other.unwrap(),
            };
            assert!((choice.id as usize) < count);
            assert!(!options.banned_tokens.contains(&choice.id), "{options:?}");
            assert!(
                choice.probability > 0.0 && choice.probability <= 1.0,
                "{options:?} {choice:?}"
            );
            let mut sum = 0.0;
            let mut add = |p: f32| sum += f64::from(p);
            sampler.candidates.for_each(|_, p| add(p)).unwrap();
            assert!((sum - 1.0).abs() < 1e-4, "{options:?}: {sum}");
            let trace = sampler.trace(&logits, &step, 3, Some(choice.id)).unwrap();
            assert!(trace.entropy.is_finite() && trace.stages.iter().all(|stage| stage.kept > 0));
            sampler.accept(&choice);
            assert!(sampler.state().mu.is_none_or(f64::is_finite));
            history.push(choice.id);
        }
    }
    assert!(valid > 3000 && refused > 3000, "{valid} {refused}");
}

#[test]
fn a_trace_tells_what_each_stage_does() {
    let logits = [0.4f32, 0.3, 0.2, 0.06, 0.04].map(f32::ln);
    let mut sampler = sampler(&[top_k(4), top_p(0.9), temperature(0.5)]);
    let trace = sampler.trace(&logits, &step(0, &[]), 2, Some(3)).unwrap();
    let entropy: f32 = [0.4f32, 0.3, 0.2, 0.06, 0.04]
        .iter()
        .map(|p| -p * p.ln())
        .sum();
    assert!((trace.entropy - entropy).abs() < 1e-6);
    assert_eq!(trace.rank, Some(3));
    // The best two, and the one asked about.
    let tokens: Vec<_> = trace.tokens.iter().map(|token| token.id).collect();
    assert_eq!(tokens, [0, 1, 3]);
    assert_eq!(trace.tokens[0].logit, logits[0]);
    let [k, p, t] = &trace.stages[..] else {
        panic!()
    };
    assert_eq!([k.name, p.name, t.name], ["top_k", "top_p", "temperature"]);
    assert_eq!(
        [
            (k.kept, k.removed),
            (p.kept, p.removed),
            (t.kept, t.removed)
        ],
        [(4, 1), (3, 1), (3, 0)]
    );
    let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
    near(k.removed_probability, 0.04);
    near(p.removed_probability, 0.06 / 0.96);
    assert_eq!(p.removed_tokens.len(), 1);
    assert_eq!(p.removed_tokens[0].0, 3);
    near(k.probabilities[0], 0.4 / 0.96);
    near(p.probabilities[1], 0.3 / 0.9);
    assert_eq!(p.probabilities[2], 0.0);
    let squares = 0.16 + 0.09 + 0.04;
    near(t.probabilities[0], 0.16 / squares);
    near(trace.tokens[0].probability, 0.16 / squares);
    assert_eq!((k.level, t.level), (None, Some(0.5)));
    // The lists have the length that was asked for, the most probable tokens first.
    let trace = sampler.trace(&logits, &step(0, &[]), 0, None).unwrap();
    assert!(trace.tokens.is_empty() && trace.rank.is_none());
    assert!(
        trace
            .stages
            .iter()
            .all(|stage| stage.removed_tokens.is_empty())
    );
}

/// The probabilities at the end of a trace equal those of a choice exactly.
#[test]
fn watching_changes_nothing() {
    let mut dice = Dice::new(6);
    for round in 0..300 {
        let count = dice.one_of(&[5, 300, 3000]);
        let logits = random_logits(count, round);
        let history = dice.ids(40, 5);
        let mut options = any_options(&mut dice, count);
        options.top_k = dice.one_of(&[0, 40]);
        let Ok(stages) = options.sampler_stages(count) else {
            continue;
        };
        let mut sampler = Sampler::new(stages, round);
        let step = step(round, &history);
        let Ok(choice) = sampler.choose(&logits, &step, 20) else {
            continue;
        };
        let trace = sampler.trace(&logits, &step, 20, Some(choice.id)).unwrap();
        for (a, b) in choice.alternatives.iter().zip(&trace.tokens) {
            assert_eq!(
                (a.id, a.logprob, a.probability),
                (b.id, b.logprob, b.probability),
                "{options:?}"
            );
        }
        let chosen = trace
            .tokens
            .iter()
            .find(|token| token.id == choice.id)
            .unwrap();
        assert_eq!(chosen.probability, choice.probability, "{options:?}");
        let draw = trace.draw.unwrap();
        assert_eq!(draw.id, choice.id, "{options:?}");
        assert!(draw.from <= draw.point && draw.point < draw.to, "{draw:?}");
        let width = draw.to - draw.from;
        assert!((width - f64::from(choice.probability)).abs() < 1e-7);
        if let Some(last) = trace.stages.last() {
            let at_end: Vec<_> = trace.tokens.iter().map(|token| token.probability).collect();
            assert_eq!(last.probabilities, at_end);
            let removed: usize = trace.stages.iter().map(|stage| stage.removed).sum();
            assert_eq!(last.kept + removed, count);
        }
        assert_eq!(sampler.choose(&logits, &step, 20).unwrap(), choice);
    }
}
