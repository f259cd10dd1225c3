//! Python's methods of strings, lists, tuples and maps. Their work consumes fuel.

use super::arguments::Arguments;
use super::value::{is_dict, items, template_error, text, type_name};
use super::{compare, format, operators, strings};
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, Value};
use minijinja::{Error, ErrorKind, State};
use std::fmt;
use std::sync::Arc;

/// Methods of lists that do not change them. Tuples have them too, except `copy`.
const LIST: [&str; 3] = ["copy", "count", "index"];
/// Methods that change a list. Jinja2's sandbox refuses to call them, and so does this module.
const CHANGE_LIST: [&str; 8] = [
    "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
];
const MAP: [&str; 5] = ["copy", "get", "items", "keys", "values"];
const CHANGE_MAP: [&str; 5] = ["clear", "pop", "popitem", "setdefault", "update"];

/// Whether some type has a method of this name.
pub(super) fn is_method(name: &str) -> bool {
    let lists: [&[&str]; 5] = [&LIST, &CHANGE_LIST, &MAP, &CHANGE_MAP, &strings::NAMES];
    name == "format"
        || operators::UNSUPPORTED.contains(&name)
        || lists.iter().any(|list| list.contains(&name))
}

/// Whether the type of `value` has a method of this name.
pub(super) fn has(value: &Value, name: &str) -> bool {
    match type_name(value) {
        "str" => name == "format" || strings::NAMES.contains(&name),
        "list" => LIST.contains(&name) || CHANGE_LIST.contains(&name),
        "tuple" | "range" => LIST[1..].contains(&name),
        "dict" => MAP.contains(&name) || CHANGE_MAP.contains(&name),
        _ => false,
    }
}

/// Calls a method. The engine charges fuel for the receiver and the result; the methods charge for their further work.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if !has(value, method) {
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

/// A bound method, like `text.strip` without its parentheses.
#[derive(Debug)]
pub(super) struct Method {
    of: Value,
    name: String,
}

impl Method {
    pub fn new(of: &Value, name: &str) -> Self {
        Method {
            of: of.clone(),
            name: name.into(),
        }
    }
}

impl Object for Method {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        call(state, &self.of, &self.name, args)
    }
}

/// What a [`View`] shows: the keys, values or items of a map, or a range.
#[derive(Debug, Clone)]
pub(super) enum ViewKind {
    Keys,
    Values,
    Items,
    /// Start, stop, step.
    Range([i128; 3]),
}

/// The result of `keys()`, `values()`, `items()` and `range()`. Like Python's it can be iterated but is no list.
#[derive(Debug)]
pub(super) struct View {
    kind: ViewKind,
    items: Vec<Value>,
}

impl View {
    pub fn value(kind: ViewKind, items: Vec<Value>) -> Value {
        Value::from_object(View { kind, items })
    }

    /// A slice of a range, which is a range again. `bounds` are the start, stop and step of the slice, `items` its
    /// numbers.
    pub fn part(range: &Value, bounds: [i128; 3], items: Vec<Value>) -> Value {
        let whole = range.downcast_object_ref::<View>().map(|view| &view.kind);
        let Some(ViewKind::Range([from, _, by])) = whole else {
            return items.into();
        };
        let place = |at: i128| from + at * by;
        let [start, stop, step] = bounds;
        let kind = ViewKind::Range([place(start), place(stop), by * step]);
        View::value(kind, items)
    }

    /// Whether the items can be indexed.
    pub fn is_sequence(&self) -> bool {
        matches!(self.kind, ViewKind::Range(_))
    }

    pub fn type_name(&self) -> &'static str {
        match self.kind {
            ViewKind::Keys => "dict_keys",
            ViewKind::Values => "dict_values",
            ViewKind::Items => "dict_items",
            ViewKind::Range(_) => "range",
        }
    }

    /// The text before and after the items in `repr`.
    pub fn brackets(&self) -> (&'static str, &'static str) {
        match self.kind {
            ViewKind::Keys => ("dict_keys([", "])"),
            ViewKind::Values => ("dict_values([", "])"),
            ViewKind::Items => ("dict_items([", "])"),
            ViewKind::Range(_) => ("range(", ")"),
        }
    }

    /// The items in `repr`.
    pub fn shown(&self) -> Vec<Value> {
        match self.kind {
            ViewKind::Range([from, to, step]) => {
                let count = if step == 1 { 2 } else { 3 };
                [from, to, step]
                    .into_iter()
                    .take(count)
                    .map(Value::from)
                    .collect()
            }
            _ => self.items.clone(),
        }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let place = key.as_i64().filter(|_| self.is_sequence())?;
        let place = if place < 0 {
            place + self.items.len() as i64
        } else {
            place
        };
        self.items.get(usize::try_from(place).ok()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only for debugging: where a template writes a method, `value::repr` is used.
        f.write_str(self.type_name())
    }
}
