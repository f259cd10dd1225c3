//! Speculation: tokens that can be guessed are run together with the last one, by the kernels that read prompts, which
//! takes less time than to run one after the other.
//!
//! It changes no text. Each token is chosen when its turn comes, from the same logits and with the same random numbers
//! as without; where it is the one that was guessed, the model has run it already, and otherwise the text continues as
//! if nothing had been guessed.
//!
//! A guess is what followed the last time the text came to the same tokens ([`Lookup`](super::lookup::Lookup)). Where a
//! constraint leaves few tokens, it is also what was chosen the last time from the same ones, and the token that most of
//! the others are beginnings of, or one that stands in the text ([`Guesses`]). Where a draft model promises more than
//! these, it is asked ([`Draft`]). How often the guesses of each kind are right is learned at every step, whether or not
//! they are run, and what it takes to run them is measured. A token is drafted while the chance that the text reaches it
//! exceeds what it adds to the time, and only if all of them together save time.

use super::draft::Draft;
use super::generation::Generation;
use super::guesses::Guesses;
use crate::TokenId;
use crate::allocation::reserve;
use crate::tokenizer::Tokenizer;

/// The most tokens to draft at once.
const MOST_DRAFTED: usize = 15;
/// The weight of a new value in a moving average.
pub(super) const LEARNING_RATE: f32 = 1.0 / 8.0;
/// The costs of a draft that are taken for true at first, and to which the measured ones return slowly, so that what
/// was slow is tried again.
const COSTS: Costs = Costs {
    fixed: 0.1,
    each: 0.35,
};
/// The weight of these costs at each step without a draft.
pub(super) const FORGETTING_RATE: f32 = 1.0 / 256.0;

/// How much longer a forward pass with guessed tokens takes than one with a single token, in units of the latter's
/// time.
#[derive(Debug, Clone, Copy)]
struct Costs {
    fixed: f32,
    each: f32,
}

/// What decides which tokens are drafted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speculation {
    guesses: Guesses,
    /// Milliseconds that the model takes for one token; 0 before the first.
    step_ms: f32,
    costs: Costs,
    /// The row of the last forward pass up to which its tokens are counted as accepted.
    counted: usize,
}

impl Default for Speculation {
    fn default() -> Self {
        Speculation {
            guesses: Guesses::default(),
            step_ms: 0.0,
            costs: COSTS,
            counted: 0,
        }
    }
}

/// What the tokens drafted so far promise, and what is to be known for the next one.
pub(super) struct Prospect {
    /// The chance that the text comes to all of them.
    pub chance: f32,
    /// The time that they save, in steps.
    pub saved: f32,
    /// The time that one more takes to be run.
    pub each: f32,
    /// How often the guess for the next one that is at hand is right; 0 without any.
    pub free: f32,
    /// How many more may be drafted.
    pub room: usize,
}

/// Takes a new value into an exponential moving average.
pub(super) fn learn(average: &mut f32, value: f32, rate: f32) {
    *average += (value - *average) * rate;
}

impl Speculation {
    /// See [`Generator::set_draft_cost`].
    pub fn set_cost(&mut self, cost: f32) {
        self.costs = Costs {
            fixed: cost,
            each: cost,
        };
    }

    /// Forgets what was learned from the previous text. Tokens that were drafted for it no longer count as accepted.
    pub fn start(&mut self) {
        self.guesses.start();
        self.counted = usize::MAX;
    }

    /// Learns from the last token whether the guess for it was right, and makes the next guess.
    pub fn observe(
        &mut self,
        generation: &Generation,
        tokenizer: &Tokenizer,
        model: Option<&mut Draft>,
    ) {
        let ids = &generation.ids;
        if self.guesses.are_for_last(ids) {
            if let Some(model) = model {
                model.observe(ids);
            }
            self.guesses.learn(ids);
        }
        self.guesses
            .follow(ids, generation.allowed.as_ref(), tokenizer);
    }

    /// Appends to the text the tokens that are worth to be drafted, at most `most`, and keeps what a constraint allows
    /// after each.
    pub fn draft(
        &self,
        generation: &mut Generation,
        tokenizer: &Tokenizer,
        most: usize,
        mut model: Option<&mut Draft>,
    ) {
        let len = generation.ids.len();
        let end = len + most.min(MOST_DRAFTED);
        let mut guesses = self.guesses;
        let (mut chance, mut saved) = (1.0, -self.costs.fixed);
        for at in len..end {
            let found = guesses.best();
            let so_far = Prospect {
                chance,
                saved,
                each: self.costs.each,
                free: found.map_or(0.0, |(rate, _)| rate),
                room: end - at,
            };
            let asked = model.as_deref_mut().filter(|model| model.pays(&so_far));
            let asked = asked.and_then(|model| model.guess(generation, at - len, self.step_ms));
            let Some((rate, id)) = asked.or(found) else {
                break;
            };
            chance *= rate;
            let is_end = tokenizer.is_end_of_generation(id);
            if is_end || chance < self.costs.each || reserve(&mut generation.ids, 1).is_err() {
                break;
            }
            saved += chance - self.costs.each;
            generation.ids.push(id);
            if generation.options.constraint.is_some() && !generation.look_ahead(len, at, id) {
                // The text ends with this token, so that nothing has to be run.
                generation.ids.pop();
                break;
            }
            let allowed = generation.ahead.get(at - len).map(|ahead| &ahead.2);
            guesses.follow(&generation.ids, allowed, tokenizer);
        }
        if saved < 0.0 {
            generation.ids.truncate(len);
        }
    }

    /// How many drafted tokens the text has come to, now that it is at this row of the last forward pass.
    pub fn accept(&mut self, row: usize) -> usize {
        let accepted = row.saturating_sub(self.counted);
        self.counted = self.counted.max(row);
        accepted
    }

    /// Says from which row of a new forward pass on its tokens are drafted ones.
    pub fn count_from(&mut self, row: usize) {
        self.counted = row;
    }

    /// Takes the time in which the model ran the last token and some that were drafted.
    pub fn measure(&mut self, drafted: usize, ms: f32) {
        let Costs { fixed, each } = &mut self.costs;
        if self.step_ms <= 0.0 {
            self.step_ms = if drafted == 0 { ms } else { 0.0 };
        } else if drafted == 0 {
            learn(&mut self.step_ms, ms, LEARNING_RATE);
            learn(fixed, COSTS.fixed, FORGETTING_RATE);
            learn(each, COSTS.each, FORGETTING_RATE);
        } else {
            // Normalised least mean squares (Nagumo and Noda 1967), with eight tokens as the unit.
            let count = drafted as f32;
            let error = ms / self.step_ms - 1.0 - *fixed - count * *each;
            let step = error * LEARNING_RATE / (64.0 + count * count);
            *fixed = (*fixed + step * 64.0).max(0.0);
            *each = (*each + step * count).max(0.0);
        }
    }
}

impl Generation {
    /// Makes sure that what the constraint allows after the token `id`, drafted at the index `at` of a text of `len`
    /// tokens, is known; false where that is nothing.
    fn look_ahead(&mut self, len: usize, at: usize, id: TokenId) -> bool {
        let known = self.ahead.get(at - len);
        if known.is_none_or(|known| (known.0, known.1) != (at, id)) {
            self.ahead.truncate(at - len);
            let Ok(Some(mask)) = self.next() else {
                return false;
            };
            self.ahead.push((at, id, mask));
        }
        true
    }
}
