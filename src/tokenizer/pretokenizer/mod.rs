//! Pre-tokenizers: how byte-level tokenizers split a text into words before bytes are merged.
//!
//! Each pre-tokenizer is one or several regular expressions, applied one after the other. Each expression splits the
//! pieces that the ones before have left into its matches and what lies between them. They are written as code here,
//! because a regex engine with Unicode tables would be larger than the rest of the crate.
//!
//! The expressions are llama.cpp's (`llm_tokenizer_bpe`), because the ids of a GGUF file are what llama.cpp makes of
//! them. Where they differ from those of the models' authors, a comment says so.

pub(super) mod class;
mod words;

use crate::{Error, Result};
use class::{is_letter, is_punctuation};
use words::{Cased, Uncased};

/// A pre-tokenizer, by its name in `tokenizer.ggml.pre`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PreTokenizer {
    name: &'static str,
    spec: &'static PreTokenizerSpec,
}

/// A group of names that mean the same pre-tokenizer.
#[derive(Debug)]
struct PreTokenizerSpec {
    names: &'static [&'static str],
    rules: &'static [Rule],
    /// Whether a word that is a token is encoded as that token, whatever the merges say.
    ignore_merges: bool,
    /// Whether prompts begin with BOS where the file does not say.
    adds_bos: bool,
}

/// One of the rules by which a pre-tokenizer splits a text. llama.cpp has each as a regular expression; here its matches
/// are found by code.
#[derive(Debug)]
enum Rule {
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
    /// [`words::punctuated`]
    Punctuated,
}

const ANY: usize = usize::MAX;

const PRE_TOKENIZERS: [PreTokenizerSpec; 13] = [
    PreTokenizerSpec {
        names: &["default"],
        rules: &[
            // [\p{P}\$\+<=>\^~\|]+
            Rule::Runs(|c| is_punctuation(c) || "$+<=>^~|".contains(c), ANY),
            Rule::Gpt2,
            Rule::Runs(char::is_numeric, ANY),
            Rule::ThreeDigits,
        ],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &[
            "gpt-2",
            "phi-2",
            "olmo",
            "trillion",
            "granite-docling",
            "a.x-4.0",
            "mellum",
            "exaone4",
            #[cfg(feature = "encoder")]
            "modern-bert",
            #[cfg(feature = "encoder")]
            "jina-v2-es",
            #[cfg(feature = "encoder")]
            "jina-v2-de",
            #[cfg(feature = "encoder")]
            "jina-v2-code",
        ],
        rules: &[Rule::Gpt2],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["smollm", "starcoder", "refact", "command-r", "minerva-7b"],
        rules: &[Rule::Runs(char::is_numeric, 1), Rule::Gpt2],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &[
            "llama-bpe",
            "llama3",
            "llama-v3",
            "lfm2",
            "falcon3",
            "falcon-h1",
            "pixtral",
            "midm-2.0",
        ],
        rules: &[Rule::Uncased(Uncased::LLAMA3)],
        ignore_merges: true,
        adds_bos: true,
    },
    PreTokenizerSpec {
        names: &["dbrx", "smaug-bpe"],
        rules: &[Rule::Uncased(Uncased::LLAMA3)],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez", "kormo"],
        rules: &[Rule::Uncased(Uncased::QWEN2)],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["qwen35"],
        rules: &[Rule::Uncased(Uncased::QWEN35)],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["gpt-4o"],
        rules: &[Rule::Cased(Cased::GPT4O)],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["tekken"],
        rules: &[Rule::Cased(Cased::TEKKEN)],
        ignore_merges: true,
        adds_bos: true,
    },
    PreTokenizerSpec {
        names: &["minicpm5"],
        rules: &[
            Rule::Runs(char::is_numeric, 3),
            Rule::Uncased(Uncased::LLAMA3),
        ],
        ignore_merges: true,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["deepseek-coder"],
        rules: &[
            Rule::Runs(|c| matches!(c, '\r' | '\n'), 1),
            Rule::SpacedRuns(is_letter),
            Rule::SpacedRuns(is_punctuation),
            // [一-龥ࠀ-一가-퟿]+, but without white space, as in llama.cpp.
            Rule::Runs(
                |c| {
                    matches!(c, '\u{800}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7ff}')
                        && !c.is_whitespace()
                },
                ANY,
            ),
            Rule::Runs(char::is_numeric, 1),
        ],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["hunyuan-dense", "deepseek-v3"],
        rules: &[
            Rule::Runs(char::is_numeric, 3),
            // [一-龥぀-ゟ゠-ヿ]+
            Rule::Runs(
                |c| matches!(c, '\u{4e00}'..='\u{9fa5}' | '\u{3040}'..='\u{30ff}'),
                ANY,
            ),
            Rule::Punctuated,
        ],
        ignore_merges: false,
        adds_bos: false,
    },
    PreTokenizerSpec {
        names: &["seed-coder"],
        rules: &[Rule::Uncased(Uncased::SEED_CODER)],
        ignore_merges: false,
        adds_bos: false,
    },
];

