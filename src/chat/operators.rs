//! Operators and look-ups as Python has them, where the engine's own are others.

use super::marks;
use super::methods::{self, Method};
use super::value::{failure, float, integer, is_dict, items, text, type_name};
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, Error>;

/// `left + right`.
pub(super) fn add(state: &State, left: &Value, right: &Value) -> Result<Value> {
    let wrong = || {
        let (left, right) = (type_name(left), type_name(right));
        failure(format!(
            "unsupported operand types for +: '{left}' and '{right}'"
        ))
    };
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return left
            .checked_add(right)
            .map(Value::from)
            .ok_or_else(|| failure("a number is too large"));
    }
    if let (Some(left), Some(right)) = (float(left), float(right)) {
        return Ok(Value::from(left + right));
    }
    match (left.kind(), right.kind()) {
        (ValueKind::String, ValueKind::String) => {
            let safe = left.is_safe() || right.is_safe();
            joined(state, left, right, safe)
        }
        (ValueKind::Seq, ValueKind::Seq) if left.is_tuple() == right.is_tuple() => {
            let count = left
                .len()
                .unwrap_or(0)
                .saturating_add(right.len().unwrap_or(0));
            state.consume_fuel(count as u64)?;
            let both: Vec<Value> = left.try_iter()?.chain(right.try_iter()?).collect();
            Ok(match left.is_tuple() {
                true => minijinja::value::Tuple::new(both).into(),
                false => Value::from(both),
            })
        }
        _ => Err(wrong()),
    }
}

/// `left ~ right`.
pub(super) fn concat(state: &State, left: &Value, right: &Value) -> Result<Value> {
    joined(state, left, right, false)
}

/// Two texts in one; where one is `safe`, the other is escaped.
fn joined(state: &State, left: &Value, right: &Value, safe: bool) -> Result<Value> {
    let part = |value: &Value| {
        let text = text(value)?;
        Ok::<String, Error>(if safe && !value.is_safe() {
            escape(&text)
        } else {
            text
        })
    };
    let (left, right) = (part(left)?, part(right)?);
    state.consume_fuel((left.len() + right.len()) as u64 / 64)?;
    let whole = left + &right;
    Ok(if safe {
        Value::from_safe_string(whole)
    } else {
        Value::from(whole)
    })
}

/// A text whose characters mean nothing in HTML, as markupsafe writes them.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `left % right`: a remainder, or a text that is filled in.
pub(super) fn remainder(state: &mut State, left: &Value, right: &Value) -> Result<Value> {
    if left.as_str().is_some() {
        return super::format::percent(state, left, right);
    }
    let zero = || failure("modulo by zero");
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        // The sign is that of what it is divided by.
        let plain = left.checked_rem(right).ok_or_else(zero)?;
        let other = plain != 0 && (plain < 0) != (right < 0);
        return Ok(Value::from(if other { plain + right } else { plain }));
    }
    if let (Some(left), Some(right)) = (float(left), float(right)) {
        if right == 0.0 {
            return Err(zero());
        }
        let plain = left % right;
        let other = plain != 0.0 && (plain < 0.0) != (right < 0.0);
        let plain = if plain == 0.0 {
            plain.copysign(right)
        } else {
            plain
        };
        return Ok(Value::from(if other { plain + right } else { plain }));
    }
    let (left, right) = (type_name(left), type_name(right));
    Err(failure(format!(
        "unsupported operand types for %: '{left}' and '{right}'"
    )))
}

/// `left == right`.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left.as_str(), right.as_str()) {
        (Some(left), Some(right)) => marks::plain(left) == marks::plain(right),
        _ => left == right,
    }
}

/// `value[start:stop:step]`.
pub(super) fn slice(state: &State, value: &Value, bounds: [Value; 3]) -> Result<Value> {
    let bound = |bound: &Value| match bound.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(None),
        _ => integer(bound)
            .map(Some)
            .ok_or_else(|| failure("slice indices must be integers")),
    };
    let kind = type_name(value);
    if !matches!(kind, "str" | "list" | "tuple" | "range" | "Undefined") {
        return Err(failure(format!("'{kind}' object is no sequence")));
    }
    let all = items(state, value)?;
    let count = all.len() as i128;
    let step = bound(&bounds[2])?.unwrap_or(1);
    if step == 0 {
        return Err(failure("slice step cannot be zero"));
    }
    let (low, high) = if step > 0 {
        (0, count)
    } else {
        (-1, count - 1)
    };
    let place = |place: i128| {
        if place < 0 {
            (place + count).max(low)
        } else {
            place.min(high)
        }
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, stop) = (
        bound(&bounds[0])?.map_or(first, place),
        bound(&bounds[1])?.map_or(last, place),
    );
    let mut taken = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        taken.push(all[at as usize].clone());
        at = at.saturating_add(step);
    }
    Ok(match kind {
        "str" => taken
            .iter()
            .filter_map(Value::as_str)
            .collect::<String>()
            .into(),
        "tuple" => minijinja::value::Tuple::new(taken).into(),
        _ => taken.into(),
    })
}

