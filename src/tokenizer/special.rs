//! Cutting special tokens out of a text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::vocabulary::{Kind, Vocabulary};
use crate::TokenId;
use crate::order::ordered;

/// Keeps the spelling of a special token in a message from being taken for the token: a character that
/// Unicode reserves for use within a program, and that stands in no text.
pub(crate) const SHIELD: char = '\u{FDD0}';

/// Tokens that are matched as they are spelled, before anything else looks at the text.
pub(super) struct SpecialTokens {
    /// By spelling, each once.
    tokens: Vec<Special>,
    /// Where in `tokens` the spellings begin with a byte: from its entry to the next.
    by_first: [usize; 257],
}

struct Special {
    id: TokenId,
    /// The longest other special token that this one begins with.
    prefix: Option<usize>,
    /// User-defined tokens are matched in any text, the others only on request.
    always: bool,
    /// Whether white space after the token is dropped.
    strips_right: bool,
}

/// A special token in a text.
struct Found {
    /// Its bytes, and the white space it drops.
    span: Range<usize>,
    token: usize,
}

impl SpecialTokens {
    /// `strips_right` tells by a spelling whether white space after a token is dropped.
    pub fn new(vocabulary: &Vocabulary, strips_right: impl Fn(&[u8]) -> bool) -> Self {
        let special = |kind| matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown);
        let ids: Vec<TokenId> = vocabulary
            .ids()
            .filter(|(_, kind)| special(*kind))
            .map(|(id, _)| id)
            // Cutting inside a character would leave no text on either side.
            .filter(|id| std::str::from_utf8(vocabulary.spelling(*id)).is_ok_and(|s| !s.is_empty()))
            .collect();
        let spelling = |id: &TokenId| vocabulary.spelling(*id);
        let mut ids = ordered(ids, |a, b| spelling(a).cmp(spelling(b)));
        ids.dedup_by_key(|id| vocabulary.spelling(*id));
        let mut tokens: Vec<Special> = Vec::with_capacity(ids.len());
        for (index, &id) in ids.iter().enumerate() {
            let spelling = vocabulary.spelling(id);
            // In this order, what a spelling begins with comes before it, the longest last.
            let mut prefix = index.checked_sub(1);
            while let Some(at) = prefix
                && !spelling.starts_with(vocabulary.spelling(tokens[at].id))
            {
                prefix = tokens[at].prefix;
            }
            tokens.push(Special {
                id,
                prefix,
                always: vocabulary.kind(id) == Some(Kind::UserDefined),
                strips_right: strips_right(spelling),
            });
        }
        let by_first = std::array::from_fn(|byte| {
            tokens.partition_point(|token| usize::from(vocabulary.spelling(token.id)[0]) < byte)
        });
        Self { tokens, by_first }
    }

    /// Calls `part` with each stretch of plain text and the special token that follows it, if any.
    pub fn split(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        all: bool,
        mut part: impl FnMut(&str, Option<TokenId>),
    ) {
        let mut start = 0;
        for found in self.find_all(vocabulary, text.as_bytes(), all) {
            let token = &self.tokens[found.token];
            part(&text[start..found.span.start], Some(token.id));
            start = found.span.end;
        }
        if start < text.len() {
            part(&text[start..], None);
        }
    }

    /// The special tokens of a text, in order. Where they overlap, the longest wins, then the first.
    fn find_all(&self, vocabulary: &Vocabulary, text: &[u8], all: bool) -> Vec<Found> {
        let len = |token: usize| vocabulary.spelling(self.tokens[token].id).len();
        // The longest token at each place, by its length.
        let mut by_len: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for at in 0..text.len() {
            if let Some(token) = self.longest(vocabulary, &text[at..], all) {
                by_len.entry(len(token)).or_default().push((at, token));
            }
        }
        let mut found = Vec::new();
        if by_len.is_empty() {
            return found;
        }
        let mut taken = vec![false; text.len()];
        while let Some((bytes, places)) = by_len.pop_last() {
            for (at, token) in ordered(places, Ord::cmp) {
                let mut end = at + bytes;
                let free = |place: &usize| !taken[*place];
                let room = (at..end).take_while(free).count();
                if room == bytes {
                    if self.tokens[token].strips_right {
                        let after = (end..text.len()).take_while(free);
                        end += after.take_while(|place| is_space(text[*place])).count();
                    }
                    taken[at..end].fill(true);
                    found.push(Found {
                        span: at..end,
                        token,
                    });
                } else if room > 0 {
                    // A shorter token may fit before the one that is in the way.
                    let fits =
                        |token: usize| len(token) <= room && (all || self.tokens[token].always);
                    let shorter = self
                        .prefixes(self.tokens[token].prefix)
                        .find(|token| fits(*token));
                    if let Some(token) = shorter {
                        by_len.entry(len(token)).or_default().push((at, token));
                    }
                }
            }
        }
        ordered(found, |a: &Found, b| a.span.start.cmp(&b.span.start))
    }

    /// The longest token at the start of `text`.
    fn longest(&self, vocabulary: &Vocabulary, text: &[u8], all: bool) -> Option<usize> {
        let first = usize::from(*text.first()?);
        let (start, end) = (self.by_first[first], self.by_first[first + 1]);
        let after =
            self.tokens[start..end].partition_point(|token| vocabulary.spelling(token.id) <= text);
        // Whatever sorts between a beginning of the text and the text has that beginning too.
        self.prefixes((start + after).checked_sub(1).filter(|_| after > 0))
            .filter(|token| all || self.tokens[*token].always)
            .find(|token| text.starts_with(vocabulary.spelling(self.tokens[*token].id)))
    }

    /// A token and those it begins with, ever shorter.
    fn prefixes(&self, token: Option<usize>) -> impl Iterator<Item = usize> {
        std::iter::successors(token, |token| self.tokens[*token].prefix)
    }

    /// `text` with a [`SHIELD`] inside of everything that would be taken for a special token on request, but for
    /// those around a model's thoughts where `thoughts` stay what they are.
    pub fn shield(&self, vocabulary: &Vocabulary, text: &str, thoughts: bool) -> String {
        let text = unshield(text);
        let mut shielded = String::new();
        for (at, c) in text.char_indices() {
            shielded.push(c);
            let longest = self.longest(vocabulary, &text.as_bytes()[at..], true);
            if self
                .prefixes(longest)
                .map(|token| &self.tokens[token])
                .any(|token| {
                    let kept = thoughts && is_of_thoughts(vocabulary.spelling(token.id));
                    !token.always && !kept
                })
            {
                shielded.push(SHIELD);
            }
        }
        shielded
    }
}

/// `text` without what [`SpecialTokens::shield`] has put into it.
pub(super) fn unshield(text: &str) -> Cow<'_, str> {
    if text.contains(SHIELD) {
        Cow::Owned(text.replace(SHIELD, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a token of this spelling stands around a model's thoughts: `<think>`, `[/THINK]`, `<|END_THINKING|>`.
pub(super) fn is_of_thoughts(spelling: &[u8]) -> bool {
    let bracket = matches!(spelling.first(), Some(b'<' | b'['));
    bracket
        && spelling
            .windows(5)
            .any(|part| part.eq_ignore_ascii_case(b"think"))
}

/// What C takes for white space.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}
