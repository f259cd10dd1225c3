//! WordPiece as in BERT (Devlin et al. 2019): text is normalised and cut into words, and each word into the longest tokens
//! that the vocabulary has.
//!
//! The reference is the tokenizer that the models were trained with, `BertNormalizer` and the others of Hugging Face's
//! `tokenizers`, but for characters whose category has changed in Unicode since its tables were made. llama.cpp differs
//! from it where a text has combining marks or rare controls.

use std::cell::RefCell;

use unicode_general_category::{GeneralCategory as Category, get_general_category};
use unicode_normalization::UnicodeNormalization;

use super::pretokenizer::class;
use super::vocabulary::{self, TokenEncoding, Vocabulary};
use super::{bad, integers, named_token, strings};
use crate::gguf::Metadata;
use crate::{Error, Result, TokenId};

/// Words of more characters are unknown.
const LONGEST_WORD: usize = 100;

/// The tokenizer of an encoder: text → ids.
///
/// A file spells the tokens that begin a word with U+2581 before them, and the others without the `##` of BERT's own
/// vocabularies. The vocabulary reads that as a space, so that a token that begins a word is found by the word with a
/// space before it.
pub struct WordPiece {
    vocabulary: Vocabulary,
    cls: TokenId,
    sep: TokenId,
    unknown: TokenId,
    lowercases: bool,
    strips_accents: bool,
}

crate::debug::debug_in_brief!(WordPiece {
    cls,
    sep,
    lowercases
});

impl WordPiece {
    /// Builds the tokenizer from `metadata`, out of which it moves the vocabulary's arrays.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], [`Error::BadMetadata`], [`Error::OutOfMemory`], or
    /// [`Error::UnsupportedTokenizer`] naming a tokenizer of another kind.
    pub fn from_metadata(metadata: &mut Metadata) -> Result<Self> {
        let kind = metadata.require_str("tokenizer.ggml.model")?;
        if kind != "bert" {
            return Err(Error::UnsupportedTokenizer(kind.to_owned()));
        }
        let flag =
            |name: &str| metadata.optional_bool(&format!("tokenizer.ggml.normalizer.{name}"));
        let lowercases = flag("lowercase")?.unwrap_or(true);
        let strips_accents = flag("strip_accents")?.unwrap_or(lowercases);
        let tokens = strings(metadata, "tokenizer.ggml.tokens")?;
        let types = integers(metadata, "tokenizer.ggml.token_type")?;
        let kinds = vocabulary::kinds(&tokens, types.as_ref())?;
        let vocabulary = Vocabulary::new(TokenEncoding::WordPiece, &tokens, kinds)?;
        // "seperator" is how the key is spelled.
        let role = |names, spelling| special_token(metadata, &vocabulary, names, spelling);
        Ok(Self {
            cls: role(["cls", "bos"], "[CLS]")?,
            sep: role(["seperator", "eos"], "[SEP]")?,
            unknown: role(["unknown", "unk"], "[UNK]")?,
            vocabulary,
            lowercases,
            strips_accents,
        })
    }

