//! The loop by hand, in a real browser.
#![cfg(target_arch = "wasm32")]

mod common;

use common::js::load;
use common::js::*;
use common::*;
use js_sys::{Array, Float32Array};
use nexttoken::quant::TensorType;
use nexttoken::wasm::engine::Generator;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// The loop by hand gives what it gives in Rust.
#[wasm_bindgen_test]
async fn steps_can_be_looked_at_forced_and_taken_back() {
    let mut generator = load(&random_model(TensorType::Q4_1)).await;
    let options = object(&[
        ("temperature", 1.into()),
        ("seed", 42.into()),
        ("max_tokens", (PINNED_IDS.len() as u32).into()),
    ]);
    start(&mut generator, PINNED_PROMPT, options);
    let next = |generator: &mut Generator| number(&generator.next_token().unwrap(), "id") as u32;
    for id in &PINNED_IDS[..6] {
        let seen = generator.peek(object(&[("top", 4.into())])).unwrap();
        let candidates: Array = get(&seen, "candidates").unchecked_into();
        assert_eq!(candidates.length(), 4);
        assert!(get(&seen, "chosen").is_undefined());
        let logits: Float32Array = generator.logits().unchecked_into();
        assert_eq!(logits.length() as usize, VOCABULARY);
        let best = candidates.get(0);
        let logit = logits.get_index(number(&best, "id") as u32);
        assert_eq!(f64::from(logit), number(&best, "logit"));
        assert_eq!(next(&mut generator), *id);
    }
    let fork = generator.fork().unwrap();
    generator.rewind(4.into()).unwrap();
    assert_eq!(generator.ids().to_vec(), PINNED_IDS[..2]);
    let forced = generator.accept(PINNED_IDS[2].into()).unwrap();
    assert_eq!(number(&forced, "id"), f64::from(PINNED_IDS[2]));
    for mut generator in [generator, fork] {
        while !generator.next_token().unwrap().is_undefined() {}
        assert_eq!(generator.ids().to_vec(), PINNED_IDS);
        assert_eq!(
            code(generator.rewind(17.into()).unwrap_err()),
            "invalid_option"
        );
        assert_eq!(
            code(generator.rewind(0.5.into()).unwrap_err()),
            "invalid_option"
        );
        let unknown = generator.accept((VOCABULARY as u32).into());
        assert_eq!(code(unknown.unwrap_err()), "invalid_option");
        assert!(generator.peek(JsValue::UNDEFINED).unwrap().is_undefined());
    }
}

