//! Splitting text: at separators, at white space, at line breaks, and after a prefix or before a suffix. The marks of
//! shielded text are ignored.

use super::shield::{self, places, places_from_end};
use super::unicode;
use super::value::template_error;
use minijinja::Error;

type Result<T> = std::result::Result<T, Error>;

pub(super) fn not_empty(separator: &str) -> Result<&str> {
    if separator.is_empty() {
        Err(template_error("empty separator"))
    } else {
        Ok(separator)
    }
}

/// The parts between separators, or between runs of white space where `separator` is `None`. At most `most` splits are
/// made, from the start or from the end.
pub(super) fn split<'a>(
    text: &'a str,
    separator: Option<&str>,
    most: usize,
    from_end: bool,
) -> Result<Vec<&'a str>> {
    let Some(separator) = separator else {
        return Ok(words(text, most, from_end));
    };
    let separator = not_empty(separator)?;
    let (mut parts, mut rest) = (Vec::new(), 0..text.len());
    if from_end {
        for at in places_from_end(text, separator).into_iter().take(most) {
            parts.push(&text[at.end..rest.end]);
            rest.end = at.start;
        }
    } else {
        for at in places(text, separator).into_iter().take(most) {
            parts.push(&text[rest.start..at.start]);
            rest.start = at.end;
        }
    }
    parts.push(&text[rest]);
    if from_end {
        parts.reverse();
    }
    Ok(parts)
}

/// The byte offset in `text` after `prefix`; `None` where it does not begin with that.
pub(super) fn prefix_end(text: &str, prefix: &str) -> Option<usize> {
    let prefix = shield::without_marks(prefix);
    let bare = shield::without_marks(text);
    let rest = bare.strip_prefix(&*prefix)?;
    if bare.len() == text.len() {
        return Some(text.len() - rest.len());
    }
    let characters = shield::characters(text).take(prefix.chars().count());
    Some(characters.map(str::len).sum())
}

/// The byte offset in `text` before `suffix`; `None` where it does not end with that.
pub(super) fn suffix_start(text: &str, suffix: &str) -> Option<usize> {
    let suffix = shield::without_marks(suffix);
    let bare = shield::without_marks(text);
    let rest = bare.strip_suffix(&*suffix)?;
    if bare.len() == text.len() {
        return Some(rest.len());
    }
    let characters = shield::characters(text).take(rest.chars().count());
    Some(characters.map(str::len).sum())
}

fn words(text: &str, most: usize, from_end: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = if from_end {
        text.trim_end_matches(unicode::is_space)
    } else {
        text.trim_start_matches(unicode::is_space)
    };
    while !rest.is_empty() {
        let end = if from_end {
            rest.rfind(unicode::is_space)
        } else {
            rest.find(unicode::is_space)
        };
        let Some(at) = end.filter(|_| parts.len() < most) else {
            // The remainder is not split further. Only the side that is being split from has been stripped.
            parts.push(rest);
            break;
        };
        if from_end {
            let space = rest[at..].chars().next().map_or(1, char::len_utf8);
            parts.push(&rest[at + space..]);
            rest = rest[..at].trim_end_matches(unicode::is_space);
        } else {
            parts.push(&rest[..at]);
            rest = rest[at..].trim_start_matches(unicode::is_space);
        }
    }
    if from_end {
        parts.reverse();
    }
    parts
}

/// The lines of a text, each with the line break that ends it.
pub(super) fn lines(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(unicode::is_line_break).unwrap_or(rest.len());
        let end = match rest[at..].starts_with("\r\n") {
            true => 2,
            false => rest[at..].chars().next().map_or(0, char::len_utf8),
        };
        found.push((&rest[..at], &rest[at..at + end]));
        rest = &rest[at + end..];
    }
    found
}
