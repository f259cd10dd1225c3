//! Finds the special tokens in a text, and marks text in which none may be found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::aho_corasick::AhoCorasick;
use super::vocabulary::{Kind, Vocabulary};
use crate::allocation::{reserve, with_capacity};
use crate::order::sort;
use crate::{Result, TokenId};

/// A mark that keeps the spelling of a special token in a message from being read as the token. It is a character that
/// Unicode reserves for use inside programs, so that no text contains it.
pub(crate) const SHIELD: char = '\u{FDD0}';
const SHIELD_BYTES: &[u8] = "\u{FDD0}".as_bytes();

/// The special tokens: they are found by their spelling before the rest of the text is encoded.
pub(super) struct SpecialTokens {
    /// Sorted by spelling, each spelling once.
    tokens: Vec<Special>,
    automaton: AhoCorasick,
}

struct Special {
    id: TokenId,
    /// The longest other special token that this one's spelling begins with.
    prefix: Option<usize>,
    /// A token further down the chain of prefixes, so that a search need not visit each of them.
    jump: Option<usize>,
    /// The length of the chain of prefixes.
    depth: usize,
    /// The longest user-defined token that this one begins with, or this one. User-defined tokens are found in any
    /// text, the others only on request.
    always: Option<usize>,
    /// Whether it, or a token that it begins with, is found only on request.
    on_request: bool,
    /// The same, not counting tokens that mark a model's thinking.
    on_request_but_thinking: bool,
    /// Whether white space after the token is dropped.
    strips_right: bool,
}

/// Special tokens by a pair of numbers, in ascending order of the pair: where a token begins and ends in a text, or its
/// place in the search.
type Places = BTreeMap<[usize; 2], usize>;

