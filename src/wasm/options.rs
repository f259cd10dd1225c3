//! Options objects: every name is known or an error, every value has its type.

use super::error::invalid;
use crate::generator::{Context, Options};
use crate::{Error, Result};
use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortSignal;

/// The largest integer a JavaScript number holds exactly together with all smaller ones.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What `Generator.load` accepts beside the source.
#[derive(Default)]
pub(super) struct LoadOptions {
    pub on_progress: Option<Function>,
    pub signal: Option<AbortSignal>,
    pub context: Context,
}

/// The options of `Generator.load`.
pub(super) fn load_options(object: &JsValue) -> Result<LoadOptions> {
    let mut options = LoadOptions::default();
    for (name, value) in entries(object)? {
        match name.as_str() {
            "onProgress" => {
                let function = value.dyn_into();
                options.on_progress =
                    Some(function.map_err(|_| invalid("onProgress", "a function"))?);
            }
            "signal" => {
                let signal = value.dyn_into();
                options.signal = Some(signal.map_err(|_| invalid("signal", "an AbortSignal"))?);
            }
            "context_length" => options.context.length = Some(size(&name, &value)?),
            "cache_type" => {
                options.context.cache_type = string(&name, &value)?.parse()?;
            }
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// The options of `Generator.inspect`: those of `Generator.load` but for its progress.
pub(super) fn inspect_options(object: &JsValue) -> Result<LoadOptions> {
    let options = load_options(object)?;
    match options.on_progress {
        Some(_) => Err(Error::UnknownOption("onProgress".into())),
        None => Ok(options),
    }
}

/// The options of `start`; ranges are checked there.
pub(super) fn generation_options(object: &JsValue) -> Result<Options> {
    let mut options = Options::default();
    for (name, value) in entries(object)? {
        match name.as_str() {
            "temperature" => options.temperature = number(&name, &value)?,
            "top_k" => options.top_k = whole(&name, &value)?,
            "top_p" => options.top_p = number(&name, &value)?,
            "min_p" => options.min_p = number(&name, &value)?,
            "seed" => options.seed = Some(seed(&value)?),
            "stop" => options.stop = strings(&name, &value)?,
            "max_tokens" => options.max_tokens = Some(size(&name, &value)?),
            "logprobs" => options.logprobs = boolean(&name, &value)?,
            "top_logprobs" => options.top_logprobs = whole(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// The `special` option of `tokenize`.
pub(super) fn parse_special(object: &JsValue) -> Result<bool> {
    let mut special = false;
    for (name, value) in entries(object)? {
        match name.as_str() {
            "special" => special = boolean(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(special)
}

/// A string argument.
pub(super) fn string(name: &str, value: &JsValue) -> Result<String> {
    value.as_string().ok_or_else(|| invalid(name, "a string"))
}

/// A string argument that may be absent.
pub(super) fn optional_string(name: &str, value: &JsValue) -> Result<Option<String>> {
    match is_absent(value) {
        true => Ok(None),
        false => string(name, value).map(Some),
    }
}

/// The properties of an options object. Absent options, and options set to undefined or null, are not there.
fn entries(object: &JsValue) -> Result<Vec<(String, JsValue)>> {
    if is_absent(object) {
        return Ok(Vec::new());
    }
    if !object.is_object() {
        return Err(invalid("options", "an object"));
    }
    let unreadable = |_| invalid("options", "an object whose properties can be read");
    let mut found = Vec::new();
    for key in Reflect::own_keys(object).map_err(unreadable)?.iter() {
        let value = Reflect::get(object, &key).map_err(unreadable)?;
        if let (Some(name), false) = (key.as_string(), is_absent(&value)) {
            found.push((name, value));
        }
    }
    Ok(found)
}

fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

fn number(name: &str, value: &JsValue) -> Result<f32> {
    let number = value.as_f64().ok_or_else(|| invalid(name, "a number"))?;
    Ok(number as f32)
}

fn boolean(name: &str, value: &JsValue) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| invalid(name, "true or false"))
}

/// A whole number that a `u32` holds.
fn whole(name: &str, value: &JsValue) -> Result<u32> {
    integer(value)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| invalid(name, "a whole number from 0 to 4294967295"))
}

fn size(name: &str, value: &JsValue) -> Result<usize> {
    whole(name, value).map(|number| number as usize)
}

/// A safe integer of type number, 0 or more.
fn integer(value: &JsValue) -> Option<u64> {
    let number = value.as_f64()?;
    let whole = number >= 0.0 && number <= MAX_SAFE_INTEGER as f64 && number.fract() == 0.0;
    whole.then_some(number as u64)
}

fn seed(value: &JsValue) -> Result<u64> {
    let big = || u64::try_from(value.clone()).ok();
    integer(value)
        .or_else(|| value.is_bigint().then(big).flatten())
        .ok_or_else(|| {
            let allowed = "a whole number from 0 to 2^53 - 1, or a BigInt from 0 to 2^64 - 1";
            invalid("seed", allowed)
        })
}

/// A seed as a number where that is exact, else as a BigInt.
pub(super) fn seed_to_js(seed: u64) -> JsValue {
    if seed <= MAX_SAFE_INTEGER {
        JsValue::from_f64(seed as f64)
    } else {
        JsValue::from(seed)
    }
}

/// One string, or an array of them.
fn strings(name: &str, value: &JsValue) -> Result<Vec<String>> {
    if let Some(one) = value.as_string() {
        return Ok(vec![one]);
    }
    let wrong = || invalid(name, "a string or an array of strings");
    let array: &Array = value.dyn_ref().ok_or_else(wrong)?;
    let all = array.iter().map(|item| item.as_string());
    all.collect::<Option<Vec<_>>>().ok_or_else(wrong)
}
