//! The JavaScript interface of [`crate::constraint`]: a WebAssembly module of its own, which a page loads with the
//! first constraint.

use crate::Error;
use crate::constraint::{Grammar, Kind, Rule, Vocabulary};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// What is thrown: `[code, message]`.
type Thrown = Vec<JsValue>;

fn thrown(error: Error) -> Thrown {
    // The engine adds the kind of error to the message again where it throws this on.
    let message = match &error {
        Error::Constraint(reason) => reason.clone(),
        error => error.to_string(),
    };
    vec![error.code().into(), message.into()]
}

/// The vocabulary of a model, for which grammars are compiled.
#[wasm_bindgen]
pub struct Tokens(Vocabulary);

crate::debug::debug_in_brief!(Tokens {});

#[wasm_bindgen]
impl Tokens {
    /// Reads the table that `Generator.token_table` of the engine writes.
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

crate::debug::debug_in_brief!(Compiled {});

#[wasm_bindgen]
impl Compiled {
    /// The mask of the tokens that may follow `ids`: bit `id % 32` of word `id / 32` is set where token `id` may.
    /// Undefined where the text is complete.
    pub fn next(&self, ids: &[u32]) -> Result<Option<Vec<u32>>, Thrown> {
        let mask = self.0.allowed_tokens(ids).map_err(thrown)?;
        Ok(mask.map(|mask| mask.words().to_vec()))
    }
}
