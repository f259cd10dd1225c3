//! Metadata: key-value pairs with typed values.

use std::collections::BTreeMap;

use super::value_type::ScalarType;
use crate::allocation::reserve;
use crate::{Error, Result};

/// An array of strings, stored back to back, because a vocabulary has hundreds of thousands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StringArray {
    bytes: Vec<u8>,
    /// Where each string ends in `bytes`; it begins where the one before ends.
    ends: Vec<u32>,
}

impl StringArray {
    /// The number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no strings.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of one string. GGUF demands UTF-8, but not all files comply.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1] as usize,
        };
        Some(&self.bytes[start..end])
    }

    /// All strings, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let string = &self.bytes[start..end as usize];
            start = end as usize;
            string
        })
    }

    /// Adds a string at the end.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], also when all strings together would exceed 4 GiB.
    pub fn push(&mut self, string: &[u8]) -> Result<()> {
        let end = self.bytes.len().checked_add(string.len());
        let end = end.and_then(|end| u32::try_from(end).ok());
        let end = end.ok_or(Error::OutOfMemory(string.len()))?;
        reserve(&mut self.bytes, string.len())?;
        reserve(&mut self.ends, 1)?;
        self.bytes.extend_from_slice(string);
        self.ends.push(end);
        Ok(())
    }
}

/// An array of integers or booleans, each stored in as many bytes as in the file.
#[derive(Debug, Clone)]
pub struct IntegerArray {
    kind: ScalarType,
    bytes: Vec<u8>,
}

impl IntegerArray {
    /// An empty array of elements of this type.
    pub(super) fn new(kind: ScalarType) -> Self {
        let bytes = Vec::new();
        Self { kind, bytes }
    }

    /// Adds an element by its bytes in the file. They must decode to a value that fits `i64`.
    pub(super) fn push(&mut self, element: &[u8]) -> Result<()> {
        reserve(&mut self.bytes, element.len())?;
        self.bytes.extend_from_slice(element);
        Ok(())
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.kind.size()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All elements, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> {
        let elements = self.bytes.chunks_exact(self.kind.size());
        // `push` only takes elements that can be decoded.
        let decoded = elements.map(|element| Value::decode(self.kind, element).ok());
        decoded.map(|value| value.and_then(|value| value.to_i64()).unwrap_or(0))
    }
}

impl PartialEq for IntegerArray {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl From<Vec<i64>> for IntegerArray {
    fn from(integers: Vec<i64>) -> Self {
        integers.into_iter().collect()
    }
}

impl FromIterator<i64> for IntegerArray {
    fn from_iter<I: IntoIterator<Item = i64>>(integers: I) -> Self {
        Self {
            kind: ScalarType::I64,
            bytes: integers.into_iter().flat_map(i64::to_le_bytes).collect(),
        }
    }
}

/// A metadata value. Nested arrays are refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An unsigned 8-bit integer.
    U8(u8),
    /// A signed 8-bit integer.
    I8(i8),
    /// An unsigned 16-bit integer.
    U16(u16),
    /// A signed 16-bit integer.
    I16(i16),
    /// An unsigned 32-bit integer.
    U32(u32),
    /// A signed 32-bit integer.
    I32(i32),
    /// An unsigned 64-bit integer.
    U64(u64),
    /// A signed 64-bit integer.
    I64(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// A boolean.
    Bool(bool),
    /// A string; invalid UTF-8 has been replaced by U+FFFD.
    String(String),
    /// An array of strings, with their bytes as in the file.
    Strings(StringArray),
    /// An array of any integer type (`u8` to `i64`) or of booleans.
    Integers(IntegerArray),
    /// An array of `f32` or `f64`, converted to `f32`.
    Floats(Vec<f32>),
}

impl Value {
    /// Decodes a value of fixed size from its bytes in the file. The error is the reason why that is impossible.
    pub(super) fn decode(
        kind: ScalarType,
        bytes: &[u8],
    ) -> std::result::Result<Self, &'static str> {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let bits = u64::from_le_bytes(wide);
        // The narrowing casts drop only the zero bytes added above.
        Ok(match kind {
            ScalarType::U8 => Self::U8(bits as u8),
            ScalarType::I8 => Self::I8(bits as i8),
            ScalarType::U16 => Self::U16(bits as u16),
            ScalarType::I16 => Self::I16(bits as i16),
            ScalarType::U32 => Self::U32(bits as u32),
            ScalarType::I32 => Self::I32(bits as i32),
            ScalarType::F32 => Self::F32(f32::from_bits(bits as u32)),
            ScalarType::Bool => match bits {
                0 => Self::Bool(false),
                1 => Self::Bool(true),
                _ => return Err("a truth value is neither 0 nor 1"),
            },
            ScalarType::U64 => Self::U64(bits),
            ScalarType::I64 => Self::I64(bits as i64),
            ScalarType::F64 => Self::F64(f64::from_bits(bits)),
        })
    }

    /// The value as an integer, where it is one of any width; `i128` can hold both `u64` and `i64`.
    pub(crate) fn as_integer(&self) -> Option<i128> {
        Some(match *self {
            Value::U8(value) => value.into(),
            Value::I8(value) => value.into(),
            Value::U16(value) => value.into(),
            Value::I16(value) => value.into(),
            Value::U32(value) => value.into(),
            Value::I32(value) => value.into(),
            Value::U64(value) => value.into(),
            Value::I64(value) => value.into(),
            _ => return None,
        })
    }

    /// An integer or a boolean as `i64`; `None` for other values and for integers beyond `i64`.
    pub(super) fn to_i64(&self) -> Option<i64> {
        match *self {
            Value::Bool(value) => Some(value.into()),
            _ => self.as_integer().and_then(|value| value.try_into().ok()),
        }
    }

