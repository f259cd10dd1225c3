//! Reads the messages of a conversation. Errors name the message and the property.

use super::options::{items, string};
use crate::Result;
use crate::chat::Message;
use crate::error::invalid_option;
use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// Reads an array of `{ role, content }`.
pub(super) fn from_js(value: &JsValue) -> Result<Vec<Message>> {
    let messages =
        items(value).ok_or_else(|| invalid_option("messages", "an array of { role, content }"))?;
    let messages = messages.iter().enumerate();
    messages
        .map(|(index, value)| message(&format!("messages[{index}]"), value))
        .collect()
}

fn message(name: &str, value: &JsValue) -> Result<Message> {
    let wrong = || invalid_option(name, "an object with the strings role and content");
    if !value.is_object() {
        return Err(wrong());
    }
    for key in Reflect::own_keys(value).map_err(|_| wrong())?.iter() {
        let key = key.as_string().unwrap_or_default();
        if !["role", "content"].contains(&key.as_str()) {
            let allowed = format!("an object with role and content alone, without \"{key}\"");
            return Err(invalid_option(name, &allowed));
        }
    }
    let text = |key: &str| {
        let value = Reflect::get(value, &key.into()).map_err(|_| wrong())?;
        string(&format!("{name}.{key}"), &value)
    };
    Ok(Message::new(text("role")?, text("content")?))
}
