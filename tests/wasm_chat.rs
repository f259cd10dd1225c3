//! Conversations through the JavaScript face in a real browser.
#![cfg(target_arch = "wasm32")]

mod common;

use common::js::load;
use common::js::*;
use common::*;
use js_sys::Array;
use nexttoken::quant::TensorType;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
async fn messages_are_checked() {
    let template = nexttoken::gguf::Value::String("{{ messages[0].content }}".into());
    let pairs = [("tokenizer.chat_template".to_owned(), template)];
    let mut generator = load(&random_model_with(TensorType::Q8_0, &pairs)).await;
    let message = |role: JsValue, content: JsValue| object(&[("role", role), ("content", content)]);
    let good = message("user".into(), "hi<|end|>".into());
    let request = generator
        .chat_request(Array::of1(&good).into(), JsValue::UNDEFINED)
        .unwrap();
    assert_eq!(string(&request, "template"), "{{ messages[0].content }}");
    assert_eq!(string(&request, "eos_token"), "<|end|>");
    let shielded: Array = get(&request, "messages").unchecked_into();
    let content = string(&shielded.get(0), "content");
    assert_ne!(content, "hi<|end|>");
    generator
        .start_chat(content.as_str().into(), greedy())
        .unwrap();
    assert!(generator.prompt_ids().to_vec().iter().all(|id| *id < BEGIN));

    let extra = object(&[
        ("role", "user".into()),
        ("content", "x".into()),
        ("name", "y".into()),
    ]);
    for (bad, name) in [
        (message("user".into(), 5.into()), "messages[1].content"),
        (message(JsValue::NULL, "x".into()), "messages[1].role"),
        (message("".into(), "x".into()), "messages[1].role"),
        (extra, "messages[1]"),
        ("hi".into(), "messages[1]"),
        (JsValue::UNDEFINED, "messages[1]"),
    ] {
        let error = generator.chat_request(Array::of2(&good, &bad).into(), JsValue::UNDEFINED);
        let error = error.unwrap_err();
        assert!(
            string(&error, "message").contains(&format!("\"{name}\"")),
            "{name}"
        );
        assert_eq!(code(error), "invalid_option");
    }
}

/// The chat module's own door; the package test goes through it as a page does.
#[wasm_bindgen_test]
fn the_chat_module_renders() {
    let render = nexttoken::wasm::chat::render_chat;
    let job = |template: &str| {
        format!(
            r#"{{"template": "{template}", "messages": [{{"role": "user", "content": "hi"}}], "date": "2026-11-24", "variables": {{"loud": true}}}}"#
        )
    };
    let text = render(&job(
        "{{ messages[0].content }}{% if loud %}! {{ strftime_now('%Y') }}{% endif %}{{ add_generation_prompt }}",
    ));
    assert_eq!(text.unwrap(), "hi! 2026True");
    for (template, words) in [
        ("{{ raise_exception('no') }}", "refuses these messages: no"),
        (
            "{% for a in range(99999) %}{% for a in range(99999) %}{% endfor %}{% endfor %}",
            "too much",
        ),
        (
            "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
            "recursion",
        ),
        (&format!("{{{{ {} 1 }}}}", "(".repeat(5000)), "recursion"),
    ] {
        let thrown = render(&job(template)).unwrap_err();
        assert_eq!(thrown[0], "chat_template");
        assert!(
            thrown[1].as_string().unwrap().contains(words),
            "{:?}",
            thrown[1]
        );
    }
    let thrown = render("{").unwrap_err();
    assert_eq!(thrown[0], "invalid_option");
}
