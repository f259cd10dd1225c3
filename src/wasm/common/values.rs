//! Values of JavaScript, and how options objects are read. An unknown name is an error, and so is a value of the wrong type.

use super::host;
use crate::error::invalid_option;
use crate::pooling::Options;
use crate::{Error, Result};
use js_sys::{ArrayBuffer, Reflect};
use wasm_bindgen::JsValue;

/// The largest integer a JavaScript number holds exactly together with all smaller ones.
pub(in crate::wasm) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The most items an array among the options may have: more than any vocabulary has tokens.
const MAX_ITEMS: u32 = 1 << 22;

/// The options of `embed`.
pub(in crate::wasm) fn embed_options(object: &JsValue) -> Result<Options> {
    let mut options = Options::default();
    for (name, value) in entries(object)? {
        match name.as_str() {
            "pooling" => options.pooling = Some(string(&name, &value)?.parse()?),
            "normalize" => options.normalize = boolean(&name, &value)?,
            "truncate" => options.truncate = boolean(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// A string argument.
pub(in crate::wasm) fn string(name: &str, value: &JsValue) -> Result<String> {
    value
        .as_string()
        .ok_or_else(|| invalid_option(name, "a string"))
}

/// The properties of an options object. Options that are undefined or null count as absent.
pub(in crate::wasm) fn entries(object: &JsValue) -> Result<Vec<(String, JsValue)>> {
    if is_absent(object) {
        return Ok(Vec::new());
    }
    if !object.is_object() {
        return Err(invalid_option("options", "an object"));
    }
    let unreadable = |_| invalid_option("options", "an object whose properties can be read");
    let mut found = Vec::new();
    for key in Reflect::own_keys(object).map_err(unreadable)?.iter() {
        let value = Reflect::get(object, &key).map_err(unreadable)?;
        if let (Some(name), false) = (key.as_string(), is_absent(&value)) {
            found.push((name, value));
        }
    }
    Ok(found)
}

pub(in crate::wasm) fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

pub(in crate::wasm) fn boolean(name: &str, value: &JsValue) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| invalid_option(name, "true or false"))
}

/// A whole number that a `u32` holds.
pub(in crate::wasm) fn u32_value(name: &str, value: &JsValue) -> Result<u32> {
    integer(value)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| invalid_option(name, "a whole number from 0 to 4294967295"))
}

/// A safe integer of type number, 0 or more.
pub(in crate::wasm) fn integer(value: &JsValue) -> Option<u64> {
    let number = value.as_f64()?;
    let whole = number >= 0.0 && number <= MAX_SAFE_INTEGER as f64 && number.fract() == 0.0;
    whole.then_some(number as u64)
}

/// One string, or an array of them.
pub(in crate::wasm) fn strings(name: &str, value: &JsValue) -> Result<Vec<String>> {
    if let Some(one) = value.as_string() {
        return Ok(vec![one]);
    }
    let mut strings = Vec::new();
    let read = for_each_item(value, &mut |item| {
        strings.push(item.as_string()?);
        Some(())
    });
    let wrong = || invalid_option(name, "a string or an array of strings");
    read.map(|()| strings).ok_or_else(wrong)
}

/// Whether `value` is an array. A revoked proxy is none.
pub(in crate::wasm) fn is_array(value: &JsValue) -> bool {
    host::is_array(value).unwrap_or(false)
}

/// Visits the items of an array or typed array. Returns `None` where `value` is neither or too long, where reading it
/// throws, or where `visit` returns `None`. Exceptions of getters and proxies are caught here: one that leaves the
/// module would skip the cleanup of its stack.
pub(in crate::wasm) fn for_each_item(
    value: &JsValue,
    visit: &mut dyn FnMut(JsValue) -> Option<()>,
) -> Option<()> {
    if !is_array(value) && !ArrayBuffer::is_view(value) {
        return None;
    }
    let length = integer(&Reflect::get(value, &"length".into()).ok()?)?;
    let length = u32::try_from(length)
        .ok()
        .filter(|&length| length <= MAX_ITEMS)?;
    (0..length).try_for_each(|index| visit(Reflect::get_u32(value, index).ok()?))
}