    /// Text → ids, from `[CLS]` to `[SEP]`. The spellings of special tokens in the text are plain text.
    pub fn encode(&self, text: &str) -> Vec<TokenId> {
        let mut words = Words {
            tokenizer: self,
            word: String::from(WORD_START),
            ids: vec![self.cls],
        };
        let clean = text.chars().filter(|c| !is_removed(*c)).flat_map(separate);
        if self.strips_accents {
            let is_accent = |c: &char| get_general_category(*c) == Category::NonspacingMark;
            clean
                .nfd()
                .filter(|c| !is_accent(c))
                .for_each(|c| words.push(c));
        } else {
            clean.for_each(|c| words.push(c));
        }
        words.end();
        words.ids.push(self.sep);
        words.ids
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// The token that begins every text, `[CLS]`.
    pub fn cls(&self) -> TokenId {
        self.cls
    }

    /// The token that ends every text, `[SEP]`.
    pub fn sep(&self) -> TokenId {
        self.sep
    }

    /// Appends the tokens of a word, which follows [`WORD_START`]: the longest that it begins with, then the longest that
    /// the rest begins with. A word that is not made of tokens is unknown as a whole.
    fn encode_word(&self, word: &str, ids: &mut Vec<TokenId>) {
        let before = ids.len();
        let mut start = 0;
        let is_short = word[WORD_START.len()..].chars().nth(LONGEST_WORD).is_none();
        while is_short && start < word.len() {
            // A space alone is no beginning of a word.
            let least = if start == 0 { WORD_START.len() } else { start };
            let mut ends = (least + 1..=word.len()).rev();
            let found = ends.find_map(|end| {
                let piece = word.get(start..end)?;
                Some((end, self.vocabulary.find(piece.as_bytes())?))
            });
            let Some((end, id)) = found else {
                break;
            };
            ids.push(id);
            start = end;
        }
        if start < word.len() {
            ids.truncate(before);
            ids.push(self.unknown);
        }
    }
}

/// The token that the metadata names for a role, or that has this spelling.
fn special_token(
    metadata: &Metadata,
    vocabulary: &Vocabulary,
    names: [&str; 2],
    spelling: &str,
) -> Result<TokenId> {
    // A number outside the vocabulary counts as absent.
    let warnings = RefCell::default();
    for name in names {
        if let Some(id) = named_token(metadata, name, vocabulary.len(), &warnings)? {
            return Ok(id);
        }
    }
    let reason = || {
        let key = format!("tokenizer.ggml.{}_token_id", names[0]);
        bad(&key, &format!("there is no token {spelling}"))
    };
    vocabulary.find(spelling.as_bytes()).ok_or_else(reason)
}

/// What is before a word when its first token is looked up.
const WORD_START: &str = " ";

/// Collects the characters of words, and the ids of words that are whole.
struct Words<'a> {
    tokenizer: &'a WordPiece,
    /// The word so far, after [`WORD_START`].
    word: String,
    ids: Vec<TokenId>,
}

impl Words<'_> {
    fn push(&mut self, c: char) {
        match self.tokenizer.lowercases {
            true => c.to_lowercase().for_each(|c| self.push_lowercase(c)),
            false => self.push_lowercase(c),
        }
    }

    /// Takes the next character, whose case is settled. White space ends a word, and punctuation is one by itself.
    fn push_lowercase(&mut self, c: char) {
        if c.is_whitespace() {
            self.end();
        } else if is_punctuation(c) {
            self.end();
            self.word.push(c);
            self.end();
        } else {
            self.word.push(c);
        }
    }

    /// Ends the word.
    fn end(&mut self) {
        if self.word != WORD_START {
            self.tokenizer.encode_word(&self.word, &mut self.ids);
            self.word.truncate(WORD_START.len());
        }
    }
}

/// Whether a character is left out of a text: controls, formats, private use, and what stands for a broken character.
fn is_removed(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{FFFD}' => true,
        _ => matches!(
            get_general_category(c),
            Category::Control | Category::Format | Category::PrivateUse
        ),
    }
}

/// The character as WordPiece prepares it: an ideograph gets spaces around it, so that it is a word of its own, and
/// white space of any kind becomes a space.
fn separate(c: char) -> impl Iterator<Item = char> {
    let space = is_ideograph(c).then_some(' ');
    let c = if c.is_whitespace() { ' ' } else { c };
    [space, Some(c), space].into_iter().flatten()
}

/// Whether a character is one of the Chinese, Japanese and Korean ideographs that BERT takes for words. The block from
/// 2B820 begins later than in Unicode, as in the reference.
fn is_ideograph(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}

/// Whether a character is a word by itself: punctuation, and the symbols of ASCII.
fn is_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || class::is_punctuation(c)
}
