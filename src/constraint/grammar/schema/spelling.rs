//! Strings → their spellings in JSON.
//!
//! Each character of a string has several spellings: itself, a short escape, `\u` with its code. An expression for
//! strings becomes one for their spellings if each character in it is replaced by all spellings of that. The
//! replacement commutes with all operators of expressions, complements included, so that a condition on the decoded
//! text holds for every way to write it. Half a surrogate pair is no character and has no spelling.

use super::super::Reason;
use llguidance::derivre::RegexAst;
use regex_syntax::hir::{Class, ClassUnicode, Hir, HirKind, Look};
use std::fmt::Write;

/// How deep groups may be nested.
const MAX_DEPTH: u32 = 60;

/// Every spelling of every text, without the quotes.
pub fn any() -> RegexAst {
    times(0, None)
}

/// The spellings of texts of `least` to `most` characters.
pub fn times(least: u32, most: Option<u32>) -> RegexAst {
    let character = characters([('\0', char::MAX)]);
    RegexAst::Repeat(Box::new(character), least, most.unwrap_or(u32::MAX))
}

/// The spellings of one text.
pub fn literal(text: &str) -> RegexAst {
    let spelled = text.chars().map(|c| characters([(c, c)]));
    RegexAst::Concat(spelled.collect())
}

/// An expression with quotes around it.
pub fn quoted(inner: RegexAst) -> RegexAst {
    let quote = || RegexAst::Literal("\"".into());
    RegexAst::Concat(vec![quote(), inner, quote()])
}

/// The spellings of the texts that an expression in Rust's syntax matches: as a whole, or else in any part.
pub fn regex(source: &str, whole: bool) -> Reason<RegexAst> {
    let mut parser = regex_syntax::ParserBuilder::new();
    let hir = parser.nest_limit(MAX_DEPTH).build().parse(source);
    let hir = hir.map_err(|_| "it is no regular expression that is supported")?;
    if whole {
        return spell(&hir);
    }
    let options = match hir.kind() {
        HirKind::Alternation(options) => options.iter().map(sought).collect(),
        _ => vec![sought(&hir)],
    };
    let options: Reason<Vec<_>> = options.into_iter().collect();
    Ok(RegexAst::Or(options?))
}

/// One alternative of an unanchored search: the match may be anywhere in the text, unless an anchor fixes its place.
fn sought(hir: &Hir) -> Reason<RegexAst> {
    if let HirKind::Capture(group) = hir.kind() {
        return sought_within(&group.sub, hir);
    }
    match parts(hir) {
        [first, rest @ ..] if matches!(first.kind(), HirKind::Look(Look::Start)) => to_end(rest),
        parts => Ok(RegexAst::Concat(vec![any(), to_end(parts)?])),
    }
}

fn parts(hir: &Hir) -> &[Hir] {
    match hir.kind() {
        HirKind::Concat(parts) => parts,
        _ => std::slice::from_ref(hir),
    }
}

/// A sequence of parts, with any text behind it unless an anchor forbids that. The last part may have alternatives with
/// anchors of their own: the parser has moved their common prefix, which may include a `^`, before them.
fn to_end(all: &[Hir]) -> Reason<RegexAst> {
    let Some((last, before)) = all.split_last() else {
        return Ok(any());
    };
    let mut spelled = before.iter().map(spell).collect::<Reason<Vec<_>>>()?;
    let has_anchors = !last.properties().look_set().is_empty();
    match last.kind() {
        HirKind::Look(Look::End) => {}
        HirKind::Alternation(options) if has_anchors => {
            let options = options.iter().map(|option| to_end(parts(option)));
            spelled.push(RegexAst::Or(options.collect::<Reason<Vec<_>>>()?));
        }
        HirKind::Capture(group) if has_anchors => spelled.push(to_end(parts(&group.sub))?),
        _ => spelled.extend([spell(last)?, any()]),
    }
    Ok(RegexAst::Concat(spelled))
}

/// A group around the whole expression may have the anchors inside.
fn sought_within(inner: &Hir, group: &Hir) -> Reason<RegexAst> {
    let has_anchors = !group.properties().look_set().is_empty();
    match inner.kind() {
        HirKind::Alternation(options) if has_anchors => {
            let options: Reason<Vec<_>> = options.iter().map(sought).collect();
            Ok(RegexAst::Or(options?))
        }
        _ if has_anchors => sought(inner),
        _ => Ok(RegexAst::Concat(vec![any(), spell(inner)?, any()])),
    }
}

