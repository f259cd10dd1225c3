//! Builds a model from the bytes of its file as they arrive.

use std::collections::HashMap;
use std::sync::Arc;

use super::architecture::{Architecture, Norms};
use super::experts::MixtureOfExperts;
use super::experts_config::ExpertsConfig;
use super::feed_forward::{FeedForward, FeedForwardInput};
use super::incoming::{IncomingTensor, Tensor, TensorTaker, missing};
use super::layer::{FeedForwardKind, Layer};
use super::per_layer_embedding::{PerLayerEmbedding, PerLayerInput};
use super::position_embedding::PositionEmbedding;
use super::rope::{Factors, Rope};
use super::row_table::{NewRowStore, on_the_heap};
use super::tensors;
use super::token_embedding::TokenEmbedding;
use super::transformer::Transformer;
use super::{Config, Model};
use crate::allocation::{copy, with_capacity};
use crate::gguf::{Header, Reader, Split, TensorInfo, TensorSink};
use crate::head::Head;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};
use fnv::FnvHasher;
use std::hash::Hasher;

/// One byte in this many of each tensor enters the model's fingerprint. The number is prime, so that over many blocks
/// every offset within a block is sampled.
const SAMPLED: u64 = 1021;

/// Builds a [`Model`] from the bytes of a GGUF file as they arrive. Each tensor is repacked on the way, so that no
/// weight is in memory twice.
#[derive(Default)]
pub struct Loader {
    reader: Reader,
    partial: PartialModel,
}

crate::debug::debug_in_brief!(Loader {});

impl Loader {
    /// A loader that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A loader for a model split over several files ("parts") whose headers have been read. It takes the bytes of each
    /// part from its start, the first part first, with a call of [`next_part`](Self::next_part) between two parts.
    ///
    /// # Errors
    /// Those of [`push`](Self::push) for a header, and [`Error::Parts`].
    pub fn of_split(split: Split) -> Result<Self> {
        let reader = Reader::of_parts(&split)?;
        let mut partial = PartialModel::default();
        partial.header(split.into_header()?)?;
        Ok(Self { reader, partial })
    }

    /// Keeps tables of which a token takes one row in stores that `new_store` makes, rather than on the heap.
    #[cfg(all(target_arch = "wasm32", feature = "wasm"))]
    pub(crate) fn with_row_store(mut self, new_store: NewRowStore) -> Self {
        self.partial.new_store = Some(new_store);
        self
    }

    /// Declares that the next bytes are those of the next part.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes of this part are missing, [`Error::Parts`] after the last one.
    pub fn next_part(&mut self) -> Result<()> {
        self.reader.next_part()
    }

    /// Takes the next bytes of the file. After an error the loader only repeats that error.
    ///
    /// # Errors
    /// Everything that can be wrong with a file; a missing or unsupported tensor is reported as soon as the header
    /// has arrived.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.push(bytes, &mut self.partial)
    }

    /// Bytes of the whole file (of all parts), once its header has arrived.
    pub fn file_size(&self) -> Option<u64> {
        self.partial.header.as_ref().map(|header| header.file_size)
    }

    /// The finished model, once all bytes have been pushed.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes are missing, [`Error::OutOfMemory`].
    pub fn finish(mut self) -> Result<Model> {
        self.reader.finish()?;
        self.partial.assemble()
    }
}

/// Checks that this crate can build a model from a file with this header, before any weights are read. The
/// tokenizer's arrays are moved out of the metadata.
///
/// # Errors
/// The first thing found that is missing or not supported.
pub fn check(header: &mut Header) -> Result<(Config, Tokenizer)> {
    // Check the architecture first: an unsupported one explains the errors that would follow from it.
    Architecture::named(header.metadata.require_str("general.architecture")?)?;
    let tokenizer = Tokenizer::from_metadata(&mut header.metadata)?;
    let config = Config::from_metadata(&header.metadata, tokenizer.vocabulary_size())?;
    tensors::check(&config, &header.tensors)?;
    Ok((config, tokenizer))
}

/// What has arrived of the model so far.
#[derive(Default)]
struct PartialModel {
    config: Option<Config>,
    tokenizer: Option<Tokenizer>,
    header: Option<Header>,
    /// The tensor that is arriving: its index, its data (or those of one expert), and how many of its bytes have come.
    incoming: Option<(usize, Option<IncomingTensor>, u64)>,
    fingerprint: FnvHasher,
    tensors: HashMap<String, Tensor>,
    /// Where tables are kept of which a token takes one row; on the heap unless set.
    new_store: Option<NewRowStore>,
}

