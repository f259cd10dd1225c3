//! The linear head: hidden state → logits.
#![allow(missing_docs, unused)]
use crate::Result;
use ndarray::ArrayView1;
/// The final linear layer.
pub struct Head;
impl Head {
    /// hidden state `[hidden_size]` → `logits[vocabulary_size]`.
    pub fn logits(&self, hidden: ArrayView1<'_, f32>, logits: &mut Vec<f32>) -> Result<()> { todo!() }
}
