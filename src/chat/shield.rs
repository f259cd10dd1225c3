//! Text with shield marks, which keep special tokens that a message spells from being parsed as such. These functions
//! search and count as if there were no marks; slices of the text keep theirs.

use crate::tokenizer::SHIELD;
use std::borrow::Cow;
use std::ops::Range;

/// `text` without marks.
pub(super) fn without_marks(text: &str) -> Cow<'_, str> {
    match text.contains(SHIELD) {
        true => Cow::Owned(text.replace(SHIELD, "")),
        false => Cow::Borrowed(text),
    }
}

/// The number of characters of `text`, without its marks.
pub(super) fn count(text: &str) -> usize {
    text.chars().filter(|c| *c != SHIELD).count()
}

/// The characters of `text`, each with the marks that follow it.
pub(super) fn characters(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest[first.len_utf8()..].find(|c| c != SHIELD);
        let (character, after) =
            rest.split_at(end.map_or(rest.len(), |end| first.len_utf8() + end));
        rest = after;
        Some(character)
    })
}

/// The byte ranges of all occurrences of `wanted` in `text`, from the start, without overlaps.
pub(super) fn places(text: &str, wanted: &str) -> Vec<Range<usize>> {
    let wanted = without_marks(wanted);
    let found =
        |text: &str| -> Vec<usize> { text.match_indices(&*wanted).map(|(at, _)| at).collect() };
    if !text.contains(SHIELD) {
        return found(text)
            .into_iter()
            .map(|at| at..at + wanted.len())
            .collect();
    }
    original(text, found(&without_marks(text)), wanted.len())
}

/// The same as [`places`], searched from the end: the last occurrence comes first.
pub(super) fn places_from_end(text: &str, wanted: &str) -> Vec<Range<usize>> {
    let wanted = without_marks(wanted);
    let bare = without_marks(text);
    let found: Vec<usize> = bare.rmatch_indices(&*wanted).map(|(at, _)| at).collect();
    if bare.len() == text.len() {
        return found.into_iter().map(|at| at..at + wanted.len()).collect();
    }
    original(text, found, wanted.len())
}

/// Byte offsets of matches of length `bytes` in the text without marks → their ranges in `text`.
fn original(text: &str, found: Vec<usize>, bytes: usize) -> Vec<Range<usize>> {
    let marked = text.char_indices().filter(|(_, c)| *c != SHIELD);
    // For each byte of the text without marks its offset in `text`.
    let at: Vec<usize> = marked.flat_map(|(at, c)| at..at + c.len_utf8()).collect();
    let place = |from: usize| {
        let start = at.get(from).copied().unwrap_or(text.len());
        let end = match bytes {
            0 => start,
            bytes => at.get(from + bytes - 1).map_or(text.len(), |last| last + 1),
        };
        start..end
    };
    found.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_marked_is_found() {
        let text = "a<\u{FDD0}/think>b<\u{FDD0}/think>é";
        let places = |wanted: &str| -> Vec<&str> {
            places(text, wanted)
                .into_iter()
                .map(|at| &text[at])
                .collect()
        };
        assert_eq!(places("</think>"), ["<\u{FDD0}/think>"; 2]);
        assert_eq!(places("é"), ["é"]);
        assert_eq!(places("x"), [""; 0]);
        assert_eq!(places("<"), ["<"; 2]);
        assert_eq!(places_from_end(text, "</think>")[0], 13..24);
        assert_eq!(super::places("abab", "ab"), [0..2, 2..4]);
        assert_eq!(count(text), 19);
        assert_eq!(
            characters("<\u{FDD0}|é").collect::<Vec<_>>(),
            ["<\u{FDD0}", "|", "é"]
        );
    }
}
