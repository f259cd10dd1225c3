//! Prompt lookup: what followed the last time the text came to the same tokens (Saxena 2023).

use crate::TokenId;

/// The longest match that is told apart from longer ones.
pub(super) const LONGEST: usize = 8;
/// While the last matched tokens are at least this many and the guesses are right, the place is kept. With fewer, the
/// text is searched for a place that matches longer.
const SURE: usize = 4;

/// A place in the text whose continuation is the guess for what comes next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lookup {
    /// The length of the text that the guess is for.
    len: usize,
    /// The index of the guessed token; none where that is beyond the text.
    place: usize,
    /// How many tokens before the place are the last ones of the text; [`LONGEST`] may stand for more.
    matched: usize,
}

impl Lookup {
    /// No place yet.
    pub const NONE: Lookup = Lookup {
        len: 0,
        place: usize::MAX,
        matched: 0,
    };

    /// Moves on to the end of the text `ids`. Where it is the text of the last call and one more token, the place moves
    /// along, even past a wrong guess: a copy may differ in a word.
    pub fn follow(&mut self, ids: &[TokenId]) {
        let goes_on = self.precedes(ids);
        let was_right = goes_on && self.guess(&ids[..self.len]) == ids.last().copied();
        self.len = ids.len();
        self.place = if goes_on {
            self.place.saturating_add(1)
        } else {
            usize::MAX
        };
        self.matched = if was_right { self.matched + 1 } else { 0 };
        if self.matched < SURE {
            let (place, matched) = longest_match(ids);
            if matched > self.matched {
                (self.place, self.matched) = (place, matched);
            }
        }
    }

    /// Whether the last call was with a text of one token less.
    pub fn precedes(&self, ids: &[TokenId]) -> bool {
        ids.len() == self.len + 1
    }

    /// The token that may come next in the text `ids`.
    pub fn guess(&self, ids: &[TokenId]) -> Option<TokenId> {
        ids.get(self.place).copied()
    }

    /// The length of the match, at most [`LONGEST`].
    pub fn matched(&self) -> usize {
        self.matched.min(LONGEST)
    }
}

/// Of the earlier places in the text with the most of its last tokens before them, up to [`LONGEST`], the last one; and
/// how many tokens these are.
fn longest_match(ids: &[TokenId]) -> (usize, usize) {
    let mut best = (usize::MAX, 0);
    for place in (1..ids.len()).rev() {
        let pairs = ids[..place].iter().rev().zip(ids.iter().rev());
        let matched = pairs
            .take(LONGEST)
            .take_while(|(one, other)| one == other)
            .count();
        if matched > best.1 {
            best = (place, matched);
        }
        if matched == LONGEST {
            break;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The guess and the length of the match at the end of each beginning of the text.
    fn guesses(text: &[u8]) -> Vec<(Option<u8>, usize)> {
        let ids: Vec<TokenId> = text.iter().map(|&byte| byte.into()).collect();
        let mut lookup = Lookup::NONE;
        (1..=ids.len())
            .map(|len| {
                lookup.follow(&ids[..len]);
                let guess = lookup.guess(&ids[..len]);
                (guess.map(|id| id as u8), lookup.matched())
            })
            .collect()
    }

    #[test]
    fn what_followed_the_longest_match_is_the_guess() {
        let all = guesses(b"abcd.xbce.abc");
        assert_eq!(all[0], (None, 0));
        assert_eq!(all[6], (Some(b'c'), 1)); // b
        assert_eq!(all[7], (Some(b'd'), 2)); // bc
        assert_eq!(all[12], (Some(b'd'), 3)); // abc, not the later bc
        // Of equal ones, the last.
        assert_eq!(guesses(b"a1a2a").last(), Some(&(Some(b'2'), 1)));
    }

    #[test]
    fn a_copy_goes_on_past_a_changed_token() {
        let all = guesses(b"abcdefgh/abcXef");
        assert_eq!(all[11], (Some(b'd'), 3));
        assert_eq!(all[12], (Some(b'e'), 0));
        assert_eq!(all[13], (Some(b'f'), 1));
        assert_eq!(all[14], (Some(b'g'), 2));
    }

    #[test]
    fn what_repeats_itself_is_found_without_end() {
        let all = guesses(&b"abc".repeat(8));
        for (index, guess) in all.iter().enumerate().skip(3) {
            assert_eq!(guess.0, Some(b"abc"[(index + 1) % 3]));
        }
        assert_eq!(all[23].1, LONGEST);
    }

    #[test]
    fn another_text_is_searched_anew() {
        let mut lookup = Lookup::NONE;
        lookup.follow(&[1, 2, 3, 1]);
        assert_eq!(lookup.guess(&[1, 2, 3, 1]), Some(2));
        lookup.follow(&[7]);
        assert_eq!(lookup.guess(&[7]), None);
        lookup.follow(&[]);
        assert_eq!(lookup.guess(&[]), None);
        lookup.follow(&[9, 8, 9]);
        assert_eq!(lookup.guess(&[9, 8, 9]), Some(8));
    }
}
