//! The JavaScript interface of [`crate::chat::render`]: a WebAssembly module of its own, which a page loads when it
//! first needs a chat template.

use crate::chat::{Rendering, Request, render};
use serde::Deserialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The input of a rendering, as the page sends it.
#[derive(Deserialize)]
struct Job {
    #[serde(flatten)]
    request: Request,
    #[serde(flatten)]
    rendering: Rendering,
}

/// Renders the conversation of `job`, the JSON of a [`Request`] and a [`Rendering`] in one object.
/// Throws `[code, message]`.
#[wasm_bindgen]
pub fn render_chat(job: &str) -> Result<String, Vec<JsValue>> {
    let failure = |code: &str, message: String| vec![code.into(), message.into()];
    let job: Job =
        serde_json::from_str(job).map_err(|error| failure("invalid_option", error.to_string()))?;
    render(&job.request, &job.rendering).map_err(|error| failure(error.code(), error.to_string()))
}
