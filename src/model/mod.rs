//! The transformer: token ids → hidden states, from which [`crate::head`] computes logits.
//!
//! A [`Loader`] builds a [`Model`] from the bytes of a GGUF file: configuration, tokenizer and weights. The model is
//! immutable; a [`Session`] holds the KV cache of one text, and the LoRA [`Adapter`]s that it has chosen.
//! [`Model::forward`] runs tokens through both.
//!
//! | file | step |
//! |---|---|
//! | `transformer` | the forward pass, which names every step in its order |
//! | `token_embedding`, `per_layer_embedding`, `row_table` | token ids → vectors |
//! | `position_embedding`, `rope` | how tokens know their positions |
//! | `layer` | the weights of a layer, whose two halves are added to the residual stream |
//! | `norm` | the norm before each half, QK norm, final norm |
//! | `token_mixer` | first half: `attention`, `delta_net`, `mamba2` or `short_convolution`, between two projections |
//! | `causal_convolution` | what `delta_net` and `mamba2` have in common |
//! | `feed_forward`, `experts` | second half: one network, or a mixture of many |
//! | `linear`, `adapter` | matrix products, and the LoRA updates added to them |
//! | `session` | one text: `cache` and `recurrence` (`recurrent_state`, `convolution_inputs`) hold its keys, values and states, `scratch` what is needed while tokens run |
//! | `key_scaling`, `sliding_window` | keys that are easier to quantise, attention that reaches back so far |
//! | `layer_outputs` | what is kept where somebody looks into the layers |
//! | `file`, `loader`, `token_mixer_loader`, `incoming`, `tensors` | the file's bytes → weights |
//! | `dense` | the weights in floats, for fine-tuning |
//! | `config`, `metadata_keys`, `layer_pattern`, `attention_config`, `recurrent_config`, `experts_config`, `scales` | what the file's metadata say |
//! | `architecture`, `architecture_rules` | what an architecture is made of |

mod adapter;
mod architecture;
mod architecture_rules;
mod attention;
mod attention_config;
mod cache;
mod causal_convolution;
mod config;
mod convolution_inputs;
mod delta_net;
#[cfg(feature = "train")]
mod dense;
mod experts;
mod experts_config;
mod feed_forward;
mod file;
mod incoming;
mod key_scaling;
mod layer;
mod layer_outputs;
mod layer_pattern;
mod linear;
mod loader;
mod mamba2;
mod metadata_keys;
mod norm;
mod per_layer_embedding;
mod position_embedding;
mod recurrence;
mod recurrent_config;
mod recurrent_state;
mod rope;
mod row_table;
mod scales;
mod scratch;
mod session;
mod short_convolution;
mod sliding_window;
mod tensors;
#[cfg(test)]
mod tests;
mod token_embedding;
mod token_mixer;
mod token_mixer_loader;
mod transformer;

pub use adapter::{Adapter, AdapterLoader};
pub use architecture::{ARCHITECTURES, Architecture};
pub use cache::cache_bytes;
pub use config::Config;
#[cfg(feature = "train")]
pub(crate) use dense::{DenseLinear, DenseModel};
pub use layer_outputs::LayerOutputs;
pub use loader::{Loader, check};
#[cfg(all(target_arch = "wasm32", feature = "wasm"))]
pub(crate) use row_table::RowStore;
pub use session::Session;
#[cfg(feature = "encoder")]
pub(crate) use tensors::check_shapes;
pub(crate) use tensors::{TensorForm, form, reads_per_token};
#[cfg(feature = "encoder")]
pub(crate) use {
    file::{check_size, feed},
    incoming::{IncomingTensor, Tensor, TensorTaker},
    linear::Linear,
    metadata_keys::Keys,
    norm::Norm,
    rope::{Angles, Rope, compute_angles},
    row_table::on_the_heap,
};

use crate::allocation::{copy, reserve_total};
use crate::gguf::Metadata;
use crate::head::Head;
use crate::tokenizer::Tokenizer;
use crate::{Result, TokenId};
use std::ops::Range;
use transformer::Transformer;

/// The number of tokens that [`Model::forward`] handles best at once; longer prompts are run in chunks of this many.
pub const PREFILL_CHUNK: usize = 64;