fn spell(hir: &Hir) -> Reason<RegexAst> {
    let all = |parts: &[Hir]| parts.iter().map(spell).collect::<Reason<Vec<_>>>();
    Ok(match hir.kind() {
        HirKind::Empty => RegexAst::EmptyString,
        HirKind::Literal(text) => {
            let text = std::str::from_utf8(&text.0).map_err(|_| "it matches bytes")?;
            literal(text)
        }
        HirKind::Class(Class::Unicode(class)) => spell_class(class),
        HirKind::Class(Class::Bytes(_)) => return Err("it matches bytes".into()),
        HirKind::Look(_) => {
            return Err("anchors within it are not supported, nor is \\b".into());
        }
        HirKind::Repetition(repeat) => RegexAst::Repeat(
            Box::new(spell(&repeat.sub)?),
            repeat.min,
            repeat.max.unwrap_or(u32::MAX),
        ),
        HirKind::Capture(group) => spell(&group.sub)?,
        HirKind::Concat(parts) => RegexAst::Concat(all(parts)?),
        HirKind::Alternation(options) => RegexAst::Or(all(options)?),
    })
}

fn spell_class(class: &ClassUnicode) -> RegexAst {
    let ranges = class.iter().map(|range| (range.start(), range.end()));
    characters(ranges)
}

/// All spellings of the characters in these ranges, both ends included.
fn characters(ranges: impl IntoIterator<Item = (char, char)>) -> RegexAst {
    let (mut plain, mut escaped) = (String::new(), String::new());
    let mut numbers: Vec<String> = Vec::new();
    for (first, last) in ranges {
        let (first, last) = (u32::from(first), u32::from(last));
        // All characters stand for themselves, but control characters, quotes and backslashes.
        for (low, high) in [(0x20, 0x21), (0x23, 0x5b), (0x5d, 0x10ffff)] {
            let (low, high) = (first.max(low), last.min(high));
            if low <= high {
                let _ = write!(plain, "\\x{{{low:x}}}-\\x{{{high:x}}}");
            }
        }
        for (character, letter) in [
            (0x22, "\""),
            (0x5c, "\\\\"),
            (0x2f, "/"),
            (0x08, "b"),
            (0x0c, "f"),
            (0x0a, "n"),
            (0x0d, "r"),
            (0x09, "t"),
        ] {
            if (first..=last).contains(&character) {
                escaped.push_str(letter);
            }
        }
        for (low, high) in [(0, 0xd7ff), (0xe000, 0xffff)] {
            let (low, high) = (first.max(low), last.min(high));
            if low <= high {
                numbers.push(format!("\\\\u(?:{})", hexadecimal(low, high, 4)));
            }
        }
        let (low, high) = (first.max(0x10000), last);
        if low <= high {
            numbers.push(pairs(low - 0x10000, high - 0x10000));
        }
    }
    let mut options = Vec::new();
    if !plain.is_empty() {
        options.push(format!("[{plain}]"));
    }
    if !escaped.is_empty() {
        options.push(format!("\\\\[{escaped}]"));
    }
    options.extend(numbers);
    if options.is_empty() {
        return RegexAst::NoMatch;
    }
    RegexAst::Regex(format!("(?:{})", options.join("|")))
}

/// The surrogate pairs for numbers of 20 bits from `low` to `high`.
fn pairs(low: u32, high: u32) -> String {
    let pair = |first: u32, last: u32, low: u32, high: u32| {
        let first = hexadecimal(0xd800 + first, 0xd800 + last, 4);
        let second = hexadecimal(0xdc00 + low, 0xdc00 + high, 4);
        format!("\\\\u(?:{first})\\\\u(?:{second})")
    };
    split(low, high, 10, pair).join("|")
}

/// The numbers from `low` to `high` in `digits` hexadecimal digits, in upper or lower case.
fn hexadecimal(low: u32, high: u32, digits: u32) -> String {
    if digits == 0 {
        return String::new();
    }
    let range = |first: u32, last: u32, low: u32, high: u32| {
        let head: String = (first..=last)
            .map(|digit| match digit {
                0..=9 => format!("{digit}"),
                _ => format!("{digit:x}{digit:X}"),
            })
            .collect();
        format!("[{head}](?:{})", hexadecimal(low, high, digits - 1))
    };
    split(low, high, 4 * (digits - 1), range).join("|")
}

/// Splits the numbers from `low` to `high` by their leading bits. `part` is called with a range of leading bits and the
/// one range of the following `bits` bits that goes with all of them.
fn split(
    low: u32,
    high: u32,
    bits: u32,
    part: impl Fn(u32, u32, u32, u32) -> String,
) -> Vec<String> {
    let full = (1 << bits) - 1;
    let (mut first, mut last) = (low >> bits, high >> bits);
    let (low, high) = (low & full, high & full);
    if first == last {
        return vec![part(first, last, low, high)];
    }
    let mut parts = Vec::new();
    if low > 0 {
        parts.push(part(first, first, low, full));
        first += 1;
    }
    if high < full {
        parts.push(part(last, last, 0, high));
        last -= 1;
    }
    if first <= last {
        parts.push(part(first, last, 0, full));
    }
    parts
}