impl TensorSink for PartialModel {
    fn header(&mut self, mut header: Header) -> Result<()> {
        let (config, tokenizer) = check(&mut header)?;
        self.fingerprint = FnvHasher::with_key(header.hash);
        self.config = Some(config);
        self.tokenizer = Some(tokenizer);
        self.header = Some(header);
        Ok(())
    }

    fn data(&mut self, index: usize, mut bytes: &[u8]) -> Result<()> {
        let (Some(header), Some(config)) = (&self.header, &self.config) else {
            return Err(Error::Corrupt("tensor data without a header".to_owned()));
        };
        let info = &header.tensors[index];
        if self
            .incoming
            .as_ref()
            .is_none_or(|(current, ..)| *current != index)
        {
            self.incoming = Some((index, None, 0));
        }
        let Some((_, incoming, received)) = &mut self.incoming else {
            return Ok(());
        };
        // Sample every `SAMPLED`th byte of the tensor, however its bytes are split over calls.
        let seen = (*received % SAMPLED) as usize;
        let step = SAMPLED as usize;
        for byte in bytes.iter().skip((step - seen) % step).step_by(step) {
            self.fingerprint.write_u8(*byte);
        }
        // The matrices of experts stand one after the other in a tensor of three dimensions. Each becomes one of its own.
        let experts = info.shape.get(2).copied();
        let size = info.size / experts.unwrap_or(1);
        while !bytes.is_empty() {
            if received.is_multiple_of(size) {
                *incoming = begin(config, info, self.new_store)?;
            }
            let missing = size - *received % size;
            let (part, rest) = bytes.split_at(bytes.len().min(missing as usize));
            if let Some(incoming) = incoming {
                incoming.push(part)?;
            }
            let expert = *received / size;
            *received += part.len() as u64;
            bytes = rest;
            if received.is_multiple_of(size)
                && let Some(incoming) = incoming.take()
            {
                let name = match (experts, info.name.strip_suffix("weight")) {
                    (Some(_), Some(stem)) => format!("{stem}{expert}.weight"),
                    _ => info.name.clone(),
                };
                self.tensors.insert(name, incoming.finish()?);
            }
        }
        Ok(())
    }
}

/// Prepares to receive the tensor of this directory entry; `None` for one of a layer that is not loaded.
fn begin(
    config: &Config,
    info: &TensorInfo,
    new_store: Option<NewRowStore>,
) -> Result<Option<IncomingTensor>> {
    match tensors::find(config, &info.name) {
        None if tensors::is_skipped(config, &info.name) => Ok(None),
        // `check` has refused the file.
        None => Err(Error::Corrupt(format!(
            "the tensor {:?} has no place",
            info.name
        ))),
        Some(spec) => {
            let new_store = new_store.unwrap_or(on_the_heap);
            IncomingTensor::new(info, spec.form, new_store).map(Some)
        }
    }
}

