//! Python's methods on strings, lists and maps: those of minijinja's `pycompat`, with their work paid for.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Bytes of work that one fuel pays for, the engine's own rate.
const BYTES_PER_FUEL: usize = 64;
/// What an item of a list costs, in bytes.
const ITEM: usize = 32;

/// Calls a method. The engine counts what a method is called on and what it gives; not what it is called
/// with, nor what it takes to get from one to the other.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let fuel = work(value, method, args) / BYTES_PER_FUEL;
    state.consume_fuel(fuel as u64)?;
    unknown_method_callback(state, value, method, args)
}

/// Bytes of work.
fn work(value: &Value, method: &str, args: &[Value]) -> usize {
    let given = args.iter().map(size).fold(0, usize::saturating_add);
    match (value.as_str(), method) {
        // Each character is looked for among those given.
        (Some(text), "strip" | "lstrip" | "rstrip") => text.len().saturating_mul(given),
        // Each field may show all that is given, as wide as some number says.
        (Some(text), "format") => {
            let widest = args.iter().filter_map(Value::as_usize).fold(0, usize::max);
            let field = given
                .saturating_add(widest)
                .saturating_add(largest_number(text));
            text.matches('{').count().saturating_mul(field)
        }
        (None, _) => size(value).saturating_add(given),
        _ => given,
    }
}

/// Bytes to go through a value.
fn size(value: &Value) -> usize {
    let items = || value.len().unwrap_or(0).saturating_mul(ITEM);
    match value.kind() {
        ValueKind::String => value.as_str().map_or(0, str::len),
        // Named arguments among them.
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            let values = keys.filter_map(|key| value.get_item(&key).ok());
            let lengths = values.filter_map(|value| value.as_str().map(str::len));
            lengths.fold(items(), usize::saturating_add)
        }
        _ => items(),
    }
}

/// The largest number a text spells.
fn largest_number(text: &str) -> usize {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let numbers = numbers.filter(|digits| !digits.is_empty());
    let numbers = numbers.map(|digits| digits.parse().unwrap_or(usize::MAX));
    numbers.max().unwrap_or(0)
}
