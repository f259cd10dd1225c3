//! What the engine and the encoder have in common in JavaScript: errors, options, reading files, threads.

pub(super) mod error;
pub(super) mod host;
pub(super) mod read_options;
pub(super) mod reading;
pub(super) mod source;
mod threads;
pub(super) mod values;

use serde::Serialize;
use wasm_bindgen::JsValue;

/// A result whose error is thrown in JavaScript.
pub(super) type JsResult<T> = std::result::Result<T, JsValue>;

/// Converts a value to a plain object, array, string, number or undefined.
pub(super) fn to_js(value: &impl Serialize) -> JsResult<JsValue> {
    Ok(serde_wasm_bindgen::to_value(value)?)
}
