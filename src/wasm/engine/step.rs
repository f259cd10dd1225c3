//! Generation one step at a time, for JavaScript; see [`crate::generator`].

use super::{Generator, JsResult, options, to_js};
use crate::Result;
use crate::generator::{DEFAULT_RECORD, Options};
use js_sys::{Float32Array, Uint8Array, WebAssembly};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Generator {
    /// Computes the next step without taking it. Returns undefined after the end of the text.
    #[wasm_bindgen(unchecked_return_type = "StepRecord | undefined")]
    pub fn peek(
        &mut self,
        #[wasm_bindgen(unchecked_optional_param_type = "{ top?: number }")] options: JsValue,
    ) -> JsResult<JsValue> {
        let top = options::top_option(&options, DEFAULT_RECORD)?;
        let record = self.inner.peek(top as usize)?;
        record.map_or(Ok(JsValue::UNDEFINED), |record| to_js(&record))
    }

    /// Appends a token as if it had been drawn. Returns undefined after the end of the text.
    #[wasm_bindgen(unchecked_return_type = "Token | undefined")]
    pub fn accept(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number")] id: JsValue,
    ) -> JsResult<JsValue> {
        let id = options::u32_value("id", &id)?;
        let token = self.inner.accept(id)?;
        token.map_or(Ok(JsValue::UNDEFINED), |token| to_js(&token))
    }

    /// Takes back the last `count` generated tokens, as if they had never been generated. Going on generates the same
    /// ones again, unless options or a forced token change something.
    pub fn rewind(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "number")] count: JsValue,
    ) -> Result<()> {
        let count = options::u32_value("count", &count)?;
        self.inner.rewind(count as usize)
    }

    /// A second generator in the same state as this one, which shares its weights.
    pub fn fork(&self) -> Result<Generator> {
        let fork = self.inner.fork()?;
        Ok(Generator {
            inner: fork,
            model: Arc::clone(&self.model),
            file_size: self.file_size,
        })
    }

    /// The text in progress as bytes; `snapshot` of the package makes a Blob of them.
    #[wasm_bindgen(skip_typescript)]
    pub fn snapshot_bytes(&mut self) -> Result<Uint8Array> {
        Ok(self.inner.snapshot()?.as_slice().into())
    }

    /// Continues from the bytes of a snapshot.
    #[wasm_bindgen(skip_typescript)]
    pub fn restore_bytes(&mut self, snapshot: JsValue) -> Result<()> {
        let bytes = options::bytes("snapshot", &snapshot)?;
        self.inner.restore(&bytes)
    }

    /// Changes options from the next token on. Options that are absent stay as they are. Those that belong to a text as
    /// a whole (`stop`, `context_shift`, `n_keep`) cannot be changed. The model need not run again. A
    /// constraint applies to the text that follows.
    #[wasm_bindgen(skip_typescript)]
    pub fn configure(&mut self, options: JsValue) -> Result<()> {
        let current: Option<Options> = self.inner.options().cloned();
        let options = options::generation_options(&options, current.unwrap_or_default())?;
        self.inner.configure(options)
    }

    /// The stages of the sampler that have an effect, in order and with their parameters.
    #[wasm_bindgen(getter, unchecked_return_type = "Sampler[]")]
    pub fn samplers(&self) -> JsResult<JsValue> {
        to_js(&self.inner.samplers())
    }

    /// The logits of the model's last prediction, before the sampler, one for each token of the vocabulary: those that
    /// the last token was chosen from, or after `peek` those of the next token. They are a view of the module's memory
    /// and valid until the next call: copy what you keep.
    #[wasm_bindgen(unchecked_return_type = "Float32Array | undefined")]
    pub fn logits(&self) -> JsValue {
        let Some(logits) = self.inner.logits() else {
            return JsValue::UNDEFINED;
        };
        let memory: WebAssembly::Memory = wasm_bindgen::memory().unchecked_into();
        let (start, length) = (logits.as_ptr() as u32, logits.len() as u32);
        let view = Float32Array::new_with_byte_offset_and_length(&memory.buffer(), start, length);
        view.into()
    }
}
