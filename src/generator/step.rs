//! The loop by hand: look at a step before it is taken, force a token, go back, branch off.

use super::record::Record;
use super::{FinishReason, Generator, Options, Run, Token, append, forward_chunk, predict};
use crate::error::check_option;
use crate::sampler::{Mask, Sampler, Stage, Step};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId, kernels};
use std::sync::Arc;

impl Generator {
    /// The next step without taking it: the distribution, with lists of up to `top` tokens, and what the
    /// stages make of it. `None` after the end of the text. Looking changes nothing, and the step itself then
    /// needs no other run of the model.
    ///
    /// Errors: those of [`Generator::next_token`].
    pub fn peek(&mut self, top: usize) -> Result<Option<Record>> {
        self.foresee()?;
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        if run.finish_reason.is_some() {
            return Ok(None);
        }
        record(run, &self.logits, &self.model.tokenizer, top, None).map(Some)
    }

    /// Appends the token `id` as if it had been drawn; `None` after the end of the text. What follows is
    /// drawn as ever: the number of the step decides about its random numbers, not the tokens before it.
    ///
    /// Errors: [`Error::InvalidOption`] for an `id` outside the vocabulary, [`Error::ForbiddenToken`] for one
    /// that the constraint does not allow, and those of
    /// [`Generator::next_token`].
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
    /// Errors: [`Error::NotStarted`]; [`Error::InvalidOption`] where fewer tokens were generated.
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
        run.retell(&self.model.tokenizer);
        run.settle(&mut self.session);
        // The last token is to be run again, to be predicted from, unless that prediction is at hand.
        let at_hand = run.predicted == Some(run.ids.len());
        let held = run.context_len() - usize::from(!at_hand);
        self.session.truncate(held);
        Ok(())
    }

    /// A second generator that stands where this one does and shares its weights; from here on each goes its
    /// own way. The KV cache is copied.
    ///
    /// Errors: [`Error::OutOfMemory`].
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
    /// Errors leave the options as they were: [`Error::NotStarted`], [`Error::InvalidOption`].
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

    /// One turn of the loop: the next token is drawn, or forced.
    pub(super) fn step(&mut self, forced: Option<TokenId>) -> Result<Option<Token>> {
        self.foresee()?;
        let started = (self.clock)();
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        if run.finish_reason.is_some() {
            return Ok(None);
        }
        // Room for the token comes first: once it is chosen nothing may fail.
        let no_room = |_| Error::OutOfMemory(size_of::<TokenId>());
        run.ids.try_reserve(1).map_err(no_room)?;
        run.states.try_reserve(1).map_err(no_room)?;

        let tokenizer = &self.model.tokenizer;
        let top = run.options.top_logprobs as usize;
        let bytes = |id| tokenizer.token_bytes(id);
        let step = Step {
            index: run.generated() as u64,
            history: Run::history(&run.ids, run.shift),
            bytes: &bytes,
            allowed: run.allowed.as_ref(),
        };
        let allows = |id| step.allowed.is_none_or(|allowed| allowed.allows(id));
        let choice = match forced {
            None => run.sampler.choose(&self.logits, &step, top),
            Some(id) if allows(id) => run.sampler.judge(id, &self.logits, &step, top),
            Some(id) => Err(Error::ForbiddenToken(id)),
        };
        let choice = choice.map_err(|error| run.explain(error))?;
        let ends = tokenizer.is_end_of_generation(choice.id);
        let (allowed, complete) = if run.options.constraint.is_some() && !ends {
            run.after(choice.id)?
        } else {
            (None, false)
        };
        let record = match run.options.record {
            Some(top) => Some(Box::new(record(
                run,
                &self.logits,
                tokenizer,
                top as usize,
                Some(choice.id),
            )?)),
            None => None,
        };
        run.states.push(run.sampler.state());
        run.sampler.learn(&choice);
        let mut token = append(&self.model, self.session.capacity(), run, choice, complete);
        token.record = record;
        run.allowed = allowed;

        run.spend((self.clock)() - started);
        run.steps += 1;
        Ok(Some(token))
    }

    /// Makes `logits` those of the next token, unless the text has ended. Tokens not yet run are the rest of
    /// the prompt at first, later the one token that the last turn appended, and after a shift what is left of the
    /// text.
    fn foresee(&mut self) -> Result<()> {
        let started = (self.clock)();
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        if run.options.constraint.is_some() {
            run.ask()?;
        }
        if run.finish_reason.is_some() || run.predicted == Some(run.ids.len()) {
            return Ok(());
        }
        run.settle(&mut self.session);
        let is_decode = self.session.len() + 1 == run.context_len();
        while self.session.len() < run.context_len() {
            forward_chunk(&self.model, &mut self.session, run)?;
        }
        // On an error the logits may be anything.
        run.predicted = None;
        predict(&self.model, &self.session, &mut self.logits)?;
        run.predicted = Some(run.ids.len());
        let elapsed = (self.clock)() - started;
        run.spend(elapsed);
        if is_decode {
            kernels::learn(elapsed);
        }
        Ok(())
    }
}

impl Run {
    /// Counts time towards the first token, or those after it.
    fn spend(&mut self, ms: f64) {
        match self.steps {
            0 => self.prefill_ms += ms,
            _ => self.decode_ms += ms,
        }
    }

    /// Asks the constraint what may come next, unless that is known. The text ends where nothing may.
    #[cold]
    #[inline(never)]
    fn ask(&mut self) -> Result<()> {
        if self.finish_reason.is_none() && self.allowed.is_none() {
            self.allowed = self.next()?;
            if self.allowed.is_none() {
                self.finish_reason = Some(FinishReason::Stop);
            }
        }
        Ok(())
    }

    /// What the constraint allows after one more token, and whether the text is complete with it.
    #[cold]
    #[inline(never)]
    fn after(&mut self, id: TokenId) -> Result<(Option<Mask>, bool)> {
        self.ids.push(id);
        let next = self.next();
        self.ids.pop();
        next.map(|next| {
            let complete = next.is_none();
            (next, complete)
        })
    }

    fn next(&self) -> Result<Option<Mask>> {
        let generated = &self.ids[self.prompt_len + self.unconstrained..];
        match &self.options.constraint {
            Some(constraint) => constraint.next(generated),
            None => Ok(None),
        }
    }

    /// Where nothing is left to draw, it need not be the model's fault.
    #[cold]
    #[inline(never)]
    fn explain(&self, error: Error) -> Error {
        match error {
            Error::NotFinite if self.allowed.is_some() => Error::Constraint(
                "none of the tokens that may follow is left to draw: are they banned?".into(),
            ),
            error => error,
        }
    }

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

fn record(
    run: &mut Run,
    logits: &[f32],
    tokenizer: &Tokenizer,
    top: usize,
    chosen: Option<TokenId>,
) -> Result<Record> {
    let index = run.generated();
    let bytes = |id| tokenizer.token_bytes(id);
    let step = Step {
        index: index as u64,
        history: Run::history(&run.ids, run.shift),
        bytes: &bytes,
        allowed: run.allowed.as_ref(),
    };
    let trace = run.sampler.trace(logits, &step, top, chosen)?;
    Ok(Record::new(index, trace, chosen, tokenizer))
}

fn copy<T: Copy>(values: &[T]) -> Result<Vec<T>> {
    let mut vec = Vec::new();
    vec.try_reserve_exact(values.len())
        .map_err(|_| Error::OutOfMemory(size_of_val(values)))?;
    vec.extend_from_slice(values);
    Ok(vec)
}
