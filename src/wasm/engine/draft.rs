//! Draft models in JavaScript; see [`crate::generator::Generator::set_draft`].

use super::Generator;
use crate::Result;
use std::sync::Arc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Generator {
    /// Makes the model of another generator the draft model of this one. `load_draft` of the package loads that first.
    #[wasm_bindgen(skip_typescript)]
    pub fn set_draft(&mut self, other: &Generator) -> Result<()> {
        self.inner.set_draft(Some(Arc::clone(&other.model)))
    }

    /// Forgets the draft model; false where there is none. The text in progress goes on without.
    pub fn remove_draft(&mut self) -> Result<bool> {
        let had = self.inner.draft().is_some();
        self.inner.set_draft(None)?;
        Ok(had)
    }
}
