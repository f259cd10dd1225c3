//! The JavaScript interface of [`crate::encoder`], in a module of its own: a page that searches needs no engine, and one
//! that writes needs no encoder.

use super::common::read_options::ReadOptions;
use super::common::reading::Loading;
use super::common::source::check_signal;
use super::common::{JsResult, host, to_js, values};
use crate::encoder::{self, Loader, Pooling};
use crate::info::file_type_name;
use crate::{Error, Result, kernels};
use js_sys::{Array, Float32Array};
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type { EmbedOptions, LoadOptions, ModelSource } from "./nexttoken.js";

/** Whatever an encoder can be read from: as for a model, but in one file. */
export type EncoderSource = Exclude<ModelSource, readonly unknown[]>;

/** How an encoder is loaded. */
export interface EncoderLoadOptions
  extends Pick<LoadOptions, "onProgress" | "signal" | "timeout" | "store" | "threads"> {
  /** The SHA-256 that a file from the store must have, in hexadecimal digits. */
  sha256?: string;
}

export interface EncoderInfo {
  architecture: string;
  name: string | undefined;
  parameters: number;
  /** Numbers in an embedding. */
  dimensions: number;
  /** The most tokens that a text may have, the two around it included. */
  context_length: number;
  vocabulary_size: number;
  layers: number;
  heads: number;
  /** How the file says that vectors are made; undefined where it does not, and `embed` must be told. */
  pooling: "mean" | "cls" | "last" | undefined;
  /** How most of the weights are stored, for example "Q8_0". */
  quantization: string | undefined;
  /** Bytes of the file. */
  file_size: number;
  /** Bytes of weights in memory. */
  weight_bytes: number;
  backend: string;
  /** The threads that the module uses. */
  threads: number;
  version: string;
}
"#;

/// A loaded text encoder.
#[wasm_bindgen]
pub struct Encoder {
    inner: encoder::Encoder,
    file_size: u64,
}

crate::debug::debug_in_brief!(Encoder {});

#[derive(Serialize)]
struct Info {
    architecture: &'static str,
    name: Option<String>,
    parameters: u64,
    dimensions: usize,
    context_length: usize,
    vocabulary_size: usize,
    layers: usize,
    heads: usize,
    pooling: Option<Pooling>,
    quantization: Option<String>,
    file_size: u64,
    weight_bytes: u64,
    backend: &'static str,
    threads: usize,
    version: &'static str,
}

#[wasm_bindgen]
impl Encoder {
    /// Loads an encoder from a URL, Request, Response, Blob, File, ArrayBuffer, typed array or stream of bytes.
    pub async fn load(
        #[wasm_bindgen(unchecked_param_type = "EncoderSource")] source: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "EncoderLoadOptions")] options: JsValue,
    ) -> JsResult<Encoder> {
        let options = load_options(&options)?;
        kernels::calibrate(host::now)?;
        check_signal(&options)?;
        let mut loading = Loading::new(&options)?;
        let mut loader = Loader::new();
        let mut push = |bytes: &[u8]| loader.push(bytes).map(|()| loader.file_size());
        loading.read(&mut push, source).await?;
        loading.progress(true)?;
        let file_size = loader.file_size().unwrap_or(0);
        let inner = loader.finish()?;
        kernels::calibrate(host::now)?;
        Ok(Encoder { inner, file_size })
    }

    /// The embedding of each text: texts of like meaning have embeddings that point the same way. It depends on no other
    /// text, and has length 1 unless asked otherwise, so that the dot product of two is their cosine similarity.
    #[wasm_bindgen(unchecked_return_type = "Float32Array[]")]
    pub fn embed(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string | string[]")] texts: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "EmbedOptions")] options: JsValue,
    ) -> Result<Array> {
        let texts = values::strings("texts", &texts)?;
        let options = values::embed_options(&options)?;
        let vectors = self.inner.embed(&texts, options)?;
        let vectors = vectors.iter().map(|it| Float32Array::from(it.as_slice()));
        Ok(vectors.collect())
    }

    /// A description of the encoder.
    #[wasm_bindgen(unchecked_return_type = "EncoderInfo")]
    pub fn info(&self) -> JsResult<JsValue> {
        let encoder = &self.inner;
        let config = &encoder.config;
        let name = encoder.metadata.optional_str("general.name");
        let file_type = encoder.metadata.optional_u32("general.file_type");
        to_js(&Info {
            architecture: config.architecture.name,
            name: name.ok().flatten().map(str::to_owned),
            parameters: encoder.parameters,
            dimensions: config.hidden_size,
            context_length: config.context_length,
            vocabulary_size: config.vocabulary_size,
            layers: config.layers,
            heads: config.heads,
            pooling: config.pooling,
            quantization: file_type.ok().flatten().and_then(file_type_name),
            file_size: self.file_size,
            weight_bytes: encoder.weight_bytes,
            backend: kernels::backend(),
            threads: kernels::threads::count(),
            version: crate::VERSION,
        })
    }
}

fn load_options(object: &JsValue) -> Result<ReadOptions> {
    let mut options = ReadOptions::default();
    for (name, value) in values::entries(object)? {
        if !options.set(&name, &value)? {
            return Err(Error::UnknownOption(name));
        }
    }
    Ok(options)
}
