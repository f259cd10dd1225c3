//! Stepping by hand: look at a step before it is taken, force a token, rewind, fork.

use super::draft::Draft;
use super::generation::Generation;
use super::record::{Record, record};
use super::{Generator, Options, Token};
use crate::allocation::copy;
use crate::error::check_option;
use crate::sampler::{Sampler, Stage};
use crate::{Error, Result, TokenId};
use std::sync::Arc;

impl Generator {
    /// The record of the next step without taking it: the distribution, with lists of up to `top` tokens, and what
    /// the stages make of it. `None` after the end of the text. Nothing changes, and the step itself then does not
    /// run the model again.
    ///
    /// # Errors
    /// Those of [`Generator::next_token`].
    pub fn peek(&mut self, top: usize) -> Result<Option<Record>> {
        self.compute_logits()?;
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        if generation.finish_reason.is_some() {
            return Ok(None);
        }
        let logits = self.prediction.logits();
        record(generation, logits, &self.model.tokenizer, top, None).map(Some)
    }

    /// Appends the token `id` as if it had been sampled; `None` after the end of the text. The tokens that follow are
    /// sampled as usual: their random numbers depend on the number of the step, not on the tokens before it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for an `id` outside the vocabulary, [`Error::ForbiddenToken`] for one that the
    /// constraint does not allow, and those of [`Generator::next_token`].
    pub fn accept(&mut self, id: TokenId) -> Result<Option<Token>> {
        let last = self.model.config.vocabulary_size.saturating_sub(1);
        let allowed = format!("a token from 0 to {last}");
        check_option(id as usize <= last, "id", &allowed)?;
        self.step(Some(id))
    }

    /// Removes the last `count` generated tokens with all their effects: their text, a stop string or an end they led
    /// to, their part in penalties and in mirostat's μ. Each step has random numbers of its own, which depend on the
    /// seed and the number of the step only. Generating again therefore gives the same tokens, unless an option
    /// changes or a token is forced. To go on, the model runs at most one token again, and none where only one was
    /// removed; where a context shift is undone, it runs the whole context of that time again. With recurrent layers,
    /// whose state cannot be taken back, it runs the tokens since the latest checkpoint of the state: up to 64, and the
    /// more the more was removed.
    ///
    /// # Errors
    /// [`Error::NotStarted`]; [`Error::InvalidOption`] where fewer tokens were generated.
    pub fn rewind(&mut self, count: usize) -> Result<()> {
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        let generated = generation.generated();
        let allowed = format!("a whole number from 0 to {generated}, the tokens generated");
        check_option(count <= generated, "count", &allowed)?;
        if count == 0 {
            return Ok(());
        }
        let left = generated - count;
        generation.ids.truncate(generation.prompt_len + left);
        generation.sampler.restore(generation.states[left]);
        generation.states.truncate(left);
        generation.constraint_start = generation.constraint_start.min(left);
        generation.allowed = None;
        generation.ahead.clear();
        generation.finish_reason = None;
        generation.rebuild_text(&self.model.tokenizer);
        generation.apply_shift(&mut self.session);
        // The last token has to be run again for its prediction, unless the current logits are that prediction.
        let at_hand = generation.predicted == Some(generation.ids.len());
        let held = generation.context_len() - usize::from(!at_hand);
        self.session.truncate(held);
        Ok(())
    }

    /// A second generator in the same state, independent from here on. It shares the weights and copies the KV cache.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn fork(&self) -> Result<Generator> {
        let mut fork = Generator {
            model: Arc::clone(&self.model),
            adapters: self.adapters.clone(),
            session: self.session.fork()?,
            prediction: self.prediction.fork()?,
            speculation: self.speculation,
            clock: self.clock,
            generation: self.generation.as_ref().map(Generation::fork).transpose()?,
            // Last, because it can do without a copy.
            draft: self.draft.as_ref().map(Draft::fork).transpose()?,
        };
        if let Some(generation) = &fork.generation {
            // The hidden state was not copied: run the last token again where its prediction is still needed.
            let ran_all = fork.session.len() == generation.context_len();
            if ran_all && generation.predicted != Some(generation.ids.len()) {
                fork.session.truncate(generation.context_len() - 1);
            }
        }
        Ok(fork)
    }

    /// The current options: those of the start with all changes since, and the seed in use.
    pub fn options(&self) -> Option<&Options> {
        self.generation
            .as_ref()
            .map(|generation| &generation.options)
    }

    /// Changes the options from the next token on, except for `stop`, `context_shift`, `n_keep` and `adapters`,
    /// which belong to the text. An absent seed leaves the seed as it is. A new constraint applies to the text from here on. The
    /// model does not run again for this.
    ///
    /// # Errors
    /// [`Error::NotStarted`], [`Error::InvalidOption`]. The options are then unchanged.
    pub fn configure(&mut self, options: Options) -> Result<()> {
        self.check_options(&options)?;
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        let old = &generation.options;
        for (name, same) in [
            ("stop", options.stop == old.stop),
            ("context_shift", options.context_shift == old.context_shift),
            ("n_keep", options.n_keep == old.n_keep),
            ("adapters", options.adapters == old.adapters),
        ] {
            check_option(same, name, "given at the start of a text")?;
        }
        generation.seed = options.seed.unwrap_or(generation.seed);
        generation
            .sampler
            .configure(options.stages()?, generation.seed);
        if options.constraint != generation.options.constraint {
            generation.constraint_start = generation.generated();
            generation.allowed = None;
            generation.ahead.clear();
        }
        generation.options = Options {
            seed: Some(generation.seed),
            ..options
        };
        Ok(())
    }

    /// The sampler's chain: the stages that have an effect, in their order, with their parameters. Empty before the
    /// start.
    pub fn samplers(&self) -> &[Stage] {
        self.generation
            .as_ref()
            .map_or(&[], |generation| generation.sampler.stages())
    }

    /// The model's last prediction, unchanged by the sampler, `[vocabulary_size]`: the logits the last token was
    /// chosen from, or after [`Generator::peek`] those of the next token. `None` where there are none, as before the
    /// start and after [`Generator::rewind`].
    pub fn logits(&self) -> Option<&[f32]> {
        let generation = self.generation.as_ref()?;
        let predicted = generation.predicted?;
        (predicted <= generation.ids.len()).then(|| self.prediction.logits())
    }
}

impl Generation {
    /// An independent copy of the text.
    pub(super) fn fork(&self) -> Result<Generation> {
        let mut sampler = Sampler::new(self.options.stages()?, self.seed);
        sampler.restore(self.sampler.state());
        Ok(Generation {
            ids: copy(&self.ids)?,
            states: copy(&self.states)?,
            sampler,
            text: self.text.clone(),
            options: self.options.clone(),
            allowed: None,
            ahead: Vec::new(),
            ..*self
        })
    }
}
