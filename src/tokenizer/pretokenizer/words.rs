//! Expressions that match everywhere, but for one, so that they split a text without gaps. Each function returns the
//! length in bytes of the first word of a text that is not empty.

use super::class::{is_letter, is_mark, is_other, is_punctuation, is_symbol};

/// Length in bytes of the longest prefix whose characters all satisfy `is`.
pub(super) fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

pub(super) fn gpt2(text: &str) -> usize {
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

/// Words of letters of any case, which may begin with one character of another kind:
///
/// ```text
/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// ```
#[derive(Debug)]
pub(super) struct Uncased {
    /// Whether combining marks count as letters, except as the first character: `[\p{L}\p{M}]+`.
    marks: bool,
    /// The most digits (`\p{N}`) in a word.
    numbers: usize,
    /// The characters that belong to the punctuation before them.
    ends: &'static str,
}

impl Uncased {
    pub const LLAMA3: Self = Self {
        marks: false,
        numbers: 3,
        ends: "\r\n",
    };
    pub const QWEN2: Self = Self {
        numbers: 1,
        ..Self::LLAMA3
    };
    pub const QWEN35: Self = Self {
        marks: true,
        ..Self::QWEN2
    };
    pub const SEED_CODER: Self = Self {
        ends: "",
        ..Self::QWEN2
    };

    pub fn first(&self, text: &str) -> usize {
        let is_letter = |c| is_letter(c) || (self.marks && is_mark(c));
        let is_other = |c| is_other(c) && !(self.marks && is_mark(c));
        contraction(text, true)
            .or_else(|| {
                let lead = lead(text);
                let letters = run(&text[lead..], is_letter);
                // A mark can be the leading character, or the first letter where nothing follows it.
                let alone = run(text, is_letter);
                (letters > 0)
                    .then_some(lead + letters)
                    .or((alone > 0).then_some(alone))
            })
            .unwrap_or_else(|| after_letters(text, self.numbers, is_other, self.ends))
    }
}

/// Words of letters that end where a capital follows a small letter. The models' authors tell upper from lower case by
/// Unicode classes (`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`). llama.cpp does so only in ASCII; it takes every other letter
/// for both cases and no mark for a letter:
///
/// ```text
/// [^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))*((?=[\p{L}])([^A-Z]))+|[^\r\n\p{L}\p{N}]?((?=[\p{L}])([^a-z]))+((?=[\p{L}])([^A-Z]))*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// ```
#[derive(Debug)]
pub(super) struct Cased {
    /// Whether a contraction belongs to the word of letters before it: `(?:'[sS]|'[tT]|…)?`.
    contractions: bool,
    /// The most digits (`\p{N}`) in a word.
    numbers: usize,
}

impl Cased {
    pub const GPT4O: Self = Self {
        contractions: true,
        numbers: 3,
    };
    pub const TEKKEN: Self = Self {
        contractions: false,
        numbers: 1,
    };

    pub fn first(&self, text: &str) -> usize {
        let lead = lead(text);
        let letters = cased_letters(&text[lead..]);
        if letters == 0 {
            return after_letters(text, self.numbers, is_other, "\r\n/");
        }
        let end = lead + letters;
        let contraction = contraction(&text[end..], true).filter(|_| self.contractions);
        end + contraction.unwrap_or(0)
    }
}

/// Length in bytes of a run of upper-case letters and the lower-case letters after it. Without lower-case letters after
/// it, the run ends with its last letter that can also be lower case, where it has one.
fn cased_letters(text: &str) -> usize {
    let is_upper = |c: char| is_letter(c) && !c.is_ascii_lowercase();
    let is_lower = |c: char| is_letter(c) && !c.is_ascii_uppercase();
    let upper = run(text, is_upper);
    let lower = run(&text[upper..], is_lower);
    if lower > 0 {
        return upper + lower;
    }
    let both = text[..upper].char_indices().rfind(|(_, c)| is_lower(*c));
    both.map_or(upper, |(at, c)| at + c.len_utf8())
}

/// Length in bytes of a match of `[^\r\n\p{L}\p{N}]?`.
fn lead(text: &str) -> usize {
    let first = text.chars().next();
    first
        .filter(|c| !matches!(c, '\r' | '\n') && !is_letter(*c) && !c.is_numeric())
        .map_or(0, char::len_utf8)
}

/// Length in bytes of a contraction ('s, 't, 're, 've, 'm, 'll, 'd) at the start.
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

/// Words of letters and marks, which may begin with one character of another kind, or of one punctuation character and
/// letters, both ASCII. `None` where the expression does not match at the start: it leaves digits and control characters
/// to no word.
///
/// ```text
/// [!-/:-@\[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
/// ```
pub(super) fn punctuated(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    if first.is_ascii_punctuation() {
        let letters = run(&text[1..], |c| c.is_ascii_alphabetic());
        if letters > 0 {
            return Some(1 + letters);
        }
    }
    let is_sign = |c| is_punctuation(c) || is_symbol(c);
    let can_lead = !(matches!(first, '\r' | '\n') || is_letter(first) || is_sign(first));
    let lead = if can_lead { first.len_utf8() } else { 0 };
    // A mark can be the leading character, or the first of the word where nothing follows it.
    for start in [lead, 0] {
        let len = run(&text[start..], |c| is_letter(c) || is_mark(c));
        if len > 0 {
            return Some(start + len);
        }
    }
    let space = usize::from(first == ' ');
    let signs = run(&text[space..], is_sign);
    if signs > 0 {
        let end = space + signs;
        return Some(end + run(&text[end..], |c| matches!(c, '\r' | '\n')));
    }
    first.is_whitespace().then(|| line_break_or_space(text))
}

/// The rest of the expressions, which `Uncased` and `Cased` share:
/// `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`.
fn after_letters(
    text: &str,
    most_numbers: usize,
    is_other: impl Fn(char) -> bool,
    ends: &str,
) -> usize {
    let numbers = text.chars().take(most_numbers);
    let numbers: usize = numbers
        .take_while(|c| c.is_numeric())
        .map(char::len_utf8)
        .sum();
    if numbers > 0 {
        return numbers;
    }
    let space = usize::from(text.starts_with(' '));
    let others = run(&text[space..], is_other);
    if others > 0 {
        let end = space + others;
        return end + run(&text[end..], |c| ends.contains(c));
    }
    line_break_or_space(text)
}

/// Length in bytes of a match of `\s*[\r\n]+|\s+(?!\S)|\s+`.
fn line_break_or_space(text: &str) -> usize {
    let spaces = &text[..run(text, char::is_whitespace)];
    match spaces.rfind(['\r', '\n']) {
        Some(at) => at + 1,
        None => white_space(text),
    }
}

/// Length in bytes of a match of `\s+(?!\S)|\s+`: a run of white space, without its last character where a word
/// follows.
fn white_space(text: &str) -> usize {
    let len = run(text, char::is_whitespace);
    let last = text[..len].chars().next_back().map_or(0, char::len_utf8);
    if len < text.len() && len > last {
        len - last
    } else {
        len
    }
}
