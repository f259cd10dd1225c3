//! What tests of the JavaScript face share.

use super::{END, spell, spelling_model};
use js_sys::{Object, Reflect, Uint8Array};
use nexttoken::wasm::engine::Generator;
use wasm_bindgen::{JsCast, JsValue};

pub fn object(pairs: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in pairs {
        Reflect::set(&object, &(*name).into(), value).unwrap();
    }
    object.into()
}

pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap()
}

pub fn string(object: &JsValue, name: &str) -> String {
    get(object, name).as_string().unwrap()
}

pub fn number(object: &JsValue, name: &str) -> f64 {
    get(object, name).as_f64().unwrap()
}

pub fn bytes(bytes: &[u8]) -> JsValue {
    Uint8Array::from(bytes).into()
}

pub async fn load(file: &[u8]) -> Generator {
    Generator::load(bytes(file), JsValue::UNDEFINED)
        .await
        .unwrap()
}

pub async fn spelling(text: &[u8]) -> Generator {
    let mut pairs = spell(text);
    pairs.push((u32::from(text[text.len() - 1]), END));
    load(&spelling_model(&pairs)).await
}

pub fn greedy() -> JsValue {
    object(&[("temperature", 0.into())])
}

pub fn start(generator: &mut Generator, prompt: &str, options: JsValue) {
    generator.start(prompt.into(), options).unwrap();
}

/// Checks that an error is an `Error` with a code and a sentence; returns the code.
pub fn code(error: impl Into<JsValue>) -> String {
    let error = error.into();
    assert!(error.is_instance_of::<js_sys::Error>());
    assert_eq!(string(&error, "name"), "NextTokenError");
    assert!(string(&error, "message").len() >= 7);
    string(&error, "code")
}

/// The code of the error that loading `source` gives.
pub async fn load_error(source: JsValue, options: JsValue) -> String {
    code(Generator::load(source, options).await.err().unwrap())
}
