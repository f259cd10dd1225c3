//! The JavaScript face in a real browser: `wasm-pack test --headless --chrome`.
#![cfg(target_arch = "wasm32")]

mod common;

use common::js::load;
use common::js::*;
use common::*;
use js_sys::{Array, Function, Promise, Uint8Array, Uint32Array};
use nexttoken::quant::TensorType;
use nexttoken::wasm::engine::{Generator, backend, version};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{AbortController, Blob, ReadableStream, Response, ResponseInit, Url};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn the_tokens_are_those_of_every_platform() {
    let attending = random_model(TensorType::Q4_1);
    for (file, prompt, ids) in [
        (&attending[..], PINNED_PROMPT, PINNED_IDS),
        (LFM2, LFM2_PROMPT, LFM2_IDS),
        (GEMMA4, GEMMA4_PROMPT, GEMMA4_IDS),
    ] {
        for scalar in [false, true] {
            nexttoken::kernels::force_scalar(scalar);
            let mut generator = load(file).await;
            let options = object(&[
                ("temperature", 1.into()),
                ("seed", 42.into()),
                ("max_tokens", (ids.len() as u32).into()),
            ]);
            start(&mut generator, prompt, options);
            while !generator.next_token().unwrap().is_undefined() {}
            assert_eq!(generator.ids().to_vec(), ids);
        }
    }
    nexttoken::kernels::force_scalar(false);
}

#[wasm_bindgen_test]
async fn a_token_is_a_plain_object() {
    let mut generator = spelling(b"abc").await;
    let options = object(&[("temperature", 0.into()), ("top_logprobs", 2.into())]);
    start(&mut generator, "a", options);
    let token = generator.next_token().unwrap();
    assert_eq!(string(&token, "text"), "b");
    assert_eq!(number(&token, "id"), 98.0);
    assert_eq!(number(&token, "probability"), 1.0);
    assert!(number(&token, "logprob") <= 0.0);
    assert!(get(&token, "finish_reason").is_undefined());
    let top: Array = get(&token, "top_logprobs").unchecked_into();
    assert_eq!(top.length(), 2);
    assert_eq!(string(&top.get(0), "text"), "b");
    assert_eq!(number(&top.get(1), "probability"), 0.0);
    assert!(generator.finish_reason().is_none());
    generator.next_token().unwrap();
    let last = generator.next_token().unwrap();
    assert_eq!(string(&last, "finish_reason"), "stop");
    assert!(generator.next_token().unwrap().is_undefined());
    assert_eq!(generator.finish_reason().as_deref(), Some("stop"));
    assert_eq!(generator.text(), "bc");
    let timings = generator.timings().unwrap();
    assert_eq!(number(&timings, "prefill_tokens"), 1.0);
    assert_eq!(number(&timings, "decode_tokens"), 2.0);
    assert!(number(&timings, "decode_ms") >= 0.0);
}

#[wasm_bindgen_test]
async fn prefill_reports_progress() {
    let mut generator = load(&random_model(TensorType::Q8_0)).await;
    start(&mut generator, &"x".repeat(100), greedy());
    let first = generator.prefill().unwrap();
    assert_eq!(number(&first, "total"), 100.0);
    assert!(number(&first, "done") < 100.0);
    let last = generator.prefill().unwrap();
    assert_eq!(number(&last, "done"), 100.0);
    assert_eq!(generator.context_used(), 100);
    assert_eq!(generator.prompt_ids().length(), 100);
}

#[wasm_bindgen_test]
async fn seeds_can_be_read_back() {
    let mut generator = load(&random_model(TensorType::Q8_0)).await;
    assert!(generator.seed().is_undefined());
    start(&mut generator, "x", object(&[("seed", 7.into())]));
    assert_eq!(generator.seed(), 7);
    start(&mut generator, "x", object(&[("seed", u64::MAX.into())]));
    assert_eq!(u64::try_from(generator.seed()), Ok(u64::MAX));
    start(&mut generator, "x", JsValue::UNDEFINED);
    assert!(generator.seed().as_f64().is_some());
}

