//! One step of the loop: the model and the head compute logits, the sampler chooses a token, the token is appended.

use super::record::Record;
use super::text::Text;
use super::{Candidate, FinishReason, Generator, Run, Token};
use crate::allocation::reserve;
use crate::model::{Model, PREFILL_CHUNK, Session};
use crate::sampler::{Choice, Mask, Step};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId, kernels};

impl Generator {
    /// Generates the next token, sampled or `forced`; `None` after the end of the text.
    pub(super) fn step(&mut self, forced: Option<TokenId>) -> Result<Option<Token>> {
        self.compute_logits()?;
        let started = (self.clock)();
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        if run.finish_reason.is_some() {
            return Ok(None);
        }
        // Make room for the token first: once it is chosen, nothing may fail.
        run.reserve_token()?;
        let tokenizer = &self.model.tokenizer;
        let choice = choose(run, &self.logits, tokenizer, forced)?;
        let (allowed, complete) = run.mask_after_choice(choice.id, tokenizer)?;
        let record = run.options.record.map(|top| {
            let chosen = Some(choice.id);
            record(run, &self.logits, tokenizer, top as usize, chosen)
        });
        let record = record.transpose()?;
        run.states.push(run.sampler.state());
        run.sampler.accept(&choice);
        let mut token = append(&self.model, self.session.capacity(), run, choice, complete);
        token.record = record.map(Box::new);
        run.allowed = allowed;
        run.add_elapsed((self.clock)() - started);
        run.steps += 1;
        Ok(Some(token))
    }

    /// Computes the logits of the next token, unless the text has ended. It runs the tokens that the session lacks:
    /// the rest of the prompt at first, later the last token, and after a context shift all that moved.
    pub(super) fn compute_logits(&mut self) -> Result<()> {
        let started = (self.clock)();
        let run = self.run.as_mut().ok_or(Error::NotStarted)?;
        if run.options.constraint.is_some() {
            run.update_mask()?;
        }
        if run.finish_reason.is_some() || run.predicted == Some(run.ids.len()) {
            return Ok(());
        }
        run.apply_shift(&mut self.session);
        let is_decode = self.session.len() + 1 == run.context_len();
        while self.session.len() < run.context_len() {
            forward_chunk(&self.model, &mut self.session, run)?;
        }
        // After an error the logits are undefined.
        run.predicted = None;
        predict(&self.model, &self.session, &mut self.logits)?;
        run.predicted = Some(run.ids.len());
        let elapsed = (self.clock)() - started;
        run.add_elapsed(elapsed);
        if is_decode {
            kernels::learn(elapsed);
        }
        Ok(())
    }
}

/// Runs the next tokens that the session lacks, at most one chunk of them.
pub(super) fn forward_chunk(model: &Model, session: &mut Session, run: &Run) -> Result<()> {
    let rest = run.rest(session.len());
    let chunk = &rest[..rest.len().min(PREFILL_CHUNK)];
    model.forward(chunk, session)
}

/// The head: hidden state of the last token → `logits[vocabulary_size]`.
fn predict(model: &Model, session: &Session, logits: &mut Vec<f32>) -> Result<()> {
    let hidden = session.hidden();
    let last = hidden.nrows().checked_sub(1).ok_or(Error::NotStarted)?;
    model.head.logits(hidden.row(last), logits)
}

/// Chooses a token with the sampler; or takes the forced one, if the constraint allows it.
fn choose(
    run: &mut Run,
    logits: &[f32],
    tokenizer: &Tokenizer,
    forced: Option<TokenId>,
) -> Result<Choice> {
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
        None => run.sampler.choose(logits, &step, top),
        Some(id) if allows(id) => run.sampler.force(id, logits, &step, top),
        Some(id) => Err(Error::ForbiddenToken(id)),
    };
    choice.map_err(|error| run.with_cause(error))
}

/// Appends the chosen token to the text and decides whether the text ends with it, as it does where the constraint
/// says that it is `complete`.
fn append(
    model: &Model,
    context_length: usize,
    run: &mut Run,
    choice: Choice,
    complete: bool,
) -> Token {
    let tokenizer = &model.tokenizer;
    run.ids.push(choice.id);
    let (mut text, stopped, ends) = push_token(&mut run.text, tokenizer, choice.id);
    if ends {
        text.push_str(&run.text.finish());
    }
    // The last token is never run, so the text may have one token more than the context holds.
    let full = run.shift.is_none() && run.ids.len() > context_length
        || run.generated() >= run.options.max_tokens.unwrap_or(usize::MAX);
    if stopped || ends {
        run.finish_reason = Some(FinishReason::Stop);
    } else if complete || full {
        text.push_str(&run.text.finish());
        run.finish_reason = Some(match complete {
            true => FinishReason::Stop,
            false => FinishReason::Length,
        });
    }
    let candidate = |alternative| Candidate::new(alternative, tokenizer);
    Token {
        id: choice.id,
        text,
        logprob: choice.logprob,
        probability: choice.probability,
        top_logprobs: choice.alternatives.iter().map(candidate).collect(),
        finish_reason: run.finish_reason,
        record: None,
    }
}

/// Appends a token to a text. Returns the text that it completes, whether a stop string ends the text there, and
/// whether the token itself does (end of generation).
pub(super) fn push_token(
    text: &mut Text,
    tokenizer: &Tokenizer,
    id: TokenId,
) -> (String, bool, bool) {
    let ends = tokenizer.is_end_of_generation(id);
    let bytes = if ends { &[] } else { tokenizer.token_bytes(id) };
    let (new, stopped) = text.push(id, bytes);
    (new, stopped, ends)
}

impl Run {
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

/// The record of the current step, with lists of up to `top` tokens.
pub(super) fn record(
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