impl SpecialTokens {
    /// The special tokens of `vocabulary`. `strips_right` says, given a spelling, whether white space after the token
    /// is dropped.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(vocabulary: &Vocabulary, strips_right: impl Fn(&[u8]) -> bool) -> Result<Self> {
        let special = |kind| matches!(kind, Kind::Control | Kind::UserDefined | Kind::Unknown);
        let found = vocabulary
            .ids()
            .filter(|(_, kind)| special(*kind))
            .map(|(id, _)| id)
            // Tokens that are not UTF-8 are left out: finding one would split a character of the text.
            .filter(|id| {
                std::str::from_utf8(vocabulary.spelling(*id)).is_ok_and(|s| !s.is_empty())
            });
        let mut ids: Vec<TokenId> = Vec::new();
        for id in found {
            reserve(&mut ids, 1)?;
            ids.push(id);
        }
        let spelling = |id: &TokenId| vocabulary.spelling(*id);
        sort(&mut ids, |a, b| spelling(a).cmp(spelling(b)))?;
        ids.dedup_by_key(|id| vocabulary.spelling(*id));
        let mut tokens: Vec<Special> = with_capacity(ids.len())?;
        for (index, &id) in ids.iter().enumerate() {
            let spelling = vocabulary.spelling(id);
            // In this order, the prefixes of a spelling come before it, the longest one last.
            let mut prefix = index.checked_sub(1);
            while let Some(at) = prefix
                && !spelling.starts_with(vocabulary.spelling(tokens[at].id))
            {
                prefix = tokens[at].prefix;
            }
            let above = prefix.map(|at| &tokens[at]);
            let always = vocabulary.kind(id) == Some(Kind::UserDefined);
            tokens.push(Special {
                id,
                prefix,
                jump: above.and_then(|above| above.jump_below(prefix, &tokens)),
                depth: above.map_or(0, |above| above.depth + 1),
                always: always
                    .then_some(index)
                    .or(above.and_then(|above| above.always)),
                on_request: !always || above.is_some_and(|above| above.on_request),
                on_request_but_thinking: !(always || is_thinking_marker(spelling))
                    || above.is_some_and(|above| above.on_request_but_thinking),
                strips_right: strips_right(spelling),
            });
        }
        let mut spellings: Vec<&[u8]> = with_capacity(ids.len())?;
        spellings.extend(ids.iter().map(spelling));
        Ok(Self {
            automaton: AhoCorasick::new(&spellings)?,
            tokens,
        })
    }

    /// Calls `part` with each stretch of plain text and the special token that follows it, if any. Without
    /// `parse_special`, only user-defined tokens are found.
    pub fn split(
        &self,
        vocabulary: &Vocabulary,
        text: &str,
        parse_special: bool,
        mut part: impl FnMut(&str, Option<TokenId>),
    ) {
        let mut start = 0;
        for ([at, end], token) in self.find_all(vocabulary, text.as_bytes(), parse_special) {
            part(&text[start..at], Some(self.tokens[token].id));
            start = end;
        }
        if start < text.len() {
            part(&text[start..], None);
        }
    }

    /// The special tokens in a text by their start and end, including the white space they drop. Where tokens overlap,
    /// the longest wins, then the first.
    fn find_all(&self, vocabulary: &Vocabulary, text: &[u8], parse_special: bool) -> Places {
        let len = |token: usize| vocabulary.spelling(self.tokens[token].id).len();
        // Sorts by length, the longest first, then by position.
        let key = |at: usize, token: usize| [usize::MAX - len(token), at];
        let matched = |at: usize, token: usize| {
            let end = at + len(token);
            // A token of a single character is shielded by a mark after it, because there is no place for one inside.
            let single = text[at + 1..end].iter().all(|byte| byte & 0xC0 == 0x80);
            let shielded = single && text[end..].starts_with(SHIELD_BYTES);
            match parse_special && !shielded {
                true => Some(token),
                false => self.tokens[token].always,
            }
        };
        let mut wanted = Places::new();
        for (at, token) in self.automaton.find_starts(text) {
            wanted.extend(matched(at, token).map(|token| (key(at, token), token)));
        }
        let mut found = Places::new();
        while let Some(([_, at], token)) = wanted.pop_first() {
            let before = found.range(..[at + 1, 0]).next_back();
            if before.is_some_and(|([_, end], _)| *end > at) {
                continue;
            }
            let after = found.range([at, 0]..).next();
            let room = after.map_or(text.len(), |([start, _], _)| *start) - at;
            let mut bytes = len(token);
            if bytes > room {
                // A shorter token may fit before the one already found.
                let shorter = self.prefix(token, |prefix| len(prefix) <= room);
                let shorter = shorter.and_then(|token| matched(at, token));
                wanted.extend(shorter.map(|token| (key(at, token), token)));
                continue;
            }
            if self.tokens[token].strips_right {
                let after = text[at + bytes..at + room].iter();
                bytes += after.take_while(|byte| is_space(**byte)).count();
            }
            found.insert([at, at + bytes], token);
        }
        found
    }

    /// The longest token that `token` begins with, or `token` itself, that is short enough.
    fn prefix(&self, token: usize, is_short: impl Fn(usize) -> bool) -> Option<usize> {
        let mut token = Some(token);
        while let Some(at) = token.filter(|at| !is_short(*at)) {
            let Special { jump, prefix, .. } = self.tokens[at];
            token = jump.filter(|jump| !is_short(*jump)).or(prefix);
        }
        token
    }

    /// `text` with a [`SHIELD`] after the first character of each spelling that would be read as a special token on
    /// request. With `thoughts`, the tokens that mark a model's thinking are left as they are.
    pub fn shield(&self, text: &str, thoughts: bool) -> String {
        let text = unshield(text);
        let mut begins: Vec<_> = self.automaton.find_starts(text.as_bytes()).collect();
        let mut shielded = String::new();
        for (at, c) in text.char_indices() {
            shielded.push(c);
            let longest = begins.pop_if(|(place, _)| *place == at);
            let on_request = |token: &Special| match thoughts {
                true => token.on_request_but_thinking,
                false => token.on_request,
            };
            if longest.is_some_and(|(_, token)| on_request(&self.tokens[token])) {
                shielded.push(SHIELD);
            }
        }
        shielded
    }
}

impl Special {
    /// The `jump` of a token whose prefix is this one, at `place`. It is chosen so that a search takes a number of
    /// steps logarithmic in the number of prefixes (Myers 1983).
    fn jump_below(&self, place: Option<usize>, tokens: &[Special]) -> Option<usize> {
        let Some(first) = self.jump.map(|at| &tokens[at]) else {
            return place;
        };
        let Some(second) = first.jump.map(|at| &tokens[at]) else {
            return place;
        };
        let even = self.depth - first.depth == first.depth - second.depth;
        if even { first.jump } else { place }
    }
}

