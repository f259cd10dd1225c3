//! The language-model head: hidden state → logits.

use std::sync::Arc;

use ndarray::ArrayView1;

use crate::allocation::resize;
use crate::error::check_option;
use crate::kernels::{self, Activations};
use crate::quant::Matrix;
use crate::{Result, TokenId};

/// The final linear layer, with one row of weights for every token of the vocabulary. Where the model ties it to
/// the embedding, both share one matrix.
pub struct Head {
    weights: Arc<Matrix>,
    bias: Option<Vec<f32>>,
    scale: f32,
    cap: Option<f32>,
}

crate::debug::debug_in_brief!(Head { scale, cap });

impl Head {
    /// A head with the given weights, `[vocabulary_size, hidden_size]`.
    pub fn new(weights: Arc<Matrix>) -> Self {
        Self {
            weights,
            bias: None,
            scale: 1.0,
            cap: None,
        }
    }

    /// The same head, which also does what some architectures do to logits: add a bias, scale, soft-cap.
    pub(crate) fn with(self, bias: Option<Vec<f32>>, scale: f32, cap: Option<f32>) -> Self {
        Self {
            bias,
            scale,
            cap,
            ..self
        }
    }

    /// The weights, where they are all that makes the logits: without a bias, a scale and a soft cap.
    #[cfg(feature = "train")]
    pub(crate) fn matrix(&self) -> Option<&Arc<Matrix>> {
        let plain = self.bias.is_none() && self.scale == 1.0 && self.cap.is_none();
        plain.then_some(&self.weights)
    }

    /// logits = weights × hidden state, then bias, scale and soft cap where the architecture has them:
    /// `hidden[hidden_size]` → `logits[vocabulary_size]`. They are not normalised; softmax makes probabilities of them.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn logits(&self, hidden: ArrayView1<'_, f32>, logits: &mut Vec<f32>) -> Result<()> {
        match hidden.to_slice() {
            Some(hidden) => self.predict(hidden, logits),
            None => self.predict(&hidden.to_vec(), logits),
        }
    }

    /// The row of weights that makes the logit of the token `id`, `[hidden_size]`: the logit is its dot product with the
    /// hidden state, before bias, scale and soft cap. The kernels multiply quantised numbers, so that the sum of these
    /// products differs from it a little.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for an `id` without a logit,
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn row(&self, id: TokenId) -> Result<Vec<f32>> {
        let last = self.weights.rows() - 1;
        let allowed = format!("a token from 0 to {last}");
        check_option(id as usize <= last, "id", &allowed)?;
        let mut row = Vec::new();
        resize(&mut row, self.weights.cols(), 0.0)?;
        self.weights.dequantize_row(id as usize, &mut row);
        Ok(row)
    }

    /// [`Head::logits`] for the hidden states of several tokens: `hidden[tokens][hidden_size]` →
    /// `logits[tokens][vocabulary_size]`.
    pub(crate) fn predict(&self, hidden: &[f32], logits: &mut Vec<f32>) -> Result<()> {
        let tokens = hidden.len() / self.weights.cols();
        let mut x = Activations::default();
        x.prepare(tokens, self.weights.cols())?
            .copy_from_slice(hidden);
        let size = self.weights.rows();
        resize(logits, tokens * size, 0.0)?;
        kernels::linear(&self.weights, &mut x, logits);
        if let Some(bias) = &self.bias {
            for logits in logits.chunks_exact_mut(size) {
                kernels::add(logits, bias);
            }
        }
        if self.scale != 1.0 {
            kernels::multiply(logits, self.scale);
        }
        if let Some(cap) = self.cap {
            kernels::soft_cap(logits, cap);
        }
        Ok(())
    }
}
