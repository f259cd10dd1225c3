//! Numbers as Python's `int` and `float` read them.

use super::unicode;
use super::value::{float, integer, template_error};
use minijinja::Error;
use minijinja::value::Value;

type Result<T> = std::result::Result<T, Error>;

/// Jinja2's `int` filter: parses a string in the given base, truncates a float. `otherwise` (0 unless given) is the
/// result where the value is neither.
pub(super) fn to_integer(value: &Value, base: i128, otherwise: Option<Value>) -> Result<Value> {
    let otherwise = || otherwise.unwrap_or_else(|| Value::from(0));
    if let Some(number) = integer(value) {
        return Ok(number.into());
    }
    let number = match value.as_str() {
        Some(text) => match parse_integer(text, base) {
            Some(number) => return Ok(number.into()),
            None => parse_float(text),
        },
        None => float(value),
    };
    match number.filter(|number| number.is_finite()) {
        Some(number) if number.abs() < 1e38 => Ok(Value::from(number.trunc() as i128)),
        Some(_) => Err(template_error("a number is too large")),
        None => Ok(otherwise()),
    }
}

/// A whole number as Python reads it: white space around it, a sign, `_` between digits, the prefix of its base.
fn parse_integer(text: &str, base: i128) -> Option<i128> {
    let text = unicode::ascii_digits(text.trim_matches(unicode::is_space));
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, &*text),
    };
    let prefixes = [(16, "0x"), (8, "0o"), (2, "0b")];
    let lower = digits.to_ascii_lowercase();
    let prefix = prefixes
        .iter()
        .find(|(of, prefix)| (base == 0 || base == *of) && lower.starts_with(prefix));
    let (base, digits) = match prefix {
        Some((of, prefix)) => (*of, lower[prefix.len()..].trim_start_matches('_')),
        None => (if base == 0 { 10 } else { base }, &*lower),
    };
    let radix = u32::try_from(base)
        .ok()
        .filter(|radix| (2..=36).contains(radix))?;
    let digits = without_underscores(digits)?;
    if digits.starts_with(['-', '+']) {
        return None;
    }
    let number = i128::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

/// A float as Python reads it.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = unicode::ascii_digits(text.trim_matches(unicode::is_space));
    without_underscores(&text)?.parse().ok()
}

/// The text without its underscores; `None` where one of them is not between two digits.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let between = |at: usize| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(u8::is_ascii_alphanumeric)
        };
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let mut places = text.match_indices('_');
    places
        .all(|(at, _)| between(at))
        .then(|| text.replace('_', ""))
}
