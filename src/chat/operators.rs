//! Operators with Python's semantics, where the engine's own differ.

use super::value::{float, integer, is_tuple, items, like, part, template_error, text, type_name};
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

type Result<T> = std::result::Result<T, Error>;

/// An operation on two numbers: on integers where both are, else on floats. `None` where one is no number.
fn of_numbers(
    left: &Value,
    right: &Value,
    on_integers: fn(i128, i128) -> Option<i128>,
    on_floats: fn(f64, f64) -> f64,
) -> Option<Result<Value>> {
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        let result = on_integers(left, right);
        return Some(result.map(Value::from).ok_or_else(too_large));
    }
    let result = on_floats(float(left)?, float(right)?);
    Some(Ok(Value::from(result)))
}

/// `left + right`.
pub(super) fn add(state: &State, left: &Value, right: &Value) -> Result<Value> {
    if let Some(sum) = of_numbers(left, right, i128::checked_add, |left, right| left + right) {
        return sum;
    }
    match (left.kind(), right.kind()) {
        (ValueKind::String, ValueKind::String) => {
            let safe = left.is_safe() || right.is_safe();
            joined(state, left, right, safe)
        }
        (ValueKind::Seq, ValueKind::Seq) if is_tuple(left) == is_tuple(right) => {
            let count = left
                .len()
                .unwrap_or(0)
                .saturating_add(right.len().unwrap_or(0));
            state.consume_fuel(count as u64)?;
            let both: Vec<Value> = left.try_iter()?.chain(right.try_iter()?).collect();
            Ok(like(left, both))
        }
        _ => Err(unsupported("+", left, right)),
    }
}

/// `left ~ right`.
pub(super) fn concat(state: &State, left: &Value, right: &Value) -> Result<Value> {
    joined(state, left, right, false)
}

/// Concatenates two values as strings; with `safe`, what is not marked as escaped is escaped.
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

/// `text` escaped for HTML, as markupsafe does it.
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

/// `left % right`: a remainder, or a formatted string.
pub(super) fn remainder(state: &mut State, left: &Value, right: &Value) -> Result<Value> {
    if left.as_str().is_some() {
        return super::format::percent(state, left, right);
    }
    let zero = || template_error("modulo by zero");
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        // Python's remainder has the sign of the divisor, Rust's that of the dividend.
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
    Err(unsupported("%", left, right))
}

/// `left * right`.
pub(super) fn multiply(state: &State, left: &Value, right: &Value) -> Result<Value> {
    if let Some(product) = of_numbers(left, right, i128::checked_mul, |left, right| left * right) {
        return product;
    }
    let (all, times) = match (integer(left), integer(right)) {
        (Some(times), None) => (right, times),
        (None, Some(times)) => (left, times),
        _ => return Err(unsupported("*", left, right)),
    };
    let times = usize::try_from(times).unwrap_or(0);
    if let Some(text) = all.as_str() {
        super::strings::within(state, text.len().saturating_mul(times))?;
        return Ok(part(all, &text.repeat(times)));
    }
    if all.kind() != ValueKind::Seq {
        return Err(unsupported("*", left, right));
    }
    let items = items(state, all)?;
    state.consume_fuel(items.len().saturating_mul(times) as u64)?;
    let repeated = std::iter::repeat_n(items, times).flatten().collect();
    Ok(like(all, repeated))
}

/// `left ** right`.
pub(super) fn power(left: &Value, right: &Value) -> Result<Value> {
    if let (Some(left), Some(right @ 0..)) = (integer(left), integer(right)) {
        let power = u32::try_from(right)
            .ok()
            .and_then(|right| left.checked_pow(right));
        return power.map(Value::from).ok_or_else(too_large);
    }
    let (Some(base), Some(exponent)) = (float(left), float(right)) else {
        return Err(unsupported("**", left, right));
    };
    if base == 0.0 && exponent < 0.0 {
        return Err(template_error("zero to a negative power"));
    }
    let power = base.powf(exponent);
    if (power.is_nan() || power.is_infinite()) && base.is_finite() && exponent.is_finite() {
        return Err(template_error("the power is no real number, or too large"));
    }
    Ok(power.into())
}

fn too_large() -> Error {
    template_error("a number is too large")
}

fn unsupported(op: &str, left: &Value, right: &Value) -> Error {
    let (left, right) = (type_name(left), type_name(right));
    template_error(format!(
        "unsupported operand types for {op}: '{left}' and '{right}'"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{Message, Rendering, Request, render};

    /// Templates find special tokens in shielded text as if it had no marks.
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
            "[[it]] == [['</think>']]",
            "{'a': (it, 1)} == {'a': ('</think>', 1)}",
            "['</think>'] in [[it]]",
            "messages | map(attribute='content') | list == ['</think>']",
            "'</think>' in messages | map(attribute='content') | list",
            "messages | selectattr('content', 'equalto', '</think>') | list | length == 1",
            "messages | selectattr('content', 'in', ['</think>']) | list | length == 1",
            "messages | groupby('content') | map('first') | list == ['</think>']",
            "[it, '</think>'] | unique | list | length == 1",
            "[[it], ['</think>']] | max == [it]",
            "[it] <= ['</think>']",
            "{'</think>': 1}[it] == 1",
            "{'</think>': 1}.get(it) == 1",
            "{it: 1}.get('</think>' ~ '') == 1",
            "'</think>' in {it: 1}",
            "{it: 1} == {'</think>': 1}",
            "(it, 1) in {'</think>': 1}.items()",
            "it[1] == '/' and it[-1] == '>'",
            "it is eq '</think>' and it is sameas '</think>'",
            "(it | reverse) | length == 8",
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