/// What is asked for is shown, in arrays of their own, and nothing else.
#[wasm_bindgen_test]
async fn the_model_can_be_looked_into() {
    let mut generator = load(&random_model(TensorType::Q4_1)).await;
    start(&mut generator, PINNED_PROMPT, JsValue::UNDEFINED);
    let look = |generator: &mut Generator, names: &[&str]| {
        let mut options = vec![("top", 3.into())];
        options.extend(names.iter().map(|&name| (name, true.into())));
        generator.peek(object(&options)).unwrap()
    };
    for name in ["hidden", "layers", "attention"] {
        let seen = look(&mut generator, &[name]);
        for other in ["hidden", "layers", "attention"] {
            assert_eq!(get(&seen, other).is_undefined(), other != name);
        }
        let wrong = generator.peek(object(&[(name, 1.into())]));
        assert_eq!(code(wrong.unwrap_err()), "invalid_option");
    }
    let seen = look(&mut generator, &["hidden", "layers", "attention"]);
    let candidates: Array = get(&seen, "candidates").unchecked_into();
    let layers: Array = get(&seen, "layers").unchecked_into();
    assert_eq!(layers.length() as usize, LAYERS);
    let last: Array = layers.get(LAYERS as u32 - 1).unchecked_into();
    assert_eq!(last.length(), 3);
    for rank in 0..3 {
        for part in ["id", "logprob"] {
            let [said, is] = [&last, &candidates].map(|list| number(&list.get(rank), part));
            assert_eq!(said, is);
        }
    }
    let attention: Array = get(&seen, "attention").unchecked_into();
    for layer in attention.iter() {
        let weights = Float32Array::from(layer).to_vec();
        let positions = weights.len() / HEADS;
        assert_eq!(positions, generator.context_used());
        for head in weights.chunks(positions) {
            assert!((head.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
    let hidden = Float32Array::from(get(&seen, "hidden")).to_vec();
    let row = generator.head_row(7.into()).unwrap().to_vec();
    assert_eq!((hidden.len(), row.len()), (HIDDEN, HIDDEN));
    let unknown = generator.head_row((VOCABULARY as u32).into());
    assert_eq!(code(unknown.unwrap_err()), "invalid_option");
}

#[wasm_bindgen_test]
async fn a_text_goes_on_from_a_snapshot() {
    let file = random_model(TensorType::Q4_1);
    let (mut first, mut second) = (load(&file).await, load(&file).await);
    assert_eq!(code(first.snapshot_bytes().unwrap_err()), "not_started");
    let options = object(&[
        ("temperature", 1.into()),
        ("seed", 42.into()),
        ("max_tokens", (PINNED_IDS.len() as u32).into()),
        ("context_shift", true.into()),
        ("n_keep", 2.into()),
    ]);
    start(&mut first, PINNED_PROMPT, options);
    for _ in 0..6 {
        first.next_token().unwrap();
    }
    let snapshot = first.snapshot_bytes().unwrap();
    second.restore_bytes(snapshot.clone().into()).unwrap();
    snapshot.set_index(100, !snapshot.get_index(100));
    let damaged = second.restore_bytes(snapshot.clone().into());
    assert_eq!(code(damaged.unwrap_err()), "snapshot");
    while !second.next_token().unwrap().is_undefined() {}
    assert_eq!(second.ids().to_vec(), PINNED_IDS);
}

#[wasm_bindgen_test]
async fn options_change_and_stages_are_told() {
    let mut generator = spelling(b"abcd").await;
    let names = |generator: &Generator| -> Vec<String> {
        let stages: Array = generator.samplers().unwrap().unchecked_into();
        stages.iter().map(|stage| string(&stage, "name")).collect()
    };
    assert_eq!(
        code(generator.configure(greedy()).unwrap_err()),
        "not_started"
    );
    let bias = object(&[("120", JsValue::FALSE), ("98", 0.5.into())]);
    let options = object(&[
        ("logit_bias", bias),
        ("dry_multiplier", 0.5.into()),
        ("top_p", 1.into()),
        ("record", object(&[("top", 2.into())])),
        (
            "samplers",
            ["dry", "top_k", "temperature"]
                .map(JsValue::from)
                .into_iter()
                .collect::<Array>()
                .into(),
        ),
    ]);
    start(&mut generator, "a", options);
    assert_eq!(
        names(&generator),
        ["logit_bias", "dry", "top_k", "temperature"]
    );
    let stages: Array = generator.samplers().unwrap().unchecked_into();
    let banned: Array = get(&stages.get(0), "banned_tokens").unchecked_into();
    assert_eq!((banned.length(), banned.get(0)), (1, 120.into()));
    assert_eq!(number(&stages.get(2), "top_k"), 40.0);
    let record = get(&generator.next_token().unwrap(), "record");
    let chosen = get(&record, "chosen");
    assert_eq!(
        (number(&chosen, "id"), number(&chosen, "rank")),
        (98.0, 1.0)
    );
    let stages: Array = get(&record, "stages").unchecked_into();
    let removed: Array = get(&stages.get(0), "removed_tokens").unchecked_into();
    assert_eq!(string(&removed.get(0), "text"), "x");
    // What is not named stays as it was.
    let change = object(&[("temperature", 0.into()), ("record", JsValue::FALSE)]);
    generator.configure(change).unwrap();
    assert_eq!(names(&generator), ["logit_bias", "dry", "temperature"]);
    let token = generator.next_token().unwrap();
    assert!(get(&token, "record").is_undefined());
    assert_eq!(number(&token, "probability"), 1.0);
    let stop = object(&[("stop", "x".into())]);
    assert_eq!(
        code(generator.configure(stop).unwrap_err()),
        "invalid_option"
    );
}

/// A record tells of the draw: a point on the line of the tokens that are left, which `peek` tells before it.
#[wasm_bindgen_test]
async fn the_draw_is_told_before_and_after() {
    let mut generator = load(&random_model(TensorType::Q4_1)).await;
    let record = object(&[("top", (VOCABULARY as u32).into())]);
    let options = object(&[
        ("temperature", 1.into()),
        ("seed", 42.into()),
        ("max_tokens", 6.into()),
        ("record", record),
    ]);
    start(&mut generator, PINNED_PROMPT, options);
    let mut points = Vec::new();
    let mut narrowest = 1.0_f64;
    for _ in 0..6 {
        let seen = get(&generator.peek(JsValue::UNDEFINED).unwrap(), "draw");
        let token = generator.next_token().unwrap();
        let record = get(&token, "record");
        let draw = get(&record, "draw");
        let [point, from, to] = ["point", "from", "to"].map(|name| number(&draw, name));
        for name in ["point", "id", "from", "to"] {
            assert_eq!(number(&draw, name), number(&seen, name), "{name}");
        }
        assert_eq!(number(&draw, "id"), number(&token, "id"));
        assert!(0.0 <= from && from <= point && point < to && to <= 1.0 + 1e-6);
        let probability = number(&get(&record, "chosen"), "probability");
        assert!((to - from - probability).abs() < 1e-5);
        let candidates: Array = get(&record, "candidates").unchecked_into();
        let mut candidates = candidates.iter();
        let drawn = candidates.find(|one| number(one, "id") == number(&draw, "id"));
        assert_eq!(string(&draw, "text"), string(&drawn.unwrap(), "text"));
        points.push(point);
        narrowest = narrowest.min(to - from);
    }
    assert!(narrowest < 0.9, "there was no choice");
    assert!(generator.next_token().unwrap().is_undefined());
    // Another token may be forced; the point stays, and with it the token in whose segment it lies.
    generator.rewind(1.into()).unwrap();
    let drawn = get(&generator.peek(JsValue::UNDEFINED).unwrap(), "draw");
    let other = (number(&drawn, "id") as u32 + 1) % 256;
    let forced = generator.accept(other.into()).unwrap();
    let draw = get(&get(&forced, "record"), "draw");
    assert_eq!(number(&draw, "id"), number(&drawn, "id"));
    assert_eq!(number(&draw, "point"), points[5]);
    points.dedup();
    assert_eq!(points.len(), 6);
}
