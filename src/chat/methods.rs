//! Python's methods of strings, lists, tuples and maps. Their work consumes fuel.

use super::access::{CHANGE_LIST, CHANGE_MAP, has_method};
use super::arguments::Arguments;
use super::objects::{Method, View, ViewKind};
use super::value::{is_dict, items, template_error, text, type_name};
use super::{compare, format, strings};
use minijinja::value::{Object, ObjectRepr, Tuple, Value};
use minijinja::{Error, ErrorKind, State};
use std::sync::Arc;

/// Calls a method. The engine charges fuel for the receiver and the result; the methods charge for their further work.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if !has_method(value, method) {
        return Err(ErrorKind::UnknownMethod.into());
    }
    if let Some(text) = value.as_str() {
        let found = match method {
            "format" => format::braces(state, text, args),
            _ => strings::call(state, text, method, args),
        }?;
        return match value.is_safe() {
            true => safe(state, method, args, found),
            false => Ok(found),
        };
    }
    if CHANGE_LIST.contains(&method) || CHANGE_MAP.contains(&method) {
        let kind = type_name(value);
        return Err(template_error(format!(
            "a template may not change a {kind}: {method} is refused"
        )));
    }
    match is_dict(value) {
        true => of_map(state, value, method, args),
        false => of_list(state, value, method, args),
    }
}

/// The result of a method of a string that is marked as escaped (`Markup`): again escaped strings. Jinja2 would also
/// escape the arguments that are put into it; where one needs it, the call is refused.
fn safe(state: &State, method: &str, args: &[Value], found: Value) -> Result<Value, Error> {
    if matches!(
        method,
        "center" | "format" | "join" | "ljust" | "replace" | "rjust"
    ) {
        let all = text(&Value::from(args.to_vec()))?;
        if all.contains(['&', '<', '>', '"']) {
            return Err(template_error(format!(
                "{method} of an escaped text takes none to escape"
            )));
        }
    }
    let safe = |value: Value| match value.as_str() {
        Some(text) => Value::from_safe_string(text.to_owned()),
        None => value,
    };
    Ok(match type_name(&found) {
        "list" => items(state, &found)?.into_iter().map(safe).collect(),
        "tuple" => Tuple::new(items(state, &found)?.into_iter().map(safe).collect()).into(),
        _ => safe(found),
    })
}

fn of_list(state: &State, list: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new(args)?;
    let all = items(state, list)?;
    let value = match method {
        "copy" => Value::from(all),
        "count" => {
            let wanted = args.required("")?;
            let mut count = 0;
            for item in &all {
                count += usize::from(compare::equal(state, item, &wanted)?);
            }
            count.into()
        }
        _ => {
            let wanted = args.required("")?;
            let place = |place: i128| {
                if place < 0 {
                    (place + all.len() as i128).max(0)
                } else {
                    place
                }
            };
            let start = place(args.integer("")?.unwrap_or(0));
            let end = place(args.integer("")?.unwrap_or(all.len() as i128));
            let mut found = None;
            for (at, item) in (0..).zip(&all) {
                if found.is_none() && (start..end).contains(&at) {
                    found = compare::equal(state, item, &wanted)?.then_some(at);
                }
            }
            let found: Option<i128> = found;
            found
                .ok_or_else(|| template_error("the value is not in the list"))?
                .into()
        }
    };
    args.done()?;
    Ok(value)
}

fn of_map(state: &State, map: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let mut args = Arguments::new(args)?;
    let value = match method {
        "get" => {
            let (key, otherwise) = (args.required("")?, args.next("")?);
            let found = compare::look_up(state, map, &key)?;
            found.or(otherwise).unwrap_or_else(|| Value::from(()))
        }
        "copy" => {
            let pairs = pairs(state, map)?;
            Value::from_pairs(pairs)
        }
        "keys" => View::value(ViewKind::Keys, items(state, map)?),
        "values" => View::value(
            ViewKind::Values,
            pairs(state, map)?
                .into_iter()
                .map(|(_, value)| value)
                .collect(),
        ),
        _ => {
            let pair = |(key, value)| Tuple::new(vec![key, value]).into();
            View::value(
                ViewKind::Items,
                pairs(state, map)?.into_iter().map(pair).collect(),
            )
        }
    };
    args.done()?;
    Ok(value)
}

/// The keys of a map with their values.
pub(super) fn pairs(state: &State, map: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let pair = |key: Value| {
        let value = map.get_item(&key)?;
        Ok((key, value))
    };
    items(state, map)?.into_iter().map(pair).collect()
}

impl Object for Method {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        call(state, &self.of, &self.name, args)
    }
}
