//! The options of the engine and of training, read from objects.

use super::constraint;
use crate::allocation::resize;
use crate::decision::YES_OR_NO;
use crate::error::invalid_option;
use crate::generator::{Context, DEFAULT_RECORD, MAX_RECORD, Options, SamplerName, Value};
use crate::wasm::common::read_options::ReadOptions;
use crate::wasm::common::values::MAX_SAFE_INTEGER;
pub(in crate::wasm) use crate::wasm::common::values::{
    boolean, embed_options, entries, for_each_item, integer, is_absent, is_array, string, strings,
    u32_value,
};
use crate::{Error, Result, TokenId, rerank};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

/// The most items of an array that is collected into a list.
const MAX_LIST: usize = 100_000;

/// The options that `Generator.load` and `Generator.inspect` accept beside the source.
#[derive(Default)]
pub(in crate::wasm) struct LoadOptions {
    pub reading: ReadOptions,
    pub context: Context,
    /// Whether `inspect` measures the speed.
    pub speed: bool,
}

/// The options of `Generator.load`, or where it `inspects`, of `Generator.inspect`, which has no progress.
pub(in crate::wasm) fn load_options(object: &JsValue, inspects: bool) -> Result<LoadOptions> {
    let mut options = LoadOptions::default();
    for (name, value) in entries(object)? {
        match name.as_str() {
            "speed" if inspects => options.speed = boolean(&name, &value)?,
            "onProgress" if inspects => return Err(Error::UnknownOption(name)),
            "context_length" => options.context.length = Some(size(&name, &value)?),
            "cache_type" => {
                options.context.cache_type = string(&name, &value)?.parse()?;
            }
            _ if options.reading.set(&name, &value)? => {}
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// The options of `start` and `configure`. What is absent stays as in `options`. Ranges are checked by the generator.
pub(in crate::wasm) fn generation_options(
    object: &JsValue,
    mut options: Options,
) -> Result<Options> {
    for (name, value) in entries(object)? {
        let mut fields = options.fields().into_iter();
        let Some(field) = fields.find(|field| field.name == name) else {
            return Err(Error::UnknownOption(name));
        };
        match field.value {
            Value::F32(to) => *to = number(&name, &value)?,
            Value::U32(to) => *to = u32_value(&name, &value)?,
            Value::I32(to) => *to = last_n(&name, &value)?,
            Value::Bool(to) => *to = boolean(&name, &value)?,
            Value::Usize(to) => *to = size(&name, &value)?,
            Value::OptionalU32(to) => *to = record(&name, &value)?,
            Value::OptionalU64(to) => *to = Some(seed(&value)?),
            Value::OptionalUsize(to) => *to = Some(size(&name, &value)?),
            Value::Biases(to) => *to = biases(&name, &value)?,
            Value::Adapters(to) => *to = scales(&name, &value)?,
            Value::Tokens(to) => *to = token_ids(&name, &value)?,
            Value::Strings(to) => *to = strings(&name, &value)?,
            Value::Mirostat(to) => *to = u32_value(&name, &value)?.try_into()?,
            Value::Samplers(to) => *to = Some(SamplerName::parse_all(&strings(&name, &value)?)?),
            Value::Constraint(to) => *to = constraint::from_js(value)?,
        }
    }
    Ok(options)
}

/// The options of `peek`.
#[derive(Default)]
pub(in crate::wasm) struct PeekOptions {
    pub top: u32,
    pub hidden: bool,
    pub layers: bool,
    pub attention: bool,
}

/// The options of `peek`: how long its lists are, and what else it shows.
pub(in crate::wasm) fn peek_options(object: &JsValue) -> Result<PeekOptions> {
    let mut options = PeekOptions {
        top: DEFAULT_RECORD,
        ..PeekOptions::default()
    };
    for (name, value) in entries(object)? {
        match name.as_str() {
            "top" => options.top = list_length(&name, &value)?,
            "hidden" => options.hidden = boolean(&name, &value)?,
            "layers" => options.layers = boolean(&name, &value)?,
            "attention" => options.attention = boolean(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// The option `top` of `score` and of `record`; the argument `top` is its default.
pub(in crate::wasm) fn top_option(object: &JsValue, mut top: u32) -> Result<u32> {
    for (name, value) in entries(object)? {
        match name.as_str() {
            "top" => top = list_length(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(top)
}

/// The option `choices` of `decide`.
pub(in crate::wasm) fn choices(object: &JsValue) -> Result<Vec<String>> {
    let mut choices = Vec::from(YES_OR_NO.map(String::from));
    for (name, value) in entries(object)? {
        match name.as_str() {
            "choices" => choices = strings(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(choices)
}

/// The options of `rerank`.
pub(in crate::wasm) fn rerank_options(object: &JsValue) -> Result<rerank::Options> {
    let mut options = rerank::Options::default();
    for (name, value) in entries(object)? {
        match name.as_str() {
            "instruction" => options.instruction = string(&name, &value)?,
            "template" => options.template = string(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// The option `record`: true, false, or an object with the length of the lists.
fn record(name: &str, value: &JsValue) -> Result<Option<u32>> {
    match value.as_bool() {
        Some(on) => Ok(on.then_some(DEFAULT_RECORD)),
        None if value.is_object() => top_option(value, DEFAULT_RECORD).map(Some),
        None => Err(invalid_option(name, "true, false or an object { top }")),
    }
}

fn list_length(name: &str, value: &JsValue) -> Result<u32> {
    let length = integer(value).and_then(|number| u32::try_from(number).ok());
    length
        .filter(|&length| length <= MAX_RECORD)
        .ok_or_else(|| invalid_option(name, "a whole number from 0 to 1000"))
}

/// A number of tokens back from the end, or −1 for all of them.
fn last_n(name: &str, value: &JsValue) -> Result<i32> {
    if value.as_f64() == Some(-1.0) {
        return Ok(-1);
    }
    integer(value)
        .and_then(|number| i32::try_from(number).ok())
        .ok_or_else(|| invalid_option(name, "a whole number from -1 to 2147483647"))
}

/// The option `logit_bias`: an object, or an array of pairs, that maps token ids to biases. false bans the token.
fn biases(name: &str, value: &JsValue) -> Result<Vec<(TokenId, f32)>> {
    let wrong = || {
        let allowed = "an object or an array of pairs that gives numbers or false to token ids";
        invalid_option(name, allowed)
    };
    let bias = |id: &JsValue, bias: &JsValue| {
        let id = match id.as_string() {
            Some(text) => text.parse().ok()?,
            None => u32::try_from(integer(id)?).ok()?,
        };
        let banned = bias.as_bool() == Some(false);
        let bias = if banned {
            f32::NEG_INFINITY
        } else {
            bias.as_f64()? as f32
        };
        Some((id, bias))
    };
    let mut biases = Vec::new();
    let read = if is_array(value) {
        for_each_item(value, &mut |pair| {
            let mut pair = items(&pair)?.into_iter();
            biases.push(bias(&pair.next()?, &pair.next()?)?);
            Some(())
        })
    } else if value.is_object() {
        let pairs = entries(value).map_err(|_| wrong())?;
        pairs.iter().try_for_each(|(id, value)| {
            biases.push(bias(&id.into(), value)?);
            Some(())
        })
    } else {
        None
    };
    read.map(|()| biases).ok_or_else(wrong)
}

/// The option `adapters`: an object that gives scales to names.
fn scales(name: &str, value: &JsValue) -> Result<Vec<(String, f32)>> {
    let wrong = |_| {
        invalid_option(
            name,
            "an object that gives numbers to the names of adapters",
        )
    };
    let pairs = entries(value).map_err(wrong)?.into_iter();
    let scale = |(adapter, value)| Ok((adapter, number(name, &value).map_err(wrong)?));
    pairs.map(scale).collect()
}

/// Token ids from a typed array or an array of numbers.
pub(in crate::wasm) fn token_ids(name: &str, value: &JsValue) -> Result<Vec<TokenId>> {
    let mut ids = Vec::new();
    let read = for_each_item(value, &mut |item| {
        ids.push(u32::try_from(integer(&item)?).ok()?);
        Some(())
    });
    let wrong = || invalid_option(name, "a Uint32Array or an array of token ids");
    read.map(|()| ids).ok_or_else(wrong)
}

/// The options of a trainer: a preset, and changes to it.
#[cfg(feature = "train")]
pub(in crate::wasm) fn training_options(object: &JsValue) -> Result<crate::train::Options> {
    use crate::train::{Options, Preset};
    let entries = entries(object)?;
    let preset = entries.iter().find(|(name, _)| name == "preset");
    let mut options = match preset {
        Some((name, value)) => Options::preset(string(name, value)?.parse::<Preset>()?),
        None => Options::default(),
    };
    for (name, value) in entries {
        match name.as_str() {
            "preset" => {}
            "seed" => options.seed = seed(&value)?,
            "steps" => options.steps = Some(u32_value(&name, &value)?.into()),
            "warmup_steps" => options.warmup_steps = Some(u32_value(&name, &value)?.into()),
            "batch_size" => options.batch_size = size(&name, &value)?,
            "learning_rate" => options.learning_rate = Some(number(&name, &value)?),
            "weight_decay" => options.weight_decay = Some(number(&name, &value)?),
            "patience" => options.patience = u32_value(&name, &value)?.into(),
            "max_gradient" => options.max_gradient = number(&name, &value)?,
            "vocabulary_size" => options.shape.vocabulary_size = size(&name, &value)?,
            "context_length" => options.shape.context_length = size(&name, &value)?,
            "hidden_size" => options.shape.hidden_size = size(&name, &value)?,
            "layers" => options.shape.layers = size(&name, &value)?,
            "heads" => options.shape.heads = size(&name, &value)?,
            "feed_forward_size" => options.shape.feed_forward_size = size(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(options)
}

/// The `special` option of `tokenize`.
pub(in crate::wasm) fn parse_special(object: &JsValue) -> Result<bool> {
    let mut special = false;
    for (name, value) in entries(object)? {
        match name.as_str() {
            "special" => special = boolean(&name, &value)?,
            _ => return Err(Error::UnknownOption(name)),
        }
    }
    Ok(special)
}

/// A string argument that may be absent.
pub(in crate::wasm) fn optional_string(name: &str, value: &JsValue) -> Result<Option<String>> {
    match is_absent(value) {
        true => Ok(None),
        false => string(name, value).map(Some),
    }
}
pub(in crate::wasm) fn number(name: &str, value: &JsValue) -> Result<f32> {
    let number = value
        .as_f64()
        .ok_or_else(|| invalid_option(name, "a number"))?;
    Ok(number as f32)
}
pub(in crate::wasm) fn size(name: &str, value: &JsValue) -> Result<usize> {
    u32_value(name, value).map(|number| number as usize)
}

pub(in crate::wasm) fn seed(value: &JsValue) -> Result<u64> {
    let big = || u64::try_from(value.clone()).ok();
    integer(value)
        .or_else(|| value.is_bigint().then(big).flatten())
        .ok_or_else(|| {
            let allowed = "a whole number from 0 to 2^53 - 1, or a BigInt from 0 to 2^64 - 1";
            invalid_option("seed", allowed)
        })
}

/// A seed as a number where that is exact, else as a BigInt.
pub(in crate::wasm) fn seed_to_js(seed: u64) -> JsValue {
    if seed <= MAX_SAFE_INTEGER {
        JsValue::from_f64(seed as f64)
    } else {
        JsValue::from(seed)
    }
}

/// The items of an array of limited length.
pub(in crate::wasm) fn items(value: &JsValue) -> Option<Vec<JsValue>> {
    let mut items = Vec::new();
    for_each_item(value, &mut |item| {
        items.push(item);
        (items.len() <= MAX_LIST).then_some(())
    })?;
    Some(items)
}

/// The bytes of a `Uint8Array`.
pub(in crate::wasm) fn bytes(name: &str, value: &JsValue) -> Result<Vec<u8>> {
    // An object with the prototype of a typed array passes the first test only.
    let array = value.dyn_ref::<Uint8Array>();
    let array = array.filter(|array| ArrayBuffer::is_view(array));
    let array = array.ok_or_else(|| invalid_option(name, "a Uint8Array"))?;
    let mut bytes = Vec::new();
    resize(&mut bytes, array.length() as usize, 0)?;
    array.copy_to(&mut bytes);
    Ok(bytes)
}
