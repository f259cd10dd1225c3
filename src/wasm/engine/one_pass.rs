//! What one pass over a text gives, for JavaScript: scores, embeddings, decisions and rankings, each at once or step by
//! step.

use super::{Generator, JsResult, options, to_js};
use crate::decision::Decider;
use crate::embedding::Embedder;
use crate::generator::CacheType;
use crate::model::Model;
use crate::rerank::Reranker;
use crate::{Progress, Result, score};
use js_sys::{Array, Float32Array, Reflect};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// A pass over texts, chunk by chunk.
trait Pass {
    fn step(&mut self) -> Result<Progress>;
    fn finish(self: Box<Self>) -> JsResult<JsValue>;
}

impl Pass for score::Scorer<Arc<Model>> {
    fn step(&mut self) -> Result<Progress> {
        self.step()
    }

    fn finish(self: Box<Self>) -> JsResult<JsValue> {
        to_js(&(*self).finish()?)
    }
}

impl Pass for Embedder<Arc<Model>> {
    fn step(&mut self) -> Result<Progress> {
        self.step()
    }

    fn finish(self: Box<Self>) -> JsResult<JsValue> {
        let vectors = (*self).finish()?;
        let vectors = vectors.iter().map(|it| Float32Array::from(it.as_slice()));
        Ok(vectors.collect::<Array>().into())
    }
}

impl Pass for Decider<Arc<Model>> {
    fn step(&mut self) -> Result<Progress> {
        self.step()
    }

    fn finish(self: Box<Self>) -> JsResult<JsValue> {
        let decision = (*self).finish()?;
        let object = to_js(&decision)?;
        // JavaScript takes nothing but white space for 0.
        let number = |text: &str| {
            (!text.trim().is_empty()).then(|| JsValue::from_str(text).unchecked_into_f64())
        };
        if let Some(expected) = decision.expected_by(number) {
            Reflect::set(&object, &"expected".into(), &expected.into())?;
        }
        Ok(object)
    }
}

impl Pass for Reranker<Arc<Model>> {
    fn step(&mut self) -> Result<Progress> {
        self.step()
    }

    fn finish(self: Box<Self>) -> JsResult<JsValue> {
        to_js(&(*self).finish()?)
    }
}

#[wasm_bindgen]
impl Generator {
    /// The cross-entropy of `text`: how well the model predicts each of its tokens.
    #[wasm_bindgen(unchecked_return_type = "Score")]
    pub fn score(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] text: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ top?: number }")] options: JsValue,
    ) -> JsResult<JsValue> {
        self.scorer(text, options)?.run()
    }

    /// Scores a text step by step, to show progress: call `step` until `done` is `total`, then `finish`.
    #[wasm_bindgen(unchecked_return_type = "Scorer<Score>")]
    pub fn scorer(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] text: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ top?: number }")] options: JsValue,
    ) -> Result<Scorer> {
        let text = options::string("text", &text)?;
        let top = options::top_option(&options, 0)?;
        let model = Arc::clone(&self.model);
        let scorer = score::Scorer::new(model, &text, CacheType::default())?;
        Ok(Scorer::new(scorer.with_top(top as usize)))
    }

    /// A vector of each text: the model's final hidden states, pooled.
    #[wasm_bindgen(unchecked_return_type = "Float32Array[]")]
    pub fn embed(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | string[]")] texts: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "EmbedOptions")] options: JsValue,
    ) -> JsResult<JsValue> {
        self.embedder(texts, options)?.run()
    }

    /// The same step by step.
    #[wasm_bindgen(unchecked_return_type = "Scorer<Float32Array[]>")]
    pub fn embedder(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | string[]")] texts: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "EmbedOptions")] options: JsValue,
    ) -> Result<Scorer> {
        let texts = options::strings("texts", &texts)?;
        let options = options::embed_options(&options)?;
        let model = Arc::clone(&self.model);
        let embedder = Embedder::new(model, &texts, options, CacheType::default())?;
        Ok(Scorer::new(embedder))
    }

    /// How probable each of a few answers is after `prompt`.
    #[wasm_bindgen(unchecked_return_type = "Decision")]
    pub fn decide(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] prompt: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ choices?: string[] }")] options: JsValue,
    ) -> JsResult<JsValue> {
        self.decider(prompt, options)?.run()
    }

    /// The same step by step.
    #[wasm_bindgen(unchecked_return_type = "Scorer<Decision>")]
    pub fn decider(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] prompt: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "{ choices?: string[] }")] options: JsValue,
    ) -> Result<Scorer> {
        let prompt = options::string("prompt", &prompt)?;
        let choices = options::choices(&options)?;
        let model = Arc::clone(&self.model);
        let decider = Decider::new(model, &prompt, &choices, CacheType::default())?;
        Ok(Scorer::new(decider))
    }

    /// The documents in the order in which they answer `query`, the best first.
    #[wasm_bindgen(unchecked_return_type = "Ranked[]")]
    pub fn rerank(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] query: JsValue,
        #[wasm_bindgen(unchecked_param_type = "string[]")] documents: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RerankOptions")] options: JsValue,
    ) -> JsResult<JsValue> {
        self.reranker(query, documents, options)?.run()
    }

    /// The same step by step.
    #[wasm_bindgen(unchecked_return_type = "Scorer<Ranked[]>")]
    pub fn reranker(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] query: JsValue,
        #[wasm_bindgen(unchecked_param_type = "string[]")] documents: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "RerankOptions")] options: JsValue,
    ) -> Result<Scorer> {
        let query = options::string("query", &query)?;
        let documents = options::strings("documents", &documents)?;
        let options = options::rerank_options(&options)?;
        let (model, cache) = (Arc::clone(&self.model), CacheType::default());
        let reranker = Reranker::new(model, &query, &documents, &options, cache)?;
        Ok(Scorer::new(reranker))
    }
}

/// Texts being scored, embedded or compared; see `Generator.scorer`. Its type, which depends on what it is for, is
/// written beside the others.
#[wasm_bindgen(skip_typescript)]
pub struct Scorer {
    pass: Box<dyn Pass>,
}

crate::debug::debug_in_brief!(Scorer {});

#[wasm_bindgen]
impl Scorer {
    /// Runs the next chunk of tokens.
    #[wasm_bindgen(skip_typescript)]
    pub fn step(&mut self) -> JsResult<JsValue> {
        to_js(&self.pass.step()?)
    }

    /// The result. Frees the scorer.
    #[wasm_bindgen(skip_typescript)]
    pub fn finish(self) -> JsResult<JsValue> {
        self.pass.finish()
    }
}

impl Scorer {
    fn new(pass: impl Pass + 'static) -> Self {
        let pass = Box::new(pass);
        Self { pass }
    }

    /// All steps, and the result.
    fn run(mut self) -> JsResult<JsValue> {
        while !self.pass.step()?.is_complete() {}
        self.pass.finish()
    }
}
