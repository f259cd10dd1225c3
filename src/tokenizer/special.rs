//! Cutting special tokens out of a text.

use std::collections::BTreeMap;
use std::ops::Range;

use super::vocabulary::{Kind, Vocabulary};
use crate::TokenId;

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
    span: Range<usize>,
    token: usize,
}

impl SpecialTokens {
    /// `strips_right` tells by a spelling whether white space after a token is dropped.
    pub fn new(vocabulary: &Vocabulary, strips_right: impl Fn(&[u8]) -> bool) -> Self {
        let special = |kind| matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown);
        let mut ids: Vec<TokenId> = vocabulary
            .ids()
            .filter(|(_, kind)| special(*kind))
            .map(|(id, _)| id)
            // Cutting inside a character would leave no text on either side.
            .filter(|id| std::str::from_utf8(vocabulary.spelling(*id)).is_ok_and(|s| !s.is_empty()))
            .collect();
        ids.sort_by_key(|id| vocabulary.spelling(*id));
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
        let mut strips = false;
        let mut plain = |range: Range<usize>, strips: bool, token: Option<TokenId>| {
            let plain = &text[range];
            let kept = if strips {
                plain.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
            } else {
                plain
            };
            if !kept.is_empty() || token.is_some() {
                part(kept, token);
            }
        };
        for found in self.find_all(vocabulary, text.as_bytes(), all) {
            let token = &self.tokens[found.token];
            plain(start..found.span.start, strips, Some(token.id));
            start = found.span.end;
            strips = token.strips_right;
        }
        plain(start..text.len(), strips, None);
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
        while let Some((bytes, mut places)) = by_len.pop_last() {
            places.sort_unstable();
            for (at, token) in places {
                let span = at..at + bytes;
                let room = taken[span.clone()]
                    .iter()
                    .take_while(|taken| !**taken)
                    .count();
                if room == bytes {
                    taken[span.clone()].fill(true);
                    found.push(Found { span, token });
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
        found.sort_unstable_by_key(|found| found.span.start);
        found
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
}
