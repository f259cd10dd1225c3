//! The loop. In each step the model and the head compute logits, the sampler chooses a token, and the token is appended.

use super::append::append;
use super::draft::Draft;
use super::generation::Generation;
use super::record::record;
use super::speculation::Speculation;
use super::{FinishReason, Generator, Token};
use crate::allocation::reserve;
use crate::model::{Model, PREFILL_CHUNK, Session};
use crate::sampler::{Choice, Mask, Step};
use crate::tokenizer::Tokenizer;
use crate::{Error, Progress, Result, TokenId, kernels};

impl Generator {
    /// Generates the next token; `None` after the last one.
    ///
    /// # Errors
    /// [`Error::NotStarted`], [`Error::OutOfMemory`], [`Error::NotFinite`], [`Error::Constraint`].
    pub fn next_token(&mut self) -> Result<Option<Token>> {
        self.step(None)
    }

    /// The remaining tokens as an iterator, which ends after an error.
    pub fn tokens(&mut self) -> Tokens<'_> {
        Tokens {
            generator: self,
            failed: false,
        }
    }

    /// Generates the next token, sampled or `forced`; `None` after the end of the text.
    pub(super) fn step(&mut self, forced: Option<TokenId>) -> Result<Option<Token>> {
        self.compute_logits()?;
        let started = (self.clock)();
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        if generation.finish_reason.is_some() {
            return Ok(None);
        }
        // Make room for the token first: once it is chosen, nothing may fail.
        generation.reserve_token()?;
        let (tokenizer, logits) = (&self.model.tokenizer, self.prediction.logits());
        let choice = choose(generation, logits, tokenizer, forced)?;
        let (allowed, complete) = generation.mask_after_choice(choice.id, tokenizer)?;
        let record = generation.options.record.map(|top| {
            let chosen = Some(choice.id);
            record(generation, logits, tokenizer, top as usize, chosen)
        });
        let record = record.transpose()?;
        generation.states.push(generation.sampler.state());
        generation.sampler.accept(&choice);
        let mut token = append(
            tokenizer,
            self.session.capacity(),
            generation,
            choice,
            complete,
        );
        token.record = record.map(Box::new);
        generation.allowed = allowed;
        generation.add_elapsed((self.clock)() - started);
        generation.steps += 1;
        Ok(Some(token))
    }

    /// Computes the logits of the next token, unless the text has ended. It runs the tokens that the session lacks:
    /// the rest of the prompt at first, later the last token, and after a context shift all that moved.
    pub(super) fn compute_logits(&mut self) -> Result<()> {
        let started = (self.clock)();
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        if generation.options.constraint.is_some() {
            generation.update_mask()?;
        }
        if generation.finish_reason.is_some() || generation.predicted == Some(generation.ids.len())
        {
            return Ok(());
        }
        generation.apply_shift(&mut self.session);
        let ran = self.run_tokens()?;
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        // After an error the logits are undefined.
        generation.predicted = None;
        let drafted = ran.map_or(0, |(drafted, _)| drafted);
        self.prediction
            .predict(&self.model, &self.session, drafted)?;
        generation.predicted = Some(generation.ids.len());
        let elapsed = (self.clock)() - started;
        generation.add_elapsed(elapsed);
        if let Some((drafted, guessing_ms)) = ran {
            let elapsed = elapsed - guessing_ms;
            self.speculation.measure(drafted, elapsed as f32);
            if drafted == 0 {
                kernels::record_decode_time(elapsed);
            }
        }
        Ok(())
    }

    /// Runs the tokens that the session lacks. Where that is the last one alone, drafted ones are run with it: returns how
    /// many, and the milliseconds that a draft model took to guess them; or `None` where other tokens were run, or none
    /// because the last one had been drafted before.
    fn run_tokens(&mut self) -> Result<Option<(usize, f64)>> {
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        let (len, tokenizer) = (generation.ids.len(), &self.model.tokenizer);
        let is_decode = self.session.len() + 1 == generation.context_len();
        // A draft that is not accepted is taken back, which takes longer with recurrent layers than it saves.
        let speculates = generation.options.speculation
            && generation.steps > 0
            && self.session.truncates_freely();
        if speculates {
            self.speculation
                .observe(generation, tokenizer, self.draft.as_mut());
        }
        if is_decode && self.session.resume(generation.ids[len - 1]) {
            let row = self.session.last_row().unwrap_or(0);
            generation.accepted += self.speculation.accept(row);
            return Ok(None);
        }
        let mut guessing_ms = 0.0;
        if is_decode && speculates {
            let most = generation.room(self.session.capacity());
            let model = self.draft.as_mut();
            guessing_ms = draft(&self.speculation, generation, tokenizer, most, model);
        }
        let drafted = self.run_drafted(len)?;
        Ok(is_decode.then_some((drafted, guessing_ms)))
    }

    /// Runs the tokens that the session lacks of the first `len` of the text, and those after them, which are drafted and
    /// leave the text again. Returns how many of these there were.
    fn run_drafted(&mut self, len: usize) -> Result<usize> {
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        let mut drafted = generation.ids.len() - len;
        self.prediction.forget_rows();
        let mut ran = forward_all(&self.model, &mut self.session, generation);
        generation.ids.truncate(len);
        if ran.is_err() && (self.draft.as_mut().is_some_and(Draft::give_up) || drafted > 0) {
            // Memory may have been lacking that the guessed tokens take, or the draft model.
            drafted = 0;
            ran = forward_all(&self.model, &mut self.session, generation);
        }
        ran?;
        self.session.truncate(generation.context_len());
        self.speculation
            .count_from(self.session.last_row().unwrap_or(0));
        generation.drafted += drafted;
        Ok(drafted)
    }

    /// Runs the next chunk of the prompt, so that a caller can show progress and stay responsive;
    /// [`Generator::next_token`] runs what is left. Reused tokens count as done; once the text has ended, nothing is
    /// left to do.
    ///
    /// # Errors
    /// [`Error::NotStarted`], [`Error::OutOfMemory`].
    pub fn prefill(&mut self) -> Result<Progress> {
        let started = (self.clock)();
        let generation = self.generation.as_mut().ok_or(Error::NotStarted)?;
        generation.apply_shift(&mut self.session);
        let mut total = generation.prompt_len.min(generation.context_len());
        if generation.finish_reason.is_some() {
            // A caller that loops until the prompt is done would never stop otherwise.
            total = total.min(self.session.len());
        } else if self.session.len() < total {
            self.prediction.forget_rows();
            let mut ran = forward_chunk(&self.model, &mut self.session, generation);
            if ran.is_err() && self.draft.as_mut().is_some_and(Draft::give_up) {
                // A draft model may hold the memory that was lacking.
                ran = forward_chunk(&self.model, &mut self.session, generation);
            }
            ran?;
            generation.prefill_ms += (self.clock)() - started;
        }
        Ok(Progress {
            done: self.session.len().min(total),
            total,
        })
    }
}