/// A loaded model. It is immutable, so that several texts can share it.
pub struct Model {
    /// The configuration of the network.
    pub config: Config,
    /// Text → ids → text.
    pub tokenizer: Tokenizer,
    /// Hidden state → logits.
    pub head: Head,
    /// The file's other metadata (name, licence, chat template); the tokenizer's arrays have been moved out of it.
    pub metadata: Metadata,
    /// Parameters in all tensors.
    pub parameters: u64,
    /// Bytes of the file.
    pub file_size: u64,
    /// Identifies the model's file: FNV-1a of every 1021st byte of each tensor, starting from the XXH64 of the header
    /// (of the first file's header where there are several). Another quantisation or another training changes it; a
    /// byte changed on purpose may not. It takes under 1 % of the time to load (`cargo bench --bench load`).
    pub fingerprint: u64,
    /// Bytes of weights in memory.
    pub weight_bytes: u64,
    transformer: Transformer,
}

crate::debug::debug_in_brief!(Model {
    config,
    parameters,
    file_size
});

impl Model {
    /// A model from the bytes of a whole file.
    ///
    /// # Errors
    /// As [`Loader::push`] and [`Loader::finish`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Model> {
        let mut loader = Loader::new();
        loader.push(bytes)?;
        loader.finish()
    }

    /// Runs `tokens` at the positions after those in `session`, appending their keys and values; their
    /// hidden states are then in [`Session::hidden`].
    ///
    /// # Errors
    /// [`Error::PromptTooLong`](crate::Error::PromptTooLong) beyond the session's capacity,
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for an id that is not in the vocabulary, or an adapter or a
    /// session of another model,
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The session's text is then as it was before, or shorter as after
    /// [`Session::truncate`].
    pub fn forward(&self, tokens: &[TokenId], session: &mut Session) -> Result<()> {
        // After an error the hidden states are undefined.
        session.ran.clear();
        session.scratch.adapters.check(self)?;
        reserve_total(&mut session.ran, tokens.len())?;
        session.prepare(&self.config, &self.transformer.ropes, tokens)?;
        session.recurrence.run_to(session.len + tokens.len());
        let ran = self.transformer.forward(
            &self.config,
            tokens,
            session.capacity,
            &mut session.cache,
            &mut session.recurrence,
            &mut session.scratch,
        );
        if let Err(error) = ran {
            session.roll_back();
            return Err(error);
        }
        session.ran.extend_from_slice(tokens);
        session.len += tokens.len();
        session.recurrence.checkpoint_at_interval(session.len);
        Ok(())
    }

    /// Runs any number of tokens as [`Model::forward`] does, [`PREFILL_CHUNK`] at a time.
    ///
    /// # Errors
    /// Those of [`Model::forward`]; the tokens of the chunks before have then been appended.
    pub fn prefill(&self, tokens: &[TokenId], session: &mut Session) -> Result<()> {
        let mut chunks = tokens.chunks(PREFILL_CHUNK);
        chunks.try_for_each(|chunk| self.forward(chunk, session))
    }

    /// Runs the tokens `range` of a text as [`Model::forward`] does, at most [`PREFILL_CHUNK`]. Of the text's tokens before
    /// them, those that the session has not got are run first: after an error, or where a session with a recurrent state
    /// could not be truncated to just there.
    ///
    /// # Errors
    /// Those of [`Model::forward`]; the call may be repeated.
    pub(crate) fn forward_range(
        &self,
        text: &[TokenId],
        range: Range<usize>,
        session: &mut Session,
    ) -> Result<()> {
        session.truncate(range.start);
        let held = session.len();
        self.prefill(&text[held..range.start], session)?;
        self.forward(&text[range], session)
    }

    /// Runs one token as [`Model::forward`] does, and keeps what the layers leave, the attention weights if asked to: for
    /// these every head attends once more. The token's hidden state is the same.
    ///
    /// # Errors
    /// Those of [`Model::forward`].
    pub fn forward_with_outputs(
        &self,
        token: TokenId,
        session: &mut Session,
        attention: bool,
    ) -> Result<LayerOutputs> {
        let outputs = LayerOutputs::new(&self.config, session.len() + 1, attention)?;
        session.scratch.outputs = Some(outputs);
        let ran = self.forward(&[token], session);
        let outputs = session.scratch.outputs.take();
        ran.map(|()| outputs.unwrap_or_default())
    }

    /// The logit lens (nostalgebraist, 2020): the logits that the final norm and the head make of the residual stream
    /// after some layers, `residuals[layers][hidden_size]` → `logits[layers][vocabulary_size]`. After the last layer they
    /// are the model's own.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn logit_lens(&self, residuals: &[f32], logits: &mut Vec<f32>) -> Result<()> {
        let mut hidden = copy(residuals)?;
        let norm = &self.transformer.final_norm;
        norm.apply_rows(&self.config, residuals, &mut hidden);
        self.head.predict(&hidden, logits)
    }
}
