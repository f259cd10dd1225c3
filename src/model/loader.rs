//! Building a model from the bytes of its file as they arrive.

use std::collections::HashMap;
use std::sync::Arc;

use super::rope::Rope;
use super::transformer::{Layer, Transformer};
use super::{Config, Model};
use crate::gguf::{Header, Reader, Split, TensorInfo, TensorSink};
use crate::head::Head;
use crate::quant::{Matrix, MatrixBuilder, TensorType, TileFormat, dequantize};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// Builds a [`Model`] from the bytes of a GGUF file as they arrive, repacking each tensor on the way:
/// nothing is held twice.
#[derive(Default)]
pub struct Loader {
    reader: Reader,
    parts: Parts,
}

impl Loader {
    /// A loader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// A loader of a model in several parts whose headers are known. It takes the bytes of each part from its
    /// start, the first part first, with a call of [`next_part`](Self::next_part) between two.
    ///
    /// # Errors
    /// As [`push`](Self::push) for a header, and [`Error::Parts`].
    pub fn of_split(split: Split) -> Result<Self> {
        let reader = Reader::of_parts(&split)?;
        let mut parts = Parts::default();
        parts.header(split.into_header()?)?;
        Ok(Self { reader, parts })
    }

    /// Says that the next bytes are those of the next part.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes of this part are missing, [`Error::Parts`] after the last one.
    pub fn next_part(&mut self) -> Result<()> {
        self.reader.next_part()
    }

    /// Takes the next bytes of the file. After an error the loader only repeats that error.
    ///
    /// # Errors
    /// Everything that can be wrong with a file; a missing or unsupported tensor is noticed as soon as
    /// the header has arrived.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.push(bytes, &mut self.parts)
    }

    /// Bytes of the whole file (of all parts), once its header has arrived.
    pub fn file_size(&self) -> Option<u64> {
        self.parts.header.as_ref().map(|header| header.file_size)
    }

    /// The finished model.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes are missing.
    pub fn finish(mut self) -> Result<Model> {
        self.reader.finish()?;
        self.parts.assemble()
    }
}

/// Checks that a file with this header makes a model, before any of its weights is read. The tokenizer's
/// arrays are moved out of the metadata.
///
/// # Errors
/// What is missing or not supported.
pub fn check(header: &mut Header) -> Result<(Config, Tokenizer)> {
    // The architecture comes first: its name tells a user more than what else does not fit.
    let architecture = header.metadata.require_str("general.architecture")?;
    if architecture != "llama" {
        return Err(Error::UnsupportedArchitecture(architecture.to_owned()));
    }
    let tokenizer = Tokenizer::from_metadata(&mut header.metadata)?;
    let config = Config::from_metadata(&header.metadata, tokenizer.vocabulary_size())?;
    check_directory(&config, &header.tensors)?;
    Ok((config, tokenizer))
}

/// A tensor as the model keeps it.
enum Tensor {
    Matrix(Matrix),
    Vector(Vec<f32>),
}

/// The tensor whose bytes are arriving.
enum Arriving {
    Matrix(MatrixBuilder),
    Vector {
        kind: TensorType,
        bytes: Vec<u8>,
        len: usize,
    },
    /// A tensor the architecture does not name.
    Ignored,
}

#[derive(Default)]
struct Parts {
    config: Option<Config>,
    tokenizer: Option<Tokenizer>,
    header: Option<Header>,
    arriving: Option<(usize, Arriving, u64)>,
    tensors: HashMap<String, Tensor>,
}

