//! The forward pass, one line for each step; each step is in the file of its name.

use super::Config;
use super::cache::KvCache;
use super::layer::Layer;
use super::linear::Linear;
use super::norm::{Norm, pre_norm};
use super::per_layer_embedding::PerLayerEmbedding;
use super::position_embedding::PositionEmbedding;
use super::recurrence::Recurrence;
use super::recurrent_state::RecurrentState;
use super::rope::{self, Rope};
use super::scratch::Scratch;
use super::token_embedding::TokenEmbedding;
use crate::kernels::{self, HeadCache};
use crate::{Result, TokenId};

/// All weights of the model but the head's.
pub(super) struct Transformer {
    pub token_embedding: TokenEmbedding,
    /// Where each layer reads a vector of its own of each token.
    pub per_layer_embedding: Option<PerLayerEmbedding>,
    /// Where the model has learned them.
    pub position_embedding: Option<PositionEmbedding>,
    /// The layers of the file, which some models run several times.
    pub layers: Vec<Layer>,
    pub final_norm: Norm,
    /// The sets of RoPE frequencies, in the order of [`Config::rope_variants`].
    pub ropes: Vec<Rope>,
}

impl Transformer {
    /// The linear layer whose matrix has this name.
    pub fn linear(&self, name: &str) -> Option<&Linear> {
        let mut found = None;
        self.for_each_linear(&mut |linear| {
            if linear.name == name {
                found = Some(linear);
            }
        });
        found
    }

    /// Visits the linear layers of all layers of the file.
    pub fn for_each_linear<'a>(&'a self, visit: &mut dyn FnMut(&'a Linear)) {
        let layers = self.layers.iter();
        layers.for_each(|layer| layer.for_each_linear(visit));
    }

    /// The forward pass of `tokens` at the positions from `scratch.first` on, in a text of at most `capacity`; the hidden
    /// states are then in `scratch.hidden`. `Session::prepare` has taken the memory, so that no error is expected.
    pub fn forward(
        &self,
        config: &Config,
        tokens: &[TokenId],
        capacity: usize,
        cache: &mut KvCache,
        recurrence: &mut Recurrence,
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.embed(config, tokens, capacity, scratch)?;
        let mut states = recurrence.layers_mut().iter_mut();
        for index in 0..config.layers {
            let stored = index % self.layers.len();
            if stored == 0 && index > 0 && config.norm_each_loop {
                self.apply_final_norm(config, scratch);
            }
            let layer = &self.layers[stored];
            let caches = cache.layer_mut(index);
            let state = (config.keeps_state(index)).then(|| states.next()).flatten();

            // First half: norm, attention (or what takes its place), residual connection.
            let norm = layer.token_mixer_norm.as_ref();
            pre_norm(norm, config, &scratch.hidden, &mut scratch.x)?;
            if let Some(feed_forward) = layer.feed_forward.as_ref().filter(|_| layer.parallel) {
                feed_forward.project_up(scratch)?;
            }
            self.mix(config, index, layer, caches, state, scratch)?;
            add_residual(config, layer.token_mixer_post_norm.as_ref(), scratch);

            // Second half, where there is one: norm, feed-forward network, residual connection.
            if let Some(feed_forward) = &layer.feed_forward {
                if !layer.parallel {
                    let norm = layer.feed_forward_norm.as_ref();
                    pre_norm(norm, config, &scratch.hidden, &mut scratch.x)?;
                    feed_forward.project_up(scratch)?;
                }
                feed_forward.project_down(config, scratch)?;
                add_residual(config, layer.feed_forward_post_norm.as_ref(), scratch);
            }

            // What some layers have besides: a vector of their own of each token, a scale.
            if let Some(input) = &layer.per_layer_input {
                input.run(config, index, scratch)?;
                add_residual(config, Some(&input.norm), scratch);
            }
            if layer.output_scale != 1.0 {
                kernels::multiply(&mut scratch.hidden, layer.output_scale);
            }
            if let Some(outputs) = &mut scratch.outputs {
                outputs.residuals.extend_from_slice(&scratch.hidden);
            }
        }
        self.apply_final_norm(config, scratch);
        Ok(())
    }

    /// hidden = the embeddings of the tokens, and all else that the layers read of tokens and positions.
    fn embed(
        &self,
        config: &Config,
        tokens: &[TokenId],
        capacity: usize,
        scratch: &mut Scratch,
    ) -> Result<()> {
        // Token embedding.
        self.token_embedding
            .look_up(config, tokens, &mut scratch.hidden);
        if let Some(embedding) = &self.per_layer_embedding {
            embedding.look_up(config, tokens, scratch)?;
        }
        // Positions: learned embeddings are added, RoPE is for the queries and keys of each layer.
        if let Some(positions) = &self.position_embedding {
            positions.add(config, scratch.first, &mut scratch.hidden, &mut scratch.row);
        }
        rope::compute_angles(&self.ropes, scratch.first, capacity, &mut scratch.angles);
        Ok(())
    }

    /// residual = the outputs of the layer's token mixer for its normalised input in `scratch.x`, and those of its second
    /// one, which has the layer's state then.
    fn mix(
        &self,
        config: &Config,
        index: usize,
        layer: &Layer,
        caches: &mut [HeadCache],
        mut state: Option<&mut RecurrentState>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let ropes = &self.ropes;
        if let Some(mixer) = &layer.second_mixer {
            mixer.run(config, index, ropes, &mut [], state.take(), scratch)?;
            std::mem::swap(&mut scratch.residual, &mut scratch.second);
            let norm = layer.token_mixer_norm.as_ref();
            pre_norm(norm, config, &scratch.hidden, &mut scratch.x)?;
        }
        let mixer = &layer.token_mixer;
        mixer.run(config, index, ropes, caches, state, scratch)?;
        if layer.second_mixer.is_some() {
            kernels::add(&mut scratch.residual, &scratch.second);
        }
        Ok(())
    }

    /// hidden = final norm(hidden), which the head reads.
    fn apply_final_norm(&self, config: &Config, scratch: &mut Scratch) {
        let Scratch {
            hidden, residual, ..
        } = scratch;
        self.final_norm.apply_in_place(config, hidden, residual);
    }
}

/// The residual connection: hidden += residual, after the post-norm and the scaling where the model has them.
fn add_residual(config: &Config, post_norm: Option<&Norm>, scratch: &mut Scratch) {
    if let Some(norm) = post_norm {
        norm.post_norm(config, &mut scratch.residual, &mut scratch.row);
    }
    if config.scales.residual != 1.0 {
        kernels::multiply(&mut scratch.residual, config.scales.residual);
    }
    kernels::add(&mut scratch.hidden, &scratch.residual);
}
