//! Pre-tokenizers: where a text is cut into words before bytes are merged.
//!
//! Each is given as a regular expression by its model's authors and scanned by hand here: a regex
//! engine with Unicode tables would be larger than the rest of the crate.

use unicode_general_category::{GeneralCategory, get_general_category};

use crate::{Error, Result};

/// The ways to cut, by their names in `tokenizer.ggml.pre`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PreTokenizer {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    /// Every `\p{N}` alone, then as `Gpt2`.
    SmolLm,
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    Llama,
    /// As `Llama` with every `\p{N}` alone.
    Qwen2,
}

impl PreTokenizer {
    pub fn named(name: Option<&str>) -> Result<Self> {
        Ok(match name {
            None | Some("gpt-2" | "gpt2" | "default") => Self::Gpt2,
            Some("smollm") => Self::SmolLm,
            Some("llama-bpe" | "llama3" | "llama-v3") => Self::Llama,
            Some("qwen2") => Self::Qwen2,
            Some(other) => return Err(Error::UnsupportedTokenizer(format!("gpt2/{other}"))),
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Gpt2 => "gpt-2",
            Self::SmolLm => "smollm",
            Self::Llama => "llama-bpe",
            Self::Qwen2 => "qwen2",
        }
    }

    /// Calls `word` with each word of the text, in order; together they are the text.
    pub fn split<'a>(self, text: &'a str, mut word: impl FnMut(&'a str)) {
        if self != Self::SmolLm {
            return self.words(text, word);
        }
        let mut start = 0;
        for (at, digit) in text.char_indices().filter(|(_, c)| c.is_numeric()) {
            Self::Gpt2.words(&text[start..at], &mut word);
            start = at + digit.len_utf8();
            word(&text[at..start]);
        }
        Self::Gpt2.words(&text[start..], word);
    }

    fn words<'a>(self, mut text: &'a str, mut word: impl FnMut(&'a str)) {
        while !text.is_empty() {
            let len = match self {
                Self::Gpt2 | Self::SmolLm => gpt2_word(text),
                Self::Llama => llama_word(text, 3),
                Self::Qwen2 => llama_word(text, 1),
            };
            let (head, rest) = text.split_at(len);
            word(head);
            text = rest;
        }
    }
}

fn is_letter(c: char) -> bool {
    use GeneralCategory::*;
    c.is_ascii_alphabetic()
        || (!c.is_ascii()
            && matches!(
                get_general_category(c),
                UppercaseLetter | LowercaseLetter | TitlecaseLetter | ModifierLetter | OtherLetter
            ))
}

/// Neither space nor letter nor number.
fn is_other(c: char) -> bool {
    !c.is_whitespace() && !is_letter(c) && !c.is_numeric()
}

/// Bytes of the longest beginning whose characters are all as asked.
fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

/// Bytes of a contraction ('s, 't, 're, 've, 'm, 'll, 'd) at the start.
fn contraction(text: &str, any_case: bool) -> Option<usize> {
    let rest = text.strip_prefix('\'')?.as_bytes();
    let matches = |ending: &&str| {
        rest.get(..ending.len()).is_some_and(|head| {
            if any_case {
                head.eq_ignore_ascii_case(ending.as_bytes())
            } else {
                head == ending.as_bytes()
            }
        })
    };
    ["s", "t", "re", "ve", "m", "ll", "d"]
        .iter()
        .find(|ending| matches(ending))
        .map(|ending| 1 + ending.len())
}

/// `\s+(?!\S)|\s+`: white space up to the last one before a word.
fn white_space(text: &str) -> usize {
    let len = run(text, char::is_whitespace);
    let last = text[..len].chars().next_back().map_or(0, char::len_utf8);
    if len < text.len() && len > last {
        len - last
    } else {
        len
    }
}

/// Bytes of the first word of a text that is not empty.
fn gpt2_word(text: &str) -> usize {
    if let Some(len) = contraction(text, false) {
        return len;
    }
    let space = usize::from(text.starts_with(' '));
    let rest = &text[space..];
    for class in [is_letter as fn(char) -> bool, char::is_numeric, is_other] {
        let len = run(rest, class);
        if len > 0 {
            return space + len;
        }
    }
    white_space(text)
}

fn llama_word(text: &str, digits: usize) -> usize {
    if let Some(len) = contraction(text, true) {
        return len;
    }
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return 0 };
    // [^\r\n\p{L}\p{N}]?\p{L}+
    let lead = match first {
        '\r' | '\n' => None,
        c if is_letter(c) => Some(0),
        c if c.is_numeric() => None,
        c => Some(c.len_utf8()),
    };
    if let Some(lead) = lead {
        let letters = run(&text[lead..], is_letter);
        if letters > 0 {
            return lead + letters;
        }
    }
    // \p{N}{1,3}
    if first.is_numeric() {
        let numbers = text.chars().take(digits).take_while(|c| c.is_numeric());
        return numbers.map(char::len_utf8).sum();
    }
    //  ?[^\s\p{L}\p{N}]+[\r\n]*
    let space = usize::from(first == ' ');
    let others = run(&text[space..], is_other);
    if others > 0 {
        let end = space + others;
        return end + run(&text[end..], |c| matches!(c, '\r' | '\n'));
    }
    // \s*[\r\n]+
    let spaces = &text[..run(text, char::is_whitespace)];
    match spaces.rfind(['\r', '\n']) {
        Some(at) => at + 1,
        None => white_space(text),
    }
}
