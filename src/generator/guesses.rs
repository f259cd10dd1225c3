//! What may come next: guesses of several kinds, of each of which is learned how often it is right.

use super::lookup::{LONGEST, Lookup};
use super::speculation::{LEARNING_RATE, learn};
use crate::TokenId;
use crate::sampler::Mask;
use crate::tokenizer::Tokenizer;

/// The kinds of guesses are, first, the lengths of their matches; from this one on those under a constraint, which lets
/// through what is likely: there, even short matches are often right.
const CONSTRAINED: usize = LONGEST + 1;
/// The longest match that is told apart from longer ones there.
const LONGEST_CONSTRAINED: usize = 3;
/// The kind of the guesses among few allowed tokens that have little in common.
const LIKELY: usize = CONSTRAINED + LONGEST_CONSTRAINED + 1;
/// The kind of the guesses where the allowed tokens are beginnings of one of them.
const BEGINNINGS: usize = LIKELY + 1;
/// How often guesses of each kind are taken to be right at the start of a text.
const RATES: [f32; BEGINNINGS + 1] = [
    0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.5, 0.5, 0.6, 0.7, 0.5, 0.9,
];
/// How often a token that was chosen once from some tokens is taken to be chosen from them again.
const FIRST_HABIT: f32 = 0.7;
/// The weight of a wrong guess in an average. It is larger than that of a right one, because guesses are wrong together
/// where a copy ends.
const LEARNING_RATE_WRONG: f32 = 1.0 / 4.0;
/// Of how many allowed tokens a guess is made without a match.
const FEW_ALLOWED: u32 = 256;
/// Of how many they are compared with each other.
const FEW_COMPARED: u32 = 64;
/// How many sets of allowed tokens are remembered, each with what was chosen from it.
const HABITS: usize = 64;

/// A guess for the next token: its kind, and the token.
type Guess = Option<(usize, TokenId)>;

/// What was chosen the last time from a set of few allowed tokens.
#[derive(Debug, Clone, Copy)]
struct Habit {
    /// The fingerprint of the set.
    allowed: u64,
    token: TokenId,
    /// How often what was chosen before was chosen again.
    rate: f32,
}

/// The guesses for the next token of a text, and what they are made from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guesses {
    lookup: Lookup,
    /// Each in the place that its set's fingerprint gives.
    habits: [Option<Habit>; HABITS],
    /// The fingerprint of the set that the next token is chosen from, if that is small.
    allowed: Option<u64>,
    /// What was chosen from that set the last time.
    habit: Option<Habit>,
    /// How often the guesses of each kind are right.
    rates: [f32; BEGINNINGS + 1],
    /// What followed before, and what the allowed tokens have in common.
    next: [Guess; 2],
}

impl Default for Guesses {
    fn default() -> Self {
        Guesses {
            lookup: Lookup::NONE,
            habits: [None; HABITS],
            allowed: None,
            habit: None,
            rates: RATES,
            next: [None; 2],
        }
    }
}

impl Guesses {
    /// Forgets what was learned from the previous text, but for where the lookup is.
    pub fn start(&mut self) {
        *self = Guesses {
            lookup: self.lookup,
            ..Guesses::default()
        };
    }

    /// Whether these are the guesses for the last token of `ids`.
    pub fn are_for_last(&self, ids: &[TokenId]) -> bool {
        self.lookup.precedes(ids)
    }

    /// Learns from the last token of `ids`, for which these are the guesses.
    pub fn learn(&mut self, ids: &[TokenId]) {
        let Some(&last) = ids.last() else { return };
        for (kind, guess) in self.next.into_iter().flatten() {
            match guess == last {
                true => learn(&mut self.rates[kind], 1.0, LEARNING_RATE),
                false => learn(&mut self.rates[kind], 0.0, LEARNING_RATE_WRONG),
            }
        }
        let Some(allowed) = self.allowed else { return };
        let rate = match self.habit {
            None => FIRST_HABIT,
            Some(habit) if habit.token == last => (1.0 + habit.rate) / 2.0,
            Some(habit) => habit.rate / 2.0,
        };
        self.habits[allowed as usize % HABITS] = Some(Habit {
            allowed,
            token: last,
            rate,
        });
    }

    /// Makes the guesses for the token after `ids`, where `allowed` are those that a constraint allows.
    pub fn follow(&mut self, ids: &[TokenId], allowed: Option<&Mask>, tokenizer: &Tokenizer) {
        self.lookup.follow(ids);
        let found = self.lookup.guess(ids);
        (self.next, self.allowed, self.habit) = ([None; 2], None, None);
        let Some(allowed) = allowed else {
            self.next[0] = found.map(|id| (self.lookup.matched(), id));
            return;
        };
        let found = found.filter(|&id| allowed.allows(id));
        let kind = CONSTRAINED + self.lookup.matched().min(LONGEST_CONSTRAINED);
        self.next[0] = found.map(|id| (kind, id));
        let count = allowed.count();
        if count > FEW_ALLOWED {
            return;
        }
        let fingerprint = allowed.fingerprint();
        self.allowed = Some(fingerprint);
        // Another constraint may have been set before the token was chosen: not every one that was is allowed.
        self.habit = self.habits[fingerprint as usize % HABITS]
            .filter(|habit| habit.allowed == fingerprint && allowed.allows(habit.token));
        if count <= FEW_COMPARED {
            self.next[1] = in_common(ids, allowed, tokenizer);
        }
    }

