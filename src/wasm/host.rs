//! What the page or worker around the module gives: a clock, `fetch`, time for others and a limit of time.

use js_sys::{Array, Function, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);

    #[wasm_bindgen(catch, js_name = fetch)]
    pub(super) fn fetch(resource: &JsValue, init: &Object) -> Result<Promise, JsValue>;

    /// Throws for a proxy that was revoked.
    #[wasm_bindgen(catch, js_namespace = Array, js_name = isArray)]
    pub(super) fn is_array(value: &JsValue) -> Result<bool, JsValue>;
}

/// Milliseconds since the page or worker began.
pub(super) fn now() -> f64 {
    performance_now()
}

/// Lets the page handle its events.
pub(super) async fn pause() {
    let _ = JsFuture::from(timer(0.0).0).await;
}

/// What `promise` gives, or undefined where that takes more than so many milliseconds (0 for no limit).
pub(super) async fn within(milliseconds: u32, promise: &Promise) -> Result<JsValue, JsValue> {
    if milliseconds == 0 {
        return JsFuture::from(promise.clone()).await;
    }
    // Timers take no more.
    let milliseconds = milliseconds.min(i32::MAX as u32);
    let (passed, number) = timer(milliseconds.into());
    let first = JsFuture::from(Promise::race(&Array::of2(promise, &passed))).await;
    clear_timeout(&number);
    first
}

/// A promise that so much time passes, and the number to stop it by.
fn timer(milliseconds: f64) -> (Promise, JsValue) {
    let mut number = JsValue::UNDEFINED;
    let passed = Promise::new(&mut |resolve, _| number = set_timeout(&resolve, milliseconds));
    (passed, number)
}
