//! Constraints whose rule is a JavaScript function; see [`crate::constraint`].

use super::Generator;
use crate::constraint::{Constraint, Rule, token_table};
use crate::error::invalid_option;
use crate::sampler::Mask;
use crate::wasm::common::error::describe;
use crate::{Error, Result, TokenId};
use js_sys::{ArrayBuffer, Function, Uint32Array};
use std::sync::Arc;
use wasm_bindgen::prelude::*;

/// A JavaScript function from a `Uint32Array` of token ids to a `Uint32Array` with the words of a [`Mask`], or
/// undefined at the end.
struct JsRule(Function);

impl Rule for JsRule {
    fn allowed_tokens(&self, ids: &[TokenId]) -> Result<Option<Mask>> {
        let ids = Uint32Array::from(ids);
        let words = self.0.call1(&JsValue::UNDEFINED, &ids);
        let words = words.map_err(|thrown| Error::Constraint(describe(&thrown)))?;
        // An object with the prototype of a typed array passes the first test only.
        let words = words.dyn_ref::<Uint32Array>();
        let words = words.filter(|words| ArrayBuffer::is_view(words));
        Ok(words.map(|words| Mask::new(words.to_vec())))
    }
}

/// Reads the option `constraint`: such a function, or false for none.
#[cold]
#[inline(never)]
pub(super) fn from_js(value: JsValue) -> Result<Option<Constraint>> {
    if value.as_bool() == Some(false) {
        return Ok(None);
    }
    let function = value.dyn_into();
    let function = function.map_err(|_| invalid_option("constraint", "a function or false"))?;
    Ok(Some(Constraint::new(Arc::new(JsRule(function)))))
}

#[wasm_bindgen]
impl Generator {
    /// The table from which the module for grammars reads the vocabulary.
    #[wasm_bindgen(skip_typescript)]
    pub fn token_table(&self) -> Result<Vec<u8>> {
        token_table(&self.model.tokenizer)
    }
}
