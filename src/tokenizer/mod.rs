//! Text → token ids and back, built from the model file's metadata.
//!
//! Byte-level BPE as GPT-2 introduced it (Radford et al. 2019): special tokens are cut out, a
//! pre-tokenizer splits what lies between them into words, the bytes of each word are merged pair by
//! pair in the order the vocabulary's merges were learnt (Sennrich et al. 2016).

mod bpe;
mod byte_level;
mod decoder;
mod pretokenizer;
mod special;
mod vocabulary;

pub use decoder::TextDecoder;

use crate::gguf::{Metadata, StringArray, Value};
use crate::{Error, Result, TokenId};
use bpe::Bpe;
use pretokenizer::PreTokenizer;
use special::SpecialTokens;
use vocabulary::{Kind, Vocabulary};

/// Text → token ids and back.
pub struct Tokenizer {
    vocabulary: Vocabulary,
    bpe: Bpe,
    pre_tokenizer: PreTokenizer,
    special: SpecialTokens,
    bos: Option<TokenId>,
    eos: Option<TokenId>,
    adds_bos: bool,
    adds_eos: bool,
    /// Ascending.
    end_of_generation: Vec<TokenId>,
}

/// Tokens that end a text in the models at large, where the metadata does not say so.
const END_NAMES: [&str; 11] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|end_of_text|>",
    "<end_of_turn>",
    "<|eot|>",
    "<EOT>",
    "</s>",
    "<|return|>",
];

impl Tokenizer {
    /// Moves the vocabulary out of `metadata`.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], [`Error::BadMetadata`], or [`Error::UnsupportedTokenizer`] naming
    /// the kind of tokenizer or pre-tokenizer.
    pub fn from_metadata(metadata: &mut Metadata) -> Result<Self> {
        let kind = metadata.require_str("tokenizer.ggml.model")?;
        if kind != "gpt2" {
            return Err(Error::UnsupportedTokenizer(kind.to_owned()));
        }
        let pre_tokenizer = PreTokenizer::named(metadata.optional_str("tokenizer.ggml.pre")?)?;
        let adds_bos = metadata
            .optional_bool("tokenizer.ggml.add_bos_token")?
            .unwrap_or(pre_tokenizer == PreTokenizer::Llama);
        let adds_eos = metadata
            .optional_bool("tokenizer.ggml.add_eos_token")?
            .unwrap_or(false);
        let tokens = strings(metadata, "tokenizer.ggml.tokens")?;
        let merges = strings(metadata, "tokenizer.ggml.merges")?;
        let types = match metadata.take("tokenizer.ggml.token_type") {
            Some(Value::Integers(types)) => Some(types),
            Some(_) => {
                return Err(bad(
                    "tokenizer.ggml.token_type",
                    "it is not an array of integers",
                ));
            }
            None => None,
        };
        let vocabulary = Vocabulary::new(&tokens, types.as_deref())?;
        let id = |name: &str| special_id(metadata, name, vocabulary.len());
        let (bos, eos) = (id("bos")?, id("eos")?);
        let mut end_of_generation: Vec<TokenId> = [eos, id("eot")?, id("eom")?]
            .into_iter()
            .flatten()
            .collect();
        let special = SpecialTokens::new(&vocabulary);
        end_of_generation.extend(special.ids().filter(|id| {
            END_NAMES
                .iter()
                .any(|name| name.as_bytes() == vocabulary.spelling(*id))
        }));
        end_of_generation.sort_unstable();
        Ok(Self {
            bpe: Bpe::new(&vocabulary, &merges, pre_tokenizer == PreTokenizer::Llama)?,
            vocabulary,
            pre_tokenizer,
            special,
            bos,
            eos,
            adds_bos: adds_bos && bos.is_some(),
            adds_eos: adds_eos && eos.is_some(),
            end_of_generation,
        })
    }

    /// Text → ids; no BOS is added. Where `parse_special` is set, special tokens spelled out in the
    /// text become their ids; tokens that the vocabulary's user defined always do.
    pub fn encode(&self, text: &str, parse_special: bool) -> Vec<TokenId> {
        let mut ids = Vec::new();
        self.special.split(text, parse_special, |plain, token| {
            self.pre_tokenizer.split(plain, |word| {
                self.bpe.encode(&self.vocabulary, word, &mut ids)
            });
            ids.extend(token);
        });
        ids
    }

    /// Prompt → ids: [`encode`](Self::encode) with special tokens parsed, after BOS (and before EOS)
    /// where the model file asks for them.
    pub fn encode_prompt(&self, text: &str) -> Vec<TokenId> {
        let mut ids: Vec<TokenId> = self.bos.filter(|_| self.adds_bos).into_iter().collect();
        ids.extend(self.encode(text, true));
        ids.extend(self.eos.filter(|_| self.adds_eos));
        ids
    }

    /// `text` so marked that [`encode_shielded`](Self::encode_shielded) takes nothing in it for a special
    /// token: for text that is put between special tokens and is not to be trusted.
    pub fn shield(&self, text: &str) -> String {
        self.special.shield(text)
    }

    /// [`encode`](Self::encode) with special tokens parsed, but none in what [`shield`](Self::shield) has
    /// marked. The marks themselves become no tokens.
    pub fn encode_shielded(&self, text: &str) -> Vec<TokenId> {
        let mut ids = Vec::new();
        self.special.split(text, true, |plain, token| {
            self.pre_tokenizer.split(&special::unshield(plain), |word| {
                self.bpe.encode(&self.vocabulary, word, &mut ids)
            });
            ids.extend(token);
        });
        ids
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// The bytes a token stands for; empty for control tokens and ids that do not exist.
    pub fn token_bytes(&self, id: TokenId) -> &[u8] {
        match self.vocabulary.kind(id) {
            Some(Kind::Normal | Kind::UserDefined) => self.vocabulary.spelling(id),
            _ => &[],
        }
    }

    /// The token in readable form, control tokens too (`<|im_end|>`).
    pub fn token_name(&self, id: TokenId) -> String {
        String::from_utf8_lossy(self.vocabulary.spelling(id)).into_owned()
    }

    /// The token that begins a text.
    pub fn bos(&self) -> Option<TokenId> {
        self.bos
    }

    /// The token that ends a text.
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

    /// Whether the token stands for no text.
    pub fn is_control(&self, id: TokenId) -> bool {
        matches!(
            self.vocabulary.kind(id),
            Some(Kind::Control | Kind::Unknown)
        )
    }

    /// ids → text, U+FFFD for broken UTF-8.
    pub fn decode(&self, ids: &[TokenId]) -> String {
        let bytes: Vec<u8> = ids
            .iter()
            .flat_map(|id| self.token_bytes(*id))
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The kind and the pre-tokenizer: `gpt2/smollm`.
    pub fn description(&self) -> String {
        format!("gpt2/{}", self.pre_tokenizer.name())
    }
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

fn special_id(metadata: &Metadata, name: &str, vocabulary: usize) -> Result<Option<TokenId>> {
    let key = format!("tokenizer.ggml.{name}_token_id");
    match metadata.optional_u32(&key)? {
        Some(id) if id as usize >= vocabulary => Err(bad(&key, "the vocabulary has no such token")),
        id => Ok(id),
    }
}