#[wasm_bindgen_test]
async fn options_are_checked_by_name_and_type() {
    let mut generator = load(&random_model(TensorType::Q8_0)).await;
    let mut refuse = |name: &str, value: JsValue| {
        let error: JsValue = generator
            .start("x".into(), object(&[(name, value)]))
            .unwrap_err()
            .into();
        assert!(string(&error, "message").contains(name), "{name}");
        code(error)
    };
    assert_eq!(refuse("temprature", 1.into()), "unknown_option");
    assert_eq!(refuse("repeat_penalty", 1.into()), "unknown_option");
    let strings = Array::of2(&"a".into(), &1.into());
    for (name, value) in [
        ("temperature", "hot".into()),
        ("temperature", JsValue::from(-1)),
        ("temperature", f64::NAN.into()),
        ("top_k", JsValue::from(1.5)),
        ("top_k", JsValue::from(-1)),
        ("top_p", JsValue::from(1.5)),
        ("min_p", JsValue::from(true)),
        ("repetition_penalty", JsValue::from(0)),
        ("frequency_penalty", JsValue::from(-3)),
        ("penalty_last_n", JsValue::from(-2)),
        ("penalty_last_n", JsValue::from(0.5)),
        ("dry_base", JsValue::from(0.5)),
        ("dry_sequence_breakers", "".into()),
        ("mirostat", JsValue::from(1)),
        ("logit_bias", JsValue::from(1)),
        ("logit_bias", object(&[("a", 1.into())])),
        ("logit_bias", object(&[("1", true.into())])),
        ("logit_bias", object(&[("99999", 1.into())])),
        ("banned_tokens", JsValue::from(1)),
        ("banned_tokens", Array::of1(&0.5.into()).into()),
        ("samplers", Array::of1(&"top_z".into()).into()),
        (
            "samplers",
            Array::of2(&"top_k".into(), &"top_k".into()).into(),
        ),
        ("record", JsValue::from(1)),
        ("seed", JsValue::from(-1)),
        ("seed", JsValue::from(0.5)),
        ("seed", JsValue::from(2f64.powi(60))),
        ("seed", JsValue::from(-1i64)),
        ("stop", JsValue::from(1)),
        ("stop", strings.into()),
        ("stop", "".into()),
        ("max_tokens", JsValue::from(0)),
        ("logprobs", JsValue::from(1)),
        ("top_logprobs", JsValue::from(101)),
    ] {
        assert_eq!(refuse(name, value), "invalid_option", "{name}");
    }
    assert_eq!(
        code(generator.start("x".into(), 5.into()).unwrap_err()),
        "invalid_option"
    );
    assert_eq!(
        code(generator.start(5.into(), JsValue::UNDEFINED).unwrap_err()),
        "invalid_option"
    );
    assert_eq!(
        code(generator.start("".into(), JsValue::NULL).unwrap_err()),
        "empty_prompt"
    );
    assert_eq!(code(generator.next_token().unwrap_err()), "not_started");
    // Undefined and null are as good as absent, and one stop string needs no array.
    let absent = object(&[
        ("seed", JsValue::NULL),
        ("top_k", JsValue::UNDEFINED),
        ("stop", "y".into()),
    ]);
    start(&mut generator, "x", absent);
    assert!(!generator.next_token().unwrap().is_undefined());
}

#[wasm_bindgen_test]
async fn texts_and_tokens() {
    let generator = load(&random_model(TensorType::Q8_0)).await;
    let plain = generator
        .tokenize("a<|user|>".into(), JsValue::UNDEFINED)
        .unwrap();
    assert!(plain.length() > 5);
    let special = object(&[("special", true.into())]);
    let ids = generator.tokenize("a<|user|>".into(), special).unwrap();
    assert_eq!(ids.to_vec(), [97, USER]);
    assert_eq!(generator.token_name(USER.into()).unwrap(), "<|user|>");
    let texts = [261, USER].map(|id| generator.token_text(id.into()).unwrap());
    assert_eq!(texts, [" the", "<|user|>"]);
    let text = |ids: JsValue| generator.detokenize(ids);
    assert_eq!(
        text(Uint32Array::from(&[104, 105][..]).into()).unwrap(),
        "hi"
    );
    assert_eq!(
        text(Array::of2(&104.into(), &105.into()).into()).unwrap(),
        "hi"
    );
    assert_eq!(code(text("hi".into()).unwrap_err()), "invalid_option");
    assert_eq!(
        code(text(Array::of1(&(-1).into()).into()).unwrap_err()),
        "invalid_option"
    );
    let unknown = object(&[("spezial", true.into())]);
    assert_eq!(
        code(generator.tokenize("a".into(), unknown).unwrap_err()),
        "unknown_option"
    );
}