/// `left < right` and its like.
pub(super) fn compare(left: &Value, op: &str, right: &Value) -> Result<bool> {
    let order = order(left, right, 0)?;
    let Some(order) = order else {
        let (left, right) = (type_name(left), type_name(right));
        return Err(failure(format!(
            "'{op}' is not supported between '{left}' and '{right}'"
        )));
    };
    Ok(match op {
        "<" => order == Some(Ordering::Less),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        ">" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// The order of two values: `None` where Python knows none between their types, `Some(None)` where a number is none.
pub(super) fn order(left: &Value, right: &Value, depth: usize) -> Result<Option<Option<Ordering>>> {
    if depth > 64 {
        return Err(ErrorKind::OutOfFuel.into());
    }
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        return Ok(Some(Some(left.cmp(&right))));
    }
    if let (Some(left), Some(right)) = (float(left), float(right)) {
        return Ok(Some(left.partial_cmp(&right)));
    }
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        return Ok(Some(Some(marks::plain(left).cmp(&marks::plain(right)))));
    }
    let lists = [left, right]
        .iter()
        .all(|value| value.kind() == ValueKind::Seq);
    if !lists || left.is_tuple() != right.is_tuple() {
        return Ok(None);
    }
    for (left, right) in left.try_iter()?.zip(right.try_iter()?) {
        if !equal(&left, &right) {
            return order(&left, &right, depth + 1);
        }
    }
    Ok(Some(Some(left.len().cmp(&right.len()))))
}

/// A stable sort that ends with the first error. The order need not be a total one: with what is no number it is none.
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
    match container.kind() {
        ValueKind::String => {
            let text = container.as_str().unwrap_or_default();
            let needle = needle.as_str().ok_or_else(|| {
                failure(format!(
                    "'in <string>' requires a string, not '{}'",
                    type_name(needle)
                ))
            })?;
            state.consume_fuel(text.len() as u64 / 64)?;
            Ok(marks::plain(text).contains(&*marks::plain(needle)))
        }
        ValueKind::Map if is_dict(container) => {
            let found = |key: &Value| container.as_object()?.get_value(key);
            let bare = || found(&Value::from(&*marks::plain(needle.as_str()?)));
            Ok(found(needle).or_else(bare).is_some())
        }
        _ => Ok(items(state, container)?
            .iter()
            .any(|item| equal(item, needle))),
    }
}

/// `first < second <= …`: comparisons that hold one after the other.
pub(super) fn chain(state: &State, first: &Value, rest: Rest<Value>) -> Result<bool> {
    let mut left = first;
    for pair in rest.chunks_exact(2) {
        let (op, right) = (pair[0].as_str().unwrap_or_default(), &pair[1]);
        let holds = match op {
            "==" => equal(left, right),
            "!=" => !equal(left, right),
            "in" => contained(state, left, right)?,
            "not in" => !contained(state, left, right)?,
            op => compare(left, op, right)?,
        };
        if !holds {
            return Ok(false);
        }
        left = right;
    }
    Ok(true)
}

/// `value.name`, where Python's types have a method of this name.
pub(super) fn attribute(value: &Value, name: &str) -> Result<Value> {
    if name.starts_with("__") {
        return Ok(Value::UNDEFINED);
    }
    match methods::has(value, name) {
        true => Ok(Value::from_object(Method::new(value, name))),
        false => value.get_attr(name),
    }
}

/// `value[key]`: an item, else an attribute.
pub(super) fn item(value: &Value, key: &Value) -> Result<Value> {
    if value.kind() == ValueKind::Seq && key.kind() == ValueKind::Number && !key.is_integer() {
        return Ok(Value::UNDEFINED);
    }
    let found = value.get_item(key)?;
    match key.as_str() {
        Some(name) if found.is_undefined() && methods::has(value, name) => {
            Ok(Value::from_object(Method::new(value, name)))
        }
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Rendering, Request, render};

    /// What a template makes of a message that spells a special token.
    #[test]
    fn marks_are_not_seen() {
        let worth = |expression: &str| {
            let request = Request {
                template: format!("{{% set it = messages[0].content %}}{{{{ {expression} }}}}"),
                messages: vec![Message::new("user", "<\u{FDD0}/think>")],
                bos_token: None,
                eos_token: None,
            };
            render(&request, &Rendering::default()).unwrap()
        };
        for holds in [
            "it == '</think>'",
            "it in ['</think>']",
            "it in ('a', '</think>')",
            "it in {'</think>': 1}",
            "it is in ['</think>']",
            "it not in ['think']",
            "'</think>' in [it]",
            "[it].count('</think>') == 1",
            "['a', it].index('</think>') == 1",
            "it.isascii()",
            "it.isprintable()",
            "it | length == 8",
            "it.center(10) | length == 10",
            "it.ljust(8) | length == 8",
            "(it ~ '\\t|').expandtabs(16) | length == 17",
            "it | truncate(8, leeway=0) == '</think>'",
            "it | truncate(6, true, it[:1], 0) | length == 6",
            "it.rjust(9, it[:1]) == '<</think>'",
            "it | wordcount == 1",
            "it | title == '</think>'",
            "it.title() == '</Think>'",
        ] {
            assert_eq!(worth(holds), "True", "{holds}");
        }
    }
}
