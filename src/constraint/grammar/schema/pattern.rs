//! `pattern`: regular expressions of ECMA-262 → the same in Rust's syntax.
//!
//! Constructs that look alike but mean something else are written out (`\d`, `.`, a `[` within a class); those without
//! an equivalent (look-around, back references) are refused.

use super::super::Reason;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = "\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
const LINE_ENDS: &str = "\\n\\r\\x{2028}\\x{2029}";

/// The expression in Rust's syntax.
pub fn to_rust(pattern: &str) -> Reason<String> {
    let mut rust = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '.' => {
                let _ = write!(rust, "[^{LINE_ENDS}]");
            }
            '[' => class(&mut rest, &mut rust)?,
            '\\' => write_member(&mut rust, &escape(&mut rest)?),
            '(' if rest.peek() == Some(&'?') => {
                rest.next();
                match rest.next() {
                    Some(':') => rust.push_str("(?:"),
                    Some('<') if !matches!(rest.peek(), Some('=' | '!')) => rust.push_str("(?<"),
                    _ => return Err("looking around is not supported".into()),
                }
            }
            '{' if !is_count(rest.clone()) => {
                return Err("a brace that begins no count has a backslash before it".into());
            }
            '*' | '+' | '?' | '}' if rest.peek() == Some(&'+') => {
                return Err("a repetition is repeated".into());
            }
            _ => rust.push(c),
        }
    }
    Ok(rust)
}

/// Whether a `{` begins a count. Rust's counts may also have blanks, or lack the minimum; ECMA-262's may not.
fn is_count(rest: Peekable<Chars>) -> bool {
    let count: String = rest.take_while(|&c| c != '}').collect();
    let digits = count.chars().all(|c| c.is_ascii_digit() || c == ',');
    digits && count.starts_with(|c: char| c.is_ascii_digit())
}

enum Escaped {
    Character(char),
    Class { negated: bool, ranges: String },
}

fn escape(rest: &mut Peekable<Chars>) -> Reason<Escaped> {
    let class = |negated, ranges: &str| Escaped::Class {
        negated,
        ranges: ranges.to_owned(),
    };
    let character = match rest.next().ok_or("it ends in a backslash")? {
        c @ ('d' | 'D') => return Ok(class(c == 'D', DIGITS)),
        c @ ('w' | 'W') => return Ok(class(c == 'W', WORD)),
        c @ ('s' | 'S') => return Ok(class(c == 'S', SPACE)),
        c @ ('p' | 'P') => {
            let name: String = rest.by_ref().take_while(|&c| c != '}').collect();
            let name = name.strip_prefix('{').ok_or("\\p needs a name in braces")?;
            return Ok(class(c == 'P', &format!("\\p{{{name}}}")));
        }
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'f' => '\x0c',
        'v' => '\x0b',
        '0' if !rest.peek().is_some_and(char::is_ascii_digit) => '\0',
        'c' => {
            let letter = rest.next().filter(char::is_ascii_alphabetic);
            char::from(letter.ok_or("\\c needs a letter")? as u8 % 32)
        }
        'x' => code(rest, 2)?,
        'u' => code(rest, 4)?,
        'b' | 'B' => return Err("\\b and \\B are not supported".into()),
        c if c.is_ascii_alphanumeric() => return Err(format!("\"\\{c}\" is not supported")),
        c => c,
    };
    Ok(Escaped::Character(character))
}

fn code(rest: &mut Peekable<Chars>, digits: usize) -> Reason<char> {
    let mut unit = |digits: usize| {
        let braces = digits == 4 && rest.next_if_eq(&'{').is_some();
        let text: String = match braces {
            true => rest.by_ref().take_while(|&c| c != '}').collect(),
            false => rest.by_ref().take(digits).collect(),
        };
        u32::from_str_radix(&text, 16).map_err(|_| "an escape lacks hexadecimal digits")
    };
    let first = unit(digits)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Ok(char::from_u32(first).ok_or("half a surrogate pair is no character")?);
    }
    let pair = rest.next() == Some('\\') && rest.next() == Some('u');
    let second: String = rest.by_ref().take(4).collect();
    let second = u32::from_str_radix(&second, 16).unwrap_or(0);
    if !pair || !(0xdc00..0xe000).contains(&second) {
        return Err("half a surrogate pair is no character".into());
    }
    let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok(char::from_u32(code).ok_or("half a surrogate pair is no character")?)
}

fn number(rust: &mut String, c: char) {
    let _ = write!(rust, "\\x{{{:x}}}", u32::from(c));
}

/// Translates a class, from behind its `[`. In ECMA-262 an empty class matches nothing, and `[^]` everything.
fn class(rest: &mut Peekable<Chars>, rust: &mut String) -> Reason<()> {
    let negated = rest.next_if_eq(&'^').is_some();
    if rest.next_if_eq(&']').is_some() {
        rust.push_str(if negated {
            "(?s:.)"
        } else {
            "[^\\x{0}-\\x{10ffff}]"
        });
        return Ok(());
    }
    rust.push_str(if negated { "[^" } else { "[" });
    while rest.next_if_eq(&']').is_none() {
        let first = member(rest)?;
        if rest.next_if_eq(&'-').is_none() {
            write_member(rust, &first);
            continue;
        }
        if rest.peek() == Some(&']') {
            write_member(rust, &first);
            number(rust, '-');
            continue;
        }
        // A hyphen makes a range only between two characters.
        let last = member(rest)?;
        write_member(rust, &first);
        match (&first, &last) {
            (Escaped::Character(_), Escaped::Character(_)) => rust.push('-'),
            _ => number(rust, '-'),
        }
        write_member(rust, &last);
    }
    rust.push(']');
    Ok(())
}

/// A character of a class, or a class within it.
fn member(rest: &mut Peekable<Chars>) -> Reason<Escaped> {
    match rest.next().ok_or("a class does not end")? {
        '\\' if rest.next_if_eq(&'b').is_some() => Ok(Escaped::Character('\x08')),
        '\\' => escape(rest),
        c => Ok(Escaped::Character(c)),
    }
}

fn write_member(rust: &mut String, member: &Escaped) {
    match member {
        Escaped::Character(c) => number(rust, *c),
        Escaped::Class { negated, ranges } => {
            let not = if *negated { "^" } else { "" };
            let _ = write!(rust, "[{not}{ranges}]");
        }
    }
}