#[wasm_bindgen_test]
async fn scores_at_once_and_in_steps() {
    let generator = load(&random_model(TensorType::Q8_0)).await;
    let text = "on and on ".repeat(15);
    let score = generator
        .score(text.as_str().into(), JsValue::UNDEFINED)
        .unwrap();
    let mut scorer = generator
        .scorer(text.as_str().into(), JsValue::UNDEFINED)
        .unwrap();
    loop {
        let progress = scorer.step().unwrap();
        if number(&progress, "done") == number(&progress, "total") {
            break;
        }
    }
    let again = scorer.finish().unwrap();
    assert_eq!(number(&score, "mean_nll"), number(&again, "mean_nll"));
    let nll: Array = get(&score, "nll").unchecked_into();
    let ids: Array = get(&score, "ids").unchecked_into();
    assert_eq!(nll.length() + 1, ids.length());
    assert!(number(&score, "perplexity") > 1.0);
    assert_eq!(
        code(generator.score("x".into(), JsValue::UNDEFINED).unwrap_err()),
        "text_too_short"
    );
}

#[wasm_bindgen_test]
async fn says_what_the_model_is() {
    let file = random_model(TensorType::Q5_1);
    let generator = load(&file).await;
    let info = generator.info().unwrap();
    assert_eq!(string(&info, "architecture"), "llama");
    assert_eq!(string(&info, "name"), "Tiny");
    assert_eq!(string(&info, "quantization"), "Q5_1");
    assert_eq!(string(&info, "tokenizer"), "gpt2/gpt-2");
    assert_eq!(string(&info, "backend"), backend());
    assert_eq!(string(&info, "version"), version());
    assert_eq!(number(&info, "file_size"), file.len() as f64);
    assert_eq!(number(&info, "vocabulary_size"), VOCABULARY as f64);
    assert_eq!(number(&info, "layers"), LAYERS as f64);
    assert!(number(&info, "parameters") > 1000.0);
    assert!(number(&info, "weight_bytes") > 1000.0);
}

/// The same file from everything a page may have it in.
#[wasm_bindgen_test]
async fn every_source_gives_the_same_model() {
    let file = random_model(TensorType::Q4_0);
    let array = Uint8Array::from(file.as_slice());
    let blob = || Blob::new_with_u8_array_sequence(&Array::of1(&array)).unwrap();
    let address = Url::create_object_url_with_blob(&blob()).unwrap();
    // A view into the middle of a larger buffer.
    let larger = Uint8Array::new_with_length(array.length() + 20);
    larger.set(&array, 12);
    let view = larger.subarray(12, 12 + array.length());
    let response = Response::new_with_opt_blob(Some(&blob())).unwrap();
    let sources: [JsValue; 8] = [
        array.clone().into(),
        array.buffer().into(),
        view.into(),
        blob().into(),
        blob().stream().into(),
        response.into(),
        address.as_str().into(),
        Url::new(&address).unwrap().into(),
    ];
    let mut texts = Vec::new();
    for source in sources {
        let mut generator = Generator::load(source, JsValue::UNDEFINED).await.unwrap();
        start(
            &mut generator,
            "the",
            object(&[("seed", 3.into()), ("max_tokens", 8.into())]),
        );
        while !generator.next_token().unwrap().is_undefined() {}
        texts.push(generator.ids().to_vec());
    }
    assert!(texts.iter().all(|ids| *ids == texts[0]));
}

#[wasm_bindgen_test]
async fn loading_reports_progress() {
    let file = random_model(TensorType::F32);
    let calls = Array::new();
    let log = calls.clone();
    let callback = Closure::<dyn FnMut(JsValue)>::new(move |event| {
        log.push(&event);
    });
    let options = object(&[("onProgress", callback.as_ref().clone())]);
    Generator::load(bytes(&file), options).await.unwrap();
    assert!(calls.length() >= 1);
    let last = calls.get(calls.length() - 1);
    assert_eq!(number(&last, "loaded"), file.len() as f64);
    assert_eq!(number(&last, "total"), file.len() as f64);
}