impl TensorSink for Parts {
    fn header(&mut self, mut header: Header) -> Result<()> {
        let (config, tokenizer) = check(&mut header)?;
        self.config = Some(config);
        self.tokenizer = Some(tokenizer);
        self.header = Some(header);
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let (Some(header), Some(config)) = (&self.header, &self.config) else {
            return Err(Error::Corrupt("tensor data without a header".to_owned()));
        };
        let info = &header.tensors[index];
        if self
            .arriving
            .as_ref()
            .is_none_or(|(current, ..)| *current != index)
        {
            self.arriving = Some((index, begin(config, info)?, 0));
        }
        let Some((_, arriving, received)) = &mut self.arriving else {
            return Ok(());
        };
        match arriving {
            Arriving::Matrix(builder) => builder.push(bytes),
            Arriving::Vector { bytes: all, .. } => all.extend_from_slice(bytes),
            Arriving::Ignored => {}
        }
        *received += bytes.len() as u64;
        if *received == info.size
            && let Some((_, arriving, _)) = self.arriving.take()
            && let Some(tensor) = arriving.finish()?
        {
            self.tensors.insert(info.name.clone(), tensor);
        }
        Ok(())
    }
}

impl Arriving {
    fn finish(self) -> Result<Option<Tensor>> {
        Ok(match self {
            Arriving::Matrix(builder) => Some(Tensor::Matrix(builder.finish()?)),
            Arriving::Vector { kind, bytes, len } => {
                let mut values = Vec::new();
                super::resize(&mut values, len)?;
                dequantize(kind, &bytes, &mut values);
                Some(Tensor::Vector(values))
            }
            Arriving::Ignored => None,
        })
    }
}

fn begin(config: &Config, info: &TensorInfo) -> Result<Arriving> {
    let size = |n: u64| usize::try_from(n).map_err(|_| Error::OutOfMemory(usize::MAX));
    match expected_shape(config, &info.name).as_deref() {
        None => Ok(Arriving::Ignored),
        Some([cols, rows]) => {
            let builder = MatrixBuilder::new(&info.name, info.kind, size(*rows)?, size(*cols)?)?;
            Ok(Arriving::Matrix(builder))
        }
        Some(shape) => {
            let (len, wanted) = (size(shape.iter().product())?, size(info.size)?);
            let mut bytes = Vec::new();
            bytes
                .try_reserve_exact(wanted)
                .map_err(|_| Error::OutOfMemory(wanted))?;
            Ok(Arriving::Vector {
                kind: info.kind,
                bytes,
                len,
            })
        }
    }
}

/// The tensors of every layer, by the end of their names.
const LAYER_TENSORS: [&str; 9] = [
    "attn_norm",
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_norm",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
];

/// The shape the configuration asks for, fastest dimension first; `None` for a tensor it does not name.
fn expected_shape(config: &Config, name: &str) -> Option<Vec<u64>> {
    let hidden = config.hidden_size as u64;
    let query = (config.heads * config.head_size) as u64;
    let kv = (config.kv_heads * config.head_size) as u64;
    let feed_forward = config.feed_forward_size as u64;
    let vocabulary = config.vocabulary_size as u64;
    let (stem, layer) = match name.strip_prefix("blk.") {
        Some(rest) => {
            let (number, stem) = rest.split_once('.')?;
            (stem, Some(number.parse::<usize>().ok()?))
        }
        None => (name, None),
    };
    if layer.is_some_and(|layer| layer >= config.layers) {
        return None;
    }
    let stem = stem.strip_suffix(".weight")?;
    Some(match (layer, stem) {
        (None, "token_embd" | "output") => vec![hidden, vocabulary],
        (None, "output_norm") | (Some(_), "attn_norm" | "ffn_norm") => vec![hidden],
        (None, "rope_freqs") => vec![config.rope_size as u64 / 2],
        (Some(_), "attn_q") => vec![hidden, query],
        (Some(_), "attn_k" | "attn_v") => vec![hidden, kv],
        (Some(_), "attn_output") => vec![query, hidden],
        (Some(_), "ffn_gate" | "ffn_up") => vec![hidden, feed_forward],
        (Some(_), "ffn_down") => vec![feed_forward, hidden],
        _ => return None,
    })
}

