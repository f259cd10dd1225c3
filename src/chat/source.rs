//! Adapts the source of a template, so that minijinja reads it as Jinja2 reads the original.
//!
//! Jinja2 accepts every kind of line break, has Python's string literals and a unary plus, and keeps the line break
//! after `{% raw %}`. The transformers library adds the block `{% generation %}`, which marks the text that a model is
//! trained to write; it becomes a call block.

use std::borrow::Cow;
use std::str::Chars;

/// The adapted source. An error is a sentence on what is not supported.
pub(super) fn prepare(template: &str) -> Result<String, String> {
    let template = match template.contains('\r') {
        true => Cow::Owned(template.replace("\r\n", "\n").replace('\r', "\n")),
        false => Cow::Borrowed(template),
    };
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = &*template;
    while let Some(start) = rest.find('{') {
        let (text, tag) = rest.split_at(start);
        out.push_str(text);
        rest = match tag.as_bytes().get(1) {
            Some(b'#') => verbatim(tag, tag.find("#}").map(|at| at + 2), &mut out),
            Some(b'{') => expressions(tag, "}}", &mut out)?,
            Some(b'%') => match word(&tag[2..]) {
                Some((at, "raw")) => raw(tag, 2 + at, &mut out),
                Some((at, word @ ("generation" | "endgeneration"))) => {
                    out.push_str(&tag[..2 + at]);
                    out.push_str(if word == "generation" {
                        "call _generation_support()"
                    } else {
                        "endcall"
                    });
                    &tag[2 + at + word.len()..]
                }
                _ => expressions(tag, "%}", &mut out)?,
            },
            _ => verbatim(tag, Some(1), &mut out),
        };
    }
    out.push_str(rest);
    Ok(out)
}

/// Copies `bytes` bytes of `text`, or all of it where that is `None`, and returns the rest.
fn verbatim<'a>(text: &'a str, bytes: Option<usize>, out: &mut String) -> &'a str {
    let (copied, rest) = text.split_at(bytes.unwrap_or(text.len()));
    out.push_str(copied);
    rest
}

/// The word of a tag that has only one, and its byte offset in `text`, which begins behind the `{%`.
fn word(text: &str) -> Option<(usize, &str)> {
    let marked = text.trim_start_matches(['-', '+']);
    let inside = marked.trim_start();
    let length = inside.find(|c: char| !c.is_ascii_alphabetic())?;
    let after = inside[length..].trim_start();
    let ends = after.trim_start_matches(['-', '+']).starts_with("%}");
    let at = text.len() - inside.len();
    (ends && length > 0).then(|| (at, &inside[..length]))
}

/// Copies a raw block. A `+` in its tag keeps the line break behind that, as Jinja2 does.
fn raw<'a>(tag: &'a str, at: usize, out: &mut String) -> &'a str {
    let begins = at + tag[at..].find("%}").unwrap_or(0);
    out.push_str(&tag[..begins]);
    if !tag[..begins].ends_with(['-', '+']) {
        out.push('+');
    }
    let mut end = begins + 2;
    while let Some(found) = tag[end..].find("{%") {
        end += found + 2;
        if let Some((_, "endraw")) = word(&tag[end..]) {
            end += tag[end..].find("%}").unwrap_or(0) + 2;
            return verbatim(&tag[begins..], Some(end - begins), out);
        }
    }
    verbatim(&tag[begins..], None, out)
}

/// The words after which an operand begins, so that a plus is a sign.
const OPERATORS: [&str; 8] = ["in", "and", "or", "not", "if", "else", "is", "elif"];

/// The name or number at the start of `text`.
fn name_or_number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    // The sign in the exponent of a number is part of the number.
    let number = word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with(['e', 'E']);
    let signed = number && !word.starts_with("0x") && rest.starts_with(['+', '-']);
    &text[..word.len() + usize::from(signed)]
}