/// `text` without the marks of [`SpecialTokens::shield`].
pub(super) fn unshield(text: &str) -> Cow<'_, str> {
    if text.contains(SHIELD) {
        Cow::Owned(text.replace(SHIELD, ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a token of this spelling marks a model's thinking: `<think>`, `[/THINK]`, `<|END_THINKING|>`.
pub(super) fn is_thinking_marker(spelling: &[u8]) -> bool {
    let bracket = matches!(spelling.first(), Some(b'<' | b'['));
    bracket
        && spelling
            .windows(5)
            .any(|part| part.eq_ignore_ascii_case(b"think"))
}

/// White space as defined by C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::StringArray;
    use crate::test_random::TestRandom;
    use crate::tokenizer::vocabulary::TokenEncoding;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn vocabulary(tokens: &[(String, Kind)]) -> Vocabulary {
        let mut spellings = StringArray::default();
        for (spelling, _) in tokens {
            spellings.push(spelling.as_bytes()).unwrap();
        }
        let kinds = tokens.iter().map(|(_, kind)| *kind).collect();
        Vocabulary::new(TokenEncoding::SentencePiece, &spellings, kinds).unwrap()
    }

    /// A text in pieces: plain text, and tokens with the white space they drop.
    type Pieces = Vec<(String, Option<TokenId>)>;

    /// The reference: cuts one token after the other out of what is left of the text, the longest first, as llama.cpp
    /// does.
    fn expected(vocabulary: &Vocabulary, text: &str, all: bool, strips: bool) -> Pieces {
        let matched = |kind| kind == Kind::UserDefined || all && kind == Kind::Control;
        let ids = vocabulary.ids().filter(|(_, kind)| matched(*kind));
        let mut ids: Vec<TokenId> = ids.map(|(id, _)| id).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(vocabulary.spelling(*id).len()));
        let mut pieces = vec![(text.to_owned(), None)];
        for id in ids {
            let spelling = std::str::from_utf8(vocabulary.spelling(id)).unwrap();
            let mut cut = Vec::new();
            for (piece, token) in pieces {
                let mut rest = piece.as_str();
                while let (None, Some((before, after))) = (token, rest.split_once(spelling)) {
                    cut.push((before.to_owned(), None));
                    cut.push((String::new(), Some(id)));
                    rest = if strips { after.trim_start() } else { after };
                }
                cut.push((rest.to_owned(), token));
            }
            pieces = cut;
        }
        pieces.retain(|piece| *piece != (String::new(), None));
        pieces
    }

    #[test]
    fn tokens_are_cut_out_longest_first() {
        let mut random = TestRandom(5);
        let mut random = move |end: u32| random.below(end);
        let mut tokens_found = 0;
        for round in 0..4_000 {
            let mut word = |longest: u32| -> String {
                let letters = ["a", "b", "<", " ", "é"];
                let len = 1 + random(longest);
                (0..len).map(|_| letters[random(5) as usize]).collect()
            };
            let mut tokens: Vec<(String, Kind)> = Vec::new();
            for _ in 0..1 + round % 12 {
                let token = word(5);
                // The reference does not say which of two equally long tokens wins.
                if tokens.iter().all(|(other, _)| other.len() != token.len()) {
                    let kinds = [Kind::Control, Kind::UserDefined];
                    tokens.push((token, kinds[tokens.len() / 2 % 2]));
                }
            }
            let text = word(40);
            let vocabulary = vocabulary(&tokens);
            for (all, strips) in [(true, false), (true, true), (false, false)] {
                let special = SpecialTokens::new(&vocabulary, |_| strips).unwrap();
                let mut pieces = Pieces::new();
                special.split(&vocabulary, &text, all, |plain, token| {
                    let plain = (plain.to_owned(), None);
                    pieces.extend([plain, (String::new(), token)]);
                    tokens_found += usize::from(token.is_some());
                });
                pieces.retain(|piece| *piece != (String::new(), None));
                let expected = expected(&vocabulary, &text, all, strips);
                assert_eq!(pieces, expected, "{text:?} {tokens:?} {all} {strips}");
            }
            let special = SpecialTokens::new(&vocabulary, |_| false).unwrap();
            let shielded = special.shield(&text, false);
            assert_eq!(unshield(&shielded), text);
            special.split(&vocabulary, &shielded, true, |_, token| {
                let kind = token.and_then(|id| vocabulary.kind(id));
                assert_ne!(kind, Some(Kind::Control), "{shielded:?} {tokens:?}");
            });
        }
        assert!(tokens_found > 5_000);
    }

    /// Thousands of tokens that are prefixes of one another, in a text where they all occur and overlap. The time must
    /// grow with the text alone; otherwise this test would take minutes.
    #[test]
    fn nested_tokens_are_no_trap() {
        let mut tokens: Vec<_> = (1..=3_000)
            .map(|len| ("a".repeat(len), Kind::Control))
            .collect();
        tokens.push((format!("{}b", "a".repeat(3_000)), Kind::Control));
        let vocabulary = vocabulary(&tokens);
        let special = SpecialTokens::new(&vocabulary, |_| false).unwrap();
        let text = format!("{}b", "a".repeat(5_999)).repeat(100);
        let mut found = Vec::new();
        special.split(&vocabulary, &text, true, |plain, token| {
            assert!(plain.is_empty());
            found.extend(token);
        });
        assert_eq!(found, [2_998, 3_000].repeat(100));
        assert_eq!(
            special.shield(&text, false).chars().count(),
            text.len() * 2 - 100
        );
    }
}