impl PreTokenizer {
    /// That of Gemma 4, `[^\n]+|[\n]+`, which belongs to its kind of tokenizer.
    pub const GEMMA4: Self = Self {
        name: "gemma4",
        spec: &PreTokenizerSpec {
            names: &["gemma4"],
            rules: &[Rule::Runs(|c| c == '\n', ANY)],
            ignore_merges: false,
            adds_bos: true,
        },
    };

    /// GPT-2's pre-tokenizer.
    #[cfg(feature = "train")]
    pub const GPT2: Self = Self {
        name: "gpt-2",
        spec: &PRE_TOKENIZERS[1],
    };

    /// The pre-tokenizer with this name.
    ///
    /// # Errors
    /// [`Error::UnsupportedTokenizer`] with the name.
    pub fn named(name: Option<&str>) -> Result<Self> {
        let name = name.unwrap_or("default");
        let mut all = PRE_TOKENIZERS
            .iter()
            .flat_map(|spec| spec.names.iter().map(move |name| (*name, spec)));
        match all.find(|(known, _)| *known == name) {
            Some((name, spec)) => Ok(Self { name, spec }),
            None => Err(Error::UnsupportedTokenizer(format!("gpt2/{name}"))),
        }
    }

    /// The names of all pre-tokenizers.
    pub fn names() -> impl Iterator<Item = &'static str> {
        PRE_TOKENIZERS.iter().flat_map(|spec| spec.names).copied()
    }

    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether prompts begin with BOS where the file does not say.
    pub fn adds_bos(self) -> bool {
        self.spec.adds_bos
    }

    /// Whether a word that is a token is encoded as that token, whatever the merges say.
    pub fn ignores_merges(self) -> bool {
        self.spec.ignore_merges
    }

    /// Calls `word` with each word of the text, in order; concatenated, the words are the text.
    pub fn split<'a>(self, text: &'a str, mut word: impl FnMut(&'a str)) {
        split(self.spec.rules, text, &mut word);
    }
}

fn split<'a>(rules: &[Rule], mut text: &'a str, word: &mut dyn FnMut(&'a str)) {
    let Some((rule, others)) = rules.split_first() else {
        return word(text);
    };
    while let Some((start, end)) = rule.first(text) {
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

impl Rule {
    /// The start and the end of the expression's first match.
    fn first(&self, text: &str) -> Option<(usize, usize)> {
        if text.is_empty() {
            return None;
        }
        match self {
            Rule::Runs(class, most) => {
                let start = text.find(class)?;
                let run = text[start..].chars().take(*most);
                let len: usize = run.take_while(|c| class(*c)).map(char::len_utf8).sum();
                Some((start, start + len))
            }
            Rule::SpacedRuns(class) => {
                let start = text.find(class)?;
                let end = start + words::run(&text[start..], class);
                let before = text[..start].chars().next_back();
                let space = before.filter(|c| c.is_whitespace());
                Some((start - space.map_or(0, char::len_utf8), end))
            }
            Rule::ThreeDigits => {
                let three = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
                let start = text.as_bytes().windows(3).position(three)?;
                Some((start, start + 3))
            }
            Rule::Gpt2 => Some((0, words::gpt2(text))),
            Rule::Uncased(words) => Some((0, words.first(text))),
            Rule::Cased(words) => Some((0, words.first(text))),
            Rule::Punctuated => text.char_indices().find_map(|(start, _)| {
                let len = words::punctuated(&text[start..])?;
                Some((start, start + len))
            }),
        }
    }
}
