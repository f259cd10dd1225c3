//! The global functions of Jinja2 that minijinja lacks, or implements differently.

use super::compare;
use super::methods;
use super::objects::{Namespace, View, ViewKind};
use super::value::{integer, is_dict, items, template_error, text};
use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value};
use minijinja::{Environment, Error, State};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The longest range that Jinja2's sandbox makes.
const MAX_RANGE: i128 = 100_000;

/// Adds all functions to the environment.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_function("range", range);
    environment.add_function("joiner", |separator: Option<String>| {
        Value::from_object(Joiner {
            separator: separator.unwrap_or(", ".into()),
            is_used: AtomicBool::new(false),
        })
    });
    environment.add_function("cycler", |items: Rest<Value>| match items.is_empty() {
        true => Err(template_error("at least one item has to be provided")),
        false => Ok(Value::from_object(Cycler {
            items: items.0,
            place: AtomicUsize::new(0),
        })),
    });
    environment.add_function("dict", dict);
    environment.add_function(
        "namespace",
        |state: &State, args: Rest<Value>, named: Kwargs| {
            let names = Namespace::default();
            for (name, value) in methods::pairs(state, &dict(state, args, named)?)? {
                names.set(&text(&name)?, value);
            }
            Ok::<_, Error>(Value::from_object(names))
        },
    );
    // `{% generation %}` of the transformers library is a call block, whose function only calls its body. See
    // [`super::source`].
    environment.add_function("_generation_support", |state: &mut State, named: Kwargs| {
        named.get::<Value>("caller")?.call(state, &[])
    });
}

/// `dict(map, name=value, …)`.
fn dict(state: &State, args: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    if args.len() > 1 {
        return Err(template_error("a map is made of one value at most"));
    }
    let mut all = Vec::new();
    for arg in &super::arguments::all(args, named) {
        if is_dict(arg) {
            all.extend(methods::pairs(state, arg)?);
            continue;
        }
        for pair in items(state, arg)? {
            match &items(state, &pair)?[..] {
                [key, value] => {
                    compare::hashed(state, key)?;
                    all.push((key.clone(), value.clone()));
                }
                _ => return Err(template_error("a map is made of pairs")),
            }
        }
    }
    Ok(Value::from_pairs(all))
}

/// `range(stop)`, `range(start, stop, step)`.
fn range(state: &State, bounds: Rest<Value>) -> Result<Value, Error> {
    let number = |value: &Value| {
        integer(value).ok_or_else(|| template_error("the bounds of a range are whole numbers"))
    };
    let (start, stop, step) = match &bounds[..] {
        [stop] => (0, number(stop)?, 1),
        [start, stop] => (number(start)?, number(stop)?, 1),
        [start, stop, step] => (number(start)?, number(stop)?, number(step)?),
        _ => return Err(template_error("a range has one to three bounds")),
    };
    let way = stop.saturating_sub(start).saturating_mul(step.signum());
    if step == 0 {
        return Err(template_error("the step of a range is not zero"));
    }
    let count = if way > 0 {
        (way - 1) / step.saturating_abs() + 1
    } else {
        0
    };
    if count > MAX_RANGE {
        return Err(template_error(format!(
            "a range is too long: at most {MAX_RANGE} numbers are allowed"
        )));
    }
    state.consume_fuel(count as u64)?;
    let items = (0..count)
        .map(|index| Value::from(start + index * step))
        .collect();
    Ok(View::value(ViewKind::Range([start, stop, step]), items))
}

/// The object of `joiner()`: the first call returns an empty string, every later one the separator.
#[derive(Debug)]
struct Joiner {
    separator: String,
    is_used: AtomicBool,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(match self.is_used.swap(true, Ordering::Relaxed) {
            false => Value::from(""),
            true => Value::from(&self.separator),
        })
    }
}

/// The object of `cycler()`, whose `next()` returns the items in turn, over and over.
#[derive(Debug)]
pub(super) struct Cycler {
    items: Vec<Value>,
    place: AtomicUsize,
}

impl Cycler {
    fn current(&self) -> Value {
        self.items[self.place.load(Ordering::Relaxed) % self.items.len()].clone()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str()? == "current").then(|| self.current())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "next" => {
                let current = self.current();
                self.place.fetch_add(1, Ordering::Relaxed);
                Ok(current)
            }
            "reset" => {
                self.place.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(minijinja::ErrorKind::UnknownMethod.into()),
        }
    }
}
