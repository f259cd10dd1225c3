//! Arguments as Python's functions take them: by place or by name.

use super::value::{failure, integer, type_name};
use minijinja::Error;
use minijinja::value::{Kwargs, Value};

/// What a function is called with.
pub(super) struct Arguments<'a> {
    placed: &'a [Value],
    named: Option<Kwargs>,
    /// How many of those with a place have been asked for.
    taken: usize,
}

impl<'a> Arguments<'a> {
    /// Parts the arguments of a call.
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

    /// The next argument, which may also be given by this name. Names are those of Python; an empty one is none.
    pub fn next(&mut self, name: &str) -> Result<Option<Value>, Error> {
        let placed = self.placed.get(self.taken);
        self.taken += 1;
        let named = self
            .named
            .as_ref()
            .filter(|named| !name.is_empty() && named.has(name));
        match (placed, named) {
            (Some(_), Some(_)) => Err(failure(format!("the argument '{name}' has two values"))),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(named)) => named.get(name).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The next argument, if it is given by place.
    pub fn placed(&mut self) -> Option<Value> {
        let placed = self.placed.get(self.taken);
        self.taken += usize::from(placed.is_some());
        placed.cloned()
    }

    /// All that have not been asked for, after a place for one more: what another function is called with.
    pub fn rest(&mut self) -> Vec<Value> {
        let mut rest = vec![Value::UNDEFINED];
        rest.extend(self.placed.iter().skip(self.taken).cloned());
        rest.extend(self.named.take().map(Value::from));
        self.taken = self.placed.len();
        rest
    }

    /// One that must be given.
    pub fn required(&mut self, name: &str) -> Result<Value, Error> {
        self.next(name)?
            .ok_or_else(|| failure(format!("the argument '{name}' is missing")))
    }

    /// A text, or none where the value is none.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, Error> {
        let value = self.next(name)?.filter(|value| !value.is_none());
        value
            .map(|value| string(&value).map(str::to_owned))
            .transpose()
    }

    /// A whole number, or none where the value is none.
    pub fn integer(&mut self, name: &str) -> Result<Option<i128>, Error> {
        let value = self.next(name)?.filter(|value| !value.is_none());
        let number = |value: Value| {
            integer(&value)
                .ok_or_else(|| failure(format!("'{}' object is no integer", type_name(&value))))
        };
        value.map(number).transpose()
    }

    /// A whole number that must be given.
    pub fn required_integer(&mut self, name: &str) -> Result<i128, Error> {
        self.integer(name)?
            .ok_or_else(|| failure(format!("the argument '{name}' is missing")))
    }

    /// Whether a value is true.
    pub fn flag(&mut self, name: &str, otherwise: bool) -> Result<bool, Error> {
        Ok(self.next(name)?.map_or(otherwise, |value| value.is_true()))
    }

    /// Makes sure that nothing is left.
    pub fn done(self) -> Result<(), Error> {
        if self.placed.len() > self.taken {
            return Err(failure(format!(
                "at most {} arguments are taken",
                self.taken
            )));
        }
        self.named.map_or(Ok(()), |named| named.assert_all_used())
    }
}

/// A value that must be a text.
pub(super) fn string(value: &Value) -> Result<&str, Error> {
    value
        .as_str()
        .ok_or_else(|| failure(format!("a str is expected, not '{}'", type_name(value))))
}
