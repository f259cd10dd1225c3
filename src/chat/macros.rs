//! Macros that take arguments as Jinja2's do: surplus arguments go to `varargs` and `kwargs`, and a default is used
//! only where no argument is given, not for an undefined one.
//!
//! [`super::rewrite`] wraps each macro of the engine in one of these.

use super::value::template_error;
use minijinja::value::{Kwargs, Object, Tuple, Value};
use minijinja::{Error, State};
use std::fmt;
use std::sync::Arc;

/// The variables for surplus arguments that each macro has: a tuple and a map.
pub(super) const REST: [&str; 2] = ["varargs", "kwargs"];
/// The name of the filter that wraps a macro of the engine.
pub(super) const WRAP: &str = "macro";
/// The name of the test for an argument that is given.
pub(super) const GIVEN: &str = "given";

/// The parameters of a macro.
#[derive(Debug)]
pub(super) struct Signature {
    pub names: Vec<String>,
    /// How many parameters have a default; they are the last ones.
    pub defaults: usize,
    /// Whether the macro takes surplus positional and keyword arguments: it does if its body uses the variable of
    /// [`REST`].
    pub rest: [bool; 2],
}

impl Object for Signature {}

/// Stands for an argument that is not given and has a default.
#[derive(Debug)]
struct MissingArgument;

impl Object for MissingArgument {}

/// `argument is given`.
pub(super) fn is_given(argument: &Value) -> bool {
    argument.downcast_object_ref::<MissingArgument>().is_none()
}

/// `macro | macro(signature)`.
pub(super) fn wrap(engine: &Value, signature: &Value) -> Result<Value, Error> {
    let signature = signature.downcast_object::<Signature>();
    let signature = signature.ok_or_else(|| template_error("a macro has no signature"))?;
    let engine = engine.clone();
    Ok(Value::from_object(Macro { engine, signature }))
}

/// A macro: its signature, and the engine's macro that runs its body.
#[derive(Debug)]
pub(super) struct Macro {
    engine: Value,
    signature: Arc<Signature>,
}

impl Macro {
    fn name(&self) -> Value {
        self.engine.get_attr("name").unwrap_or_default()
    }

    /// The arguments in the order in which the engine's macro takes them, by position: the parameters, `varargs`,
    /// `kwargs`.
    fn bind(&self, args: &[Value]) -> Result<Vec<Value>, Error> {
        let (args, named) = match args.split_last() {
            Some((last, args)) if last.is_kwargs() => (args, Kwargs::try_from(last.clone())?),
            _ => (args, Kwargs::from_iter(Vec::<(String, Value)>::new())),
        };
        let names = &self.signature.names;
        let mut bound = Vec::with_capacity(names.len() + 3);
        for (index, name) in names.iter().enumerate() {
            let by_name = named.has(name);
            bound.push(match args.get(index) {
                Some(_) if by_name => {
                    return Err(template_error(format!(
                        "{} got two values for {name}",
                        self.name()
                    )));
                }
                Some(value) => value.clone(),
                None if by_name => named.get::<Value>(name)?,
                None if index + self.signature.defaults >= names.len() => {
                    Value::from_object(MissingArgument)
                }
                None => Value::UNDEFINED,
            });
        }
        let further = args.get(names.len()..).unwrap_or_default();
        if !further.is_empty() && !self.signature.rest[0] {
            let count = names.len();
            return Err(template_error(format!(
                "{} takes not more than {count} argument(s)",
                self.name()
            )));
        }
        bound.push(Value::from(Tuple::new(further.to_vec())));
        let mut caller = None;
        let mut rest = Vec::new();
        for name in named
            .args()
            .filter(|name| !names.iter().any(|own| own == name))
        {
            let value = named.peek::<Value>(name)?;
            match name {
                "caller" => caller = Some(value),
                _ if !self.signature.rest[1] => {
                    return Err(template_error(format!(
                        "{} takes no argument named {name}",
                        self.name()
                    )));
                }
                _ => rest.push((Value::from(name), value)),
            }
        }
        bound.push(Value::from_pairs(rest));
        if let Some(caller) = caller {
            bound.push(Value::from(Kwargs::from_iter([(
                "caller".to_owned(),
                caller,
            )])));
        }
        Ok(bound)
    }
}

impl Object for Macro {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "arguments" => {
                let names = self.signature.names.iter().map(Value::from);
                Some(Value::from(Tuple::new(names.collect())))
            }
            "catch_varargs" => Some(self.signature.rest[0].into()),
            "catch_kwargs" => Some(self.signature.rest[1].into()),
            "name" | "caller" => self.engine.get_item(key).ok(),
            _ => None,
        }
    }

    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let bound = self.bind(args)?;
        self.engine.call(state, &bound)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Macro '{}'>", self.name())
    }
}