#[wasm_bindgen_test]
async fn bad_models_and_sources_have_their_codes() {
    let file = random_model(TensorType::Q8_0);
    let none = JsValue::UNDEFINED;
    assert_eq!(
        load_error(bytes(b"not a model at all, but long enough"), none.clone()).await,
        "not_gguf"
    );
    assert_eq!(
        load_error(bytes(&file[..file.len() - 9]), none.clone()).await,
        "truncated"
    );
    assert_eq!(load_error(bytes(&[]), none.clone()).await, "truncated");
    assert_eq!(load_error(42.into(), none.clone()).await, "invalid_option");
    assert_eq!(
        load_error(none.clone(), none.clone()).await,
        "invalid_option"
    );
    assert_eq!(
        load_error("http://127.0.0.1:1/none.gguf".into(), none.clone()).await,
        "io"
    );
    assert_eq!(
        load_error("no-such-file.gguf".into(), none.clone()).await,
        "http"
    );
    let init = ResponseInit::new();
    init.set_status(503);
    let refused = Response::new_with_opt_str_and_init(Some("busy"), &init).unwrap();
    assert_eq!(load_error(refused.into(), none.clone()).await, "http");
    let used = Response::new_with_opt_str(Some("text")).unwrap();
    JsFuture::from(used.text().unwrap()).await.unwrap();
    assert_eq!(load_error(used.into(), none).await, "io");

    for (name, value, expected) in [
        ("on_progress", JsValue::NULL, None),
        ("on_progress", 1.into(), Some("unknown_option")),
        ("onProgress", 1.into(), Some("invalid_option")),
        ("signal", 1.into(), Some("invalid_option")),
        ("context_length", 0.into(), Some("invalid_option")),
        ("context_length", 100_000.into(), Some("invalid_option")),
        ("context_length", 10.into(), None),
    ] {
        let loaded = Generator::load(bytes(&file), object(&[(name, value)])).await;
        let found = loaded.err().map(code);
        assert_eq!(found.as_deref(), expected, "{name}");
    }
}

#[wasm_bindgen_test]
async fn a_load_can_be_aborted() {
    let file = random_model(TensorType::Q8_0);
    let controller = AbortController::new().unwrap();
    let options = object(&[("signal", controller.signal().into())]);
    // A stream that never ends, nor says anything after its first bytes.
    let start = Uint8Array::from(&file[..1000]);
    let cancelled = Array::new();
    let log = cancelled.clone();
    let on_start = Closure::<dyn FnMut(JsValue)>::new(move |stream: JsValue| {
        let enqueue: Function = get(&stream, "enqueue").unchecked_into();
        enqueue.call1(&stream, &start).unwrap();
    });
    let on_cancel = Closure::<dyn FnMut()>::new(move || {
        log.push(&true.into());
    });
    let source = object(&[
        ("start", on_start.as_ref().clone()),
        ("cancel", on_cancel.as_ref().clone()),
    ]);
    let stream = ReadableStream::new_with_underlying_source(source.unchecked_ref()).unwrap();
    let load = wasm_bindgen_futures::future_to_promise({
        let options = options.clone();
        async move {
            let loaded = Generator::load(stream.into(), options).await;
            loaded.map(JsValue::from)
        }
    });
    let later = Promise::new(&mut |resolve, _| {
        let window = web_sys::window().unwrap();
        window
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, 50)
            .unwrap();
    });
    JsFuture::from(later).await.unwrap();
    controller.abort();
    assert_eq!(code(JsFuture::from(load).await.unwrap_err()), "aborted");
    assert_eq!(cancelled.length(), 1);
    // A signal that has aborted already lets nothing begin.
    assert_eq!(load_error(bytes(&file), options).await, "aborted");
}

#[wasm_bindgen_test]
async fn an_exception_of_on_progress_ends_the_load() {
    // `Reflect.ownKeys(1, event)` throws a TypeError.
    let own_keys: Function = get(&get(&js_sys::global(), "Reflect"), "ownKeys").unchecked_into();
    let callback = own_keys.bind1(&JsValue::UNDEFINED, &1.into()).into();
    let options = object(&[("onProgress", callback)]);
    let error = Generator::load(bytes(&random_model(TensorType::Q8_0)), options)
        .await
        .err()
        .unwrap();
    assert!(error.is_instance_of::<js_sys::Error>());
}