/// The remaining tokens of a text; see [`Generator::tokens`].
pub struct Tokens<'a> {
    generator: &'a mut Generator,
    failed: bool,
}

crate::debug::debug_in_brief!(Tokens<'a> { failed });

impl Iterator for Tokens<'_> {
    type Item = Result<Token>;

    fn next(&mut self) -> Option<Result<Token>> {
        if self.failed {
            return None;
        }
        let next = self.generator.next_token().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// Appends guessed tokens to the text, at most `most`. Returns the milliseconds that the draft model took.
fn draft(
    speculation: &Speculation,
    generation: &mut Generation,
    tokenizer: &Tokenizer,
    most: usize,
    mut model: Option<&mut Draft>,
) -> f64 {
    let state = generation.sampler.state();
    if let Some(model) = &mut model {
        model.begin();
    }
    speculation.draft(generation, tokenizer, most, model.as_deref_mut());
    // The draft model chooses its tokens by the sampler, too.
    generation.sampler.restore(state);
    model.map_or(0.0, |model| model.ms)
}

/// Runs all tokens that the session lacks.
fn forward_all(model: &Model, session: &mut Session, generation: &Generation) -> Result<()> {
    while session.len() < generation.context_len() {
        forward_chunk(model, session, generation)?;
    }
    Ok(())
}

/// Runs the next tokens that the session lacks, at most one chunk of them.
fn forward_chunk(model: &Model, session: &mut Session, generation: &Generation) -> Result<()> {
    let rest = generation.tokens_to_run(session.len());
    let chunk = &rest[..rest.len().min(PREFILL_CHUNK)];
    model.forward(chunk, session)
}

/// Chooses a token with the sampler; or takes the forced one, if the constraint allows it.
fn choose(
    generation: &mut Generation,
    logits: &[f32],
    tokenizer: &Tokenizer,
    forced: Option<TokenId>,
) -> Result<Choice> {
    let top = generation.options.top_logprobs as usize;
    let bytes = |id| tokenizer.token_bytes(id);
    let step = Step {
        index: generation.generated() as u64,
        history: Generation::history(&generation.ids, generation.shift),
        bytes: &bytes,
        allowed: generation.allowed.as_ref(),
    };
    let allows = |id| step.allowed.is_none_or(|allowed| allowed.allows(id));
    let choice = match forced {
        None => generation.sampler.choose(logits, &step, top),
        Some(id) if allows(id) => generation.sampler.force(id, logits, &step, top),
        Some(id) => Err(Error::ForbiddenToken(id)),
    };
    choice.map_err(|error| generation.with_cause(error))
}

impl Generation {
    fn reserve_token(&mut self) -> Result<()> {
        reserve(&mut self.ids, 1)?;
        reserve(&mut self.states, 1)
    }

    /// The tokens that the constraint allows after this choice, and whether the text is complete with it.
    fn mask_after_choice(
        &mut self,
        id: TokenId,
        tokenizer: &Tokenizer,
    ) -> Result<(Option<Mask>, bool)> {
        if self.options.constraint.is_some() && !tokenizer.is_end_of_generation(id) {
            self.mask_after(id)
        } else {
            Ok((None, false))
        }
    }

    /// Adds to the time of the prefill (up to the first token) or of the decoding (the tokens after it).
    fn add_elapsed(&mut self, ms: f64) {
        match self.steps {
            0 => self.prefill_ms += ms,
            _ => self.decode_ms += ms,
        }
    }

    /// Asks the constraint which tokens may come next, unless that is known. Where none may, the text ends.
    #[cold]
    #[inline(never)]
    fn update_mask(&mut self) -> Result<()> {
        if self.finish_reason.is_none() && self.allowed.is_none() {
            self.allowed = self.next()?;
            if self.allowed.is_none() {
                self.finish_reason = Some(FinishReason::Stop);
            }
        }
        Ok(())
    }

    /// The tokens that the constraint allows after one more token, and whether the text is complete with that one.
    #[cold]
    #[inline(never)]
    fn mask_after(&mut self, id: TokenId) -> Result<(Option<Mask>, bool)> {
        let known = self.ahead.first();
        if known.is_some_and(|known| (known.0, known.1) == (self.ids.len(), id)) {
            return Ok((Some(self.ahead.remove(0).2), false));
        }
        self.ahead.clear();
        self.ids.push(id);
        let next = self.next();
        self.ids.pop();
        next.map(|next| {
            let complete = next.is_none();
            (next, complete)
        })
    }

    /// How many tokens may follow the next one: before `max_tokens` are there, and before the context is full.
    fn room(&self, capacity: usize) -> usize {
        let most = self.options.max_tokens.unwrap_or(usize::MAX);
        let left = most.saturating_sub(self.generated() + 1);
        left.min(capacity.saturating_sub(self.context_len()))
    }

    /// The tokens that the constraint allows next.
    pub(super) fn next(&self) -> Result<Option<Mask>> {
        let generated = &self.ids[self.prompt_len + self.constraint_start..];
        match &self.options.constraint {
            Some(constraint) => constraint.allowed_tokens(generated),
            None => Ok(None),
        }
    }

    /// Names the likely cause where no token is left to sample under a constraint: banned tokens, not the model.
    #[cold]
    #[inline(never)]
    fn with_cause(&self, error: Error) -> Error {
        match error {
            Error::NotFinite if self.allowed.is_some() => Error::Constraint(
                "none of the tokens that may follow is left to draw: are they banned?".into(),
            ),
            error => error,
        }
    }
}
