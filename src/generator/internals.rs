//! A look inside the model at a step: the hidden state, what each layer would say, where the token attends to.

use super::Generator;
use crate::allocation::with_capacity;
use crate::sampler::Sampler;
use crate::score::{Expected, most_expected};
use crate::{Error, Result};

/// What happened inside the model as it predicted the next token; see [`Generator::internals`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Internals {
    /// The hidden state of the last token after the final norm, `[hidden_size]`: what the head reads.
    pub hidden: Vec<f32>,
    /// The logit lens: the most probable next tokens, best first, if final norm and head read the residual stream after
    /// each of the layers. After the last one they are those of the model itself.
    pub layers: Vec<Vec<Expected>>,
    /// The attention weights of the last token, those of each layer `[heads][positions]`, with all tokens of the context
    /// as positions. Empty for a layer that has a short convolution instead.
    pub attention: Vec<Vec<f32>>,
}

impl Generator {
    /// Looks inside the model at the next step without taking it, with the `top` best tokens after each layer; the head
    /// is run for each, unless `top` is 0. `None` after the end of the text. The last token is run once more for this;
    /// the text and what follows stay the same.
    ///
    /// # Errors
    /// Those of [`Generator::next_token`].
    pub fn internals(&mut self, top: usize) -> Result<Option<Internals>> {
        self.compute_logits()?;
        let generation = self.generation.as_ref().ok_or(Error::NotStarted)?;
        let last = generation.ids.last().copied();
        let Some(last) = last.filter(|_| generation.finish_reason.is_none()) else {
            return Ok(None);
        };
        // Tokens that were run ahead of their turn are forgotten; the prediction at hand stays.
        self.prediction.forget_rows();
        self.session.truncate(generation.context_len() - 1);
        let outputs = self.model.forward_with_outputs(last, &mut self.session)?;
        self.speculation.count_from(0);
        Ok(Some(Internals {
            hidden: self.session.hidden_rows(0..1).to_vec(),
            layers: self.logit_lens(&outputs.residuals, top)?,
            attention: outputs.attention,
        }))
    }

    /// The `top` most probable tokens after each layer.
    fn logit_lens(&self, residuals: &[f32], top: usize) -> Result<Vec<Vec<Expected>>> {
        let (mut logits, mut sampler) = (Vec::new(), Sampler::new(Vec::new(), 0));
        let mut layers = with_capacity(self.model.config.layers)?;
        let residuals = residuals.chunks_exact(self.model.config.hidden_size);
        for residual in residuals.take_while(|_| top > 0) {
            self.model.logit_lens(residual, &mut logits)?;
            let tokenizer = &self.model.tokenizer;
            layers.push(most_expected(&mut logits, top, &mut sampler, tokenizer)?.0);
        }
        Ok(layers)
    }
}