/// Copies a tag up to its `end` with the expressions in it adapted, and returns the rest.
fn expressions<'a>(tag: &'a str, end: &str, out: &mut String) -> Result<&'a str, String> {
    let mut rest = verbatim(tag, Some(2), out);
    // Where the expression begins in `out`, and whether it is a tuple without parentheses, which minijinja does not
    // read.
    let (mut begin, mut tuple) = (out.len(), false);
    if rest.starts_with(['-', '+']) {
        // A mark for white space control, or the sign of the expression: after `{{`, Jinja2 takes a plus for a sign.
        if rest.starts_with('+') && end == "}}" {
            out.push_str("- -");
            rest = &rest[1..];
        } else {
            rest = verbatim(rest, Some(1), out);
            begin += 1;
        }
    }
    // How many brackets are open, and whether an operand comes before, so that a plus is an addition.
    let (mut depth, mut operand) = (0_usize, false);
    while let Some(c) = rest.chars().next() {
        let ends = depth == 0
            && (rest.starts_with(end) || (rest.starts_with('-') && rest[1..].starts_with(end)));
        if ends && tuple {
            out.insert_str(begin, " (");
            out.push_str(") ");
            tuple = false;
        }
        if depth == 0 && rest.starts_with(end) {
            return Ok(verbatim(rest, Some(2), out));
        }
        rest = match c {
            '\'' | '"' => {
                operand = true;
                literal(rest, c, out)?
            }
            '+' if !operand && !rest[1..].starts_with(end) => {
                out.push_str("- -");
                &rest[1..]
            }
            c if c.is_alphanumeric() || c == '_' => {
                let word = name_or_number(rest);
                operand = !OPERATORS.contains(&word);
                verbatim(rest, Some(word.len()), out)
            }
            c => {
                match c {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => (),
                }
                tuple |= c == ',' && depth == 0 && end == "}}";
                if !c.is_whitespace() {
                    operand = matches!(c, ')' | ']' | '}');
                }
                verbatim(rest, Some(c.len_utf8()), out)
            }
        };
    }
    Ok(rest)
}

/// Copies the string literal at the start of `text`, adapted where it has escapes, and returns the rest.
fn literal<'a>(text: &'a str, quote: char, out: &mut String) -> Result<&'a str, String> {
    let length = literal_length(text, quote);
    let (literal, rest) = text.split_at(length);
    match literal.contains('\\') && length > 1 && literal.ends_with(quote) {
        true => write_literal(&unescape(&literal[1..length - 1])?, out),
        false => out.push_str(literal),
    }
    Ok(rest)
}

/// The length in bytes of the string literal at the start of `text`, with its quotes.
fn literal_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Writes a string literal as minijinja reads it.
fn write_literal(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// The string of a Python literal, given without its quotes.
fn unescape(literal: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut chars = literal.chars();
    // The first half of a surrogate pair, where one has just been read: a character above U+FFFF may be spelled by two
    // `\u` escapes.
    let mut half: Option<u32> = None;
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let Some(c) = chars.next() else { break };
        let code = match c {
            '\n' => continue,
            '\\' | '\'' | '"' => c as u32,
            'a' => 7,
            'b' => 8,
            't' => 9,
            'n' => 10,
            'v' => 11,
            'f' => 12,
            'r' => 13,
            '0'..='7' => octal(c, &mut chars),
            'x' | 'u' | 'U' => hexadecimal(c, &mut chars)
                .ok_or_else(|| format!("the escape \\{c} in {literal:?} is cut off"))?,
            'N' => {
                return Err(format!(
                    "characters by name, as in {literal:?}, are not supported"
                ));
            }
            other => {
                text.push('\\');
                other as u32
            }
        };
        let (code, whole) = match (half.take(), code) {
            (Some(high), 0xDC00..=0xDFFF) => {
                (0x10000 + ((high - 0xD800) << 10) + code - 0xDC00, true)
            }
            (None, 0xD800..=0xDBFF) => (code, false),
            // A high surrogate without a low one is no character; `char::from_u32` below fails.
            (Some(half), _) => (half, true),
            (None, code) => (code, true),
        };
        if whole {
            let c = char::from_u32(code);
            text.push(c.ok_or_else(|| format!("{literal:?} spells half a character"))?);
        } else if chars.as_str().starts_with("\\u") {
            half = Some(code);
        } else {
            return Err(format!("{literal:?} spells half a character"));
        }
    }
    Ok(text)
}

