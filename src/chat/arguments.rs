//! The arguments of a call, read as Python's functions take them: by position or by keyword.

use super::value::{integer, template_error, type_name};
use minijinja::value::{Kwargs, Rest, Value};
use minijinja::{Error, State};

/// The arguments of one call, taken one after the other.
pub(super) struct Arguments<'a> {
    placed: &'a [Value],
    named: Option<Kwargs>,
    /// How many positional arguments have been taken.
    taken: usize,
}

impl<'a> Arguments<'a> {
    /// Separates the positional arguments of a call from its keyword arguments.
    pub fn new(args: &'a [Value]) -> Result<Self, Error> {
        let (placed, named) = match args.split_last() {
            Some((last, placed)) if last.is_kwargs() => {
                (placed, Some(Kwargs::try_from(last.clone())?))
            }
            _ => (args, None),
        };
        Ok(Arguments {
            placed,
            named,
            taken: 0,
        })
    }

    /// The next argument: the next positional one, or the keyword argument `name`. The names are Python's; with an
    /// empty `name` the argument can be given by position only.
    pub fn next(&mut self, name: &str) -> Result<Option<Value>, Error> {
        let placed = self.placed.get(self.taken);
        self.taken += 1;
        let named = self
            .named
            .as_ref()
            .filter(|named| !name.is_empty() && named.has(name));
        match (placed, named) {
            (Some(_), Some(_)) => Err(template_error(format!(
                "the argument '{name}' has two values"
            ))),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(named)) => named.get(name).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The next positional argument.
    pub fn placed(&mut self) -> Option<Value> {
        let placed = self.placed.get(self.taken);
        self.taken += usize::from(placed.is_some());
        placed.cloned()
    }

    /// All arguments that have not been taken, behind one undefined value: the receiver's place, for calling another
    /// filter or test with them.
    pub fn rest(&mut self) -> Vec<Value> {
        let mut rest = vec![Value::UNDEFINED];
        rest.extend(self.placed.iter().skip(self.taken).cloned());
        rest.extend(self.named.take().map(Value::from));
        self.taken = self.placed.len();
        rest
    }

    /// The next argument, which must be given.
    pub fn required(&mut self, name: &str) -> Result<Value, Error> {
        self.next(name)?
            .ok_or_else(|| template_error(format!("the argument '{name}' is missing")))
    }

    /// The next argument as a string; `None` where it is absent or Python's `None`.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        let value = self.next(name)?.filter(|value| !value.is_none());
        value
            .map(|value| string(&value).map(str::to_owned))
            .transpose()
    }

    /// The next argument as an integer; `None` where it is absent or Python's `None`.
    pub fn integer(&mut self, name: &str) -> Result<Option<i128>, Error> {
        let value = self.next(name)?.filter(|value| !value.is_none());
        let number = |value: Value| {
            integer(&value).ok_or_else(|| {
                template_error(format!("'{}' object is no integer", type_name(&value)))
            })
        };
        value.map(number).transpose()
    }

    /// The next argument as an integer, which must be given.
    pub fn required_integer(&mut self, name: &str) -> Result<i128, Error> {
        self.integer(name)?
            .ok_or_else(|| template_error(format!("the argument '{name}' is missing")))
    }

    /// The truth of the next argument, or `otherwise` where it is absent.
    pub fn flag(&mut self, name: &str, otherwise: bool) -> Result<bool, Error> {
        Ok(self.next(name)?.map_or(otherwise, |value| value.is_true()))
    }

    /// Fails if any argument has not been taken.
    pub fn done(self) -> Result<(), Error> {
        if self.placed.len() > self.taken {
            return Err(template_error(format!(
                "at most {} arguments are taken",
                self.taken
            )));
        }
        self.named.map_or(Ok(()), |named| named.assert_all_used())
    }
}

/// The string that `value` is, or an error.
pub(super) fn string(value: &Value) -> Result<&str, Error> {
    value
        .as_str()
        .ok_or_else(|| template_error(format!("a str is expected, not '{}'", type_name(value))))
}

/// All arguments in one list, the keyword arguments last.
pub(super) fn all(args: Rest<Value>, named: Kwargs) -> Vec<Value> {
    let mut args = args.0;
    if named.args().next().is_some() {
        args.push(Value::from(named));
    }
    args
}

/// A filter of Jinja2: it is called with the value and with the further arguments.
pub(super) type Filter = fn(&mut State, &Value, &mut Arguments<'_>) -> Result<Value, Error>;
