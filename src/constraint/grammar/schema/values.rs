//! The values that a schema lists (`const`, `enum`), and the types it allows.

use super::super::Reason;
use super::conjunction::Flattened;
use super::negation::EXCEPT;
use super::number::Decimal;
use serde_json::Value;

/// The values that all of `const` and `enum` allow; `None` where there is neither.
pub fn values<'a>(flat: &Flattened<'a>) -> Reason<Option<Vec<&'a Value>>> {
    let mut left: Option<Vec<&'a Value>> = None;
    let mut narrow = |values: &'a [Value]| {
        left = Some(match left.take() {
            None => values.iter().collect(),
            Some(left) => {
                let listed = |one: &&Value| values.iter().any(|other| equal(one, other));
                left.into_iter().filter(listed).collect()
            }
        });
    };
    for schema in &flat.schemas {
        if let Some(value) = schema.get("const") {
            narrow(std::slice::from_ref(value));
        }
        match schema.get("enum") {
            None => {}
            Some(Value::Array(values)) => narrow(values),
            Some(_) => return Err("\"enum\" must be a list of values".into()),
        }
    }
    if let Some(left) = &mut left {
        let except = exceptions(flat);
        left.retain(|value| !except.iter().any(|other| equal(value, other)));
    }
    Ok(left)
}

/// The values that negated `const` and `enum` rule out.
pub fn exceptions<'a>(flat: &Flattened<'a>) -> Vec<&'a Value> {
    let lists = flat.all(EXCEPT).filter_map(Value::as_array);
    lists.flatten().collect()
}

/// Equality of JSON values: 1 equals 1.0, and the order of members does not count.
pub fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            match (Decimal::new(one), Decimal::new(other)) {
                (Ok(one), Ok(other)) => one == other,
                _ => one == other,
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, value)| other.get(name).is_some_and(|other| equal(value, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

pub fn count(keyword: &str, value: &Value) -> Reason<u64> {
    let whole = value
        .as_f64()
        .filter(|count| *count >= 0.0 && count.fract() == 0.0);
    let count = value.as_u64().or(whole.map(|count| count as u64));
    count.ok_or_else(|| format!("\"{keyword}\" must be a whole number"))
}

/// The types that a value may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Types {
    pub null: bool,
    pub boolean: bool,
    pub number: bool,
    pub integer: bool,
    pub string: bool,
    pub array: bool,
    pub object: bool,
}

impl Types {
    pub fn of(flat: &Flattened) -> Reason<Self> {
        let mut types = Types::named(|_| true);
        for value in flat.all("type") {
            let names = match value {
                Value::Array(names) => names.as_slice(),
                name => std::slice::from_ref(name),
            };
            const NAMES: [&str; 7] = [
                "null", "boolean", "number", "integer", "string", "array", "object",
            ];
            for name in names {
                if !name.as_str().is_some_and(|name| NAMES.contains(&name)) {
                    return Err(format!("there is no type {name}"));
                }
            }
            types = types.and(&Types::named(|name| names.iter().any(|one| one == name)));
        }
        Ok(types)
    }

    fn named(has: impl Fn(&str) -> bool) -> Self {
        Types {
            null: has("null"),
            boolean: has("boolean"),
            number: has("number"),
            integer: has("integer") || has("number"),
            string: has("string"),
            array: has("array"),
            object: has("object"),
        }
    }

    pub fn and(&self, other: &Types) -> Types {
        Types {
            null: self.null && other.null,
            boolean: self.boolean && other.boolean,
            number: self.number && other.number,
            integer: self.integer && other.integer,
            string: self.string && other.string,
            array: self.array && other.array,
            object: self.object && other.object,
        }
    }

    pub fn has(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(number) => {
                let is_integer = Decimal::new(number).is_ok_and(|number| number.is_integer());
                self.number || (self.integer && is_integer)
            }
            Value::String(_) => self.string,
            Value::Array(_) => self.array,
            Value::Object(_) => self.object,
        }
    }

    pub fn is_none(&self) -> bool {
        *self == Types::named(|_| false)
    }

    pub fn is_only_object(&self) -> bool {
        *self == Types::named(|name| name == "object")
    }
}
