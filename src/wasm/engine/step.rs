//! Generation one step at a time, for JavaScript; see [`crate::generator`].

use super::options::PeekOptions;
use super::{Generator, JsResult, options, to_js};
use crate::Result;
use crate::generator::{Internals, Options};
use js_sys::{Array, Float32Array, Reflect, Uint8Array, WebAssembly};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// Adds to the record of a step the hidden state, the layers and the attention weights, as far as the options ask for
/// them.
fn add_internals(record: &JsValue, internals: &Internals, options: &PeekOptions) -> JsResult<()> {
    if options.hidden {
        let hidden = Float32Array::from(&*internals.hidden);
        Reflect::set(record, &"hidden".into(), &hidden)?;
    }
    if options.layers {
        Reflect::set(record, &"layers".into(), &to_js(&internals.layers)?)?;
    }
    if options.attention {
        let layer = |weights: &Vec<f32>| match weights.is_empty() {
            true => JsValue::NULL,
            false => Float32Array::from(&**weights).into(),
        };
        let layers: Array = internals.attention.iter().map(layer).collect();
        Reflect::set(record, &"attention".into(), &layers)?;
    }
    Ok(())
}

#[wasm_bindgen]
impl Generator {
    /// Computes the next step without taking it, and shows what happens inside the model where the options ask for it.
    /// Returns undefined after the end of the text.
    #[wasm_bindgen(unchecked_return_type = "StepRecord | undefined")]
    pub fn peek(
        &mut self,
        #[wasm_bindgen(unchecked_optional_param_type = "PeekOptions")] options: JsValue,
    ) -> JsResult<JsValue> {
        let options = options::peek_options(&options)?;
        let Some(record) = self.inner.peek(options.top as usize)? else {
            return Ok(JsValue::UNDEFINED);
        };
        let record = to_js(&record)?;
        if options.hidden || options.layers || options.attention {
            let top = if options.layers { options.top } else { 0 };
            if let Some(internals) = self.inner.internals(top as usize, options.attention)? {
                add_internals(&record, &internals, &options)?;
            }
        }
        Ok(record)
    }

    /// The row of the linear head that makes the logit of a token, one number for each of the hidden state's.
    pub fn head_row(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number")] id: JsValue,
    ) -> Result<Float32Array> {
        let id = options::u32_value("id", &id)?;
        Ok(self.model.head.row(id)?.as_slice().into())
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
    /// a whole (`stop`, `context_shift`, `n_keep`, `adapters`) cannot be changed. The model need not run again. A constraint
    /// applies to the text that follows.
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
