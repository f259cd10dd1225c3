//! Errors as JavaScript sees them: `Error` objects with a stable `code`.

use crate::Error;
use js_sys::Reflect;
use wasm_bindgen::JsValue;

impl From<Error> for JsValue {
    fn from(error: Error) -> JsValue {
        let object = js_sys::Error::new(&error.to_string());
        object.set_name("NextTokenError");
        // Setting a property of a fresh, extensible object cannot fail.
        let _ = Reflect::set(&object, &"code".into(), &error.code().into());
        object.into()
    }
}

/// The message of a thrown error; another thrown value as text.
pub(in crate::wasm) fn describe(thrown: &JsValue) -> String {
    let message = Reflect::get(thrown, &"message".into()).ok();
    message
        .and_then(|message| message.as_string())
        .or_else(|| thrown.as_string())
        .unwrap_or_else(|| "unknown error".into())
}
