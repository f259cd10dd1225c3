//! Properties of characters as Python's `str` knows them, where Rust's standard library does not.

use std::ops::RangeInclusive;
use unicode_general_category::{GeneralCategory as Category, get_general_category as category};

/// The characters that Python's `isdigit` has beyond the decimal digits: superscripts, digits in circles and in
/// brackets.
const DIGITS: [RangeInclusive<u32>; 20] = [
    0xb2..=0xb3,
    0xb9..=0xb9,
    0x1369..=0x1371,
    0x19da..=0x19da,
    0x2070..=0x2070,
    0x2074..=0x2079,
    0x2080..=0x2089,
    0x2460..=0x2468,
    0x2474..=0x247c,
    0x2488..=0x2490,
    0x24ea..=0x24ea,
    0x24f5..=0x24fd,
    0x24ff..=0x24ff,
    0x2776..=0x277e,
    0x2780..=0x2788,
    0x278a..=0x2792,
    0x10a40..=0x10a43,
    0x10e60..=0x10e68,
    0x11052..=0x1105a,
    0x1f100..=0x1f10a,
];

/// Ideographs with a numeric value, which `isnumeric` includes.
const NUMERALS: &str = "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零\
    \u{f96b}\u{f973}\u{f978}\u{f9b2}\u{f9d1}\u{f9d3}\u{f9fd}\u{20001}\u{20064}\u{200e2}\u{20121}\u{2092a}\u{20983}\u{2098c}\
    \u{2099c}\u{20aea}\u{20afd}\u{20b19}\u{22390}\u{22998}\u{23b1b}\u{2626d}\u{2f890}";

/// `c.isspace()`: Unicode's white space, and the ASCII separators U+001C to U+001F.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// What ends a line for `splitlines`.
pub(super) fn is_line_break(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// `c.isdecimal()`.
pub(super) fn is_decimal(c: char) -> bool {
    category(c) == Category::DecimalNumber
}

/// The text with ASCII digits in place of the decimal digits of other scripts, which Python reads as numbers too. Unicode has
/// the ten digits of a script one after the other, from 0 on, and nothing between those of several.
pub(super) fn ascii_digits(text: &str) -> String {
    let ascii = |c: char| {
        if c.is_ascii() || !is_decimal(c) {
            return c;
        }
        let before = (0..c as u32).rev().map_while(char::from_u32);
        let place = before.take_while(|&c| is_decimal(c)).count();
        char::from(b'0' + (place % 10) as u8)
    };
    text.chars().map(ascii).collect()
}

/// `c.isdigit()`.
pub(super) fn is_digit(c: char) -> bool {
    is_decimal(c) || DIGITS.iter().any(|range| range.contains(&(c as u32)))
}

/// `c.isnumeric()`.
pub(super) fn is_numeric(c: char) -> bool {
    let number = matches!(
        category(c),
        Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber
    );
    number || NUMERALS.contains(c)
}

/// `c.isalpha()`.
pub(super) fn is_letter(c: char) -> bool {
    use Category::{
        LowercaseLetter, ModifierLetter, OtherLetter, TitlecaseLetter, UppercaseLetter,
    };
    matches!(
        category(c),
        LowercaseLetter | ModifierLetter | OtherLetter | TitlecaseLetter | UppercaseLetter
    )
}

/// `c.isprintable()`: whether `repr` writes `c` as it is.
pub(super) fn is_printable(c: char) -> bool {
    use Category::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, SpaceSeparator, Surrogate,
        Unassigned,
    };
    // Most characters need no table.
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let hidden = matches!(
        category(c),
        Control
            | Format
            | LineSeparator
            | ParagraphSeparator
            | PrivateUse
            | SpaceSeparator
            | Surrogate
            | Unassigned
    );
    !hidden
}

/// Whether `c` is a digraph with only its first letter in upper case, like `ǅ`.
pub(super) fn is_title(c: char) -> bool {
    category(c) == Category::TitlecaseLetter
}

/// Whether a character has a case.
pub(super) fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || is_title(c)
}

/// Appends the title case of `c`. The standard library has no table of it.
pub(super) fn push_title(c: char, out: &mut String) {
    let upper = c.to_uppercase();
    let code = c as u32;
    match code {
        // Digraphs with a title case of their own.
        0x1c4..=0x1cc => out.extend(char::from_u32(0x1c5 + (code - 0x1c4) / 3 * 3)),
        0x1f1..=0x1f3 => out.push('\u{1f2}'),
        // Georgian has no title case.
        0x10d0..=0x10ff => out.push(c),
        // Ligatures: only their first letter is in upper case.
        0xdf | 0x587 | 0xfb00..=0xfb06 | 0xfb13..=0xfb17 => {
            let mut upper = upper;
            out.extend(upper.next());
            out.extend(upper.flat_map(char::to_lowercase));
        }
        // Greek vowels with an iota subscript.
        0x1f80..=0x1faf => out.extend(char::from_u32(code | 8)),
        0x1fb3 | 0x1fc3 | 0x1ff3 => out.extend(char::from_u32(code + 9)),
        0x1fbc | 0x1fcc | 0x1ffc => out.push(c),
        0x1fb2 | 0x1fb4 | 0x1fc2 | 0x1fc4 | 0x1ff2 | 0x1ff4 => {
            out.extend(upper.map(|c| if c == '\u{399}' { '\u{345}' } else { c }));
        }
        0x1fb7 | 0x1fc7 | 0x1ff7 => {
            out.extend(char::from_u32(code + 5));
            out.push('\u{342}');
        }
        _ => out.extend(upper),
    }
}

/// `text.casefold()`.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::new();
    for c in text.chars() {
        match c {
            'ẞ' => folded.push_str("ss"),
            'ı' => folded.push(c),
            'İ' => folded.push_str("i\u{307}"),
            // Cherokee folds to upper case, because Unicode had only that at first.
            '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => folded.extend(c.to_uppercase()),
            c => folded.extend(
                c.to_lowercase()
                    .flat_map(char::to_uppercase)
                    .flat_map(char::to_lowercase),
            ),
        }
    }
    folded
}
