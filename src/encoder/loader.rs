//! Builds an encoder from the bytes of its file as they arrive.

use std::collections::HashMap;

use super::config::ARCHITECTURE;
use super::network::{Layer, Network};
use super::{Config, Encoder, tensors};
use crate::allocation::{resize, with_capacity};
use crate::gguf::{Header, Reader, TensorSink};
use crate::model::{IncomingTensor, Norm, Tensor, TensorTaker, missing};
use crate::tokenizer::WordPiece;
use crate::{Error, Result};

/// Builds an [`Encoder`] from the bytes of a GGUF file as they arrive. Each tensor is repacked on the way, so that no
/// weight is in memory twice.
#[derive(Default)]
pub struct Loader {
    reader: Reader,
    partial: PartialEncoder,
}

crate::debug::debug_in_brief!(Loader {});

impl Loader {
    /// A loader that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file. After an error the loader only repeats that error.
    ///
    /// # Errors
    /// Everything that can be wrong with a file; a missing or unsupported tensor is reported as soon as the header
    /// has arrived.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.push(bytes, &mut self.partial)
    }

    /// Bytes of the whole file, once its header has arrived.
    pub fn file_size(&self) -> Option<u64> {
        let parts = self.partial.parts.as_ref();
        parts.map(|parts| parts.header.file_size)
    }

    /// The finished encoder, once all bytes have been pushed.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes are missing, [`Error::OutOfMemory`].
    pub fn finish(mut self) -> Result<Encoder> {
        self.reader.finish()?;
        self.partial.assemble()
    }
}

/// What the header says.
struct Parts {
    header: Header,
    config: Config,
    tokenizer: WordPiece,
}

/// What has arrived of the encoder so far.
#[derive(Default)]
struct PartialEncoder {
    parts: Option<Parts>,
    /// The tensor that is arriving: its index, its data, and how many of its bytes are missing.
    incoming: Option<(usize, IncomingTensor, u64)>,
    tensors: HashMap<String, Tensor>,
}

fn headless() -> Error {
    Error::Truncated("its header is missing".to_owned())
}

impl TensorSink for PartialEncoder {
    fn header(&mut self, mut header: Header) -> Result<()> {
        let architecture = header.metadata.require_str("general.architecture")?;
        if architecture != ARCHITECTURE {
            return Err(Error::UnsupportedArchitecture(architecture.to_owned()));
        }
        let tokenizer = WordPiece::from_metadata(&mut header.metadata)?;
        let config = Config::from_metadata(&header.metadata, tokenizer.vocabulary_size())?;
        tensors::check(&config, &header.tensors)?;
        self.parts = Some(Parts {
            header,
            config,
            tokenizer,
        });
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let parts = self.parts.as_ref().ok_or_else(headless)?;
        let info = &parts.header.tensors[index];
        let (mut incoming, missing) = match self.incoming.take() {
            Some((current, incoming, missing)) if current == index => (incoming, missing),
            _ => {
                let is_matrix =
                    tensors::find(&parts.config, &info.name).is_some_and(|spec| spec.is_matrix);
                (IncomingTensor::new(info, is_matrix)?, info.size)
            }
        };
        incoming.push(bytes);
        match missing.saturating_sub(bytes.len() as u64) {
            0 => {
                self.tensors.insert(info.name.clone(), incoming.finish()?);
            }
            missing => self.incoming = Some((index, incoming, missing)),
        }
        Ok(())
    }
}

impl PartialEncoder {
    fn assemble(self) -> Result<Encoder> {
        let Parts {
            header,
            config,
            tokenizer,
        } = self.parts.ok_or_else(headless)?;
        let elements = header
            .tensors
            .iter()
            .map(|info| info.shape.iter().product::<u64>());
        Ok(Encoder {
            parameters: elements.sum(),
            weight_bytes: self.tensors.values().map(Tensor::bytes).sum(),
            network: network(&config, self.tensors)?,
            metadata: header.metadata,
            config,
            tokenizer,
        })
    }
}

fn network(config: &Config, mut tensors: HashMap<String, Tensor>) -> Result<Network> {
    let mut layers = with_capacity(config.layers)?;
    for index in 0..config.layers {
        layers.push(layer(TensorTaker {
            tensors: &mut tensors,
            layer: Some(index),
        })?);
    }
    let mut global = TensorTaker {
        tensors: &mut tensors,
        layer: None,
    };
    let token_type = match global.optional_matrix("token_types") {
        Some(types) => {
            let mut first = Vec::new();
            resize(&mut first, config.hidden_size, 0.0)?;
            types.dequantize_row(0, &mut first);
            Some(first)
        }
        None => None,
    };
    Ok(Network {
        embedding: global.matrix("token_embd")?,
        positions: global.matrix("position_embd")?,
        token_type,
        norm: norm(&mut global, "token_embd_norm")?,
        layers,
    })
}

fn layer(mut tensors: TensorTaker) -> Result<Layer> {
    Ok(Layer {
        queries: tensors.linear("attn_q")?,
        keys: tensors.linear("attn_k")?,
        values: tensors.linear("attn_v")?,
        output: tensors.linear("attn_output")?,
        attention_norm: norm(&mut tensors, "attn_output_norm")?,
        up: tensors.linear("ffn_up")?,
        down: tensors.linear("ffn_down")?,
        output_norm: norm(&mut tensors, "layer_output_norm")?,
    })
}

fn norm(tensors: &mut TensorTaker, stem: &str) -> Result<Norm> {
    tensors.norm(stem).ok_or_else(|| missing(stem))
}
