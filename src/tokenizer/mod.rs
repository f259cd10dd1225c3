//! Text → token ids and back, built from the model file's metadata.
//!
//! Special tokens are cut out first. The text between them is encoded in one of three ways:
//!
//! - Byte-level BPE as in GPT-2 (Radford et al. 2019): a pre-tokenizer splits the text into words, and the bytes of
//!   each word are merged pair by pair, in the order in which the vocabulary's merges were learned (Sennrich et al.
//!   2016).
//! - BPE as in Gemma 4, which begins with characters in place of bytes, and whose words are whole lines; characters that
//!   are not tokens are encoded byte by byte.
//! - SentencePiece (Kudo and Richardson 2018): the characters of the text are merged pair by pair, the pair first that
//!   makes the token of highest score; characters that are not tokens are encoded byte by byte.
//!
//! The reference is llama.cpp: for the same file, the ids must be the ones that it gives.

mod aho_corasick;
mod bpe;
mod byte_level;
mod decode;
mod encode;
mod end_of_generation;
mod merge;
mod pretokenizer;
mod sentencepiece;
mod special;
mod vocabulary;
#[cfg(feature = "encoder")]
mod wordpiece;

pub use decode::TextDecoder;
#[cfg(feature = "chat")]
pub(crate) use special::SHIELD;
#[cfg(feature = "encoder")]
pub use wordpiece::WordPiece;

use crate::gguf::{IntegerArray, Metadata, StringArray, Value, integer_text};
use crate::order::sort;
use crate::{Error, Result, TokenId};
use bpe::Bpe;
use pretokenizer::PreTokenizer;
use sentencepiece::SentencePiece;
use special::SpecialTokens;
use std::cell::RefCell;
use vocabulary::{Kind, TokenEncoding, Vocabulary};

/// Text → token ids and back.
pub struct Tokenizer {
    vocabulary: Vocabulary,
    method: Method,
    special: SpecialTokens,
    bos: Option<TokenId>,
    eos: Option<TokenId>,
    adds_bos: bool,
    adds_eos: bool,
    /// The tokens that end a generation, in ascending order.
    end_of_generation: Vec<TokenId>,
    warnings: Vec<String>,
}

crate::debug::debug_in_brief!(Tokenizer { bos, eos, adds_bos });

/// How plain text is encoded.
enum Method {
    BytePairs(PreTokenizer, Bpe),
    SentencePiece(SentencePiece),
}

impl Method {
    /// Byte-pair encoding, with the merges out of `metadata`.
    fn byte_pairs(
        pre_tokenizer: PreTokenizer,
        vocabulary: &Vocabulary,
        metadata: &mut Metadata,
    ) -> Result<Self> {
        let merges = strings(metadata, "tokenizer.ggml.merges")?;
        let ignore_merges = pre_tokenizer.ignores_merges();
        let pairs = Bpe::new(vocabulary, &merges, ignore_merges)?;
        Ok(Self::BytePairs(pre_tokenizer, pairs))
    }
}

