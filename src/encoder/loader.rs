//! Builds an encoder from the bytes of its file as they arrive.

use std::collections::HashMap;

use super::architecture::{Architecture, FeedForward, Norms, Positions};
use super::attention::{Attention, Projection, slopes};
use super::feed_forward::FeedForwardNetwork;
use super::network::{Layer, Network};
use super::scratch::HalfNorms;
use super::{Config, Encoder, Tokenizer, tensors};
use crate::allocation::{resize, with_capacity};
use crate::gguf::{Header, Reader, TensorSink};
use crate::model::{IncomingTensor, Rope, Tensor, TensorForm, TensorTaker, on_the_heap};
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
    tokenizer: Tokenizer,
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
        let name = header.metadata.require_str("general.architecture")?;
        let architecture = Architecture::named(name)
            .ok_or_else(|| Error::UnsupportedArchitecture(name.to_owned()))?;
        let tokenizer = Tokenizer::from_metadata(&mut header.metadata)?;
        let config = Config::from_metadata(
            architecture,
            &header.metadata,
            tokenizer.vocabulary_size(),
            &header.tensors,
        )?;
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
                let spec = tensors::find(&parts.config, &info.name);
                let form = spec.map_or(TensorForm::Vector, |spec| spec.form);
                (IncomingTensor::new(info, form, on_the_heap)?, info.size)
            }
        };
        incoming.push(bytes)?;
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
        let tensors = TensorTaker {
            tensors: &mut tensors,
            layer: Some(index),
        };
        layers.push(layer(config, index, tensors)?);
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
    let dense = match config.dense_size {
        Some(_) => Some([global.linear("dense_2")?, global.linear("dense_3")?]),
        None => None,
    };
    Ok(Network {
        embedding: global.matrix("token_embd")?,
        positions: global.optional_matrix("position_embd"),
        token_type,
        embedding_norm: global.norm("token_embd_norm"),
        layers,
        output_norm: global.norm("output_norm"),
        dense,
        ropes: ropes(config),
        slopes: match config.architecture.positions {
            Positions::Alibi => slopes(config.heads).collect(),
            _ => Vec::new(),
        },
    })
}

/// RoPE's frequencies in all layers, and those in layers with a window.
fn ropes(config: &Config) -> Vec<Rope> {
    match &config.rope {
        None => Vec::new(),
        Some(rope) => vec![
            Rope::unscaled(rope.size, rope.base),
            Rope::unscaled(rope.size, rope.window_base),
        ],
    }
}

fn layer(config: &Config, index: usize, mut tensors: TensorTaker) -> Result<Layer> {
    let ([attention, feed_forward], fused) = (
        norm_names(config.architecture.norms),
        config.architecture.fused_projection,
    );
    Ok(Layer {
        attention: Attention {
            norms: half_norms(attention, &mut tensors),
            projection: match fused {
                true => Projection::Fused(tensors.linear("attn_qkv")?),
                false => Projection::Separate([
                    tensors.linear("attn_q")?,
                    tensors.linear("attn_k")?,
                    tensors.linear("attn_v")?,
                ]),
            },
            head_norms: [tensors.norm("attn_q_norm"), tensors.norm("attn_k_norm")],
            output: tensors.linear("attn_output")?,
            reach: config.reach(index),
        },
        feed_forward: FeedForwardNetwork {
            norms: half_norms(feed_forward, &mut tensors),
            gate: match config.feed_forward {
                FeedForward::Gated => Some(tensors.linear("ffn_gate")?),
                _ => None,
            },
            up: tensors.linear("ffn_up")?,
            down: tensors.linear("ffn_down")?,
        },
    })
}

/// The names of the norms of a layer's halves: of the input, of the output, and after that; "" for none. That all are
/// there which must be, the check of the header has verified.
fn norm_names(norms: Norms) -> [[&'static str; 3]; 2] {
    match norms {
        Norms::Post => [
            ["", "attn_output_norm", "attn_norm_2"],
            ["", "layer_output_norm", ""],
        ],
        Norms::Pre => [["attn_norm", "", ""], ["ffn_norm", "", ""]],
        Norms::Sandwich => [
            ["attn_norm", "post_attention_norm", ""],
            ["ffn_norm", "post_ffw_norm", ""],
        ],
    }
}

fn half_norms(names: [&str; 3], tensors: &mut TensorTaker) -> HalfNorms {
    let [input, output, second] = names.map(|name| tensors.norm(name));
    HalfNorms {
        input,
        output,
        second,
    }
}
