//! The methods of Python's `str`. Indices into a string count characters; marks of shielded text do not count.

use super::arguments::{Arguments, string};
use super::shield::{self, places, places_from_end};
use super::split::{lines, not_empty, prefix_end, split, suffix_start};
use super::unicode;
use super::value::{MAX_TEXT, items, template_error};
use crate::tokenizer::SHIELD;
use minijinja::value::{Tuple, Value};
use minijinja::{Error, ErrorKind, State};

type Result<T> = std::result::Result<T, Error>;

/// The names of all methods but `format`.
pub(super) const NAMES: [&str; 42] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];

/// `text.method(args)`, for all of [`NAMES`].
pub(super) fn call(state: &State, text: &str, method: &str, args: &[Value]) -> Result<Value> {
    let mut args = Arguments::new(args)?;
    let value = if let Some(text) = recased(text, method) {
        text.into()
    } else if let Some(holds) = holds(text, method) {
        holds.into()
    } else {
        call_with(state, text, method, &mut args)?
    };
    args.done()?;
    Ok(value)
}

/// The methods that write the same letters in other cases.
fn recased(text: &str, method: &str) -> Option<String> {
    Some(match method {
        "upper" => text.to_uppercase(),
        "lower" => text.to_lowercase(),
        "casefold" => unicode::fold(text),
        "capitalize" => capitalize(text),
        "title" => title(text),
        "swapcase" => swapped(text),
        _ => return None,
    })
}

/// The methods that tell what a text consists of.
fn holds(text: &str, method: &str) -> Option<bool> {
    let bare = shield::without_marks(text);
    let every = |test: fn(char) -> bool| !bare.is_empty() && bare.chars().all(test);
    Some(match method {
        "isalpha" => every(unicode::is_letter),
        "isalnum" => {
            every(|c| unicode::is_letter(c) || unicode::is_numeric(c) || unicode::is_digit(c))
        }
        "isdecimal" => every(unicode::is_decimal),
        "isdigit" => every(unicode::is_digit),
        "isnumeric" => every(unicode::is_numeric),
        "isspace" => every(unicode::is_space),
        "isascii" => bare.is_ascii(),
        "isprintable" => bare.chars().all(unicode::is_printable),
        "islower" => is_lower(text),
        "isupper" => is_upper(text),
        "istitle" => is_title(&bare),
        _ => return None,
    })
}

/// The other methods, most of which take arguments.
fn call_with(state: &State, text: &str, method: &str, args: &mut Arguments) -> Result<Value> {
    Ok(match method {
        "strip" | "lstrip" | "rstrip" => strip(state, text, method, args.text("")?)?.into(),
        "split" | "rsplit" => split_at_separators(text, method == "rsplit", args)?,
        "splitlines" => split_at_line_ends(text, args)?,
        "partition" | "rpartition" => partition(text, method == "rpartition", args)?,
        "removeprefix" => {
            let prefix = args.required("")?;
            text[prefix_end(text, string(&prefix)?).unwrap_or(0)..].into()
        }
        "removesuffix" => {
            let suffix = args.required("")?;
            text[..suffix_start(text, string(&suffix)?).unwrap_or(text.len())].into()
        }
        "startswith" | "endswith" => has_one_of(state, text, method == "endswith", args)?.into(),
        "find" | "rfind" | "index" | "rindex" | "count" => search(text, method, args)?,
        "replace" => {
            let (old, new) = (args.required("old")?, args.required("new")?);
            let most = args.integer("count")?.unwrap_or(-1);
            replace(state, text, string(&old)?, string(&new)?, most)?.into()
        }
        "join" => join(state, text, args)?.into(),
        "center" | "ljust" | "rjust" | "zfill" => {
            let width = args.required("")?;
            let width = super::value::integer(&width)
                .ok_or_else(|| template_error("a width is a whole number"))?;
            let given = match method {
                "zfill" => None,
                _ => args.text("")?,
            };
            pad(state, text, method, width, given.as_deref().unwrap_or(" "))?.into()
        }
        "expandtabs" => {
            let width = args.integer("tabsize")?.unwrap_or(8);
            expand_tabs(state, text, usize::try_from(width).unwrap_or(0))?.into()
        }
        // `encode` returns bytes, which have no use in a conversation.
        _ => return Err(template_error(format!("str.{method} is not supported"))),
    })
}

/// `str.split`, and from the end `str.rsplit`.
fn split_at_separators(text: &str, from_end: bool, args: &mut Arguments) -> Result<Value> {
    let (separator, most) = (args.text("sep")?, args.integer("maxsplit")?.unwrap_or(-1));
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let parts = split(text, separator.as_deref(), most, from_end)?;
    Ok(parts
        .into_iter()
        .map(Value::from)
        .collect::<Vec<_>>()
        .into())
}