/// Every tensor the model needs is there, in the right shape and a type there is a kernel for.
fn check_directory(config: &Config, tensors: &[TensorInfo]) -> Result<()> {
    let mut found = std::collections::HashSet::new();
    for info in tensors {
        let Some(expected) = expected_shape(config, &info.name) else {
            // A bias or a norm we would not apply must not be passed over in silence.
            return Err(Error::Corrupt(format!(
                "the tensor \"{}\" has no place in this architecture",
                info.name
            )));
        };
        if info.shape != expected {
            let (tensor, found) = (info.name.clone(), info.shape.clone());
            return Err(Error::TensorShape {
                tensor,
                found,
                expected,
            });
        }
        if expected.len() == 2 && TileFormat::of(info.kind).is_none() {
            return Err(Error::UnsupportedTensorType {
                tensor: info.name.clone(),
                kind: info.kind.name().to_owned(),
            });
        }
        found.insert(info.name.as_str());
    }
    let fixed = ["token_embd.weight", "output_norm.weight"]
        .map(str::to_owned)
        .into_iter();
    let layers =
        (0..config.layers).flat_map(|layer| LAYER_TENSORS.map(|name| layer_name(layer, name)));
    match fixed
        .chain(layers)
        .find(|name| !found.contains(name.as_str()))
    {
        Some(name) => Err(Error::MissingTensor(name)),
        None => Ok(()),
    }
}

fn layer_name(layer: usize, name: &str) -> String {
    format!("blk.{layer}.{name}.weight")
}

impl Parts {
    fn matrix(&mut self, name: &str) -> Result<Matrix> {
        match self.tensors.remove(name) {
            Some(Tensor::Matrix(matrix)) => Ok(matrix),
            _ => Err(Error::MissingTensor(name.to_owned())),
        }
    }

    fn vector(&mut self, name: &str) -> Result<Vec<f32>> {
        match self.tensors.remove(name) {
            Some(Tensor::Vector(vector)) => Ok(vector),
            _ => Err(Error::MissingTensor(name.to_owned())),
        }
    }

    fn layer(&mut self, index: usize) -> Result<Layer> {
        let name = |stem: &str| layer_name(index, stem);
        Ok(Layer {
            attention_norm: self.vector(&name("attn_norm"))?,
            query: self.matrix(&name("attn_q"))?,
            key: self.matrix(&name("attn_k"))?,
            value: self.matrix(&name("attn_v"))?,
            attention_output: self.matrix(&name("attn_output"))?,
            feed_forward_norm: self.vector(&name("ffn_norm"))?,
            gate: self.matrix(&name("ffn_gate"))?,
            up: self.matrix(&name("ffn_up"))?,
            down: self.matrix(&name("ffn_down"))?,
        })
    }

    fn assemble(mut self) -> Result<Model> {
        let missing = || Error::Truncated("its header is missing".to_owned());
        let config = self.config.take().ok_or_else(missing)?;
        let tokenizer = self.tokenizer.take().ok_or_else(missing)?;
        let header = self.header.take().ok_or_else(missing)?;
        let weight_bytes = self.tensors.values().map(Tensor::bytes).sum();
        let layers = (0..config.layers)
            .map(|index| self.layer(index))
            .collect::<Result<_>>()?;
        let embedding = Arc::new(self.matrix("token_embd.weight")?);
        let head = match self.tensors.contains_key("output.weight") {
            true => Arc::new(self.matrix("output.weight")?),
            false => Arc::clone(&embedding),
        };
        let factors = self.vector("rope_freqs.weight").ok();
        let transformer = Transformer {
            embedding,
            layers,
            output_norm: self.vector("output_norm.weight")?,
            rope: Rope::new(&config, factors.as_deref()),
        };
        let elements = |info: &TensorInfo| info.shape.iter().product::<u64>();
        Ok(Model {
            parameters: header.tensors.iter().map(elements).sum(),
            file_size: header.file_size,
            metadata: header.metadata,
            head: Head::new(head),
            config,
            tokenizer,
            transformer,
            weight_bytes,
        })
    }
}

impl Tensor {
    fn bytes(&self) -> usize {
        match self {
            Tensor::Matrix(matrix) => matrix.tiles().len(),
            Tensor::Vector(vector) => 4 * vector.len(),
        }
    }
}
