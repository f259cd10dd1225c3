//! The loop by hand: look at a step before it is taken, force a token, go back, branch off.

use super::record::Record;
use super::turn::record;
use super::{Generator, Options, Run, Token};
use crate::error::check_option;
use crate::sampler::{Sampler, Stage};
use crate::{Error, Result, TokenId};
use std::sync::Arc;

impl Generator {
    /// The next step without taking it: the distribution, with lists of up to `top` tokens, and what the
    /// stages make of it. `None` after the end of the text. Looking changes nothing, and the step itself then
    /// needs no other run of the model.
    ///
    /// # Errors
    /// Those of [`Generator::next_token`].
    pub fn peek(&mut self, top: usize) -> Result<Option<Record>> {
        self.compute_logits()?;
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        if run.finish_reason.is_some() {
            return Ok(None);
        }
        record(run, &self.logits, &self.model.tokenizer, top, None).map(Some)
    }

    /// Appends the token `id` as if it had been drawn; `None` after the end of the text. What follows is
    /// drawn as ever: the number of the step decides about its random numbers, not the tokens before it.
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

    /// Takes back the last `count` generated tokens, as if they had never been: their text, the stop string
    /// or the end they led to, what penalties saw of them, mirostat's μ. Each step has random numbers of its
    /// own, from the seed and its number: going on gives the same tokens again, unless options or a forced
    /// token change something. The model runs for the step before at most, not at all where one token is
    /// taken back; but past a shift of the context for all that the context held there.
    ///
    /// # Errors
    /// [`Error::NotStarted`]; [`Error::InvalidOption`] where fewer tokens were generated.
    pub fn rewind(&mut self, count: usize) -> Result<()> {
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        let generated = run.generated();
        let allowed = format!("a whole number from 0 to {generated}, the tokens generated");
        check_option(count <= generated, "count", &allowed)?;
        if count == 0 {
            return Ok(());
        }
        let left = generated - count;
        run.ids.truncate(run.prompt_len + left);
        run.sampler.restore(run.states[left]);
        run.states.truncate(left);
        run.unconstrained = run.unconstrained.min(left);
        run.allowed = None;
        run.finish_reason = None;
        run.rebuild_text(&self.model.tokenizer);
        run.apply_shift(&mut self.session);
        // The last token is to be run again, to be predicted from, unless that prediction is at hand.
        let at_hand = run.predicted == Some(run.ids.len());
        let held = run.context_len() - usize::from(!at_hand);
        self.session.truncate(held);
        Ok(())
    }

    /// A second generator that stands where this one does and shares its weights; from here on each goes its
    /// own way. The KV cache is copied.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn fork(&self) -> Result<Generator> {
        let mut logits = Vec::new();
        logits
            .try_reserve_exact(self.logits.len())
            .map_err(|_| Error::OutOfMemory(4 * self.logits.len()))?;
        logits.extend_from_slice(&self.logits);
        let mut fork = Generator {
            model: Arc::clone(&self.model),
            session: self.session.fork()?,
            logits,
            clock: self.clock,
            run: self.run.as_ref().map(Run::fork).transpose()?,
        };
        if let Some(run) = &fork.run {
            // The hidden state was not copied: the last token run is run again where it is still needed.
            let ran_all = fork.session.len() == run.context_len();
            if ran_all && run.predicted != Some(run.ids.len()) {
                fork.session.truncate(run.context_len() - 1);
            }
        }
        Ok(fork)
    }

    /// The options in force: those of the start, with the changes since; the seed is the one in use.
    pub fn options(&self) -> Option<&Options> {
        self.run.as_ref().map(|run| &run.options)
    }

    /// Changes the options from the next token on: all but `stop`, `context_shift` and `n_keep`, which belong to
    /// the text. A seed that is absent stays as it is. A new constraint is one on what follows. The model need not
    /// run again for it.
    ///
    /// # Errors
    /// They leave the options as they were: [`Error::NotStarted`], [`Error::InvalidOption`].
    pub fn configure(&mut self, options: Options) -> Result<()> {
        self.check_options(&options)?;
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        let old = &run.options;
        for (name, same) in [
            ("stop", options.stop == old.stop),
            ("context_shift", options.context_shift == old.context_shift),
            ("n_keep", options.n_keep == old.n_keep),
        ] {
            check_option(same, name, "given at the start of a text")?;
        }
        run.seed = options.seed.unwrap_or(run.seed);
        run.sampler.configure(options.stages()?, run.seed);
        if options.constraint != run.options.constraint {
            run.unconstrained = run.generated();
            run.allowed = None;
        }
        run.options = Options {
            seed: Some(run.seed),
            ..options
        };
        Ok(())
    }

    /// The sampler's chain in its order: the stages that have an effect, with their parameters. Empty before
    /// the start.
    pub fn samplers(&self) -> &[Stage] {
        self.run.as_ref().map_or(&[], |run| run.sampler.stages())
    }

    /// The model's last prediction as it came, `[vocabulary_size]`: the logits the last token was chosen
    /// from, after [`Generator::peek`] those of the next one. `None` where there is none, as after
    /// [`Generator::rewind`].
    pub fn logits(&self) -> Option<&[f32]> {
        let run = self.run.as_ref()?;
        let predicted = run.predicted?;
        (predicted <= run.ids.len()).then_some(&self.logits)
    }
}

impl Run {
    /// The same text, to be continued apart.
    pub(super) fn fork(&self) -> Result<Run> {
        let mut sampler = Sampler::new(self.options.stages()?, self.seed);
        sampler.restore(self.sampler.state());
        Ok(Run {
            ids: copy(&self.ids)?,
            states: copy(&self.states)?,
            sampler,
            text: self.text.clone(),
            options: self.options.clone(),
            allowed: None,
            ..*self
        })
    }
}

fn copy<T: Copy>(values: &[T]) -> Result<Vec<T>> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(values.len())
        .map_err(|_| Error::OutOfMemory(size_of_val(values)))?;
    vec.extend_from_slice(values);
    Ok(vec)
}