/// `str.splitlines`.
fn split_at_line_ends(text: &str, args: &mut Arguments) -> Result<Value> {
    let keep = args.flag("keepends", false)?;
    let line = |(line, end): (&str, &str)| match keep {
        true => Value::from([line, end].concat()),
        false => Value::from(line),
    };
    Ok(lines(text).into_iter().map(line).collect::<Vec<_>>().into())
}

/// `str.partition`, and from the end `str.rpartition`.
fn partition(text: &str, from_end: bool, args: &mut Arguments) -> Result<Value> {
    let separator = args.required("")?;
    let separator = not_empty(string(&separator)?)?;
    let (places, whole) = match from_end {
        false => (places(text, separator), [text, "", ""]),
        true => (places_from_end(text, separator), ["", "", text]),
    };
    let parts = places
        .first()
        .map_or(whole, |at| [&text[..at.start], separator, &text[at.end..]]);
    Ok(Tuple::new(parts.map(Value::from).to_vec()).into())
}

/// `str.startswith`, and at the end `str.endswith`: whether a part of the text begins with a string, or with one of a
/// tuple.
fn has_one_of(state: &State, text: &str, at_end: bool, args: &mut Arguments) -> Result<bool> {
    let wanted = args.required("")?;
    let (range, _) = range(text, args.integer("")?, args.integer("")?);
    let options = match wanted.is_tuple() {
        true => items(state, &wanted)?,
        false => vec![wanted],
    };
    let mut found = false;
    for option in &options {
        let Some(range) = range else { break };
        let wanted = string(option)?;
        found |= match at_end {
            true => suffix_start(range, wanted).is_some(),
            false => prefix_end(range, wanted).is_some(),
        };
    }
    Ok(found)
}

/// `str.find`, `rfind`, `index`, `rindex` and `count`.
fn search(text: &str, method: &str, args: &mut Arguments) -> Result<Value> {
    let wanted = args.required("")?;
    let wanted = string(&wanted)?;
    let (range, start) = range(text, args.integer("")?, args.integer("")?);
    if method == "count" {
        return Ok(range.map_or(0, |range| places(range, wanted).len()).into());
    }
    let place = range.and_then(|range| {
        let found = match method.starts_with('r') {
            true => places_from_end(range, wanted),
            false => places(range, wanted),
        };
        let first = found.first()?;
        Some(start + shield::count(&range[..first.start]))
    });
    match (place, method) {
        (Some(place), _) => Ok(place.into()),
        (None, "find" | "rfind") => Ok((-1).into()),
        (None, _) => Err(template_error("substring not found")),
    }
}

/// `str.join`.
fn join(state: &State, separator: &str, args: &mut Arguments) -> Result<String> {
    let parts = items(state, &args.required("")?)?;
    let parts = parts.iter().map(string).collect::<Result<Vec<_>>>()?;
    let bytes = parts.iter().map(|part| part.len() + separator.len());
    within(state, bytes.sum())?;
    Ok(parts.join(separator))
}

/// Consumes the fuel for so many bytes, before they are allocated; fails where they are too many.
pub(super) fn within(state: &State, bytes: usize) -> Result<()> {
    state.consume_fuel(bytes as u64 / 64)?;
    if bytes > MAX_TEXT {
        Err(ErrorKind::OutOfFuel.into())
    } else {
        Ok(())
    }
}

/// The first character in title case, the others in lower case.
pub(super) fn capitalize(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    if let Some(first) = chars.next() {
        unicode::push_title(first, &mut out);
        // Lower case depends on context: a sigma at the end of a word has a form of its own. So the whole text is
        // converted.
        let small = text.to_lowercase();
        let first: usize = first.to_lowercase().map(char::len_utf8).sum();
        out.push_str(&small[first..]);
    }
    out
}

/// Each letter that follows no letter in title case, the others in lower case.
fn title(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    let whole = text.to_lowercase();
    let mut small = &*whole;
    for c in text.chars() {
        let bytes: usize = c.to_lowercase().map(char::len_utf8).sum();
        let (first, rest) = small.split_at(bytes.min(small.len()));
        match inside {
            true => out.push_str(first),
            false => unicode::push_title(c, &mut out),
        }
        small = rest;
        inside = unicode::is_cased(c) || (inside && c == SHIELD);
    }
    out
}

fn swapped(text: &str) -> String {
    let mut out = String::new();
    // Lower case depends on context: a sigma at the end of a word has a form of its own. So the whole text is
    // converted.
    let whole = text.to_lowercase();
    let mut small = &*whole;
    for c in text.chars() {
        let bytes: usize = c.to_lowercase().map(char::len_utf8).sum();
        let (first, rest) = small.split_at(bytes.min(small.len()));
        match c.is_uppercase() {
            true => out.push_str(first),
            false if c.is_lowercase() => out.extend(c.to_uppercase()),
            false => out.push(c),
        }
        small = rest;
    }
    out
}

