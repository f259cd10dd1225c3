//! What the page or worker around the module gives: a clock, `fetch`, time for others.

use js_sys::{Function, Object, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> JsValue;

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
    let timeout = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, 0.0);
    });
    let _ = JsFuture::from(timeout).await;
}
