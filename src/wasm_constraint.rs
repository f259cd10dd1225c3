//! The JavaScript face of [`crate::constraint`]: a WebAssembly module of its own, which a page loads with the
//! first constraint.

use crate::Error;
use crate::constraint::{Grammar, Kind, Rule, Vocabulary};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// What is thrown: `[code, message]`.
type Thrown = Vec<JsValue>;

fn thrown(error: Error) -> Thrown {
    // Where it is thrown on, the engine says again what kind of error it is.
    let message = match &error {
        Error::Constraint(reason) => reason.clone(),
        error => error.to_string(),
    };
    vec![error.code().into(), message.into()]
}

/// The tokens of a model.
#[wasm_bindgen]
pub struct Tokens(Vocabulary);

#[wasm_bindgen]
impl Tokens {
    /// From the table that the engine writes.
    #[wasm_bindgen(constructor)]
    pub fn new(table: &[u8]) -> Result<Tokens, Thrown> {
        Vocabulary::new(table).map(Tokens).map_err(thrown)
    }

    /// Compiles a source of a kind: "json_schema", "regex" or "grammar".
    pub fn compile(&self, kind: &str, source: &str) -> Result<Compiled, Thrown> {
        let kind: Kind = kind.parse().map_err(thrown)?;
        self.0.grammar(kind, source).map(Compiled).map_err(thrown)
    }
}

/// A compiled grammar.
#[wasm_bindgen]
pub struct Compiled(Grammar);

#[wasm_bindgen]
impl Compiled {
    /// The tokens that may follow `ids`, a bit each; undefined at the end.
    pub fn next(&self, ids: &[u32]) -> Result<Option<Vec<u32>>, Thrown> {
        let mask = self.0.next(ids).map_err(thrown)?;
        Ok(mask.map(|mask| mask.words().to_vec()))
    }
}
