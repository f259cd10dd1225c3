//! The language the plots are written in, and its expansion.
//!
//! | written | becomes |
//! |---|---|
//! | `[one\|two\|]` | one of the alternatives, drawn each time; an empty one makes it optional |
//! | `<rule>` | one of the shared phrases of that name |
//! | `<rule hero>` | the same, with `hero` where the phrase has `@` |
//! | `{x=…}` | nothing, but from here on `{x}` is what `…` expanded to |
//! | `{x}`, `{x.2}` | the variable; its second field, where it was written `first/second` |
//! | `{hero.he}` | a form of a character: see [`super::cast`] |
//!
//! Alternatives nest. White space does not matter, except that an empty line begins a paragraph; at the end
//! sentences get their capital letters, and "a" becomes "an" where it has to.

use std::collections::HashMap;

use rand_chacha::ChaCha12Rng;

use super::random::pick;
use super::texts;

/// The values of variables; the forms of a character are variables like `hero.he`.
pub(super) type Variables = HashMap<String, String>;

/// Expands a phrase that has no variables.
pub(super) fn phrase(template: &str, random: &mut ChaCha12Rng) -> String {
    let mut writer = Writer {
        variables: Variables::new(),
        random,
    };
    let mut text = String::new();
    writer.expand(template, &mut text);
    text
}

/// Expands the template of a plot to a finished story.
pub(super) fn write(plot: &str, variables: Variables, random: &mut ChaCha12Rng) -> String {
    let mut writer = Writer { variables, random };
    let mut text = String::new();
    writer.expand(plot, &mut text);
    finish(&text)
}

struct Writer<'a> {
    variables: Variables,
    random: &'a mut ChaCha12Rng,
}

impl Writer<'_> {
    fn expand(&mut self, template: &str, out: &mut String) {
        let mut rest = template;
        while let Some(at) = rest.find(['[', '{', '<']) {
            out.push_str(&rest[..at]);
            let (inside, after) = bracketed(&rest[at..]);
            match rest.as_bytes()[at] {
                b'[' => {
                    let chosen = self.choose(inside);
                    self.expand(chosen, out);
                }
                b'<' => {
                    let (name, who) = inside.split_once(' ').unwrap_or((inside, ""));
                    let phrases = texts::list(name).unwrap_or("⟨unknown rule⟩");
                    let chosen = self.choose(phrases).replace('@', who);
                    self.expand(&chosen, out);
                }
                _ => self.variable(inside, out),
            }
            rest = after;
        }
        out.push_str(rest);
    }

    fn choose<'t>(&mut self, text: &'t str) -> &'t str {
        pick(&alternatives(text), self.random)
    }

    fn variable(&mut self, inside: &str, out: &mut String) {
        if let Some((name, value)) = inside.split_once('=') {
            let mut expanded = String::new();
            self.expand(value, &mut expanded);
            self.variables
                .insert(name.trim().into(), expanded.trim().into());
            return;
        }
        let value = self.look_up(inside);
        out.push_str(&value);
    }

    fn look_up(&self, name: &str) -> String {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        let field = name.rsplit_once('.').and_then(|(name, field)| {
            let field: usize = field.parse().ok()?;
            self.variables.get(name)?.split('/').nth(field - 1)
        });
        field.map_or_else(|| format!("⟨{name}⟩"), str::to_owned)
    }
}

/// The text between the bracket at the start of `text` and its partner, and the text after that.
fn bracketed(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' | '<' => depth += 1,
            ']' | '}' | '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&text[1..at], &text[at + 1..]);
        }
    }
    (&text[1..], "")
}

/// Splits a text at the bars outside all brackets.
pub(super) fn alternatives(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '{' | '<' => depth += 1,
            ']' | '}' | '>' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Cleans up an expanded text: single spaces, none before punctuation, paragraphs, a capital letter at the start of
/// each sentence, "an" before vowels. A quotation that ends in a full stop ends a sentence; after "!" and "?" the
/// sentence may go on.
fn finish(text: &str) -> String {
    let mut out = String::new();
    for paragraph in text.split("\n\n") {
        let mut begins = true;
        let start = out.len();
        for word in paragraph.split_whitespace() {
            let bare = word.trim_start_matches('"');
            if after_article(&out) && vowel_sound(bare) {
                out.push('n');
            }
            if out.len() > start && !word.starts_with(['.', ',', '!', '?']) {
                out.push(' ');
            } else if out.len() == start && start > 0 {
                out.push_str("\n\n");
            }
            out.push_str(&word[..word.len() - bare.len()]);
            match bare.chars().next() {
                Some(first) if begins => {
                    out.extend(first.to_uppercase());
                    out.push_str(&bare[first.len_utf8()..]);
                }
                _ => out.push_str(bare),
            }
            begins = bare.ends_with(['.', '!', '?']) || bare.ends_with(".\"");
        }
    }
    out
}

/// Whether the last word of a text is "a".
fn after_article(text: &str) -> bool {
    let last = text.rsplit([' ', '\n', '"']).next();
    last.is_some_and(|word| word.eq_ignore_ascii_case("a"))
}

/// Whether a word takes "an". The grammar has no words that sound otherwise than they are spelled, like "hour".
fn vowel_sound(word: &str) -> bool {
    word.starts_with(['a', 'e', 'i', 'o', 'u'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::random::stream;

    fn written(template: &str) -> String {
        write(template, Variables::new(), &mut stream(1, 1))
    }

    #[test]
    fn templates_expand() {
        assert_eq!(
            written("{x=apple/pear} a [owl|owl] saw a {x.1}  and a {x.2} ."),
            "An owl saw an apple and a pear."
        );
        assert_eq!(
            written("[one|one] [two [more|more]|two more]."),
            "One two more."
        );
        assert_eq!(
            written("a cat[|] sat.\n\n\"hello!\" said it. it ran."),
            "A cat sat.\n\n\"Hello!\" said it. It ran."
        );
        assert_eq!(written("\"so it is.\" we ran."), "\"So it is.\" We ran.");
        assert_eq!(written("{nobody}"), "⟨nobody⟩");
    }

    #[test]
    fn every_alternative_is_drawn() {
        let mut random = stream(2, 2);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            seen.insert(write("[a|b|[c|d]]", Variables::new(), &mut random));
        }
        assert_eq!(seen.len(), 4);
    }
}
