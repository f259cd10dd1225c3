//! What the page or worker provides to the module: a clock, `fetch`, pauses for other tasks, and timeouts.

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
    pub(in crate::wasm) fn fetch(resource: &JsValue, init: &Object) -> Result<Promise, JsValue>;

    /// Throws for a proxy that was revoked.
    #[wasm_bindgen(catch, js_namespace = Array, js_name = isArray)]
    pub(in crate::wasm) fn is_array(value: &JsValue) -> Result<bool, JsValue>;
}

/// Milliseconds since the page or worker began.
pub(in crate::wasm) fn now() -> f64 {
    performance_now()
}

/// Waits for a new task, so that the page can handle its events.
pub(in crate::wasm) async fn yield_to_event_loop() {
    let _ = JsFuture::from(timer(0.0).0).await;
}

/// Waits for `promise`. Returns undefined where it takes longer than `milliseconds`; 0 means no limit.
pub(in crate::wasm) async fn with_timeout(
    milliseconds: u32,
    promise: &Promise,
) -> Result<JsValue, JsValue> {
    if milliseconds == 0 {
        return JsFuture::from(promise.clone()).await;
    }
    // The longest time that `setTimeout` takes.
    let milliseconds = milliseconds.min(i32::MAX as u32);
    let (passed, number) = timer(milliseconds.into());
    let first = JsFuture::from(Promise::race(&Array::of2(promise, &passed))).await;
    clear_timeout(&number);
    first
}

/// A promise that resolves after a time in milliseconds, and the handle of its timer.
fn timer(milliseconds: f64) -> (Promise, JsValue) {
    let mut number = JsValue::UNDEFINED;
    let passed = Promise::new(&mut |resolve, _| number = set_timeout(&resolve, milliseconds));
    (passed, number)
}
