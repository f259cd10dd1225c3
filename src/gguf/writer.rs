//! Writes GGUF files.

use std::io::Write;

use super::header::MAGIC;
use super::value_type::{ARRAY, STRING, ScalarType};
use super::{IntegerArray, Metadata, TensorInfo, Value, layout};
use crate::quant::TensorType;
use crate::{Error, Result};

/// Collects metadata and tensors, and writes them as a GGUF file of version 3.
///
/// Arrays of integers are written as `i32` where all elements fit, which is what readers of tokenizer data expect, else
/// as `i64`; arrays of floats as `f32`. The key `general.alignment` is followed where it is set.
#[derive(Debug, Clone, Default)]
pub struct Writer<'a> {
    metadata: Metadata,
    tensors: Vec<(TensorInfo, &'a [u8])>,
}

impl<'a> Writer<'a> {
    /// A file without metadata and tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a metadata pair.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if `key` has a value already.
    pub fn metadata(&mut self, key: &str, value: Value) -> Result<&mut Self> {
        self.metadata.insert(key.into(), value)?;
        Ok(self)
    }

    /// Adds a tensor: its elements per dimension (fastest first), its type and its data.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a shape that `kind` cannot store, and for `data` of another size than the shape needs.
    pub fn tensor(
        &mut self,
        name: &str,
        shape: &[u64],
        kind: TensorType,
        data: &'a [u8],
    ) -> Result<&mut Self> {
        let size = layout::tensor_size(name, shape, kind)?;
        if size != data.len() as u64 {
            return Err(Error::Corrupt(format!(
                "the tensor {name:?} has {} bytes of data where its shape needs {size}",
                data.len()
            )));
        }
        let info = TensorInfo {
            name: name.into(),
            shape: shape.into(),
            kind,
            offset: 0,
            size,
        };
        self.tensors.push((info, data));
        Ok(self)
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// As [`write_to`](Self::write_to).
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Io`] where `out` fails, [`Error::BadMetadata`] for an invalid alignment, and [`Error::Corrupt`] for two
    /// tensors of the same name.
    pub fn write_to(&self, out: &mut dyn Write) -> Result<()> {
        let alignment = layout::alignment(&self.metadata)?;
        let mut infos = self.place(alignment)?;
        layout::sort_and_validate(&mut infos, alignment)?;
        let header = self.header(&infos);
        let mut file = Padded {
            out,
            written: 0,
            alignment,
        };
        file.write(&header)?;
        for (_, data) in &self.tensors {
            file.write(data)?;
        }
        Ok(())
    }

    /// The tensor directory, with the offset of each tensor.
    fn place(&self, alignment: u64) -> Result<Vec<TensorInfo>> {
        let mut end = 0;
        let mut infos = Vec::with_capacity(self.tensors.len());
        for (info, _) in &self.tensors {
            let beyond = || Error::Corrupt("the tensors are larger than any file".into());
            let offset = layout::align_up(end, alignment).ok_or_else(beyond)?;
            end = offset.checked_add(info.size).ok_or_else(beyond)?;
            infos.push(TensorInfo {
                offset,
                ..info.clone()
            });
        }
        Ok(infos)
    }

    fn header(&self, infos: &[TensorInfo]) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend(3u32.to_le_bytes());
        header.extend((infos.len() as u64).to_le_bytes());
        header.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in self.metadata.iter() {
            push_string(key.as_bytes(), &mut header);
            push_value(value, &mut header);
        }
        for info in infos {
            push_string(info.name.as_bytes(), &mut header);
            header.extend((info.shape.len() as u32).to_le_bytes());
            for dimension in &info.shape {
                header.extend(dimension.to_le_bytes());
            }
            header.extend(info.kind.ggml().to_le_bytes());
            header.extend(info.offset.to_le_bytes());
        }
        header
    }
}

/// Writes pieces of a file, each padded to the alignment.
struct Padded<'a> {
    out: &'a mut dyn Write,
    written: u64,
    alignment: u64,
}

impl Padded<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.put(bytes)?;
        while !self.written.is_multiple_of(self.alignment) {
            let lack = self.alignment - self.written % self.alignment;
            let zeros = [0; 64];
            self.put(&zeros[..lack.min(64) as usize])?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.written += bytes.len() as u64;
        self.out
            .write_all(bytes)
            .map_err(|error| Error::Io(error.to_string()))
    }
}

fn push_string(string: &[u8], out: &mut Vec<u8>) {
    out.extend((string.len() as u64).to_le_bytes());
    out.extend(string);
}

fn push_array_head(element: u32, count: usize, out: &mut Vec<u8>) {
    out.extend(ARRAY.to_le_bytes());
    out.extend(element.to_le_bytes());
    out.extend((count as u64).to_le_bytes());
}

/// Writes a value's type, then the value.
fn push_value(value: &Value, out: &mut Vec<u8>) {
    let mut scalar = |kind: ScalarType, bytes: &[u8]| {
        out.extend(kind.number().to_le_bytes());
        out.extend(bytes);
    };
    match value {
        Value::U8(value) => scalar(ScalarType::U8, &value.to_le_bytes()),
        Value::I8(value) => scalar(ScalarType::I8, &value.to_le_bytes()),
        Value::U16(value) => scalar(ScalarType::U16, &value.to_le_bytes()),
        Value::I16(value) => scalar(ScalarType::I16, &value.to_le_bytes()),
        Value::U32(value) => scalar(ScalarType::U32, &value.to_le_bytes()),
        Value::I32(value) => scalar(ScalarType::I32, &value.to_le_bytes()),
        Value::U64(value) => scalar(ScalarType::U64, &value.to_le_bytes()),
        Value::I64(value) => scalar(ScalarType::I64, &value.to_le_bytes()),
        Value::F32(value) => scalar(ScalarType::F32, &value.to_le_bytes()),
        Value::F64(value) => scalar(ScalarType::F64, &value.to_le_bytes()),
        Value::Bool(value) => scalar(ScalarType::Bool, &[(*value).into()]),
        Value::String(string) => {
            out.extend(STRING.to_le_bytes());
            push_string(string.as_bytes(), out);
        }
        Value::Strings(strings) => {
            push_array_head(STRING, strings.len(), out);
            strings.iter().for_each(|string| push_string(string, out));
        }
        Value::Integers(integers) => push_integers(integers, out),
        Value::Floats(floats) => {
            push_array_head(ScalarType::F32.number(), floats.len(), out);
            out.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
        }
    }
}

fn push_integers(integers: &IntegerArray, out: &mut Vec<u8>) {
    let narrow: Option<Vec<i32>> = integers.iter().map(|i| i.try_into().ok()).collect();
    match narrow {
        Some(narrow) => {
            push_array_head(ScalarType::I32.number(), narrow.len(), out);
            out.extend(narrow.iter().flat_map(|integer| integer.to_le_bytes()));
        }
        None => {
            push_array_head(ScalarType::I64.number(), integers.len(), out);
            out.extend(integers.iter().flat_map(i64::to_le_bytes));
        }
    }
}
