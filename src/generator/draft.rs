//! A draft model: a smaller one with the same vocabulary, which guesses the next tokens (Leviathan et al. 2023).
//!
//! A guess is what the sampler would choose from its logits with the random number of that step. Where both models
//! expect much the same, both therefore choose the same token, at any temperature. How often the guesses are right, and
//! how long they take, is measured; the model is asked only while that promises to save time, and now and then to see
//! whether it does by now.

use super::generation::Generation;
use super::prediction::Prediction;
use super::speculation::{FORGETTING_RATE, LEARNING_RATE, Prospect, learn};
use super::{Clock, Generator};
use crate::allocation::{copy, reserve};
use crate::error::check_option;
use crate::kernels::threads;
use crate::model::{Model, PREFILL_CHUNK, Session};
use crate::sampler::{Choice, Step};
use crate::{Result, TokenId};
use std::sync::Arc;

/// The kinds of guesses: how many of these log-probabilities the draft model's own one of the token reaches. They are
/// those of 25, 50, 75 and 90 %.
const CONFIDENCE: [f32; 4] = [-1.386, -0.693, -0.288, -0.105];
/// How often guesses of each kind are taken to be right at first.
const RATES: [f32; CONFIDENCE.len() + 1] = [0.3, 0.5, 0.7, 0.8, 0.9];
/// How often all of them are. It is high, so that every draft model is tried.
const RATE: f32 = 0.9;
/// How many guesses this stands for, and of how many the average is taken later.
const FIRST_GUESSES: f32 = 4.0;
const MOST_GUESSES: f32 = 32.0;
/// How many steps without a guess weigh as much as one with a wrong guess: what did not pay is tried again after some
/// eighty.
const STEPS_TO_FORGET: f32 = 64.0;
/// The most tokens that the draft model lacks before a guess in a row of them, all of which were right.
const USUAL_LACK: usize = 2;

/// A guess: the index of the token in the text, its kind, and the token.
#[derive(Debug, Clone, Copy)]
struct Guess {
    at: usize,
    kind: usize,
    id: TokenId,
}

/// The draft model of a generator, with a session of its own, and what is known about its guesses.
pub(super) struct Draft {
    model: Arc<Model>,
    session: Session,
    prediction: Prediction,
    /// The tokens that the session holds.
    ids: Vec<TokenId>,
    /// The guesses since the text last took another way.
    guesses: Vec<Guess>,
    /// How often its guesses are right, those of each kind, and all of them.
    rates: [f32; RATES.len()],
    rate: f32,
    /// How many guesses `rate` is an average of.
    averaged: f32,
    /// The time that a guess takes, in steps of the generator's own model; and what is taken for it at first.
    cost: f32,
    first_cost: f32,
    clock: Clock,
    /// Milliseconds that its guesses have taken since [`Draft::begin`].
    pub ms: f64,
}

impl Generator {
    /// Makes `draft` the model that guesses tokens of this generator's texts, where neither the text so far nor a
    /// constraint has a better guess; `None` removes it. That changes no text, only the time it takes; see
    /// [`Options::speculation`](super::Options::speculation).
    ///
    /// It is a smaller model of the same family, and pays where it is several times as fast and often right: how often
    /// and how fast is measured, and where it does not pay it is asked only now and then. With recurrent layers in either
    /// model, whose state cannot be taken back, it guesses nothing.
    ///
    /// Besides its weights it takes memory for a KV cache of its own, of the generator's cache type and for at most as
    /// many tokens as the generator's context holds. It runs the text from its start, a piece at each step, before it
    /// guesses for the first time. Where its memory is lacking, it guesses nothing, and the text goes on without. Forks
    /// share the model, and copy its KV cache; snapshots do not hold it.
    ///
    /// ```no_run
    /// # fn main() -> nexttoken::Result<()> {
    /// use nexttoken::generator::{Context, Generator, Options};
    /// use nexttoken::model::Model;
    /// # use std::sync::Arc;
    ///
    /// let model = Arc::new(Model::open("SmolLM2-1.7B-Instruct.gguf")?);
    /// let mut generator = Generator::new(model, Context::default())?;
    /// generator.set_draft(Some(Arc::new(Model::open("SmolLM2-135M-Instruct.gguf")?)))?;
    /// generator.start("Good morning", Options::default())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) unless its vocabulary has the same tokens with the same ids;
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory). The one before then stays.
    pub fn set_draft(&mut self, draft: Option<Arc<Model>>) -> Result<()> {
        let draft = draft.map(|model| Draft::new(self, model));
        self.draft = draft.transpose()?;
        Ok(())
    }

    /// The draft model, if there is one.
    pub fn draft(&self) -> Option<&Arc<Model>> {
        self.draft.as_ref().map(|draft| &draft.model)
    }
}

