//! Chat templates: messages → the text a model was trained to continue.
//!
//! A model file brings its template, written in Jinja, in the metadata (`tokenizer.chat_template`, and further ones by
//! name in `tokenizer.chat_template.NAME`). This module finds the template and prepares the values it is rendered with;
//! `render` (Cargo feature `chat`) renders it as `apply_chat_template` of Hugging Face's transformers does. In a
//! browser the two live in different WebAssembly modules, because the template engine is large, and a page that only
//! continues texts needs none.
//!
//! Neither the template nor the messages are trusted. A template's work is limited by fuel (a budget of instructions
//! and bytes), nesting depth and output size. A rendering that still takes longer than five seconds is abandoned: a
//! browser terminates the worker it runs in; a native build stops waiting for its thread, which may go on using time
//! and memory until it finishes or the process ends.
//!
//! A message cannot inject special tokens: what it spells stays plain text, see [`Tokenizer::shield`]. Shielding puts
//! marks into the text. A template does not notice them: it finds `</think>` in a message as if there were none. In
//! messages of the model itself, the tokens around its reasoning stay special tokens, see [`Tokenizer::shield_answer`].

#[cfg(feature = "chat")]
mod access;
#[cfg(feature = "chat")]
mod arguments;
#[cfg(feature = "chat")]
mod compare;
#[cfg(feature = "chat")]
mod filters;
#[cfg(feature = "chat")]
mod format;
#[cfg(feature = "chat")]
mod globals;
#[cfg(feature = "chat")]
mod jinja_tests;
#[cfg(feature = "chat")]
mod json;
#[cfg(feature = "chat")]
mod macros;
#[cfg(feature = "chat")]
mod methods;
#[cfg(feature = "chat")]
mod numbers;
#[cfg(feature = "chat")]
mod objects;
#[cfg(feature = "chat")]
mod operators;
#[cfg(feature = "chat")]
mod render;
#[cfg(feature = "chat")]
mod rewrite;
#[cfg(feature = "chat")]
mod sequences;
#[cfg(feature = "chat")]
mod shield;
#[cfg(feature = "chat")]
mod source;
#[cfg(feature = "chat")]
mod split;
#[cfg(feature = "chat")]
mod strings;
#[cfg(feature = "chat")]
mod unicode;
#[cfg(feature = "chat")]
mod value;

#[cfg(feature = "chat")]
pub use render::{Rendering, render};

use crate::error::invalid_option;
use crate::gguf::{Metadata, Value};
use crate::model::Model;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId};
use serde::{Deserialize, Serialize};

/// The metadata key of a model's default template; a further template has a dot and its name after it.
const KEY: &str = "tokenizer.chat_template";
/// The name of the template under [`KEY`] itself.
const DEFAULT: &str = "default";

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks: "system", "user", "assistant", or whatever else the template knows.
    pub role: String,
    /// The text of the message.
    pub content: String,
}

impl Message {
    /// A message with this role and text.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Message {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// The inputs of a rendering that come from the model and the messages; the caller's are in `Rendering`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The source of the template.
    pub template: String,
    /// The messages, shielded: see [`Tokenizer::shield`].
    pub messages: Vec<Message>,
    /// The text of the token that begins a sequence (BOS).
    pub bos_token: Option<String>,
    /// The text of the token that ends a sequence (EOS).
    pub eos_token: Option<String>,
}

impl Request {
    /// Prepares `messages` for a template of `model`: the one called `template`, or the default one where that is
    /// `None`. A `template` that contains `{{` or `{%` and names none of the model's is the source of a template
    /// itself.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] where there is no such template; [`Error::InvalidOption`] where there are no messages,
    /// or where one has no role.
    pub fn new(model: &Model, messages: &[Message], template: Option<&str>) -> Result<Self> {
        if messages.is_empty() {
            return Err(invalid_option(
                "messages",
                "an array of at least one message",
            ));
        }
        if let Some(index) = messages.iter().position(|message| message.role.is_empty()) {
            let name = format!("messages[{index}].role");
            return Err(invalid_option(&name, "a string that is not empty"));
        }
        let tokenizer = &model.tokenizer;
        let shielded = |message: &Message| Message {
            role: tokenizer.shield(&message.role),
            content: match message.role.as_str() {
                "assistant" | "model" => tokenizer.shield_answer(&message.content),
                _ => tokenizer.shield(&message.content),
            },
        };
        let spelled = |id: Option<TokenId>| id.map(|id| tokenizer.token_name(id));
        Ok(Request {
            template: find(&model.metadata, template)?.to_owned(),
            messages: messages.iter().map(shielded).collect(),
            bos_token: spelled(tokenizer.bos()),
            eos_token: spelled(tokenizer.eos()),
        })
    }
}

/// The names of the templates in a model file; "default" is the one that is used unless another is asked for.
pub fn template_names(metadata: &Metadata) -> Vec<String> {
    let name = |key: &str| match key.strip_prefix(KEY)? {
        "" => Some(DEFAULT.to_owned()),
        rest => rest.strip_prefix('.').map(str::to_owned),
    };
    let strings = metadata
        .iter()
        .filter(|(_, value)| matches!(value, Value::String(_)));
    strings.filter_map(|(key, _)| name(key)).collect()
}

/// The template called `wanted`, or `wanted` itself where it is the source of a template.
fn find<'a>(metadata: &'a Metadata, wanted: Option<&'a str>) -> Result<&'a str> {
    let named = match wanted {
        None | Some(DEFAULT) => metadata.optional_str(KEY)?,
        Some(name) => metadata.optional_str(&format!("{KEY}.{name}"))?,
    };
    let source = wanted.filter(|text| text.contains("{{") || text.contains("{%"));
    named.or(source).ok_or_else(|| {
        let names = template_names(metadata);
        Error::ChatTemplate(match wanted {
            Some(name) if !names.is_empty() => format!(
                "the model has no chat template \"{name}\" (it has: {})",
                names.join(", ")
            ),
            _ => {
                format!("the model has no chat template: its file lacks the metadata key \"{KEY}\"")
            }
        })
    })
}

/// The token ids of a rendered conversation. Where the model wants a BOS token, it comes first, once even if the
/// template has written it too.
pub(crate) fn encode(tokenizer: &Tokenizer, conversation: &str) -> Vec<TokenId> {
    let mut ids = tokenizer.encode_shielded(conversation);
    if let Some(bos) = tokenizer.bos()
        && tokenizer.adds_bos()
        && ids.first() != Some(&bos)
    {
        ids.insert(0, bos);
    }
    ids
}
