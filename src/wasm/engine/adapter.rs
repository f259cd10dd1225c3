//! LoRA adapters in JavaScript; see [`crate::model::Adapter`].

use super::{Generator, load, options};
use crate::{Result, model};
use js_sys::Promise;
use std::sync::Arc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// An adapter that was loaded and that no generator has yet.
#[wasm_bindgen(skip_typescript)]
pub struct Adapter {
    inner: Arc<model::Adapter>,
}

crate::debug::debug_in_brief!(Adapter {});

#[wasm_bindgen]
impl Generator {
    /// Loads an adapter for this model. `load_adapter` of the package gives it to the generator, which is not borrowed
    /// meanwhile, so that its text can go on.
    #[wasm_bindgen(skip_typescript)]
    pub fn read_adapter(&self, source: JsValue, options: JsValue) -> Promise {
        let model = Arc::clone(&self.model);
        future_to_promise(async move {
            let options = options::load_options(&options, false)?;
            let inner = load::load_adapter(&model, source, &options).await?;
            let inner = Arc::new(inner);
            Ok(Adapter { inner }.into())
        })
    }

    /// Makes an adapter one that texts can choose by this name.
    #[wasm_bindgen(skip_typescript)]
    pub fn add_adapter(&mut self, name: JsValue, adapter: &Adapter) -> Result<()> {
        let name = options::string("name", &name)?;
        self.inner.add_adapter(&name, Arc::clone(&adapter.inner))
    }

    /// Forgets the adapter of this name; false where there is none. The text in progress keeps it.
    pub fn remove_adapter(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "string")] name: JsValue,
    ) -> Result<bool> {
        let name = options::string("name", &name)?;
        Ok(self.inner.remove_adapter(&name))
    }
}
