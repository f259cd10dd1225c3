//! The JavaScript interface of [`crate::constraint`]: a WebAssembly module of its own, which a page loads with the
//! first constraint.

use crate::Error;
use crate::constraint::{Grammar, Kind, Rule, Vocabulary};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// What is thrown: `[code, message]`.
type Thrown = Vec<JsValue>;

fn thrown(error: Error) -> Thrown {
    // The engine wraps this message in an `Error::Constraint` of its own, which adds the introductory words again.
    let message = match &error {
        Error::Constraint(reason) => reason.clone(),
        error => error.to_string(),
    };
    vec![error.code().into(), message.into()]
}

/// The vocabulary of a model.
#[wasm_bindgen]
pub struct Tokens(Vocabulary);

#[wasm_bindgen]
impl Tokens {
    /// Reads the token table that the engine's module writes.
    #[wasm_bindgen(constructor)]
    pub fn new(table: &[u8]) -> Result<Tokens, Thrown> {
        Vocabulary::new(table).map(Tokens).map_err(thrown)
    }

    /// Compiles `source`, which is of the kind "json_schema", "regex" or "grammar".
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
    /// The tokens that may follow `ids`, one bit each, 32 to a word; undefined once nothing more can follow.
    pub fn next(&self, ids: &[u32]) -> Result<Option<Vec<u32>>, Thrown> {
        let mask = self.0.next(ids).map_err(thrown)?;
        Ok(mask.map(|mask| mask.words().to_vec()))
    }
}
