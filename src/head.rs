//! The linear head: hidden state → logits.

use std::sync::Arc;

use ndarray::ArrayView1;

use crate::kernels::{self, Activations};
use crate::quant::Matrix;
use crate::{Error, Result};

/// The final linear layer: one row of weights for every token of the vocabulary. Where the model ties
/// it to the embedding, both share one matrix.
pub struct Head {
    weights: Arc<Matrix>,
}

impl Head {
    /// A head with the given weights, `[vocabulary_size, hidden_size]`.
    pub fn new(weights: Arc<Matrix>) -> Self {
        Self { weights }
    }

    /// logits = weights × hidden state: `hidden[hidden_size]` → `logits[vocabulary_size]`, not
    /// normalised; softmax makes probabilities of them.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn logits(&self, hidden: ArrayView1<'_, f32>, logits: &mut Vec<f32>) -> Result<()> {
        let mut x = Activations::default();
        let values = x.prepare(1, hidden.len())?;
        for (value, hidden) in values.iter_mut().zip(hidden) {
            *value = *hidden;
        }
        let size = self.weights.rows();
        let missing = size.saturating_sub(logits.len());
        logits
            .try_reserve_exact(missing)
            .map_err(|_| Error::OutOfMemory(4 * missing))?;
        logits.resize(size, 0.0);
        kernels::linear(&self.weights, &mut x, logits);
        Ok(())
    }
}
