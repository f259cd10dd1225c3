//! The tests of Jinja2 (`x is …`) that Python's types answer otherwise than the engine's.

use super::methods::{Method, View};
use super::value::{is_dict, text, type_name};
use super::{macros, operators, strings};
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, State};

/// Tells the environment of them.
pub(super) fn add(environment: &mut Environment<'_>) {
    environment.add_test("callable", |value: &Value| is_callable(value));
    environment.add_test("iterable", |value: &Value| is_iterable(value));
    environment.add_test("sequence", |value: &Value| is_sequence(value));
    environment.add_test("mapping", |value: &Value| is_dict(value));
    environment.add_test("lower", |value: &Value| {
        Ok::<_, Error>(strings::is_lower(&text(value)?))
    });
    environment.add_test("upper", |value: &Value| {
        Ok::<_, Error>(strings::is_upper(&text(value)?))
    });
    environment.add_test(macros::GIVEN, |value: &Value| macros::is_given(value));
    environment.add_test("in", |state: &State, value: &Value, of: &Value| {
        operators::contained(state, value, of)
    });
    for (name, wanted) in [("odd", 1), ("even", 0)] {
        let test = move |state: &mut State, value: Value| rest_is(state, &value, &2.into(), wanted);
        environment.add_test(name, test);
    }
    environment.add_test(
        "divisibleby",
        |state: &mut State, value: Value, by: Value| rest_is(state, &value, &by, 0),
    );
    let comparisons = [
        ("<", &["<", "lt", "lessthan"][..]),
        ("<=", &["<=", "le"]),
        (">", &[">", "gt", "greaterthan"]),
        (">=", &[">=", "ge"]),
    ];
    for (op, names) in comparisons {
        for name in names {
            let test = move |left: &Value, right: &Value| operators::compare(left, op, right);
            environment.add_test(*name, test);
        }
    }
    // Jinja2 has none of these.
    for name in ["startingwith", "endingwith", "safe"] {
        environment.remove_test(name);
    }
}

fn rest_is(state: &mut State, value: &Value, by: &Value, wanted: i64) -> Result<bool, Error> {
    let rest = operators::remainder(state, value, by)?;
    Ok(rest == Value::from(wanted))
}

/// Whether Python would call it: functions, macros, methods, and what is undefined as well.
fn is_callable(value: &Value) -> bool {
    let object = |value: &Value| {
        value.as_object().is_some_and(|object| {
            let name = object.type_name();
            name.ends_with("::Loop") || name.ends_with("::Macro")
        })
    };
    match value.kind() {
        ValueKind::Undefined => true,
        ValueKind::Plain => value
            .downcast_object_ref::<super::globals::Cycler>()
            .is_none(),
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

/// What has a length and items: a map as well, and what is undefined.
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