impl TensorTaker<'_> {
    /// The feed-forward network whose matrices have these names: gate, up and down projection.
    fn feed_forward(
        &mut self,
        architecture: &Architecture,
        [gate, up, down]: [&str; 3],
    ) -> Result<FeedForward> {
        let up = self.linear(up)?;
        let input = if !architecture.activation.is_gated() {
            FeedForwardInput::Plain(up)
        } else if architecture.fused_gate_up {
            FeedForwardInput::Fused(up)
        } else {
            let gate = self.linear(gate)?;
            FeedForwardInput::Gated { gate, up }
        };
        let down = self.linear(down)?;
        Ok(FeedForward { input, down })
    }

    /// The second half of the layer `index`.
    fn feed_forward_kind(&mut self, config: &Config, index: usize) -> Result<FeedForwardKind> {
        let architecture = config.architecture;
        Ok(match config.experts(index) {
            Some(experts) => FeedForwardKind::Mixture(self.mixture(architecture, experts)?),
            None => FeedForwardKind::Dense(
                self.feed_forward(architecture, ["ffn_gate", "ffn_up", "ffn_down"])?,
            ),
        })
    }

    fn mixture(
        &mut self,
        architecture: &Architecture,
        experts: &ExpertsConfig,
    ) -> Result<MixtureOfExperts> {
        let router = self.linear("ffn_gate_inp")?;
        let selection_bias = self.optional_vector("exp_probs_b", "bias");
        let shared = ["ffn_gate_shexp", "ffn_up_shexp", "ffn_down_shexp"];
        let shared = match experts.shared_size {
            Some(_) => Some(self.feed_forward(architecture, shared)?),
            None => None,
        };
        let mut networks = with_capacity(experts.count)?;
        let parts = ["gate", "up", "down"].map(|part| format!("ffn_{part}_exps"));
        for stem in &parts {
            self.split(stem, "bias", experts.count)?;
            self.split(stem, "scale", experts.count)?;
        }
        for expert in 0..experts.count {
            let stems = parts.each_ref().map(|stem| format!("{stem}.{expert}"));
            networks.push(self.feed_forward(architecture, stems.each_ref().map(String::as_str))?);
        }
        Ok(MixtureOfExperts {
            routing: experts.routing,
            router,
            selection_bias,
            shared,
            experts: networks,
        })
    }

    /// Gives each of `count` experts its part of the biases or scales of all, where a file has these.
    fn split(&mut self, stem: &str, suffix: &str, count: usize) -> Result<()> {
        let Some(all) = self.optional_vector(stem, suffix) else {
            return Ok(());
        };
        for (expert, part) in all.chunks_exact(all.len() / count).enumerate() {
            let name = self.name(&format!("{stem}.{expert}"), suffix);
            self.tensors.insert(name, Tensor::Vector(copy(part)?));
        }
        Ok(())
    }

    /// The layer `index`, which comes after those that are `earlier`.
    fn layer(&mut self, config: &Config, index: usize, earlier: &[Layer]) -> Result<Layer> {
        let architecture = config.architecture;
        let token_mixer_norm = self.norm("attn_norm");
        let feed_forward_norm = self.norm_named(architecture.feed_forward_norm);
        let shares = matches!(architecture.norms, Norms::Shared | Norms::PreOrShared);
        Ok(Layer {
            token_mixer: self.token_mixer(config, index, token_mixer_norm.as_ref(), earlier)?,
            second_mixer: (config.recurrent(index))
                .filter(|sizes| sizes.is_beside_attention())
                .map(|sizes| self.recurrent_mixer(sizes))
                .transpose()?,
            token_mixer_norm,
            token_mixer_post_norm: self.norm("post_attention_norm"),
            parallel: shares && feed_forward_norm.is_none(),
            feed_forward_norm,
            feed_forward: (config.has_feed_forward())
                .then(|| self.feed_forward_kind(config, index))
                .transpose()?,
            feed_forward_post_norm: self.norm("post_ffw_norm"),
            per_layer_input: PerLayerInput::take(self)?,
            output_scale: (self.optional_vector("layer_output_scale", "weight"))
                .map_or(1.0, |scale| scale[0]),
        })
    }
}

impl PartialModel {
    fn taker(&mut self, layer: Option<usize>) -> TensorTaker<'_> {
        let tensors = &mut self.tensors;
        TensorTaker { tensors, layer }
    }

    fn assemble(mut self) -> Result<Model> {
        let headless = || Error::Truncated("its header is missing".to_owned());
        let config = self.config.take().ok_or_else(headless)?;
        let tokenizer = self.tokenizer.take().ok_or_else(headless)?;
        let header = self.header.take().ok_or_else(headless)?;
        let weight_bytes = self.tensors.values().map(Tensor::bytes).sum();
        let mut layers = with_capacity(config.stored_layers())?;
        for index in 0..config.stored_layers() {
            let layer = self.taker(Some(index)).layer(&config, index, &layers)?;
            layers.push(layer);
        }
        let mut global = self.taker(None);
        let matrix = Arc::new(global.matrix("token_embd")?);
        let head = match global.optional_matrix("output") {
            Some(head) => Arc::new(head),
            None => Arc::clone(&matrix),
        };
        let head = Head::new(head).with(
            global.optional_vector("output", "bias"),
            config.scales.logits,
            config.logit_cap,
        );
        let mut factors = |stem| global.optional_vector(stem, "weight");
        let factors = Factors {
            all: factors("rope_freqs"),
            short: factors("rope_factors_short"),
            long: factors("rope_factors_long"),
        };
        let positions = config.architecture.positions;
        // The divisors are not for layers with a sliding window, as in llama.cpp.
        let factors = [&factors, &Factors::default()];
        let rope =
            |((size, base, scaling), factors)| Rope::new(positions, size, base, scaling, factors);
        let norm = config.architecture.output_norm;
        let transformer = Transformer {
            ropes: config.rope_variants().zip(factors).map(rope).collect(),
            token_embedding: TokenEmbedding { matrix },
            per_layer_embedding: PerLayerEmbedding::take(&mut global)?,
            position_embedding: global
                .optional_matrix("position_embd")
                .map(|matrix| PositionEmbedding { matrix }),
            layers,
            final_norm: global.norm(norm).ok_or_else(|| missing(norm))?,
        };
        let elements = |info: &TensorInfo| info.shape.iter().product::<u64>();
        Ok(Model {
            parameters: header.tensors.iter().map(elements).sum(),
            file_size: header.file_size,
            fingerprint: self.fingerprint.finish(),
            metadata: header.metadata,
            head,
            config,
            tokenizer,
            transformer,
            weight_bytes,
        })
    }
}