impl Draft {
    fn new(generator: &Generator, model: Arc<Model>) -> Result<Self> {
        let target = &generator.model;
        let same = model.tokenizer.has_tokens_of(&target.tokenizer);
        check_option(same, "draft", "a model with the same vocabulary")?;
        let positions = generator.session.capacity();
        let positions = positions.min(model.config.context_length);
        // A guess takes about as long as its weights take to be read.
        let cost = model.weight_bytes as f32 / target.weight_bytes.max(1) as f32;
        Ok(Draft {
            session: Session::new(&model, positions, generator.session.cache_type())?,
            model,
            prediction: Prediction::default(),
            ids: Vec::new(),
            guesses: Vec::new(),
            rates: RATES,
            rate: RATE,
            averaged: FIRST_GUESSES,
            cost,
            first_cost: cost,
            clock: generator.clock,
            ms: 0.0,
        })
    }

    /// The draft model of a fork.
    pub fn fork(&self) -> Result<Self> {
        // Without memory for a copy, the fork's runs the text once more.
        let session = self.session.fork();
        let copied = session.and_then(|session| Ok((session, copy(&self.ids)?)));
        let empty = |_| Ok((self.session.empty(&self.model)?, Vec::new()));
        let (session, ids) = copied.or_else(empty)?;
        Ok(Draft {
            model: Arc::clone(&self.model),
            session,
            prediction: Prediction::default(),
            ids,
            guesses: Vec::new(),
            ..*self
        })
    }

    /// See [`Generator::set_clock`].
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// See [`Generator::set_draft_cost`].
    pub fn set_cost(&mut self, cost: f32) {
        (self.cost, self.first_cost) = (cost, cost);
    }

    /// Forgets the text; the memory of the KV cache is kept.
    pub fn reset(&mut self) {
        self.session.truncate(0);
        self.ids.clear();
    }

    /// Gives its KV cache's memory back, and guesses nothing for long. False where it had none.
    pub fn give_up(&mut self) -> bool {
        // Where memory is lacking, nothing more may be taken.
        self.rate = 0.0;
        self.session.release_cache()
    }

    /// Learns from the last token of the text whether the guess for it was right.
    pub fn observe(&mut self, ids: &[TokenId]) {
        let Some((last, before)) = ids.split_last() else {
            return;
        };
        let mut guesses = self.guesses.iter();
        if let Some(guess) = guesses.find(|guess| guess.at == before.len()) {
            let right = f32::from(u8::from(guess.id == *last));
            learn(&mut self.rates[guess.kind], right, LEARNING_RATE);
            learn(&mut self.rate, right, 1.0 / self.averaged);
            self.averaged = (self.averaged + 1.0).min(MOST_GUESSES);
        } else {
            learn(
                &mut self.rate,
                RATE,
                1.0 / (self.averaged * STEPS_TO_FORGET),
            );
            learn(&mut self.cost, self.first_cost, FORGETTING_RATE);
        }
    }

    /// Begins another row of guesses.
    pub fn begin(&mut self) {
        self.guesses.clear();
        self.ms = 0.0;
    }

    /// Whether a guess for the next token promises more than the one that is free, and all guesses together are worth
    /// what they take.
    pub fn pays(&self, so_far: &Prospect) -> bool {
        let cost = so_far.each + self.cost;
        let free = so_far.chance * so_far.free - so_far.each;
        let mut chance = so_far.chance * self.rate;
        if chance - cost <= free.max(0.0) || !self.session.truncates_freely() {
            return false;
        }
        // The number of threads is measured in steps without a draft.
        if threads::is_searching() {
            return false;
        }
        let mut saved = so_far.saved;
        for _ in 0..so_far.room {
            saved += (chance - cost).max(0.0);
            chance *= self.rate;
        }
        saved >= 0.0
    }

