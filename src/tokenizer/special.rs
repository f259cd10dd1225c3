//! Cutting special tokens out of a text.

use std::borrow::Cow;

use super::vocabulary::{Kind, Vocabulary};
use crate::TokenId;

/// Keeps the spelling of a special token in a message from being taken for the token: a character that
/// Unicode reserves for use within a program, and that stands in no text.
const SHIELD: char = '\u{FDD0}';

/// Tokens that are matched as they are spelled, before any word is split.
pub(super) struct SpecialTokens {
    /// By first byte, the longest first.
    by_first: Vec<Vec<Special>>,
}

struct Special {
    spelling: Vec<u8>,
    id: TokenId,
    /// User-defined tokens are matched in any text, control tokens only on request.
    always: bool,
}

impl SpecialTokens {
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let mut by_first: Vec<Vec<Special>> = Vec::new();
        by_first.resize_with(256, Vec::new);
        for (id, kind) in vocabulary.ids() {
            let special = matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown);
            let spelling = vocabulary.spelling(id);
            // Cutting inside a character would leave no text on either side.
            if let (true, Some(first)) = (
                special && std::str::from_utf8(spelling).is_ok(),
                spelling.first(),
            ) {
                by_first[usize::from(*first)].push(Special {
                    spelling: spelling.to_vec(),
                    id,
                    always: kind == Kind::UserDefined,
                });
            }
        }
        for tokens in &mut by_first {
            tokens.sort_by_key(|token| std::cmp::Reverse(token.spelling.len()));
        }
        Self { by_first }
    }

    pub fn ids(&self) -> impl Iterator<Item = TokenId> {
        self.by_first.iter().flatten().map(|token| token.id)
    }

    /// Calls `part` with each stretch of plain text and the special token that follows it, if any.
    pub fn split(&self, text: &str, all: bool, mut part: impl FnMut(&str, Option<TokenId>)) {
        let bytes = text.as_bytes();
        let (mut start, mut at) = (0, 0);
        while at < bytes.len() {
            let found = self.by_first[usize::from(bytes[at])]
                .iter()
                .filter(|token| all || token.always)
                .find(|token| bytes[at..].starts_with(&token.spelling));
            match found {
                Some(token) => {
                    part(&text[start..at], Some(token.id));
                    at += token.spelling.len();
                    start = at;
                }
                None => at += 1,
            }
        }
        if start < bytes.len() {
            part(&text[start..], None);
        }
    }

    /// `text` with a [`SHIELD`] inside of everything that would be taken for a special token on request.
    pub fn shield(&self, text: &str) -> String {
        let text = unshield(text);
        let mut shielded = String::new();
        for (at, c) in text.char_indices() {
            shielded.push(c);
            let rest = &text.as_bytes()[at..];
            let begins = |token: &Special| !token.always && rest.starts_with(&token.spelling);
            if self.by_first[usize::from(rest[0])].iter().any(begins) {
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
