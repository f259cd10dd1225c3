//! The JavaScript interface of the engine: a thin layer over [`crate::generator`] and what a single pass gives.
//!
//! No call panics on any argument, because a panic would leave the module unusable. Every error is an `Error` object
//! with a `code`.

mod adapter;
mod constraint;
mod draft;
mod load;
mod messages;
mod one_pass;
pub(super) mod options;
mod row_store;
mod split_model;
mod step;
mod step_types;
mod types;

pub(super) use super::common::{JsResult, host, to_js};
use crate::Result;
use crate::chat::Request;
use crate::generator;
use crate::info::Info;
use crate::kernels;
use crate::model::Model;
use js_sys::Uint32Array;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// The kernels in use: "simd128", "scalar", …
#[wasm_bindgen]
pub fn backend() -> String {
    crate::kernels::backend().into()
}

/// The version of this package.
#[wasm_bindgen]
pub fn version() -> String {
    crate::VERSION.into()
}

/// A loaded model, and the text that it generates: one at a time.
#[wasm_bindgen]
pub struct Generator {
    inner: generator::Generator,
    pub(in crate::wasm) model: Arc<Model>,
    file_size: u64,
}

crate::debug::debug_in_brief!(Generator {});

#[wasm_bindgen]
impl Generator {
    /// Loads a model from a URL, Request, Response, Blob, File, ArrayBuffer, typed array or stream of bytes.
    pub async fn load(
        #[wasm_bindgen(unchecked_param_type = "ModelSource")] source: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "LoadOptions")] options: JsValue,
    ) -> JsResult<Generator> {
        let options = options::load_options(&options, false)?;
        kernels::calibrate(host::now)?;
        let (model, file_size) = load::load(source, &options).await?;
        kernels::calibrate(host::now)?;
        let model = Arc::new(model);
        let mut inner = generator::Generator::new(Arc::clone(&model), options.context)?;
        inner.set_clock(host::now);
        Ok(Generator {
            inner,
            model,
            file_size,
        })
    }

    /// What a model file holds, whether it runs here and how much memory it takes; with the option `speed`, also about how
    /// fast it would write. Reads only the header of the file.
    #[wasm_bindgen(unchecked_return_type = "Inspection")]
    pub async fn inspect(
        #[wasm_bindgen(unchecked_param_type = "ModelSource")] source: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "InspectOptions")] options: JsValue,
    ) -> JsResult<JsValue> {
        let options = options::load_options(&options, true)?;
        let mut inspection = split_model::inspect(&source, &options).await?;
        if options.speed {
            inspection.measure_speed(host::now);
        }
        to_js(&inspection)
    }

    /// Starts a new text with `prompt`. Computes nothing yet. Its types, and those of `configure`, depend on the
    /// options, and are written beside theirs.
    #[wasm_bindgen(skip_typescript)]
    pub fn start(&mut self, prompt: JsValue, options: JsValue) -> Result<()> {
        let prompt = options::string("prompt", &prompt)?;
        let options = options::generation_options(&options, generator::Options::default())?;
        self.inner.start(&prompt, options)
    }

    /// The input from which the chat module renders `messages`. `chat` of the package combines the two.
    #[wasm_bindgen(skip_typescript)]
    pub fn chat_request(&self, messages: JsValue, template: JsValue) -> JsResult<JsValue> {
        let messages = messages::from_js(&messages)?;
        let template = options::optional_string("chat_template", &template)?;
        to_js(&Request::new(&self.model, &messages, template.as_deref())?)
    }

    /// Starts a new text with a rendered conversation.
    #[wasm_bindgen(skip_typescript)]
    pub fn start_chat(&mut self, conversation: JsValue, options: JsValue) -> Result<()> {
        let conversation = options::string("conversation", &conversation)?;
        let options = options::generation_options(&options, generator::Options::default())?;
        self.inner.start_chat(&conversation, options)
    }

    /// Runs the next chunk of the prompt, to show progress; `next_token` runs what is left of it.
    #[wasm_bindgen(unchecked_return_type = "Progress")]
    pub fn prefill(&mut self) -> JsResult<JsValue> {
        let progress = self.inner.prefill()?;
        to_js(&progress)
    }

