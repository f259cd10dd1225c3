//! A summary of a model file from its header alone: what it is, whether it runs here, how much memory it takes.

mod speed;

use crate::generator::{Clock, Context};
use crate::gguf::{Header, Metadata, TensorInfo, Value};
use crate::info::file_type_name;
use crate::model::{self, Config, PREFILL_CHUNK, TensorForm};
use crate::quant::TileFormat;
use crate::quant::tiles::TILE_ROWS;
use crate::{Error, Result, chat};
use serde::Serialize;
use speed::TokenReads;

/// A summary of a model file, from its header alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// Whether this crate can run it and it fits into the available memory.
    pub supported: bool,
    /// Why it is not supported, in a sentence.
    pub reason: Option<String>,
    /// The stable [`Error::code`] of the reason.
    pub code: Option<&'static str>,
    /// The architecture ("llama").
    pub architecture: Option<String>,
    /// Its name, where the file has one.
    pub name: Option<String>,
    /// The number of its parameters, which is the number of elements of all tensors.
    pub parameters: u64,
    /// How most of its weights are stored ("Q4_1"), as its file says.
    pub quantization: Option<String>,
    /// Its context length in tokens.
    pub context_length: Option<u32>,
    /// Transformer layers that a token runs through.
    pub layers: Option<u32>,
    /// Length of its hidden states.
    pub hidden_size: Option<u32>,
    /// Tokens in its vocabulary.
    pub vocabulary_size: Option<usize>,
    /// The tokenizer's kind and pre-tokenizer ("gpt2/smollm").
    pub tokenizer: String,
    /// The names of its chat templates; empty where it has none.
    pub chat_templates: Vec<String>,
    /// What in the tokenizer's metadata would be ignored, one sentence each.
    pub warnings: Vec<String>,
    /// Bytes of the file, or of all its parts together.
    pub file_size: u64,
    /// The number of files it is split into.
    pub parts: usize,
    /// The memory to run it, where this crate can.
    pub memory: Option<Memory>,
    /// About how many tokens this machine would write in a second, as [`Timings::decode_tokens_per_second`] would have it
    /// after a short text; where [`Inspection::measure_speed`] has measured it.
    ///
    /// [`Timings::decode_tokens_per_second`]: crate::generator::Timings::decode_tokens_per_second
    pub decode_tokens_per_second: Option<f64>,
    #[serde(skip)]
    reads: TokenReads,
}

/// The context length to plan for where none is asked for. Few texts are longer, and many models allow far more than
/// any tab has memory for.
const DEFAULT_CONTEXT: usize = 4096;

/// Memory that a model takes while it runs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Memory {
    /// The weights, repacked into tiles.
    pub weights: u64,
    /// Those of them that in a tab are outside of the memory that a WebAssembly module can address: tables of which a token
    /// takes one row.
    pub outside: u64,
    /// The KV cache of a text of `positions` tokens; it grows with the text.
    pub cache: u64,
    /// The context length in tokens: the one asked for, else the model's own or 4096, whichever is less.
    pub positions: usize,
    /// Activations, logits and the program itself: an estimate.
    pub scratch: u64,
    /// Weights, cache and scratch together.
    pub total: u64,
}

/// The memory that there is for a model, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLimit {
    /// That of the machine.
    pub machine: u64,
    /// What a WebAssembly module can address, or as much as the machine has. [`Memory::outside`] does not count here.
    pub module: u64,
}

impl MemoryLimit {
    /// So many bytes for all that a model takes.
    pub const fn of(bytes: u64) -> Self {
        let (machine, module) = (bytes, bytes);
        Self { machine, module }
    }
}

