//! The memory that the tokens need while they run through the layers.

use super::adapter::ActiveAdapters;
use super::experts::ExpertsScratch;
use super::recurrent_config::RecurrentConfig;
use super::rope::{Angles, Rope};
use super::{Config, LayerOutputs};
use crate::Result;
use crate::allocation::resize;
use crate::kernels::threads::PerThread;
use crate::kernels::{Activations, AttentionScratch};

/// Memory for activations, kept from call to call.
#[derive(Default)]
pub(super) struct Scratch {
    /// The residual stream, `[tokens][hidden_size]`; after `forward`, the hidden states.
    pub hidden: Vec<f32>,
    /// The position of the first token that runs, or that ran the last time.
    pub first: usize,
    /// The input of the next linear layers.
    pub x: Activations,
    /// The outputs of a token mixer's input projections for all tokens: queries, keys and values, or gates and values.
    pub qkv: Vec<f32>,
    /// The gates of attention's outputs, where there are such gates.
    pub gates: Vec<f32>,
    pub recurrent: RecurrentScratch,
    /// The outputs of the first half of the feed-forward network.
    pub ffn_up: Vec<f32>,
    pub experts: ExpertsScratch,
    /// What each layer reads of each token besides, `[tokens][layers][per_layer_size]`, where layers do so.
    pub per_layer: Vec<f32>,
    /// The embedding of one token for all layers.
    pub per_layer_row: Vec<f32>,
    /// The same in the blocks of the file.
    pub per_layer_blocks: Vec<u8>,
    /// What half a layer adds to the residual stream.
    pub residual: Vec<f32>,
    /// What the second mixer of a layer adds, where there is one.
    pub second: Vec<f32>,
    /// A copy of one token's vector while it is normalised.
    pub row: Vec<f32>,
    /// A copy of one token's vector, for each thread that normalises.
    pub rows: PerThread<Vec<f32>>,
    pub attention: PerThread<AttentionScratch>,
    /// One for each set of RoPE frequencies.
    pub angles: Vec<Angles>,
    /// What the layers leave, where someone wants to look at it.
    pub outputs: Option<LayerOutputs>,
    /// The adapters of the text.
    pub adapters: ActiveAdapters,
}

impl Scratch {
    /// Memory that holds nothing but the same adapters.
    pub fn fork(&self) -> Self {
        Scratch {
            adapters: self.adapters.fork(),
            ..Scratch::default()
        }
    }

    /// Takes the memory to run `tokens` tokens at once, up to position `end`.
    pub fn prepare(
        &mut self,
        config: &Config,
        ropes: &[Rope],
        tokens: usize,
        end: usize,
    ) -> Result<()> {
        self.first = end - tokens;
        let (hidden, query) = (config.hidden_size, config.widest_query_size());
        let feed_forward = config.widest_feed_forward_size();
        let per_layer = config.per_layer_size;
        let mut widest = hidden.max(feed_forward).max(query).max(per_layer);
        let mut row = query;
        if config.architecture.gated_attention {
            resize(&mut self.gates, tokens * query, 0.0)?;
        }
        if let Some(sizes) = config.recurrent_layers() {
            self.recurrent.prepare(sizes, tokens)?;
            widest = widest.max(sizes.value_size());
            row = row.max(sizes.value_size());
            if sizes.is_beside_attention() {
                resize(&mut self.second, tokens * hidden, 0.0)?;
            }
        }
        if let Some(experts) = config.all_experts() {
            self.experts.prepare(experts, hidden, [tokens, widest])?;
        }
        self.x.prepare(tokens, widest)?;
        resize(&mut self.hidden, tokens * hidden, 0.0)?;
        resize(&mut self.residual, tokens * hidden, 0.0)?;
        resize(&mut self.qkv, tokens * config.projected_size(), 0.0)?;
        resize(
            &mut self.ffn_up,
            tokens * (2 * feed_forward).max(per_layer),
            0.0,
        )?;
        resize(&mut self.row, hidden.max(query).max(per_layer), 0.0)?;
        let inputs = config.per_layer_width();
        resize(&mut self.per_layer, tokens * inputs, 0.0)?;
        resize(&mut self.per_layer_row, inputs, 0.0)?;
        // No type takes more than four bytes for a number.
        resize(&mut self.per_layer_blocks, 4 * inputs, 0)?;
        self.rows.prepare(|copy| resize(copy, row, 0.0))?;
        self.angles.resize_with(ropes.len(), Angles::default);
        for (angles, rope) in self.angles.iter_mut().zip(ropes) {
            angles.prepare(rope, tokens)?;
        }
        let (group, size) = (config.heads_per_kv_head(), config.widest_head_size());
        self.attention
            .prepare(|scratch| scratch.prepare(group, size, end))
    }
}

/// What a gated delta net or a Mamba-2 mixer needs besides.
#[derive(Default)]
pub(super) struct RecurrentScratch {
    /// The outputs of the convolution, `[tokens][convolved_size]`.
    pub convolved: Vec<f32>,
    /// What silu is multiplied by where it stands alone.
    pub ones: Vec<f32>,
    pub gates: Vec<f32>,
    pub betas: Vec<f32>,
    /// What each head's state is multiplied by.
    pub decays: Vec<f32>,
}

impl RecurrentScratch {
    /// Takes the memory for `tokens` tokens.
    pub fn prepare(&mut self, sizes: &RecurrentConfig, tokens: usize) -> Result<()> {
        let width = sizes.convolved_size();
        resize(&mut self.convolved, tokens * width, 0.0)?;
        resize(&mut self.ones, width, 1.0)?;
        // A Mamba-2 mixer's gates and step sizes are with its other projections.
        let tokens = if sizes.is_delta_net() { tokens } else { 0 };
        resize(&mut self.gates, tokens * sizes.value_size(), 0.0)?;
        resize(&mut self.betas, tokens * sizes.value_heads, 0.0)?;
        resize(&mut self.decays, tokens * sizes.value_heads, 0.0)
    }
}
