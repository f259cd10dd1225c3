//! Comparisons as Python makes them. Each consumes fuel by the size of what it compares. The marks of shielded text are
//! ignored.

use super::macros::Macro;
use super::objects::{Generator, Namespace, View};
use super::shield::{self, without_marks};
use super::value::{float, integer, is_dict, items, template_error, type_name};
use crate::tokenizer::SHIELD;
use minijinja::value::{Object, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, Error>;

/// How deep compared lists and maps may be nested.
const MAX_DEPTH: usize = 200;

/// `left == right`.
pub(super) fn equal(state: &State, left: &Value, right: &Value) -> Result<bool> {
    equal_within(state, left, right, 0)
}

fn equal_within(state: &State, left: &Value, right: &Value, depth: usize) -> Result<bool> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        state.consume_fuel(left.len().min(right.len()) as u64 / 64)?;
        return Ok(without_marks(left) == without_marks(right));
    }
    if left.as_object().is_none() && right.as_object().is_none() {
        return Ok(left == right);
    }
    if depth > MAX_DEPTH {
        return Err(ErrorKind::OutOfFuel.into());
    }
    let set = |kind: &str| matches!(kind, "dict_keys" | "dict_items");
    let (kind, other) = (type_name(left), type_name(right));
    if set(kind) && set(other) {
        let right = items(state, right)?;
        let mut same = left.len() == Some(right.len());
        for item in items(state, left)? {
            same = same && has(state, &right, &item)?;
        }
        return Ok(same);
    }
    if kind != other || !matches!(kind, "list" | "tuple" | "range" | "dict") {
        return Ok(same_object(left, right));
    }
    if left.len() != right.len() {
        return Ok(false);
    }
    state.consume_fuel(1)?;
    if kind == "dict" {
        for key in items(state, left)? {
            let Some(other) = look_up(state, right, &key)? else {
                return Ok(false);
            };
            if !equal_within(state, &left.get_item(&key)?, &other, depth + 1)? {
                return Ok(false);
            }
        }
    } else {
        for (left, right) in left.try_iter()?.zip(right.try_iter()?) {
            state.consume_fuel(1)?;
            if !equal_within(state, &left, &right, depth + 1)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether both are the same object, for the types whose objects equal only themselves.
pub(super) fn same_object(left: &Value, right: &Value) -> bool {
    fn place<T: Object + 'static>(value: &Value) -> Option<*const ()> {
        let object: &T = value.downcast_object_ref()?;
        Some(std::ptr::from_ref(object).cast())
    }
    let object = |value: &Value| {
        let found = place::<Namespace>(value).or_else(|| place::<View>(value));
        let found = found.or_else(|| place::<Generator>(value));
        found.or_else(|| place::<Macro>(value))
    };
    object(left).is_some() && object(left) == object(right)
}

/// Whether one of these equals `wanted`.
pub(super) fn has(state: &State, all: &[Value], wanted: &Value) -> Result<bool> {
    for item in all {
        if equal(state, item, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Fails where `key` cannot be a key of a map, because it could be changed: Python's "unhashable type".
pub(super) fn hashed(state: &State, key: &Value) -> Result<()> {
    hashed_within(state, key, 0)
}

fn hashed_within(state: &State, key: &Value, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(ErrorKind::OutOfFuel.into());
    }
    match type_name(key) {
        "tuple" => items(state, key)?
            .iter()
            .try_for_each(|item| hashed_within(state, item, depth + 1)),
        kind @ ("list" | "dict" | "dict_keys" | "dict_items") => {
            Err(template_error(format!("unhashable type: '{kind}'")))
        }
        _ => Ok(()),
    }
}

/// The value of `map[key]`; `None` where the map has no such key.
pub(super) fn look_up(state: &State, map: &Value, key: &Value) -> Result<Option<Value>> {
    hashed(state, key)?;
    let get = |key: &Value| map.as_object().and_then(|map| map.get_value(key));
    if let Some(found) = get(key) {
        return Ok(Some(found));
    }
    let Some(text) = key.as_str() else {
        return Ok(None);
    };
    let bare = without_marks(text);
    if let Some(found) = get(&Value::from(&*bare)) {
        return Ok(Some(found));
    }
    // A key that comes from a message may have marks in it, because of which the look-up misses it.
    state.consume_fuel(map.len().unwrap_or(0) as u64 / 64)?;
    let is_it = |key: &Value| {
        key.as_str()
            .is_some_and(|key| key.contains(SHIELD) && without_marks(key) == bare)
    };
    Ok(map.try_iter()?.find(is_it).and_then(|key| get(&key)))
}

/// `left op right`, for an operator that orders: `<`, `<=`, `>` or `>=`.
pub(super) fn compare(state: &State, left: &Value, op: &str, right: &Value) -> Result<bool> {
    let unordered = |order: Option<Ordering>| match op {
        "<" => order == Some(Ordering::Less),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        ">" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    };
    match order(state, left, right, 0)? {
        Ok(order) => Ok(unordered(order)),
        Err([left, right]) => Err(template_error(format!(
            "'{op}' is not supported between '{left}' and '{right}'"
        ))),
    }
}

/// How two values compare. `Err` has the names of their types where Python does not order them; `Ok(None)` is a
/// comparison with NaN.
type Order = std::result::Result<Option<Ordering>, [&'static str; 2]>;

fn order(state: &State, left: &Value, right: &Value, depth: usize) -> Result<Order> {
    if depth > MAX_DEPTH {
        return Err(ErrorKind::OutOfFuel.into());
    }
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Ok(Ok(Some(left.cmp(&right))));
    }
    if let (Some(left), Some(right)) = (float(left), float(right)) {
        return Ok(Ok(left.partial_cmp(&right)));
    }
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        state.consume_fuel(left.len().min(right.len()) as u64 / 64)?;
        return Ok(Ok(Some(without_marks(left).cmp(&without_marks(right)))));
    }
    let kinds = [type_name(left), type_name(right)];
    if kinds[0] != kinds[1] || !matches!(kinds[0], "list" | "tuple") {
        return Ok(Err(kinds));
    }
    for (left, right) in left.try_iter()?.zip(right.try_iter()?) {
        state.consume_fuel(1)?;
        if !equal_within(state, &left, &right, depth)? {
            return order(state, &left, &right, depth + 1);
        }
    }
    Ok(Ok(Some(left.len().cmp(&right.len()))))
}

/// The order of two values in a sort; it is an error where Python does not order their types.
pub(super) fn sort_order(state: &State, left: &Value, right: &Value) -> Result<Ordering> {
    match order(state, left, right, 0)? {
        Ok(order) => Ok(order.unwrap_or(Ordering::Equal)),
        Err([left, right]) => Err(template_error(format!(
            "'<' is not supported between '{left}' and '{right}'"
        ))),
    }
}

/// A stable merge sort that ends with the first error of `order`. `order` need not be a total order, and with NaN it is
/// not; the standard library's sorts may panic on such a one.
pub(super) fn sorted<T>(
    mut all: Vec<T>,
    order: &impl Fn(&T, &T) -> Result<Ordering>,
) -> Result<Vec<T>> {
    if all.len() < 2 {
        return Ok(all);
    }
    let mut merged = Vec::with_capacity(all.len());
    let rest = all.split_off(all.len() / 2);
    let mut left = sorted(all, order)?.into_iter().peekable();
    let mut right = sorted(rest, order)?.into_iter().peekable();
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        let next = match order(first, second)? {
            Ordering::Greater => right.next(),
            _ => left.next(),
        };
        merged.extend(next);
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

/// `needle in container`.
pub(super) fn contained(state: &State, needle: &Value, container: &Value) -> Result<bool> {
    if container.kind() == ValueKind::String {
        let text = container.as_str().unwrap_or_default();
        let needle = needle.as_str().ok_or_else(|| {
            template_error(format!(
                "'in <string>' requires a string, not '{}'",
                type_name(needle)
            ))
        })?;
        state.consume_fuel(text.len() as u64 / 64)?;
        return Ok(shield::without_marks(text).contains(&*shield::without_marks(needle)));
    }
    if is_dict(container) {
        return Ok(look_up(state, container, needle)?.is_some());
    }
    if type_name(container) == "dict_keys" {
        hashed(state, needle)?;
    }
    has(state, &items(state, container)?, needle)
}

/// `left op right`, for any comparison operator.
pub(super) fn holds(state: &State, left: &Value, op: &str, right: &Value) -> Result<bool> {
    match op {
        "==" => equal(state, left, right),
        "!=" => Ok(!equal(state, left, right)?),
        "in" => contained(state, left, right),
        "not in" => Ok(!contained(state, left, right)?),
        op => compare(state, left, op, right),
    }
}

/// `first < second <= …`: whether all comparisons of a chain hold. `rest` has pairs of an operator and an operand.
pub(super) fn chain(state: &State, first: &Value, rest: &[Value]) -> Result<bool> {
    let mut left = first;
    for pair in rest.chunks_exact(2) {
        if !holds(state, left, pair[0].as_str().unwrap_or_default(), &pair[1])? {
            return Ok(false);
        }
        left = &pair[1];
    }
    Ok(true)
}
