//! What a layer keeps of a text in place of keys and values: a matrix for each head, which every token lets decay and
//! writes to along its key, and which its query reads; and the latest inputs of a [causal
//! convolution](super::causal_convolution). Gated delta nets and Mamba-2 layers differ in what a token writes. A [short
//! convolution](super::short_convolution) has no heads.

use super::Config;
use super::convolution_inputs::ConvolutionInputs;
use crate::Result;
use crate::allocation::{copy, resize, with_capacity};
use crate::kernels::exp;

/// How many positions a text of short convolutions and attention alone can be taken back by: more than are guessed at a
/// time or differ between the templates' ways to write a chat's last turn.
pub(super) const REACH: usize = 64;

/// What a layer keeps of the text so far.
pub(super) struct RecurrentState {
    /// The inputs of the convolution at the latest positions.
    pub inputs: ConvolutionInputs,
    pub heads: Vec<HeadState>,
}

/// What one head keeps.
pub(super) struct HeadState {
    /// `[key][value]`, so that the sums over keys are taken in order, whatever the width of the vectors.
    pub state: Vec<f32>,
    /// What a token writes along its key, `[value]`.
    pub update: Vec<f32>,
    /// The outputs of the tokens that run, `[tokens][value]`.
    outputs: Vec<f32>,
}

impl RecurrentState {
    /// The state of the layer `index` before the first token; `None` where it keeps keys and values alone.
    pub fn new(config: &Config, index: usize) -> Result<Option<Self>> {
        let Some(StateSizes {
            convolution: [length, width, reach],
            heads: [count, key_length, value_length],
        }) = StateSizes::of(config, index)
        else {
            return Ok(None);
        };
        let zeros = |len: usize| -> Result<Vec<f32>> {
            let mut zeros = Vec::new();
            resize(&mut zeros, len, 0.0)?;
            Ok(zeros)
        };
        let mut heads = with_capacity(count)?;
        for _ in 0..count {
            heads.push(HeadState {
                state: zeros(key_length.saturating_mul(value_length))?,
                update: zeros(value_length)?,
                outputs: Vec::new(),
            });
        }
        let inputs = ConvolutionInputs::new(length, width, reach)?;
        Ok(Some(Self { inputs, heads }))
    }

    /// Takes the memory to run `tokens` tokens at once.
    pub fn prepare(&mut self, tokens: usize) -> Result<()> {
        for head in &mut self.heads {
            resize(&mut head.outputs, tokens * head.update.len(), 0.0)?;
        }
        Ok(())
    }

    /// An independent copy.
    pub fn fork(&self) -> Result<Self> {
        let mut heads = with_capacity(self.heads.len())?;
        for head in &self.heads {
            heads.push(HeadState {
                state: copy(&head.state)?,
                update: copy(&head.update)?,
                outputs: Vec::new(),
            });
        }
        let inputs = self.inputs.fork()?;
        Ok(Self { inputs, heads })
    }

    /// Appends all that what follows a text of `position` tokens depends on, [`saved_len`](Self::saved_len) numbers, to
    /// `out`.
    pub fn save(&self, position: usize, out: &mut Vec<f32>) {
        self.inputs.save(position, out);
        for head in &self.heads {
            out.extend_from_slice(&head.state);
        }
    }

    /// Takes what [`save`](Self::save) wrote; the state before the first token where that is empty.
    pub fn restore(&mut self, position: usize, saved: &[f32]) {
        let inputs = saved.len().min(self.inputs.saved_len());
        let (inputs, mut saved) = saved.split_at(inputs);
        self.inputs.restore(position, inputs);
        for head in &mut self.heads {
            match saved.split_at_checked(head.state.len()) {
                Some((state, rest)) => {
                    head.state.copy_from_slice(state);
                    saved = rest;
                }
                None => head.state.fill(0.0),
            }
        }
    }

    fn heads_len(&self) -> usize {
        self.heads.iter().map(|head| head.state.len()).sum()
    }

    /// The numbers that [`save`](Self::save) writes.
    pub fn saved_len(&self) -> usize {
        self.inputs.saved_len() + self.heads_len()
    }

    /// The numbers in memory.
    pub fn len(&self) -> usize {
        self.inputs.len() + self.heads_len()
    }
}

/// The sizes of what a layer keeps.
struct StateSizes {
    /// Positions that an output of the convolution depends on, length of an input, and how many positions a text can be
    /// taken back by.
    convolution: [usize; 3],
    /// How many heads there are, and the lengths of a key and of a value.
    heads: [usize; 3],
}

impl StateSizes {
    /// Those of the layer `index`; `None` where it keeps nothing.
    fn of(config: &Config, index: usize) -> Option<Self> {
        if let Some(length) = config.convolution_length(index) {
            return Some(Self {
                convolution: [length, config.hidden_size, REACH],
                heads: [0; 3],
            });
        }
        config.recurrent(index).map(|sizes| Self {
            convolution: [sizes.convolution_length, sizes.convolved_size(), 0],
            heads: [sizes.value_heads, sizes.key_length, sizes.value_length],
        })
    }
}

/// The numbers that the layer `index` keeps of a text, and those of a checkpoint, [`u64::MAX`] where it would be more.
pub(super) fn state_sizes(config: &Config, index: usize) -> Option<[u64; 2]> {
    let StateSizes { convolution, heads } = StateSizes::of(config, index)?;
    let [length, width, reach] = convolution;
    let numbers = |sizes: [usize; 3]| {
        let sizes = sizes.map(|size| size as u64);
        sizes.into_iter().fold(1, u64::saturating_mul)
    };
    let heads = numbers(heads);
    Some([length + reach, length - 1].map(|rows| heads.saturating_add(numbers([rows, width, 1]))))
}

impl HeadState {
    /// Runs one token: S = decay × S + key ⊗ update; its output is Sᵀ query.
    pub fn advance(&mut self, decay: f32, key: &[f32], query: &[f32], token: usize) {
        let size = self.update.len();
        let output = &mut self.outputs[token * size..][..size];
        output.fill(0.0);
        let rows = self.state.chunks_exact_mut(size);
        for ((row, key), query) in rows.zip(key).zip(query) {
            let columns = row.iter_mut().zip(&self.update).zip(output.iter_mut());
            for ((state, update), output) in columns {
                *state = *state * decay + key * update;
                *output += *state * query;
            }
        }
    }

    /// The output of a token that ran.
    pub fn output(&self, token: usize) -> &[f32] {
        let size = self.update.len();
        &self.outputs[token * size..][..size]
    }

    /// The same, to be added to.
    pub fn output_mut(&mut self, token: usize) -> &mut [f32] {
        let size = self.update.len();
        &mut self.outputs[token * size..][..size]
    }
}

/// ln(1 + e^x).
pub(super) fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { libm::log1pf(exp(x)) }
}
