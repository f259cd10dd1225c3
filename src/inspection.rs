//! What a model file says before its weights are read: what it is, whether it runs here, what it takes.

use crate::generator::Context;
use crate::gguf::{Header, Metadata, TensorInfo, Value};
use crate::info::file_type_name;
use crate::model::{self, Config, PREFILL_CHUNK};
use crate::quant::TileFormat;
use crate::quant::tiles::TILE_ROWS;
use crate::{Error, Result, chat};
use serde::Serialize;

/// A summary of a model file, from its header alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Whether this crate can run it, and it fits into the memory there is.
    pub supported: bool,
    /// Why not, in a sentence.
    pub reason: Option<String>,
    /// The stable [`Error::code`] of the reason.
    pub code: Option<&'static str>,
    /// The architecture ("llama").
    pub architecture: Option<String>,
    /// The name the file gives it.
    pub name: Option<String>,
    /// Numbers in all its tensors.
    pub parameters: u64,
    /// How most of its weights are stored ("Q4_1"), as its file says.
    pub quantization: Option<String>,
    /// Tokens its context holds.
    pub context_length: Option<u32>,
    /// Transformer layers.
    pub layers: Option<u32>,
    /// Length of its hidden states.
    pub hidden_size: Option<u32>,
    /// Tokens it knows.
    pub vocabulary_size: Option<usize>,
    /// The tokenizer's kind and pre-tokenizer ("gpt2/smollm").
    pub tokenizer: String,
    /// The names of its chat templates; none where it cannot chat.
    pub chat_templates: Vec<String>,
    /// What the file says and what would be passed over, in sentences.
    pub warnings: Vec<String>,
    /// Bytes of the file, or of all its parts.
    pub file_size: u64,
    /// The files it is in.
    pub parts: usize,
    /// What it takes to run it, where this crate can.
    pub memory: Option<Memory>,
}

/// Few texts are longer, and many models would allow far more than any tab has memory for.
const USUAL_POSITIONS: usize = 4096;

/// Memory to run a model in, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// The weights, repacked.
    pub weights: u64,
    /// The KV cache of a text of `positions` tokens; it grows with the text.
    pub cache: u64,
    /// The context asked for; unless asked, the model's own or 4096 tokens, whichever is less.
    pub positions: usize,
    /// What flows between the layers, and the program itself: about as much.
    pub scratch: u64,
    /// All of it.
    pub total: u64,
}

impl Inspection {
    /// The summary of a model with this header in so many files, as it would be run with such a context
    /// where there are `limit` bytes of memory.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a context longer than the model's.
    pub fn new(
        mut header: Header,
        parts: usize,
        context: Context,
        limit: Option<u64>,
    ) -> Result<Self> {
        let mut inspection = Self::of_metadata(&header.metadata);
        inspection.parts = parts;
        inspection.file_size = sum([header.file_size]);
        inspection.parameters = sum(header.tensors.iter().map(elements));
        match model::check(&mut header) {
            Ok((config, tokenizer)) => {
                inspection.warnings = tokenizer.warnings().to_vec();
                inspection.run_in(&config, &header, context, limit)?;
            }
            Err(error) => inspection.refuse(&error),
        }
        Ok(inspection)
    }

    /// The summary of a model whose header is refused, from what could be read of it.
    pub fn refused(metadata: &Metadata, error: &Error) -> Self {
        let mut inspection = Self::of_metadata(metadata);
        inspection.refuse(error);
        inspection
    }

