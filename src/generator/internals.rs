//! A look inside the model at a step: the hidden state, what each layer would say, where the token attends to.

use super::Generator;
use crate::allocation::{copy, with_capacity};
use crate::sampler::Sampler;
use crate::score::{Expected, most_expected};
use crate::{Error, Result};

/// Layers that the head is run for at once: it reads its weights once for all of them.
const LENS_LAYERS: usize = 8;

/// What happened inside the model as it predicted the next token; see [`Generator::internals`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Internals {
    /// The hidden state of the last token after the final norm, `[hidden_size]`: what the head reads.
    pub hidden: Vec<f32>,
    /// The logit lens: the most probable next tokens, best first, if final norm and head read the residual stream after
    /// each of the layers. After the last one they are those of the model itself. A layer of which the logits are not
    /// finite has none.
    pub layers: Vec<Vec<Expected>>,
    /// The attention weights of the last token, those of each layer `[heads][positions]`, with all tokens of the context
    /// as positions. Empty for a layer that has a short convolution instead.
    pub attention: Vec<Vec<f32>>,
}

impl Generator {
    /// Looks inside the model at the next step without taking it: `top` best tokens after each layer, for which the head
    /// is run for each (no layers where `top` is 0), and the weights of `attention` if wanted. `None` after the end of
    /// the text. The last token is run once more for this (with recurrent layers, whose state cannot be taken back, all
    /// tokens since a checkpoint of it), and those that were run ahead of their turn are forgotten; the text and what
    /// follows stay the same.
    ///
    /// # Errors
    /// Those of [`Generator::next_token`].
    pub fn internals(&mut self, top: usize, attention: bool) -> Result<Option<Internals>> {
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        if self.session.len() + 1 < generation.context_len() {
            // The next logits are there from before a context shift that was taken back, but not the hidden states that
            // they were predicted from. So the last token is run again.
            generation.predicted = None;
        }
        self.compute_logits()?;
        let generation = self.generation.as_ref().ok_or(Error::NotStarted)?;
        let last = generation.ids.last().copied();
        let Some(last) = last.filter(|_| generation.finish_reason.is_none()) else {
            return Ok(None);
        };
        self.prediction.forget_rows();
        let session = &mut self.session;
        let before = generation.context_len() - 1;
        session.truncate(before);
        while session.len() < before {
            let rest = generation.tokens_to_run(session.len());
            let most = rest.len().min(before - session.len());
            self.model.prefill(&rest[..most], session)?;
        }
        // A look at the next step then runs one token again.
        if !session.truncates_freely() {
            session.keep_checkpoint();
        }
        let outputs = self.model.forward_with_outputs(last, session, attention)?;
        self.speculation.count_from(0);
        Ok(Some(Internals {
            hidden: copy(self.session.hidden_rows(0..1))?,
            layers: self.logit_lens(&outputs.residuals, top)?,
            attention: outputs.attention,
        }))
    }

    /// The `top` most probable tokens after each layer.
    fn logit_lens(&self, residuals: &[f32], top: usize) -> Result<Vec<Vec<Expected>>> {
        let (config, tokenizer) = (&self.model.config, &self.model.tokenizer);
        let (mut logits, mut sampler) = (Vec::new(), Sampler::new(Vec::new(), 0));
        let mut layers = with_capacity(config.layers)?;
        let some_layers = residuals.chunks(LENS_LAYERS * config.hidden_size);
        for residuals in some_layers.take_while(|_| top > 0) {
            self.model.logit_lens(residuals, &mut logits)?;
            let vocabulary = logits.len() / (residuals.len() / config.hidden_size);
            for logits in logits.chunks_exact_mut(vocabulary) {
                layers.push(match most_expected(logits, top, &mut sampler, tokenizer) {
                    Ok((expected, _)) => expected,
                    Err(Error::NotFinite) => Vec::new(),
                    Err(error) => return Err(error),
                });
            }
        }
        Ok(layers)
    }
}
