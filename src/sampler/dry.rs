//! DRY, "don't repeat yourself" (p-e-w, text-generation-webui #5677): penalises tokens that would make a
//! repetition longer, more the longer it is.

use super::table::Table;
use crate::{Result, TokenId};

/// The bytes of a token; none for a control token.
pub type TokenBytes<'a> = &'a dyn Fn(TokenId) -> &'a [u8];

/// Scratch memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Dry {
    /// How much of the text's end the text ending that many tokens earlier shares with it.
    shared: Vec<u32>,
    /// The text after the token in view, as far as a breaker may reach into it.
    following: Vec<u8>,
}

impl Dry {
    /// Gives each token that would lengthen a repetition of at least `least` tokens the length of the longest
    /// of them, plus 1. A repetition contains no breaker, and neither does a token that is given a number.
    pub fn repetitions(
        &mut self,
        window: &[TokenId],
        least: usize,
        breakers: &[String],
        bytes: TokenBytes<'_>,
        (vocabulary, table): (usize, &mut Table),
    ) -> Result<()> {
        table.prepare(vocabulary, window.len())?;
        let most = self.since_break(window, breakers, bytes);
        if most < least {
            return Ok(());
        }
        self.share(window)?;
        // Nothing comes before the first token.
        self.shared.push(0);
        for distance in 1..=window.len() {
            let length = (self.shared[distance] as usize).min(most);
            if length >= least {
                let next = window[window.len() - distance];
                table.change(next, |longest| longest.max(length as u32 + 1));
            }
        }
        table.retain(|id| {
            let token = bytes(id);
            !token.is_empty() && !breakers.iter().any(|b| find(token, b.as_bytes()).is_some())
        });
        Ok(())
    }

    /// Tokens after the last breaker, all of the window where there is none. Control tokens, such as those
    /// between the turns of a chat, are breakers by nature.
    fn since_break(
        &mut self,
        window: &[TokenId],
        breakers: &[String],
        bytes: TokenBytes<'_>,
    ) -> usize {
        let longest = breakers.iter().map(String::len).max().unwrap_or(0);
        self.following.clear();
        for (after, &id) in window.iter().rev().enumerate() {
            let token = bytes(id);
            if token.is_empty() {
                return after;
            }
            self.following.splice(0..0, token.iter().copied());
            self.following
                .truncate(token.len() + longest.saturating_sub(1));
            let text = &self.following;
            // One that began in a later token would have been found there.
            let ends = breakers.iter().filter_map(|breaker| {
                let start = find(text, breaker.as_bytes())?;
                Some(start + breaker.len())
            });
            if let Some(end) = ends.max() {
                let later = &window[window.len() - after..];
                return after - tokens_within(later, end.saturating_sub(token.len()), bytes);
            }
        }
        window.len()
    }

    /// The Z function of the window read backwards: `shared[d]` tokens at the end also end d tokens earlier.
    /// Linear in its length.
    fn share(&mut self, window: &[TokenId]) -> Result<()> {
        let count = window.len();
        let back = |index: usize| window[count - 1 - index];
        self.shared.clear();
        super::reserve(&mut self.shared, count + 1)?;
        self.shared.resize(count, 0);
        // back(start..end) is the match known so far that reaches furthest.
        let (mut start, mut end) = (0, 0);
        for distance in 1..count {
            let mut length = 0;
            if distance < end {
                length = (self.shared[distance - start] as usize).min(end - distance);
            }
            while distance + length < count && back(length) == back(distance + length) {
                length += 1;
            }
            if distance + length > end {
                (start, end) = (distance, distance + length);
            }
            self.shared[distance] = length as u32;
        }
        Ok(())
    }
}

/// How many tokens it takes to reach `length` bytes.
fn tokens_within(tokens: &[TokenId], length: usize, bytes: TokenBytes<'_>) -> usize {
    let mut reached = 0;
    let within = tokens.iter().take_while(|&&id| {
        let before = reached;
        reached += bytes(id).len();
        before < length
    });
    within.count()
}

/// Where the last `sought` begins.
fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    let mut parts = text.windows(sought.len().max(1));
    parts.rposition(|part| part == sought)
}