    /// The guess that is right most often: how often that is, and the token.
    pub fn best(&self) -> Option<(f32, TokenId)> {
        let guesses = self.next.into_iter().flatten();
        let rated = guesses.map(|(kind, id)| (self.rates[kind], id));
        let habit = self.habit.map(|habit| (habit.rate, habit.token));
        rated
            .chain(habit)
            .max_by(|one, other| one.0.total_cmp(&other.0))
    }
}

/// Of few allowed tokens, the one that most of the others are beginnings of; or where these are not half of them, one that
/// stands in the text, the last of them. Among others, escapes do not count, in which a character of a JSON string may be
/// written too.
fn in_common(ids: &[TokenId], allowed: &Mask, tokenizer: &Tokenizer) -> Guess {
    let few = allowed.ids().map(|id| (id, tokenizer.token_bytes(id)));
    let (escapes, others): (Vec<_>, Vec<_>) = few.partition(|(_, bytes)| bytes.contains(&b'\\'));
    let few: Vec<(TokenId, &[u8])> = if others.is_empty() { escapes } else { others };
    let beginnings = |(id, whole): &(TokenId, &[u8])| {
        let is_beginning =
            |(_, other): &&(TokenId, &[u8])| !other.is_empty() && whole.starts_with(other);
        (few.iter().filter(is_beginning).count(), *id)
    };
    let (most, id) = few.iter().map(beginnings).max()?;
    if most == few.len() {
        return Some((BEGINNINGS, id));
    }
    let likely = (2 * most > few.len()).then_some(id);
    let last = || ids.iter().rev().copied().find(|&id| allowed.allows(id));
    Some((LIKELY, likely.or_else(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    fn mask(ids: &[TokenId]) -> Mask {
        let most = ids.iter().max().unwrap();
        let mut words = vec![0; *most as usize / 32 + 1];
        for id in ids {
            words[*id as usize / 32] |= 1 << (id % 32);
        }
        Mask::new(words)
    }

    /// The ids of tokens of the storyteller's vocabulary.
    fn ids<const N: usize>(tokenizer: &Tokenizer, texts: [&str; N]) -> [TokenId; N] {
        let is = |text: &str, id: &TokenId| tokenizer.token_bytes(*id) == text.as_bytes();
        texts.map(|text| (0..).find(|id| is(text, id)).unwrap())
    }

    #[test]
    fn what_was_chosen_from_the_same_tokens_is_guessed_again() {
        let tokenizer = Model::open("www/stories.gguf").unwrap().tokenizer;
        let [a, b, t, f] = ids(&tokenizer, ["a", "b", "t", "f"]);
        let (allowed, others) = (mask(&[a, b]), mask(&[a, t]));
        let mut guesses = Guesses::default();
        let mut text = vec![f];
        let mut write = |allowed: &Mask, id: TokenId| {
            guesses.follow(&text, Some(allowed), &tokenizer);
            let guess = guesses.best();
            text.push(id);
            guesses.learn(&text);
            guess
        };
        assert_eq!(write(&allowed, b), None);
        assert_eq!(write(&allowed, b), Some((FIRST_HABIT, b)));
        // Another set, from which nothing was chosen yet, and where the text has none of the tokens.
        assert_eq!(write(&others, t), None);
        let (rate, guess) = write(&allowed, a).unwrap();
        assert!(guess == b && rate > FIRST_HABIT, "{rate}");
        let (rate, guess) = write(&allowed, a).unwrap();
        assert!(guess == a && rate < FIRST_HABIT, "{guess} {rate}");
    }

    #[test]
    fn the_token_that_others_begin_is_guessed() {
        let tokenizer = Model::open("www/stories.gguf").unwrap().tokenizer;
        let [f, fo, fox, escape, t] = ids(&tokenizer, [" f", " fo", " fox", "\\", "t"]);
        let guess = |allowed: &[TokenId]| {
            let mut guesses = Guesses::default();
            guesses.follow(&[t], Some(&mask(allowed)), &tokenizer);
            guesses.best()
        };
        let all = RATES[BEGINNINGS];
        assert_eq!(guess(&[f, fo, fox]), Some((all, fox)));
        assert_eq!(guess(&[f, fo, fox, escape]), Some((all, fox)));
        assert_eq!(guess(&[f, fo, fox, t]), Some((RATES[LIKELY], fox)));
        assert_eq!(guess(&[escape]), Some((all, escape)));
    }
}
