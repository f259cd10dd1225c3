//! Metadata: typed key-value pairs.
#![allow(missing_docs, unused)]
use crate::{Error, Result};

/// Strings of an array, stored back to back (a vocabulary has hundreds of thousands).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StringArray { /* bytes: Vec<u8>, ends: Vec<u32> */ }
impl StringArray {
    pub fn len(&self) -> usize { todo!() }
    pub fn is_empty(&self) -> bool { todo!() }
    /// The bytes of one string; GGUF promises UTF-8 but files do not keep to it.
    pub fn get(&self, index: usize) -> Option<&[u8]> { todo!() }
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> { [].into_iter() }
    pub fn push(&mut self, string: &[u8]) -> Result<()> { todo!() }
}

/// A metadata value. Arrays keep their element type; nested arrays are refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    U8(u8), I8(i8), U16(u16), I16(i16), U32(u32), I32(i32), U64(u64), I64(i64), F32(f32), F64(f64), Bool(bool),
    String(String),
    Strings(StringArray),
    /// Every integer array type (u8..i64, bool), widened.
    Integers(Vec<i64>),
    /// f32 and f64 arrays, as f32.
    Floats(Vec<f32>),
}

/// All metadata of a file, in file order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata { /* entries: Vec<(String, Value)> */ }
impl Metadata {
    pub fn get(&self, key: &str) -> Option<&Value> { todo!() }
    /// Adds a pair; a second value for the same key is an error.
    pub fn insert(&mut self, key: String, value: Value) -> Result<()> { todo!() }
    /// Takes a value out, to move large arrays instead of copying them.
    pub fn take(&mut self, key: &str) -> Option<Value> { todo!() }
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> { [].into_iter() }
    // Typed access: `require_*` gives MissingMetadata or BadMetadata, `optional_*` gives None only where the key is absent.
    pub fn require_str(&self, key: &str) -> Result<&str> { todo!() }
    pub fn require_u32(&self, key: &str) -> Result<u32> { todo!() }
    pub fn require_f32(&self, key: &str) -> Result<f32> { todo!() }
    pub fn optional_str(&self, key: &str) -> Result<Option<&str>> { todo!() }
    pub fn optional_u32(&self, key: &str) -> Result<Option<u32>> { todo!() }
    pub fn optional_f32(&self, key: &str) -> Result<Option<f32>> { todo!() }
    pub fn optional_bool(&self, key: &str) -> Result<Option<bool>> { todo!() }
}