/// The code of an octal escape that begins with `first`; takes its other digits, two at most, from `chars`.
fn octal(first: char, chars: &mut Chars) -> u32 {
    let digits = chars
        .as_str()
        .bytes()
        .take(2)
        .take_while(|b| (b'0'..=b'7').contains(b));
    let count = digits.count();
    let mut code = first as u32 - '0' as u32;
    for digit in chars.by_ref().take(count) {
        code = code * 8 + digit as u32 - '0' as u32;
    }
    code
}

/// The code of an escape `\x`, `\u` or `\U`, whose digits are taken from `chars`; `None` where there are too few.
fn hexadecimal(kind: char, chars: &mut Chars) -> Option<u32> {
    let count = [2, 4, 8]["xuU".find(kind).unwrap_or(0)];
    let digits = chars.as_str().get(..count).unwrap_or("");
    let valid = digits.len() == count && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let code = u32::from_str_radix(digits, 16).ok().filter(|_| valid)?;
    chars.nth(count - 1);
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::prepare;

    #[test]
    fn line_breaks_and_literals_are_pythons() {
        let same = [
            "a {{ b }} {# {{ '\\x41' }} #}",
            "{% if a -%} x {%- endif %}",
            "{{ '{{' }}",
            "{",
            "{{",
            "{% raw",
            "{#",
        ];
        for template in same {
            assert_eq!(prepare(template).unwrap(), template);
        }
        assert_eq!(prepare("a\r\n{{ b }}\rc").unwrap(), "a\n{{ b }}\nc");
        assert_eq!(
            prepare(r"{{ '\x41\101\u00e9\'' }}").unwrap(),
            "{{ \"AAé'\" }}"
        );
        assert_eq!(prepare(r#"{{ "\"\\" }}"#).unwrap(), r#"{{ "\"\\" }}"#);
        assert_eq!(prepare(r"{{ '\q' }}").unwrap(), r#"{{ "\\q" }}"#);
        assert_eq!(prepare(r"{{ '\ud83d\ude00' }}").unwrap(), "{{ \"😀\" }}");
        assert!(prepare(r"{{ '\ud83d' }}").is_err());
        assert!(prepare(r"{{ '\x4' }}").is_err());
        assert!(prepare(r"{{ '\N{BULLET}' }}").is_err());
    }

    #[test]
    fn a_plus_that_adds_nothing_is_two_minuses() {
        assert_eq!(prepare("{{ +5 + +a }}").unwrap(), "{{ - -5 + - -a }}");
        assert_eq!(
            prepare("{{ a +b }}{{ 1e+5 }}").unwrap(),
            "{{ a +b }}{{ 1e+5 }}"
        );
        assert_eq!(
            prepare("{%+ if a +%}{{ (b)+c }}").unwrap(),
            "{%+ if a +%}{{ (b)+c }}"
        );
    }

    #[test]
    fn tags_that_minijinja_does_not_know_are_others() {
        let template =
            "{%- generation -%}{{ '{% generation %}' }}{% endgeneration %}{% set generation = 1 %}";
        let expected = "{%- call _generation_support() -%}{{ '{% generation %}' }}{% endcall %}{% set generation = 1 %}";
        assert_eq!(prepare(template).unwrap(), expected);
        let template = "{% raw %}{% generation %}{{ '\\x41' }}{%- endraw %}{{ '\\x41' }}";
        let expected = "{% raw +%}{% generation %}{{ '\\x41' }}{%- endraw %}{{ \"A\" }}";
        assert_eq!(prepare(template).unwrap(), expected);
    }
}
