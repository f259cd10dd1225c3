//! Chat templates: messages → the text a model was trained to continue.
//!
//! A model file brings its template, written in Jinja, in the metadata (`tokenizer.chat_template`, and
//! further ones by name in `tokenizer.chat_template.NAME`). This module finds the template and prepares
//! what it is rendered from; `render` (Cargo feature `chat`) renders it as Hugging Face's
//! `apply_chat_template` does. In a browser the two live in different WebAssembly modules, because the
//! template engine is as large as everything else together.
//!
//! Both sides are untrusted. What a template does is bounded by fuel, depth and size, and what all the same takes
//! longer than five seconds is given up: in a browser the worker it runs in is ended, natively its thread is left
//! to itself, and may take time and memory until the process ends. A message cannot smuggle in special tokens: what
//! it spells stays text, see [`Tokenizer::shield`]. The marks that keep it so are none to a template, which finds
//! `</think>` in a message all the same; and in what the model has said, the tokens around its thoughts are what
//! they were.

/// The template engine: what is compiled in with the Cargo feature `chat` alone.
macro_rules! engine {
    ($($module:ident),*) => { $(#[cfg(feature = "chat")] mod $module;)* };
}
engine!(
    arguments, checks, compare, filters, format, globals, json, macros, marks, methods, numbers,
    operators, parts, render, rewrite, sequences, source, strings, unicode, value
);

#[cfg(feature = "chat")]
pub use render::{Rendering, render};

use crate::gguf::{Metadata, Value};
use crate::model::Model;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, TokenId};
use serde::{Deserialize, Serialize};

/// The metadata key of a model's template; others have a dot and their name after it.
const KEY: &str = "tokenizer.chat_template";
/// What the template under [`KEY`] itself is called.
const DEFAULT: &str = "default";

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks: "system", "user", "assistant", or whatever else the template knows.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A message of this role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Message {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// What a template is rendered from, as far as the model and the messages say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The template itself.
    pub template: String,
    /// The messages, shielded.
    pub messages: Vec<Message>,
    /// The token that begins a text, as it is spelled.
    pub bos_token: Option<String>,
    /// The token that ends a text, as it is spelled.
    pub eos_token: Option<String>,
}

impl Request {
    /// Prepares `messages` for the template of `model` that is called `template`: the default one where
    /// absent. What holds a Jinja tag is no name but a template itself.
    ///
    /// # Errors
    /// [`Error::ChatTemplate`] where there is no such template; [`Error::InvalidOption`] for no message
    /// at all, and for one without a role.
    pub fn new(model: &Model, messages: &[Message], template: Option<&str>) -> Result<Self> {
        if messages.is_empty() {
            return Err(invalid("messages", "an array of at least one message"));
        }
        if let Some(index) = messages.iter().position(|message| message.role.is_empty()) {
            let name = format!("messages[{index}].role");
            return Err(invalid(&name, "a string that is not empty"));
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

/// The names of the templates that a model file brings; the one used unless told otherwise is "default".
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

/// The template called `wanted`, or `wanted` itself where it is one.
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

/// A rendered conversation → ids: BOS comes first where the model asks for it, but not twice.
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

fn invalid(name: &str, allowed: &str) -> Error {
    Error::InvalidOption {
        name: name.into(),
        reason: format!("it must be {allowed}"),
    }
}