impl Inspection {
    /// The summary of a model with this header in `parts` files, as it would run with `context` where so much memory is
    /// available; without a limit, memory is not checked.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a context longer than the model's.
    pub fn new(
        mut header: Header,
        parts: usize,
        context: Context,
        limit: Option<MemoryLimit>,
    ) -> Result<Self> {
        let mut inspection = Self::of_metadata(&header.metadata);
        inspection.parts = parts;
        inspection.file_size = sum([header.file_size]);
        inspection.parameters = sum(header.tensors.iter().map(elements));
        match model::check(&mut header) {
            Ok((config, tokenizer)) => {
                inspection.warnings = tokenizer.warnings().to_vec();
                // More than in the file where these run several times.
                inspection.layers = u32::try_from(config.layers).ok();
                inspection.estimate_memory(&config, &header, context, limit)?;
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

    /// Measures how fast this machine would write with the model, on the [threads](crate::threads) that are in use, and sets
    /// `decode_tokens_per_second`: to `None` where the model does not run here, where there is no memory to measure with, or
    /// where the clock stands still.
    ///
    /// To write a token is to read the weights that it runs through, once each, which a header tells the bytes of. What is
    /// measured is the time to multiply with as many bytes as caches do not hold, of the model's formats, but no more than
    /// the model has. That takes up to 96 MB of memory for about a tenth of a second.
    ///
    /// ```
    /// # fn main() -> nexttoken::Result<()> {
    /// use nexttoken::Inspection;
    /// use nexttoken::generator::{Context, system_clock};
    ///
    /// let (mut inspection, _) = Inspection::open("www/stories.gguf", Context::default())?;
    /// inspection.measure_speed(system_clock);
    /// assert!(inspection.decode_tokens_per_second > Some(0.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn measure_speed(&mut self, clock: Clock) {
        self.decode_tokens_per_second = match self.supported {
            true => self.reads.tokens_per_second(clock).ok().flatten(),
            false => None,
        };
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
            decode_tokens_per_second: None,
            reads: TokenReads::default(),
            architecture,
        }
    }

    fn refuse(&mut self, error: &Error) {
        self.supported = false;
        self.reason = Some(error.to_string());
        self.code = Some(error.code());
    }

    /// Sets the memory that running the model takes, and refuses it where that is more than `limit`.
    fn estimate_memory(
        &mut self,
        config: &Config,
        header: &Header,
        context: Context,
        limit: Option<MemoryLimit>,
    ) -> Result<()> {
        let most = context.positions(config.context_length)?;
        let positions = most.min(context.length.unwrap_or(DEFAULT_CONTEXT));
        let [weights, outside] = self.count_weights(config, &header.tensors);
        let cache = sum([model::cache_bytes(config, context.cache_type, positions)]);
        let scratch = scratch(config, positions);
        let total = sum([weights, cache, scratch]);
        self.memory = Some(Memory {
            weights,
            outside,
            cache,
            positions,
            scratch,
            total,
        });
        let missing = limit.and_then(|MemoryLimit { machine, module }| {
            [(total, machine), (total - outside, module)]
                .into_iter()
                .find(|(needed, limit)| needed > limit)
        });
        if let Some((needed, limit)) = missing {
            self.supported = false;
            self.code = Some("out_of_memory");
            self.reason = Some(format!(
                "it needs {} of memory with a context of {positions} tokens, and there are {}",
                gigabytes(needed),
                gigabytes(limit)
            ));
        }
        Ok(())
    }

    /// The bytes of all weights once they are loaded, and of the tables among them. Sets those that a token reads.
    fn count_weights(&mut self, config: &Config, tensors: &[TensorInfo]) -> [u64; 2] {
        let tied = tensors.iter().all(|tensor| tensor.name != "output.weight");
        self.reads = TokenReads::new(config.hidden_size);
        let mut tables = 0;
        let weights = sum(tensors.iter().map(|tensor| {
            let form = model::form(config, &tensor.name);
            let bytes = in_memory(tensor, form);
            if form == Some(TensorForm::Matrix) {
                let times = model::reads_per_token(config, tensor, tied);
                let weights = elements(tensor) as f64;
                self.reads
                    .add(tensor.kind, times * weights, times * bytes as f64);
            }
            if form == Some(TensorForm::Table) {
                tables = sum([tables, bytes]);
            }
            bytes
        }));
        [weights, tables]
    }
}

/// A number of bytes as text, in gigabytes with one decimal. Computed with integers: what writes floats, which nothing
/// else does, takes 10 kB of a WebAssembly module, gzipped.
fn gigabytes(bytes: u64) -> String {
    let tenths = bytes.saturating_add(50_000_000) / 100_000_000;
    format!("{}.{} GB", tenths / 10, tenths % 10)
}

/// The sum of `numbers`, at most 2^53 − 1, the largest integer that JavaScript counts to exactly. No machine has as
/// much memory, so a larger sum can only come from a damaged file.
fn sum(numbers: impl IntoIterator<Item = u64>) -> u64 {
    const MOST: u64 = (1 << 53) - 1;
    let numbers = numbers.into_iter();
    numbers.fold(0, u64::saturating_add).min(MOST)
}

fn elements(tensor: &TensorInfo) -> u64 {
    let sizes = tensor.shape.iter();
    sizes.fold(1, |product, &size| product.saturating_mul(size))
}

/// Bytes a tensor takes once it is loaded in this form; 0 where it is not.
fn in_memory(tensor: &TensorInfo, form: Option<TensorForm>) -> u64 {
    match (form, &tensor.shape[..]) {
        (Some(TensorForm::Matrix), [columns, rows, matrices @ ..]) => {
            let format = TileFormat::of(tensor.kind);
            let groups = rows.div_ceil(TILE_ROWS as u64);
            let tiles = columns / format.tile_cols() as u64;
            let count: u64 = matrices.iter().product();
            count * groups * tiles * format.tile_bytes() as u64
        }
        (Some(TensorForm::Table), _) => tensor.size,
        (Some(_), _) => 4 * elements(tensor),
        (None, _) => 0,
    }
}

/// Estimates the memory for the activations of one prefill chunk, for attention scores, for logits and candidates,
/// and for the program itself.
fn scratch(config: &Config, positions: usize) -> u64 {
    const PROGRAM: u64 = 16 << 20;
    // Each factor is bounded by the checks on the configuration, so that the products fit 64 bits, though not 32.
    let widths = 4 * config.hidden_size
        + 3 * config.widest_feed_forward_size()
        + config.experts_scratch_width()
        + config.widest_query_size()
        + config.projected_size()
        + config.per_layer_width()
        + config.recurrent_scratch_width();
    let floats = PREFILL_CHUNK as u64 * widths as u64
        + positions as u64 * config.heads_per_kv_head() as u64
        + 4 * config.vocabulary_size as u64;
    PROGRAM + 4 * floats
}

#[cfg(test)]
mod tests {
    use super::gigabytes;

    #[test]
    fn gigabytes_have_one_rounded_decimal() {
        for (bytes, text) in [
            (0, "0.0 GB"),
            (49_999_999, "0.0 GB"),
            (50_000_000, "0.1 GB"),
            (1_949_999_999, "1.9 GB"),
            (1_950_000_000, "2.0 GB"),
            (u64::MAX, "18446744073.7 GB"),
        ] {
            assert_eq!(gigabytes(bytes), text);
        }
    }
}