pub(super) fn is_lower(text: &str) -> bool {
    let mut chars = text.chars();
    text.chars().any(char::is_lowercase) && !chars.any(|c| c.is_uppercase() || unicode::is_title(c))
}

pub(super) fn is_upper(text: &str) -> bool {
    let mut chars = text.chars();
    text.chars().any(char::is_uppercase) && !chars.any(|c| c.is_lowercase() || unicode::is_title(c))
}

fn is_title(text: &str) -> bool {
    let (mut inside, mut found) = (false, false);
    for c in text.chars() {
        let begins = c.is_uppercase() || unicode::is_title(c);
        if (begins && inside) || (c.is_lowercase() && !inside) {
            return false;
        }
        inside = unicode::is_cased(c);
        found |= inside;
    }
    found
}

fn strip(state: &State, text: &str, method: &str, chars: Option<String>) -> Result<String> {
    let mut set: Vec<char> = chars.iter().flat_map(|chars| chars.chars()).collect();
    set.sort_unstable();
    state.consume_fuel((set.len() + text.len()) as u64 / 8)?;
    let strips = |c: char| match chars {
        Some(_) => set.binary_search(&c).is_ok() || c == SHIELD,
        None => unicode::is_space(c),
    };
    Ok(match method {
        "strip" => text.trim_matches(strips),
        "lstrip" => text.trim_start_matches(strips),
        _ => text.trim_end_matches(strips),
    }
    .to_owned())
}

/// The slice from character `start` to `end`, and the index of its first character. The slice is `None` where `start`
/// is behind `end`.
fn range(text: &str, start: Option<i128>, end: Option<i128>) -> (Option<&str>, usize) {
    if start.is_none() && end.is_none() {
        return (Some(text), 0);
    }
    let count = shield::count(text) as i128;
    let place = |place: i128| {
        if place < 0 {
            (place + count).max(0)
        } else {
            place
        }
    };
    let (start, end) = (
        place(start.unwrap_or(0)),
        place(end.unwrap_or(count)).min(count),
    );
    if start > end {
        return (None, 0);
    }
    let byte = |place: i128| -> usize {
        let before = shield::characters(text).take(place as usize);
        before.map(str::len).sum()
    };
    (Some(&text[byte(start)..byte(end)]), start as usize)
}

pub(super) fn replace(
    state: &State,
    text: &str,
    old: &str,
    new: &str,
    most: i128,
) -> Result<String> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    state.consume_fuel((text.len() + old.len()) as u64 / 64)?;
    let found = places(text, old);
    let count = found.len().min(most);
    within(
        state,
        text.len().saturating_add(count.saturating_mul(new.len())),
    )?;
    let (mut out, mut rest) = (String::new(), 0);
    for at in found.into_iter().take(most) {
        out.push_str(&text[rest..at.start]);
        out.push_str(new);
        rest = at.end;
    }
    out.push_str(&text[rest..]);
    Ok(out)
}

pub(super) fn pad(
    state: &State,
    text: &str,
    method: &str,
    width: i128,
    fill: &str,
) -> Result<String> {
    if shield::count(fill) != 1 {
        return Err(template_error(
            "the fill character must be one character long",
        ));
    }
    let count = shield::count(text);
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(count);
    within(
        state,
        missing
            .saturating_mul(fill.len())
            .saturating_add(text.len()),
    )?;
    let fill = |count: usize| fill.repeat(count);
    Ok(match method {
        "ljust" => text.to_owned() + &fill(missing),
        "rjust" => fill(missing) + text,
        "center" => {
            // Which side gets the odd one depends on the width, as in CPython's `center`.
            let left = missing / 2 + (missing & (count + missing) & 1);
            fill(left) + text + &fill(missing - left)
        }
        _ => {
            let sign = if text.starts_with(['+', '-']) { 1 } else { 0 };
            text[..sign].to_owned() + &"0".repeat(missing) + &text[sign..]
        }
    })
}

fn expand_tabs(state: &State, text: &str, width: usize) -> Result<String> {
    let bytes = text
        .matches('\t')
        .count()
        .saturating_mul(width)
        .saturating_add(text.len());
    within(state, bytes)?;
    let (mut out, mut column) = (String::new(), 0);
    for c in text.chars() {
        match c {
            '\t' => {
                let missing = if width > 0 { width - column % width } else { 0 };
                out.extend(std::iter::repeat_n(' ', missing));
                column += missing;
            }
            c => {
                out.push(c);
                column = match c {
                    '\n' | '\r' => 0,
                    SHIELD => column,
                    _ => column + 1,
                };
            }
        }
    }
    Ok(out)
}
