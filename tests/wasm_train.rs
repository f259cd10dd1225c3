//! Training in a real browser: `wasm-pack test --headless --chrome`.
#![cfg(target_arch = "wasm32")]

#[path = "../src/test_random.rs"]
mod test_random;

use js_sys::{Object, Reflect, Uint8Array};
use nexttoken::wasm::engine::Generator;
use nexttoken::wasm::trainer::Trainer;
use test_random::TestRandom;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

const LINE: &str =
    "The owl saw the fox run to the river. \"Hello,\" said the fox, and they played until night. ";

fn object(pairs: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in pairs {
        Reflect::set(&object, &(*name).into(), value).unwrap();
    }
    object.into()
}

fn number(object: &JsValue, name: &str) -> f64 {
    Reflect::get(object, &name.into())
        .unwrap()
        .as_f64()
        .unwrap()
}

fn code(error: JsValue) -> String {
    Reflect::get(&error, &"code".into())
        .unwrap()
        .as_string()
        .unwrap()
}

fn config() -> JsValue {
    object(&[
        ("preset", "tiny".into()),
        ("context_length", 32.into()),
        ("layers", 1.into()),
        ("steps", 40.into()),
        ("seed", 3.into()),
        ("learning_rate", 0.01.into()),
        ("warmup_steps", 5.into()),
        ("patience", 0.into()),
    ])
}

fn trainer() -> Trainer {
    Trainer::new(LINE.repeat(20).into(), config()).unwrap()
}

#[wasm_bindgen_test]
async fn trains_saves_resumes_and_writes() {
    let mut trainer = trainer();
    let info = trainer.info().unwrap();
    assert!(number(&info, "uniform_loss") > number(&info, "unigram_loss"));
    for step in 1..=20 {
        let report = trainer.step().unwrap();
        assert_eq!(number(&report, "step"), f64::from(step));
        assert!(number(&report, "loss") > 0.0 && number(&report, "tokens_per_second") >= 0.0);
    }
    let saved = trainer.checkpoint().unwrap();
    let mut other = Trainer::resume(LINE.repeat(20).into(), saved.into()).unwrap();
    for _ in 0..20 {
        let (one, two) = (trainer.step().unwrap(), other.step().unwrap());
        assert_eq!(number(&one, "loss"), number(&two, "loss"));
    }
    let validation = trainer.validate().unwrap();
    assert!(number(&validation, "loss") < number(&info, "unigram_loss"));

    // The file holds the best state; the trainer writes and scores with the present one.
    for _ in 0..100 {
        let step = |object: JsValue| number(&object, "step");
        if step(trainer.best().unwrap()) == step(trainer.info().unwrap()) {
            break;
        }
        trainer.step().unwrap();
    }
    // Its file goes straight into the generator, which scores as the trainer does.
    let file = trainer.to_gguf(JsValue::UNDEFINED).unwrap();
    let full = trainer.to_gguf("f32".into()).unwrap();
    assert!(file.length() * 2 < full.length());
    let mut generator = Generator::load(full.into(), JsValue::UNDEFINED)
        .await
        .unwrap();
    let line = "The owl saw the fox run";
    let score = number(
        &generator.score(line.into(), JsValue::UNDEFINED).unwrap(),
        "mean_nll",
    );
    let pairs = js_sys::Array::from(&trainer.pairs(line.into()).unwrap());
    let sum: f64 = pairs.iter().map(|pair| number(&pair, "nll")).sum();
    let mean = sum / f64::from(pairs.length());
    assert!((score - mean).abs() < 1e-3, "{score} {mean}");
    let greedy = object(&[("temperature", 0.into()), ("max_tokens", 8.into())]);
    generator.start("The owl".into(), greedy.clone()).unwrap();
    while !generator.next_token().unwrap().is_undefined() {}
    assert_eq!(
        trainer.sample("The owl".into(), greedy).unwrap(),
        generator.text()
    );
}

/// Digits in a random order can only be guessed: learnt by heart, others are foretold worse.
#[wasm_bindgen_test]
fn its_end_and_its_best_state_are_told() {
    let mut random = TestRandom(1);
    let mut digit = || (random.next_u16() >> 8).to_string();
    let text: Vec<String> = (0..1000).map(|_| digit()).collect();
    let config = object(&[
        ("preset", "tiny".into()),
        ("context_length", 32.into()),
        ("steps", 250.into()),
        ("weight_decay", 0.into()),
        ("patience", 6.into()),
    ]);
    let mut trainer = Trainer::new(text.join(" ").into(), config).unwrap();
    let mut looks = Vec::new();
    loop {
        let report = trainer.step().unwrap();
        let look = Reflect::get(&report, &"validation".into()).unwrap();
        if !look.is_undefined() {
            looks.push((number(&report, "step"), number(&look, "loss")));
        }
        if Reflect::get(&report, &"complete".into())
            .unwrap()
            .is_truthy()
        {
            break;
        }
    }
    let best = looks.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let told = trainer.best().unwrap();
    assert_eq!((number(&told, "step"), number(&told, "loss")), *best);
    let end = looks.last().unwrap();
    assert_eq!(end.0, best.0 + 6.0 * 10.0);
    assert!(end.0 < 250.0 && end.1 > best.1, "{looks:?}");
}

#[wasm_bindgen_test]
fn what_cannot_be_is_an_error_and_nothing_is_lost() {
    let refused =
        |text: &str, config| code(Trainer::new(text.into(), config).err().unwrap().into());
    let text = LINE.repeat(20);
    assert_eq!(refused("", config()), "corpus_too_small");
    assert_eq!(
        refused(&text, object(&[("steps", 0.into())])),
        "invalid_option"
    );
    assert_eq!(
        refused(&text, object(&[("size", 1.into())])),
        "unknown_option"
    );
    assert_eq!(
        refused(&text, object(&[("preset", "huge".into())])),
        "invalid_option"
    );
    assert_eq!(
        refused(
            &text,
            object(&[("hidden_size", 16_384.into()), ("layers", 200.into())])
        ),
        "out_of_memory"
    );
    let wrong = Trainer::resume(text.clone().into(), Uint8Array::from(&b"GGUF"[..]).into());
    assert_eq!(code(wrong.err().unwrap().into()), "truncated");
    let mut trainer = trainer();
    assert_eq!(
        code(trainer.to_gguf("q4_0".into()).err().unwrap().into()),
        "invalid_option"
    );
    assert_eq!(
        code(trainer.pairs(LINE.repeat(20).into()).err().unwrap()),
        "prompt_too_long"
    );
    assert_eq!(number(&trainer.step().unwrap(), "step"), 1.0);
}
