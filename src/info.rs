//! A summary of a loaded model, for people.

use crate::model::Model;
use crate::{chat, kernels};
use serde::Serialize;

/// What a loaded model is, in a few words and numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// The architecture ("llama").
    pub architecture: String,
    /// Its name, where the file has one.
    pub name: Option<String>,
    /// The number of its parameters, which is the number of elements of all tensors.
    pub parameters: u64,
    /// Its context length in tokens.
    pub context_length: usize,
    /// Tokens in its vocabulary.
    pub vocabulary_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Length of its hidden states.
    pub hidden_size: usize,
    /// How most of its weights are stored ("Q4_1"), as its file says.
    pub quantization: Option<String>,
    /// Bytes of its file.
    pub file_size: u64,
    /// Bytes of weights in memory.
    pub weight_bytes: u64,
    /// The tokenizer's kind and pre-tokenizer ("gpt2/smollm").
    pub tokenizer: String,
    /// The names of its chat templates; empty where it has none.
    pub chat_templates: Vec<String>,
    /// What in the tokenizer's metadata was ignored, one sentence each.
    pub warnings: Vec<String>,
    /// The backend of the kernels: see [`kernels::backend`].
    pub backend: &'static str,
    /// The threads that share the work of the kernels.
    pub threads: usize,
    /// The version of this crate.
    pub version: &'static str,
}

impl Info {
    /// The summary of `model`, whose file has `file_size` bytes.
    pub fn new(model: &Model, file_size: u64) -> Self {
        let config = &model.config;
        let name = model.metadata.optional_str("general.name");
        let file_type = model.metadata.optional_u32("general.file_type");
        Info {
            architecture: config.architecture.name.to_owned(),
            name: name.ok().flatten().map(str::to_owned),
            parameters: model.parameters,
            context_length: config.context_length,
            vocabulary_size: config.vocabulary_size,
            layers: config.layers,
            hidden_size: config.hidden_size,
            quantization: file_type.ok().flatten().and_then(file_type_name),
            file_size,
            weight_bytes: model.weight_bytes,
            tokenizer: model.tokenizer.description(),
            chat_templates: chat::template_names(&model.metadata),
            warnings: model.tokenizer.warnings().to_vec(),
            threads: kernels::threads::count(),
            backend: kernels::backend(),
            version: crate::VERSION,
        }
    }
}

/// The name of a number of `general.file_type` (llama.cpp's `llama_ftype`); `None` where it has none here.
pub(crate) fn file_type_name(number: u32) -> Option<String> {
    let name = match number {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        39 => "NVFP4",
        40 => "Q1_0",
        41 => "Q2_0",
        _ => return None,
    };
    Some(name.to_owned())
}