    /// A guess for the next token of a text whose last tokens, `ahead` of them, are guesses too: how often such guesses
    /// are right, and the token. `None` where the draft model has still to run more of the text, or cannot.
    pub fn guess(
        &mut self,
        generation: &mut Generation,
        ahead: usize,
        step_ms: f32,
    ) -> Option<(f32, TokenId)> {
        if generation.context_len() > self.session.capacity() {
            return None;
        }
        let started = (self.clock)();
        let lacking = self.keep_prefix(generation);
        let guessed = self.try_guess(generation, ahead);
        let ms = (self.clock)() - started;
        self.ms += ms;
        if lacking <= USUAL_LACK && step_ms > 0.0 {
            // Now and then the machine does something else meanwhile, which is not to count for much.
            let cost = (ms as f32 / step_ms).min(2.0 * self.cost);
            learn(&mut self.cost, cost, LEARNING_RATE);
        }
        if guessed.is_err() {
            self.give_up();
        }
        guessed.ok().flatten()
    }

    fn try_guess(
        &mut self,
        generation: &mut Generation,
        ahead: usize,
    ) -> Result<Option<(f32, TokenId)>> {
        reserve(&mut self.guesses, 1)?;
        self.run_chunk(generation)?;
        if self.ids.len() < generation.context_len() {
            return Ok(None);
        }
        self.prediction.predict(&self.model, &self.session, 0)?;
        let Choice { id, logprob, .. } = self.choose(generation, ahead)?;
        let reached = CONFIDENCE.iter().filter(|least| logprob >= **least);
        let (at, kind) = (generation.ids.len(), reached.count());
        self.guesses.push(Guess { at, kind, id });
        Ok(Some((self.rates[kind], id)))
    }

    /// Truncates the session to what it has in common with the text, without the last token, which is run again for its
    /// prediction. Returns how many tokens it lacks.
    fn keep_prefix(&mut self, generation: &Generation) -> usize {
        let pairs = self.ids.iter().zip(generation.context());
        let common = pairs.take_while(|(held, id)| held == id).count();
        let len = generation.context_len();
        self.session.truncate(common.min(len - 1));
        self.ids.truncate(self.session.len());
        len - self.ids.len()
    }

    /// Runs the next tokens that the session lacks, at most one chunk of them.
    fn run_chunk(&mut self, generation: &Generation) -> Result<()> {
        let rest = generation.tokens_to_run(self.ids.len());
        let chunk = &rest[..rest.len().min(PREFILL_CHUNK)];
        reserve(&mut self.ids, chunk.len())?;
        self.prediction.forget_rows();
        self.model.forward(chunk, &mut self.session)?;
        self.ids.extend_from_slice(chunk);
        Ok(())
    }

    /// What the text's sampler chooses from the current logits.
    fn choose(&self, generation: &mut Generation, ahead: usize) -> Result<Choice> {
        let allowed = match ahead.checked_sub(1) {
            None => generation.allowed.as_ref(),
            Some(last) => generation.ahead.get(last).map(|ahead| &ahead.2),
        };
        let step = Step {
            index: generation.generated() as u64,
            history: Generation::history(&generation.ids, generation.shift),
            bytes: &|id| self.model.tokenizer.token_bytes(id),
            allowed,
        };
        let sampler = &mut generation.sampler;
        let choice = sampler.choose(self.prediction.logits(), &step, 0)?;
        sampler.accept(&choice);
        Ok(choice)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::generator::{Context, Options};

    fn storyteller() -> Arc<Model> {
        Arc::new(Model::open("www/stories.gguf").unwrap())
    }

    #[test]
    fn what_is_given_up_in_the_middle_of_a_text_changes_nothing() {
        let write = |drafts: bool| {
            let mut generator = Generator::new(storyteller(), Context::default()).unwrap();
            if drafts {
                generator.set_draft(Some(storyteller())).unwrap();
                generator.set_draft_cost(0.0);
            }
            let options = Options {
                seed: Some(1),
                max_tokens: Some(40),
                ..Options::default()
            };
            generator.start("Once upon a time", options).unwrap();
            let mut ids = Vec::new();
            while let Some(token) = generator.next_token().unwrap() {
                ids.push(token.id);
                if let (20, Some(draft)) = (ids.len(), &mut generator.draft) {
                    assert!(draft.give_up());
                    assert_eq!((draft.session.cache_bytes(), draft.session.len()), (0, 0));
                    assert!(!draft.give_up());
                    // As if it had been long ago.
                    draft.rate = 1.0;
                }
            }
            let held = generator.draft.map(|draft| draft.session.cache_bytes());
            assert_ne!(held, Some(0));
            ids
        };
        assert_eq!(write(true), write(false));
    }
}