    fn of_metadata(metadata: &Metadata) -> Self {
        let string = |key: &str| metadata.optional_str(key).ok().flatten().map(str::to_owned);
        let architecture = string("general.architecture");
        let number = |key: &str| {
            let key = format!("{}.{key}", architecture.as_deref()?);
            metadata.optional_u32(&key).ok().flatten()
        };
        let file_type = metadata.optional_u32("general.file_type");
        let tokenizer = string("tokenizer.ggml.model").unwrap_or_else(|| "none".into());
        Inspection {
            supported: true,
            reason: None,
            code: None,
            name: string("general.name"),
            parameters: 0,
            quantization: file_type.ok().flatten().and_then(file_type_name),
            context_length: number("context_length"),
            layers: number("block_count"),
            hidden_size: number("embedding_length"),
            vocabulary_size: match metadata.get("tokenizer.ggml.tokens") {
                Some(Value::Strings(tokens)) => Some(tokens.len()),
                _ => None,
            },
            tokenizer: match string("tokenizer.ggml.pre") {
                Some(pre) => format!("{tokenizer}/{pre}"),
                None => tokenizer,
            },
            chat_templates: chat::template_names(metadata),
            warnings: Vec::new(),
            file_size: 0,
            parts: 1,
            memory: None,
            architecture,
        }
    }

    fn refuse(&mut self, error: &Error) {
        self.supported = false;
        self.reason = Some(error.to_string());
        self.code = Some(error.code());
    }

    fn run_in(
        &mut self,
        config: &Config,
        header: &Header,
        context: Context,
        limit: Option<u64>,
    ) -> Result<()> {
        let most = context.positions(config.context_length)?;
        let positions = most.min(context.length.unwrap_or(USUAL_POSITIONS));
        let tensors = header.tensors.iter();
        let weights = sum(tensors.map(|tensor| in_memory(config, tensor)));
        let cache = sum([model::cache_bytes(config, context.cache_type, positions)]);
        let scratch = scratch(config, positions);
        let total = sum([weights, cache, scratch]);
        self.memory = Some(Memory {
            weights,
            cache,
            positions,
            scratch,
            total,
        });
        if let Some(limit) = limit.filter(|limit| total > *limit) {
            let gigabytes = |bytes: u64| bytes as f64 / 1e9;
            self.supported = false;
            self.code = Some("out_of_memory");
            self.reason = Some(format!(
                "it needs {:.1} GB of memory with a context of {positions} tokens, and there are {:.1} GB",
                gigabytes(total),
                gigabytes(limit)
            ));
        }
        Ok(())
    }
}

/// A sum, at most the largest whole number that JavaScript counts to: no machine has as much memory, and
/// what asks for it is a file that lies.
fn sum(numbers: impl IntoIterator<Item = u64>) -> u64 {
    const MOST: u64 = (1 << 53) - 1;
    let numbers = numbers.into_iter();
    numbers.fold(0, u64::saturating_add).min(MOST)
}

fn elements(tensor: &TensorInfo) -> u64 {
    let sizes = tensor.shape.iter();
    sizes.fold(1, |product, &size| product.saturating_mul(size))
}

/// Bytes a tensor takes as the loader keeps it: matrices in tiles, the others in floats.
fn in_memory(config: &Config, tensor: &TensorInfo) -> u64 {
    match &tensor.shape[..] {
        [columns, rows] if model::is_matrix(config, &tensor.name) => {
            let format = TileFormat::of(tensor.kind);
            let groups = rows.div_ceil(TILE_ROWS as u64);
            let tiles = columns / format.tile_cols() as u64;
            groups * tiles * format.tile_bytes() as u64
        }
        _ => 4 * elements(tensor),
    }
}

/// About the memory for a chunk of tokens on its way through the layers, for the scores of attention, for
/// logits and candidates, and for the program itself.
fn scratch(config: &Config, positions: usize) -> u64 {
    const PROGRAM: u64 = 16 << 20;
    // Each number has a bound, and their products fit 64 bits, though not 32.
    let widths = 4 * config.hidden_size
        + 3 * config.feed_forward_size
        + config.heads * config.head_size
        + config.projected_size();
    let floats = PREFILL_CHUNK as u64 * widths as u64
        + positions as u64 * config.heads_per_kv_head() as u64
        + 4 * config.vocabulary_size as u64;
    PROGRAM + 4 * floats
}
