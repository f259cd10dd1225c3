//! The options of every load.

use super::values::u32_value;
use crate::Result;
use crate::error::invalid_option;
use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortSignal;

/// The default time, in milliseconds, that may pass between two chunks of a model.
const TIMEOUT_MS: u32 = 60_000;

/// The options of every load.
pub(in crate::wasm) struct ReadOptions {
    pub on_progress: Option<Function>,
    pub signal: Option<AbortSignal>,
    /// Milliseconds that may pass without a byte; 0 for any number.
    pub timeout: u32,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            on_progress: None,
            signal: None,
            timeout: TIMEOUT_MS,
        }
    }
}

impl ReadOptions {
    /// Takes the option `name`. Returns whether it is one of these.
    pub(in crate::wasm) fn set(&mut self, name: &str, value: &JsValue) -> Result<bool> {
        match name {
            "onProgress" => {
                let function = value.dyn_ref::<Function>();
                let function = function.ok_or_else(|| invalid_option(name, "a function"))?;
                self.on_progress = Some(function.clone());
            }
            "signal" => {
                let signal = value.dyn_ref::<AbortSignal>();
                let signal = signal.ok_or_else(|| invalid_option(name, "an AbortSignal"))?;
                self.signal = Some(signal.clone());
            }
            "timeout" => self.timeout = u32_value(name, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
