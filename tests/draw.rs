//! The draw as records tell of it: a random number that is a point on the line of the tokens that are left.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::*;
use nexttoken::generator::{Context, Generator, Mirostat, Options, Record};
use nexttoken::quant::TensorType;

fn random() -> Generator {
    Generator::new(load(&random_model(TensorType::Q8_0)), Context::default()).unwrap()
}

/// Everything that remembers something, or has a random number of its own.
fn lively() -> Options {
    Options {
        temperature: 1.2,
        repetition_penalty: 1.2,
        frequency_penalty: 0.3,
        xtc_probability: 0.5,
        xtc_threshold: 0.05,
        mirostat: Mirostat::V2,
        mirostat_tau: 4.0,
        samplers: Some(
            ["penalties", "xtc", "temperature", "mirostat"]
                .map(|name| name.parse().unwrap())
                .to_vec(),
        ),
        seed: Some(11),
        max_tokens: Some(30),
        ..Options::default()
    }
}

/// The token at `draw.point` of a line on which the recorded tokens lie side by side, the most probable first, and the
/// segment that it has there.
fn at_point(record: &Record) -> (u32, f64, f64) {
    let point = record.draw.as_ref().unwrap().point;
    let mut line: Vec<_> = record.candidates.iter().collect();
    line.retain(|token| token.probability > 0.0);
    line.sort_by(|a, b| {
        let shares = b.probability.total_cmp(&a.probability);
        shares.then(a.id.cmp(&b.id))
    });
    let mut from = 0.0;
    for token in line {
        let to = from + f64::from(token.probability);
        if point < to {
            return (token.id, from, to);
        }
        from = to;
    }
    panic!("the segments reach from 0 to {from}, not to {point}");
}

#[test]
fn the_draw_is_a_point_on_the_line_of_what_is_left() {
    let mut generator = random();
    let plain = Options {
        max_tokens: Some(30),
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        temperature: 1.0,
        ..Options::default()
    };
    let usual = Options {
        top_k: 40,
        top_p: 0.9,
        temperature: 0.7,
        ..plain.clone()
    };
    let mut all_points = Vec::new();
    for seed in [0, 1, 42, u64::MAX] {
        let mut points: Vec<f64> = Vec::new();
        for options in [plain.clone(), usual.clone(), lively()] {
            let options = Options {
                seed: Some(seed),
                // All tokens there are, so that the line is whole.
                record: Some(VOCABULARY as u32),
                ..options
            };
            generator.start("once upon", options).unwrap();
            let seen = generator.peek(VOCABULARY).unwrap().unwrap().draw.unwrap();
            let tokens = generator
                .tokens()
                .collect::<nexttoken::Result<Vec<_>>>()
                .unwrap();
            for (step, token) in tokens.iter().enumerate() {
                let record = token.record.as_ref().unwrap();
                let draw = record.draw.as_ref().unwrap();
                let (id, from, to) = at_point(record);
                assert_eq!((draw.id, token.id), (id, id));
                assert!((draw.from - from).abs() < 1e-5, "{draw:?}, {from}");
                assert!((draw.to - to).abs() < 1e-5, "{draw:?}, {to}");
                assert!(step > 0 || *draw == seen);
                // A step has its number, whatever the sampler makes of it.
                if step == points.len() {
                    points.push(draw.point);
                }
                assert_eq!(points[step], draw.point);
            }
        }
        assert!(points.len() > 5);
        all_points.extend(points);
    }
    // Each seed and each step has its own.
    all_points.sort_by(|a, b| a.total_cmp(b));
    assert!(all_points.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(all_points[0] >= 0.0 && *all_points.last().unwrap() < 1.0);
}

#[test]
fn a_forced_token_does_not_move_the_point() {
    let mut generator = random();
    let options = Options {
        record: Some(3),
        ..lively()
    };
    generator.start("once", options).unwrap();
    let drawn = generator.next_token().unwrap().unwrap();
    generator.rewind(1).unwrap();
    let forced = generator.accept((drawn.id + 1) % 256).unwrap().unwrap();
    assert_ne!(forced.id, drawn.id);
    let draws = [&drawn, &forced].map(|token| token.record.as_ref().unwrap().draw.clone());
    assert_eq!(draws[0], draws[1]);
    assert_eq!(draws[0].as_ref().unwrap().id, drawn.id);
    // Greedy: one token is left, and every point lies in it.
    let greedy = Options {
        temperature: 0.0,
        ..Options::default()
    };
    generator.start("once", greedy).unwrap();
    let draw = generator.peek(1).unwrap().unwrap().draw.unwrap();
    assert_eq!((draw.from, draw.to), (0.0, 1.0));
}