    /// Computes the next token, or returns undefined after the last one.
    #[wasm_bindgen(unchecked_return_type = "Token | undefined")]
    pub fn next_token(&mut self) -> JsResult<JsValue> {
        let token = self.inner.next_token()?;
        token.map_or(Ok(JsValue::UNDEFINED), |token| to_js(&token))
    }

    /// Ends the text: `next_token` returns undefined from now on.
    pub fn abort(&mut self) {
        self.inner.abort();
    }

    /// Forgets the text. Its memory is kept for the next one.
    pub fn reset(&mut self) {
        self.inner.reset();
    }

    /// Why the text ended, or undefined while it goes on.
    #[wasm_bindgen(getter, unchecked_return_type = "FinishReason | undefined")]
    pub fn finish_reason(&self) -> Option<String> {
        let reason = self.inner.finish_reason();
        reason.map(|reason| reason.as_str().into())
    }

    /// The text generated so far, without the prompt.
    #[wasm_bindgen(getter)]
    pub fn text(&self) -> String {
        self.inner.text().into()
    }

    /// The prompt's tokens, BOS included where the model asks for it.
    #[wasm_bindgen(getter)]
    pub fn prompt_ids(&self) -> Uint32Array {
        self.inner.prompt_ids().into()
    }

    /// The tokens generated so far.
    #[wasm_bindgen(getter)]
    pub fn ids(&self) -> Uint32Array {
        self.inner.ids().into()
    }

    /// The seed in use, drawn at random where none was given; undefined before `start`.
    #[wasm_bindgen(getter, unchecked_return_type = "number | bigint | undefined")]
    pub fn seed(&self) -> JsValue {
        let seed = self.inner.seed();
        seed.map_or(JsValue::UNDEFINED, options::seed_to_js)
    }

    /// The number of tokens in the context now.
    #[wasm_bindgen(getter)]
    pub fn context_used(&self) -> usize {
        self.inner.context_used()
    }

    /// The number of tokens that the context holds at most.
    #[wasm_bindgen(getter)]
    pub fn context_length(&self) -> usize {
        self.inner.context_length()
    }

    /// The time that the text has taken so far.
    #[wasm_bindgen(unchecked_return_type = "Timings")]
    pub fn timings(&self) -> JsResult<JsValue> {
        to_js(&self.inner.timings())
    }

    /// A description of the model.
    #[wasm_bindgen(unchecked_return_type = "ModelInfo")]
    pub fn info(&self) -> JsResult<JsValue> {
        to_js(&Info::new(&self.model, self.file_size))
    }

    /// Text → token ids, without BOS. With `special`, special tokens that are spelled out in the text become their ids.
    pub fn tokenize(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] text: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ special?: boolean }")] options: JsValue,
    ) -> Result<Uint32Array> {
        let text = options::string("text", &text)?;
        let special = options::parse_special(&options)?;
        let ids = self.model.tokenizer.encode(&text, special);
        Ok(ids.as_slice().into())
    }

    /// Token ids → text. Incomplete characters become U+FFFD.
    pub fn detokenize(
        &self,
        #[wasm_bindgen(unchecked_param_type = "Uint32Array | number[]")] ids: JsValue,
    ) -> Result<String> {
        Ok(self
            .model
            .tokenizer
            .decode(&options::token_ids("ids", &ids)?))
    }

    /// A token as the vocabulary spells it, including control tokens ("<|im_end|>").
    pub fn token_name(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number")] id: JsValue,
    ) -> Result<String> {
        let id = options::u32_value("id", &id)?;
        Ok(self.model.tokenizer.token_name(id))
    }

    /// A token by itself, as in `Candidate`: its text, in which half a character shows as U+FFFD, or the name of a control
    /// token that stands for none.
    pub fn token_text(
        &self,
        #[wasm_bindgen(unchecked_param_type = "number")] id: JsValue,
    ) -> Result<String> {
        let id = options::u32_value("id", &id)?;
        Ok(self.model.tokenizer.token_text(id))
    }
}
