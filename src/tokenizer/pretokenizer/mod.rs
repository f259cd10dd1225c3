//! Pre-tokenizers: how byte-level tokenizers split a text into words before bytes are merged.
//!
//! Each pre-tokenizer is one or several regular expressions, applied one after the other. Each expression splits the
//! pieces that the ones before have left into its matches and what lies between them. They are written as code here,
//! because a regex engine with Unicode tables would be larger than the rest of the crate.
//!
//! The expressions are llama.cpp's (`llm_tokenizer_bpe`), because the ids of a GGUF file are what llama.cpp makes of
//! them. Where they differ from those of the models' authors, a comment says so.

mod class;
mod words;

use crate::{Error, Result};
use class::{is_letter, is_punctuation};
use words::{Cased, Uncased};

/// A pre-tokenizer, by its name in `tokenizer.ggml.pre`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PreTokenizer {
    name: &'static str,
    family: &'static Family,
}

/// A group of names that mean the same pre-tokenizer.
#[derive(Debug)]
struct Family {
    names: &'static [&'static str],
    cuts: &'static [Cut],
    /// Whether a word that is a token is encoded as that token, whatever the merges say.
    takes_whole_words: bool,
    /// Whether prompts begin with BOS where the file does not say.
    adds_bos: bool,
}

/// A regular expression, as code.
#[derive(Debug)]
enum Cut {
    /// Runs of at most this many characters of a class: `\p{N}{1,3}`.
    Runs(fn(char) -> bool, usize),
    /// Runs of a class, with the white-space character before where there is one: `\s?\p{L}+`.
    SpacedRuns(fn(char) -> bool),
    /// `[0-9][0-9][0-9]`
    ThreeDigits,
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    Uncased(Uncased),
    Cased(Cased),
}

const ANY: usize = usize::MAX;

const FAMILIES: [Family; 11] = [
    Family {
        names: &["default"],
        cuts: &[
            // [\p{P}\$\+<=>\^~\|]+
            Cut::Runs(|c| is_punctuation(c) || "$+<=>^~|".contains(c), ANY),
            Cut::Gpt2,
            Cut::Runs(char::is_numeric, ANY),
            Cut::ThreeDigits,
        ],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &[
            "gpt-2",
            "phi-2",
            "olmo",
            "trillion",
            "granite-docling",
            "a.x-4.0",
            "mellum",
        ],
        cuts: &[Cut::Gpt2],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &["smollm", "starcoder", "refact", "command-r", "minerva-7b"],
        cuts: &[Cut::Runs(char::is_numeric, 1), Cut::Gpt2],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "lfm2",
            "falcon3",
            "pixtral",
            "midm-2.0",
        ],
        cuts: &[Cut::Uncased(Uncased::LLAMA3)],
        takes_whole_words: true,
        adds_bos: true,
    },
    Family {
        names: &["dbrx", "smaug-bpe"],
        cuts: &[Cut::Uncased(Uncased::LLAMA3)],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "kormo"],
        cuts: &[Cut::Uncased(Uncased::QWEN2)],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &["qwen35"],
        cuts: &[Cut::Uncased(Uncased::QWEN35)],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &["gpt-4o"],
        cuts: &[Cut::Cased(Cased::GPT4O)],
        takes_whole_words: false,
        adds_bos: false,
    },
    Family {
        names: &["tekken"],
        cuts: &[Cut::Cased(Cased::TEKKEN)],
        takes_whole_words: true,
        adds_bos: true,
    },
    Family {
        names: &["minicpm5"],
        cuts: &[
            Cut::Runs(char::is_numeric, 3),
            Cut::Uncased(Uncased::LLAMA3),
        ],
        takes_whole_words: true,
        adds_bos: false,
    },
    Family {
        names: &["deepseek-coder"],
        cuts: &[
            Cut::Runs(|c| matches!(c, '\r' | '\n'), 1),
            Cut::SpacedRuns(is_letter),
            Cut::SpacedRuns(is_punctuation),
            // [一-龥ࠀ-一가-퟿]+, but without white space, as in llama.cpp.
            Cut::Runs(
                |c| {
                    matches!(c, '\u{800}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7ff}')
                        && !c.is_whitespace()
                },
                ANY,
            ),
            Cut::Runs(char::is_numeric, 1),
        ],
        takes_whole_words: false,
        adds_bos: false,
    },
];

impl PreTokenizer {
    /// GPT-2's pre-tokenizer.
    #[cfg(feature = "train")]
    pub const GPT2: Self = Self {
        name: "gpt-2",
        family: &FAMILIES[1],
    };

    /// The pre-tokenizer with this name.
    ///
    /// # Errors
    /// [`Error::UnsupportedTokenizer`] with the name.
    pub fn named(name: Option<&str>) -> Result<Self> {
        let name = name.unwrap_or("default");
        let mut all = FAMILIES
            .iter()
            .flat_map(|family| family.names.iter().map(move |name| (*name, family)));
        match all.find(|(known, _)| *known == name) {
            Some((name, family)) => Ok(Self { name, family }),
            None => Err(Error::UnsupportedTokenizer(format!("gpt2/{name}"))),
        }
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().flat_map(|family| family.names).copied()
    }

    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether prompts begin with BOS where the file does not say.
    pub fn adds_bos(self) -> bool {
        self.family.adds_bos
    }

    /// Whether a word that is a token is encoded as that token, whatever the merges say.
    pub fn takes_whole_words(self) -> bool {
        self.family.takes_whole_words
    }

    /// Calls `word` with each word of the text, in order; concatenated, the words are the text.
    pub fn split<'a>(self, text: &'a str, mut word: impl FnMut(&'a str)) {
        split(self.family.cuts, text, &mut word);
    }
}

fn split<'a>(cuts: &[Cut], mut text: &'a str, word: &mut dyn FnMut(&'a str)) {
    let Some((cut, others)) = cuts.split_first() else {
        return word(text);
    };
    while let Some((start, end)) = cut.first(text) {
        if start > 0 {
            split(others, &text[..start], word);
        }
        split(others, &text[start..end], word);
        text = &text[end..];
    }
    if !text.is_empty() {
        split(others, text, word);
    }
}

impl Cut {
    /// The start and the end of the expression's first match.
    fn first(&self, text: &str) -> Option<(usize, usize)> {
        if text.is_empty() {
            return None;
        }
        match self {
            Cut::Runs(class, most) => {
                let start = text.find(class)?;
                let run = text[start..].chars().take(*most);
                let len: usize = run.take_while(|c| class(*c)).map(char::len_utf8).sum();
                Some((start, start + len))
            }
            Cut::SpacedRuns(class) => {
                let start = text.find(class)?;
                let end = start + words::run(&text[start..], class);
                let before = text[..start].chars().next_back();
                let space = before.filter(|c| c.is_whitespace());
                Some((start - space.map_or(0, char::len_utf8), end))
            }
            Cut::ThreeDigits => {
                let three = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
                let start = text.as_bytes().windows(3).position(three)?;
                Some((start, start + 3))
            }
            Cut::Gpt2 => Some((0, words::gpt2(text))),
            Cut::Uncased(words) => Some((0, words.first(text))),
            Cut::Cased(words) => Some((0, words.first(text))),
        }
    }
}