    /// The kind of value, for error messages.
    fn kind(&self) -> &'static str {
        match self {
            Value::U8(_)
            | Value::I8(_)
            | Value::U16(_)
            | Value::I16(_)
            | Value::U32(_)
            | Value::I32(_)
            | Value::U64(_)
            | Value::I64(_) => "an integer",
            Value::F32(_) | Value::F64(_) => "a float",
            Value::Bool(_) => "a truth value",
            Value::String(_) => "a string",
            Value::Strings(_) => "an array of strings",
            Value::Integers(_) => "an array of integers",
            Value::Floats(_) => "an array of floats",
        }
    }
}

/// All metadata of a file, in file order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Each value with its position in the file. An ordered map, because a hostile file could make a hash map slow.
    pairs: BTreeMap<String, (usize, Value)>,
    /// The position of the next pair.
    next: usize,
}

impl Metadata {
    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.pairs.get(key).map(|(_, value)| value)
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if `key` has a value already.
    pub fn insert(&mut self, key: String, value: Value) -> Result<()> {
        if self.pairs.contains_key(&key) {
            return Err(Error::Corrupt(format!(
                "the metadata key {key:?} occurs twice"
            )));
        }
        self.pairs.insert(key, (self.next, value));
        self.next += 1;
        Ok(())
    }

    /// Removes and returns a value, so that large arrays can be moved instead of copied.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.pairs.remove(key).map(|(_, value)| value)
    }

    /// All pairs, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut pairs = vec![None; self.next];
        for (key, (place, value)) in &self.pairs {
            pairs[*place] = Some((key.as_str(), value));
        }
        pairs.into_iter().flatten()
    }

    /// The string of `key`, which must be there.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], or [`Error::BadMetadata`] if the value is not a string.
    pub fn require_str(&self, key: &str) -> Result<&str> {
        self.optional_str(key)?.ok_or_else(|| missing(key))
    }

    /// The unsigned integer of `key`, which must be there; stored in any width.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], or [`Error::BadMetadata`] if the value is not an integer or does not fit.
    pub fn require_u32(&self, key: &str) -> Result<u32> {
        self.optional_u32(key)?.ok_or_else(|| missing(key))
    }

    /// The float of `key`, which must be there; an `f64` is rounded.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], or [`Error::BadMetadata`] if the value is not a float or is too large for `f32`.
    pub fn require_f32(&self, key: &str) -> Result<f32> {
        self.optional_f32(key)?.ok_or_else(|| missing(key))
    }

    /// The string of `key`; `None` only where the key is absent.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] if the value is not a string.
    pub fn optional_str(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_kind(key, other, "a string")),
        }
    }

    /// The unsigned integer of `key`, stored in any width; `None` only where the key is absent.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] if the value is not an integer or does not fit.
    pub fn optional_u32(&self, key: &str) -> Result<Option<u32>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let integer = value.as_integer();
        let integer = integer.ok_or_else(|| wrong_kind(key, value, "an integer"))?;
        let fitting = u32::try_from(integer).map_err(|_| Error::BadMetadata {
            key: key.into(),
            reason: format!("it is {}, which is out of range", integer_text(integer)),
        })?;
        Ok(Some(fitting))
    }

    /// The float of `key`, an `f64` rounded; `None` only where the key is absent.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] if the value is not a float or is too large for `f32`.
    pub fn optional_f32(&self, key: &str) -> Result<Option<f32>> {
        match self.get(key) {
            None => Ok(None),
            Some(&Value::F32(value)) => Ok(Some(value)),
            Some(&Value::F64(value)) if value.is_finite() && (value as f32).is_infinite() => {
                Err(Error::BadMetadata {
                    key: key.into(),
                    // The number itself is left out: no other text needs the code that writes a float.
                    reason: "it is too large for a float of 32 bits".into(),
                })
            }
            Some(&Value::F64(value)) => Ok(Some(value as f32)),
            Some(other) => Err(wrong_kind(key, other, "a float")),
        }
    }

    /// The boolean of `key`; `None` only where the key is absent.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] if the value is not a boolean.
    pub fn optional_bool(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(&Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong_kind(key, other, "a truth value")),
        }
    }
}

/// An integer of a file as text: one of 64 bits, signed or not, whose texts take less code than those of `i128`.
pub(crate) fn integer_text(integer: i128) -> String {
    match i64::try_from(integer) {
        Ok(signed) => signed.to_string(),
        Err(_) => (integer as u64).to_string(),
    }
}

fn missing(key: &str) -> Error {
    Error::MissingMetadata(key.into())
}

fn wrong_kind(key: &str, found: &Value, expected: &str) -> Error {
    Error::BadMetadata {
        key: key.into(),
        reason: format!("it is {}, not {expected}", found.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_refused_with_a_reason() {
        let mut metadata = Metadata::default();
        for (key, value) in [
            ("most", Value::U64(u64::MAX)),
            ("least", Value::I64(i64::MIN)),
            ("below", Value::I8(-1)),
            ("float", Value::F64(-1e300)),
        ] {
            metadata.insert(key.into(), value).unwrap();
        }
        let reason = |result: Result<()>| match result {
            Err(Error::BadMetadata { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        let of_integer = |key| reason(metadata.optional_u32(key).map(|_| ()));
        for (key, integer) in [
            ("most", u64::MAX.to_string()),
            ("least", i64::MIN.to_string()),
            ("below", "-1".to_owned()),
        ] {
            let expected = format!("it is {integer}, which is out of range");
            assert_eq!(of_integer(key), expected);
        }
        let of_float = reason(metadata.optional_f32("float").map(|_| ()));
        assert_eq!(of_float, "it is too large for a float of 32 bits");
    }
}
