//! The tests of Jinja2 (`x is …`), which go by Python's types.

use super::objects::{Method, Namespace, View};
use super::value::{is_dict, text, type_name};
use super::{compare, filters, globals, macros, operators, strings};
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, State};

type Result<T> = std::result::Result<T, Error>;
/// A test of a value.
type Test = fn(&Value) -> bool;

/// Tests of a value without arguments.
const TESTS: &[(&str, Test)] = &[
    ("defined", |value| !value.is_undefined()),
    ("undefined", Value::is_undefined),
    ("none", Value::is_none),
    ("escaped", Value::is_safe),
    ("boolean", |value| value.kind() == ValueKind::Bool),
    ("true", |value| {
        value.kind() == ValueKind::Bool && value.is_true()
    }),
    ("false", |value| {
        value.kind() == ValueKind::Bool && !value.is_true()
    }),
    ("integer", |value| type_name(value) == "int"),
    ("float", |value| type_name(value) == "float"),
    ("number", |value| {
        matches!(type_name(value), "int" | "float" | "bool")
    }),
    ("string", |value| value.kind() == ValueKind::String),
    ("mapping", is_dict),
    ("callable", is_callable),
    ("iterable", is_iterable),
    ("sequence", is_sequence),
    (macros::GIVEN, macros::is_given),
];

/// Tests that compare a value with another: each operator with the names it is called by.
const COMPARISONS: [(&str, &[&str]); 7] = [
    ("==", &["==", "eq", "equalto"]),
    ("!=", &["!=", "ne"]),
    ("<", &["<", "lt", "lessthan"]),
    ("<=", &["<=", "le"]),
    (">", &[">", "gt", "greaterthan"]),
    (">=", &[">=", "ge"]),
    ("in", &["in"]),
];

/// Tests that have arguments or may fail; see [`other`].
const OTHERS: [&str; 8] = [
    "divisibleby",
    "even",
    "filter",
    "lower",
    "odd",
    "sameas",
    "test",
    "upper",
];

/// Adds all tests to the environment.
pub(super) fn add(environment: &mut Environment<'_>) {
    for &(name, test) in TESTS {
        environment.add_test(name, move |value: &Value| test(value));
    }
    for (op, names) in COMPARISONS {
        for name in names {
            let test = move |state: &State, left: &Value, right: &Value| {
                compare::holds(state, left, op, right)
            };
            environment.add_test(*name, test);
        }
    }
    for name in OTHERS {
        let test = move |state: &mut State, value: Value, args: Rest<Value>| {
            other(state, name, &value, &args)
        };
        environment.add_test(name, test);
    }
}

fn other(state: &mut State, name: &str, value: &Value, args: &[Value]) -> Result<bool> {
    let known = value.as_str().unwrap_or_default();
    match (name, args) {
        ("lower", []) => Ok(strings::is_lower(&text(value)?)),
        ("upper", []) => Ok(strings::is_upper(&text(value)?)),
        ("odd", []) => rest_is(state, value, &2.into(), 1),
        ("even", []) => rest_is(state, value, &2.into(), 0),
        ("divisibleby", [by]) => rest_is(state, value, by, 0),
        ("filter", []) => compare::hashed(state, value).map(|()| filters::is_filter(known)),
        ("test", []) => compare::hashed(state, value).map(|()| is_test(known)),
        ("sameas", [other]) => same(state, value, other),
        _ => Err(super::value::template_error(format!(
            "the test {name} has other arguments"
        ))),
    }
}

fn is_test(name: &str) -> bool {
    let plain = TESTS
        .iter()
        .any(|(own, _)| *own == name && name != macros::GIVEN);
    let compared = || COMPARISONS.iter().any(|(_, names)| names.contains(&name));
    plain || compared() || OTHERS.contains(&name)
}

fn rest_is(state: &mut State, value: &Value, by: &Value, wanted: i64) -> Result<bool> {
    let rest = operators::remainder(state, value, by)?;
    Ok(rest == Value::from(wanted))
}

/// Whether both are the same object, as Python's `is`. Of equal lists, maps, tuples and ranges the engine does not tell
/// whether they are one object, so that the question is an error.
fn same(state: &State, left: &Value, right: &Value) -> Result<bool> {
    let kind = type_name(left);
    if kind != type_name(right) || !compare::equal(state, left, right)? {
        return Ok(false);
    }
    match kind {
        "list" | "dict" | "tuple" | "range" => Err(super::value::template_error(format!(
            "sameas is not known of two {kind} objects"
        ))),
        _ => Ok(true),
    }
}

/// Whether the value is callable in Jinja2: functions, macros and methods are, and so is what is undefined.
fn is_callable(value: &Value) -> bool {
    let object = |value: &Value| {
        value.as_object().is_some_and(|object| {
            let name = object.type_name();
            name.ends_with("::Loop") || name.ends_with("::Macro")
        })
    };
    match value.kind() {
        ValueKind::Undefined => true,
        ValueKind::Plain => {
            let cycler = value.downcast_object_ref::<globals::Cycler>();
            cycler.is_none() && value.downcast_object_ref::<Namespace>().is_none()
        }
        _ => value.downcast_object_ref::<Method>().is_some() || object(value),
    }
}

fn is_iterable(value: &Value) -> bool {
    let known = matches!(
        value.kind(),
        ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Iterable
    );
    known || is_dict(value) || is_loop(value)
}

fn is_loop(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.type_name().ends_with("::Loop"))
}

/// Whether the value has a length and items. In Jinja2 that includes maps and what is undefined.
fn is_sequence(value: &Value) -> bool {
    match value.kind() {
        ValueKind::Iterable => value
            .downcast_object_ref::<View>()
            .is_some_and(View::is_sequence),
        _ => matches!(
            type_name(value),
            "str" | "list" | "tuple" | "dict" | "Undefined"
        ),
    }
}