impl Tokenizer {
    /// The supported values of `tokenizer.ggml.model`: SentencePiece, and byte-pair encoding of bytes and of characters.
    pub const KINDS: [&'static str; 3] = ["llama", "gpt2", "gemma4"];

    /// Builds the tokenizer from `metadata`, out of which it moves the vocabulary's arrays.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], [`Error::BadMetadata`], [`Error::OutOfMemory`], or
    /// [`Error::UnsupportedTokenizer`] naming the kind of tokenizer or pre-tokenizer.
    pub fn from_metadata(metadata: &mut Metadata) -> Result<Self> {
        let mut encoding = TokenEncoding::SentencePiece;
        let pre_tokenizer = match metadata.require_str("tokenizer.ggml.model")? {
            "gpt2" => {
                encoding = TokenEncoding::ByteLevel;
                let name = metadata.optional_str("tokenizer.ggml.pre")?;
                Some(PreTokenizer::named(name)?)
            }
            "gemma4" => Some(PreTokenizer::GEMMA4),
            "llama" => None,
            other => return Err(Error::UnsupportedTokenizer(other.to_owned())),
        };
        let flag = |name: &str, default: bool| {
            let value = metadata.optional_bool(&format!("tokenizer.ggml.{name}"))?;
            Ok::<bool, Error>(value.unwrap_or(default))
        };
        let bos_by_default = pre_tokenizer.is_none_or(PreTokenizer::adds_bos);
        let is_gemma4 = pre_tokenizer.is_some() && encoding == TokenEncoding::SentencePiece;
        // As in llama.cpp, whatever the file says: it was wrong in the first files of Gemma 4.
        let adds_bos = is_gemma4 || flag("add_bos_token", bos_by_default)?;
        let adds_eos = flag("add_eos_token", false)?;
        let adds_space = flag("add_space_prefix", true)?;
        let strips_right = strips_right(metadata)?;

        let tokens = strings(metadata, "tokenizer.ggml.tokens")?;
        let types = integers(metadata, "tokenizer.ggml.token_type")?;
        let mut kinds = vocabulary::kinds(&tokens, types.as_ref())?;
        let warnings = RefCell::default();
        let named = |name: &str| named_token(metadata, name, tokens.len(), &warnings);
        // The ids that SentencePiece gives its own special tokens, for files that do not say.
        let by_default =
            |id: TokenId| (pre_tokenizer.is_none() && (id as usize) < tokens.len()).then_some(id);
        let bos = named("bos")?.or(by_default(1));
        let eos = named("eos")?.or(by_default(2));
        let unknown = named("unknown")?.or(by_default(0));
        let mut end_of_generation =
            end_of_generation::tokens_by_spelling(&tokens, &mut kinds, |name| {
                named(name).ok().flatten()
            });
        end_of_generation.extend([eos, named("eot")?, named("eom")?].into_iter().flatten());
        sort(&mut end_of_generation, Ord::cmp)?;

        let vocabulary = Vocabulary::new(encoding, &tokens, kinds)?;
        let method = match pre_tokenizer {
            Some(pre_tokenizer) => Method::byte_pairs(pre_tokenizer, &vocabulary, metadata)?,
            None => {
                let scores = scores(metadata, vocabulary.len())?;
                Method::SentencePiece(SentencePiece::new(&vocabulary, scores, unknown, adds_space))
            }
        };
        Ok(Self {
            special: SpecialTokens::new(&vocabulary, strips_right)?,
            vocabulary,
            method,
            bos,
            eos,
            adds_bos: adds_bos && bos.is_some(),
            adds_eos: adds_eos && eos.is_some(),
            end_of_generation,
            warnings: warnings.into_inner(),
        })
    }

    /// What in the metadata was ignored, one sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The supported values of `tokenizer.ggml.pre`, which names the pre-tokenizer of a byte-level tokenizer.
    pub fn pre_tokenizers() -> impl Iterator<Item = &'static str> {
        PreTokenizer::names()
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// Whether both have the same tokens: the same number of them, and of each the bytes and the kind.
    pub(crate) fn has_tokens_of(&self, other: &Tokenizer) -> bool {
        self.vocabulary.has_tokens_of(&other.vocabulary)
    }

    /// The bytes a token stands for. Empty for ids that do not exist and for control tokens; but those that mark a
    /// model's thinking keep theirs, because the answer could not be told from the thinking otherwise.
    pub fn token_bytes(&self, id: TokenId) -> &[u8] {
        let spelling = self.vocabulary.spelling(id);
        match self.vocabulary.kind(id) {
            Some(Kind::Normal | Kind::UserDefined | Kind::Byte) => spelling,
            Some(Kind::Control) if special::is_thinking_marker(spelling) => spelling,
            _ => &[],
        }
    }

    /// The token in readable form, also for control tokens (`<|im_end|>`).
    pub fn token_name(&self, id: TokenId) -> String {
        String::from_utf8_lossy(self.vocabulary.spelling(id)).into_owned()
    }

    /// The token by itself: its text (an incomplete character shows as U+FFFD), or the name of a control token.
    pub fn token_text(&self, id: TokenId) -> String {
        match self.token_bytes(id) {
            [] => self.token_name(id),
            bytes => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// The token that begins a text (BOS).
    pub fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    /// The token that ends a text (EOS).
    pub fn eos(&self) -> Option<TokenId> {
        self.eos
    }

    /// Whether a prompt begins with BOS.
    pub fn adds_bos(&self) -> bool {
        self.adds_bos
    }

    /// Whether generation ends at this token: end of sequence, of turn, of message.
    pub fn is_end_of_generation(&self, id: TokenId) -> bool {
        self.end_of_generation.binary_search(&id).is_ok()
    }

    /// Whether it is a control token or the unknown token. Such tokens stand for no text, except for those that mark a
    /// model's thinking: see [`token_bytes`](Self::token_bytes).
    pub fn is_control(&self, id: TokenId) -> bool {
        matches!(
            self.vocabulary.kind(id),
            Some(Kind::Control | Kind::Unknown)
        )
    }

    /// The kind of tokenizer and its pre-tokenizer: `gpt2/smollm`, or `llama` or `gemma4`.
    pub fn description(&self) -> String {
        match &self.method {
            Method::BytePairs(pre_tokenizer, pairs) if pairs.merges_characters() => {
                pre_tokenizer.name().to_owned()
            }
            Method::BytePairs(pre_tokenizer, _) => format!("gpt2/{}", pre_tokenizer.name()),
            Method::SentencePiece(_) => "llama".to_owned(),
        }
    }
}

/// Calls `word` with each word that GPT-2's pre-tokenizer cuts `text` into, in order.
#[cfg(feature = "train")]
pub(crate) fn gpt2_words<'a>(text: &'a str, word: impl FnMut(&'a str)) {
    PreTokenizer::GPT2.split(text, word);
}

fn bad(key: &str, reason: &str) -> Error {
    Error::BadMetadata {
        key: key.to_owned(),
        reason: reason.to_owned(),
    }
}

fn strings(metadata: &mut Metadata, key: &str) -> Result<StringArray> {
    match metadata.take(key) {
        Some(Value::Strings(strings)) => Ok(strings),
        Some(_) => Err(bad(key, "it is not an array of strings")),
        None => Err(Error::MissingMetadata(key.to_owned())),
    }
}

fn integers(metadata: &mut Metadata, key: &str) -> Result<Option<IntegerArray>> {
    match metadata.take(key) {
        Some(Value::Integers(integers)) => Ok(Some(integers)),
        Some(_) => Err(bad(key, "it is not an array of integers")),
        None => Ok(None),
    }
}

fn scores(metadata: &mut Metadata, tokens: usize) -> Result<Vec<f32>> {
    const KEY: &str = "tokenizer.ggml.scores";
    let scores: Vec<f32> = match metadata.take(KEY) {
        None => return Ok(Vec::new()),
        Some(Value::Floats(scores)) => scores,
        Some(Value::Integers(scores)) => scores.iter().map(|score| score as f32).collect(),
        Some(_) => return Err(bad(KEY, "it is not an array of numbers")),
    };
    if scores.len() < tokens {
        return Err(bad(KEY, "it needs one entry for each token"));
    }
    Ok(scores)
}

/// The token that the metadata names for the role `name`. One outside the vocabulary counts as absent, as in llama.cpp.
fn named_token(
    metadata: &Metadata,
    name: &str,
    tokens: usize,
    warnings: &RefCell<Vec<String>>,
) -> Result<Option<TokenId>> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    let id = metadata.get(&key).and_then(Value::as_integer);
    if let Some(id) = id.filter(|id| !(0..tokens as i128).contains(id)) {
        let mut warnings = warnings.borrow_mut();
        warnings.push(format!(
            "{key} is {}, and the vocabulary has no such token",
            integer_text(id)
        ));
        return Ok(None);
    }
    metadata.optional_u32(&key)
}

/// Which special tokens remove the white space after them. Files do not say; as in llama.cpp, those of Phi 3 do, with a
/// few exceptions.
fn strips_right(metadata: &Metadata) -> Result<impl Fn(&[u8]) -> bool + use<>> {
    let name = metadata
        .optional_str("general.name")?
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_phi3 = name.contains("phi-3") || name.contains("phi3");
    Ok(move |token: &[u8]| is_phi3 && !matches!(token, b"<unk>" | b"<s>" | b"<|endoftext|>"))
}
