//! Parses the header, which is everything before the tensor data, item by item.

use super::value_type::{ScalarType, ValueType};
use super::{IntegerArray, Metadata, StringArray, TensorInfo, Value, layout, limits};
use crate::allocation::reserve;
use crate::quant::TensorType;
use crate::{Error, Result};

/// The first bytes of every GGUF file.
pub(super) const MAGIC: &[u8; 4] = b"GGUF";

/// Everything before the tensor data.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The version of the format: 2 or 3.
    pub version: u32,
    /// The metadata.
    pub metadata: Metadata,
    /// The tensor directory, in the order of the offsets.
    pub tensors: Vec<TensorInfo>,
    /// Where the tensor data begins, in bytes from the start of the file.
    pub data_start: u64,
    /// Bytes of the file up to the end of the last tensor (padding may follow); without tensors, bytes of the header
    /// alone.
    pub file_size: u64,
    /// XXH64 of the header's bytes.
    pub hash: u64,
}

/// What the next item of the header is. An item is the unit of parsing, such as a length or a string.
#[derive(Debug, Clone, Copy)]
enum Item {
    Magic,
    Version,
    Counts,
    KeyLength,
    Key(usize),
    ValueType,
    Scalar(ScalarType),
    StringLength,
    String(usize),
    ArrayHead,
    Element(ScalarType),
    ElementLength,
    ElementString(usize),
    NameLength,
    Name(usize),
    DimensionCount,
    /// The rest of a tensor's entry: this many dimensions, then its type and its offset.
    Placement(usize),
    Done,
}

/// Parses a header item by item: the caller hands over [`needed`](Self::needed) bytes at a time.
pub(super) struct HeaderParser {
    item: Item,
    /// Bytes of the file parsed so far.
    position: u64,
    version: u32,
    pair_count: u64,
    tensor_count: u64,
    metadata: Metadata,
    tensors: Vec<TensorInfo>,
    /// The metadata key or tensor name whose entry is being read.
    name: String,
    /// The array being read; `missing_elements` says how many elements it still lacks.
    array: Value,
    missing_elements: u64,
}

impl HeaderParser {
    pub(super) fn new() -> Self {
        Self {
            item: Item::Magic,
            position: 0,
            version: 0,
            pair_count: 0,
            tensor_count: 0,
            metadata: Metadata::default(),
            tensors: Vec::new(),
            name: String::new(),
            array: Value::Bool(false),
            missing_elements: 0,
        }
    }

    /// The metadata read so far.
    pub(super) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Whether the header is complete.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.item, Item::Done)
    }

    /// Bytes of the next item; 0 for an empty string.
    pub(super) fn needed(&self) -> usize {
        match self.item {
            Item::Magic | Item::Version | Item::ValueType | Item::DimensionCount => 4,
            Item::Counts => 16,
            Item::KeyLength | Item::StringLength | Item::ElementLength | Item::NameLength => 8,
            Item::Key(length)
            | Item::String(length)
            | Item::ElementString(length)
            | Item::Name(length) => length,
            Item::Scalar(kind) | Item::Element(kind) => kind.size(),
            Item::ArrayHead => 12,
            Item::Placement(dimensions) => dimensions * 8 + 12,
            Item::Done => 0,
        }
    }

    /// Bytes of the file parsed so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Where in the header the parser is, for error messages.
    pub(super) fn place(&self) -> String {
        match self.item {
            Item::Magic | Item::Version | Item::Counts => "in its first 24 bytes".into(),
            Item::NameLength | Item::Name(_) | Item::DimensionCount | Item::Placement(_) => {
                format!(
                    "in entry {} of the {} of its tensor directory",
                    self.tensors.len() + 1,
                    self.tensor_count
                )
            }
            _ => format!(
                "in pair {} of the {} of its metadata",
                self.metadata.len() + 1,
                self.pair_count
            ),
        }
    }

    /// Takes the next item: exactly [`needed`](Self::needed) bytes.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Result<()> {
        self.position += bytes.len() as u64;
        self.item = match self.item {
            Item::Magic if bytes != MAGIC => return Err(Error::NotGguf),
            Item::Magic => Item::Version,
            Item::Version => self.version(u32_at(bytes, 0))?,
            Item::Counts => self.counts(u64_at(bytes, 0), u64_at(bytes, 8))?,
            Item::KeyLength => Item::Key(length(bytes, "metadata key", limits::NAME_BYTES)?),
            Item::Key(_) => self.key(bytes)?,
            Item::ValueType => match ValueType::from_number(u32_at(bytes, 0))? {
                ValueType::Scalar(kind) => Item::Scalar(kind),
                ValueType::String => Item::StringLength,
                ValueType::Array => Item::ArrayHead,
            },
            Item::Scalar(kind) => {
                let value = Value::decode(kind, bytes).map_err(|reason| self.bad_value(reason))?;
                self.pair(value)?
            }
            Item::StringLength => Item::String(length(bytes, "string", limits::STRING_BYTES)?),
            Item::String(_) => self.pair(Value::String(to_string_lossy(bytes)?))?,
            Item::ArrayHead => self.array_head(u32_at(bytes, 0), u64_at(bytes, 4))?,
            Item::Element(kind) => self.element(kind, bytes)?,
            Item::ElementLength => {
                Item::ElementString(length(bytes, "string", limits::STRING_BYTES)?)
            }
            Item::ElementString(_) => self.element_string(bytes)?,
            Item::NameLength => Item::Name(length(bytes, "tensor name", limits::NAME_BYTES)?),
            Item::Name(_) => {
                self.name = to_string(bytes, "tensor name")?;
                Item::DimensionCount
            }
            Item::DimensionCount => self.dimension_count(u32_at(bytes, 0))?,
            Item::Placement(dimensions) => self.tensor(dimensions, bytes)?,
            Item::Done => Item::Done,
        };
        if self.position.saturating_add(self.needed() as u64) > limits::HEADER_BYTES {
            return Err(Error::Corrupt(format!(
                "its header is larger than {} bytes",
                limits::HEADER_BYTES
            )));
        }
        Ok(())
    }

    /// The whole header, with its tensor directory checked. `hash` is the hash of its bytes. To be called once
    /// [`is_done`](Self::is_done) is true.
    pub(super) fn finish(&mut self, hash: u64) -> Result<Header> {
        let alignment = layout::alignment(&self.metadata)?;
        let mut tensors = std::mem::take(&mut self.tensors);
        let data_size = layout::sort_and_validate(&mut tensors, alignment)?;
        let beyond = || Error::Corrupt("its tensors are larger than any file".into());
        let data_start = layout::align_up(self.position, alignment).ok_or_else(beyond)?;
        let file_size = match data_size {
            0 => self.position,
            size => data_start.checked_add(size).ok_or_else(beyond)?,
        };
        Ok(Header {
            version: self.version,
            metadata: std::mem::take(&mut self.metadata),
            tensors,
            data_start,
            file_size,
            hash,
        })
    }

    fn version(&mut self, version: u32) -> Result<Item> {
        match version {
            2 | 3 => {
                self.version = version;
                Ok(Item::Counts)
            }
            // A small number with its bytes reversed: the file is big-endian.
            swapped if swapped & 0xffff == 0 && swapped != 0 => Err(Error::BigEndian),
            other => Err(Error::UnsupportedVersion(other)),
        }
    }

    fn counts(&mut self, tensors: u64, pairs: u64) -> Result<Item> {
        check_limit(tensors, "tensors", limits::TENSORS)?;
        check_limit(pairs, "metadata pairs", limits::PAIRS)?;
        (self.tensor_count, self.pair_count) = (tensors, pairs);
        Ok(self.next_entry())
    }

    /// The first item of the next pair or tensor.
    fn next_entry(&self) -> Item {
        if (self.metadata.len() as u64) < self.pair_count {
            Item::KeyLength
        } else if (self.tensors.len() as u64) < self.tensor_count {
            Item::NameLength
        } else {
            Item::Done
        }
    }

    fn key(&mut self, bytes: &[u8]) -> Result<Item> {
        self.name = to_string(bytes, "metadata key")?;
        // Refuse a duplicate key before its value is read.
        match self.metadata.get(&self.name) {
            None => Ok(Item::ValueType),
            Some(_) => Err(Error::Corrupt(format!(
                "the metadata key {:?} occurs twice",
                self.name
            ))),
        }
    }

    fn pair(&mut self, value: Value) -> Result<Item> {
        self.metadata
            .insert(std::mem::take(&mut self.name), value)?;
        Ok(self.next_entry())
    }

    fn array_head(&mut self, element: u32, count: u64) -> Result<Item> {
        check_limit(count, "elements in an array", limits::ARRAY_LEN)?;
        self.array = match ValueType::from_number(element)? {
            ValueType::Scalar(ScalarType::F32 | ScalarType::F64) => Value::Floats(Vec::new()),
            ValueType::Scalar(kind) => Value::Integers(IntegerArray::new(kind)),
            ValueType::String => Value::Strings(StringArray::default()),
            ValueType::Array => return Err(self.bad_value("it is an array of arrays")),
        };
        self.missing_elements = count;
        if count == 0 {
            return self.end_array();
        }
        Ok(match ValueType::from_number(element)? {
            ValueType::Scalar(kind) => Item::Element(kind),
            _ => Item::ElementLength,
        })
    }

    fn element(&mut self, kind: ScalarType, bytes: &[u8]) -> Result<Item> {
        let value = Value::decode(kind, bytes).map_err(|reason| self.bad_value(reason))?;
        match (&mut self.array, value) {
            (Value::Floats(floats), Value::F32(value)) => append(floats, value)?,
            (Value::Floats(floats), Value::F64(value)) => append(floats, value as f32)?,
            (Value::Integers(integers), value) => match value.to_i64() {
                Some(_) => integers.push(bytes)?,
                None => return Err(self.bad_value("an element exceeds 2^63 - 1")),
            },
            _ => unreachable!("the array was made for its element type"),
        }
        self.missing_elements -= 1;
        match self.missing_elements {
            0 => self.end_array(),
            _ => Ok(Item::Element(kind)),
        }
    }

    fn element_string(&mut self, bytes: &[u8]) -> Result<Item> {
        if let Value::Strings(strings) = &mut self.array {
            strings.push(bytes)?;
        }
        self.missing_elements -= 1;
        match self.missing_elements {
            0 => self.end_array(),
            _ => Ok(Item::ElementLength),
        }
    }

    fn end_array(&mut self) -> Result<Item> {
        let array = std::mem::replace(&mut self.array, Value::Bool(false));
        self.pair(array)
    }

    fn dimension_count(&mut self, count: u32) -> Result<Item> {
        if count > limits::DIMENSIONS {
            return Err(Error::Corrupt(format!(
                "the tensor {:?} has {count} dimensions",
                self.name
            )));
        }
        Ok(Item::Placement(count as usize))
    }

    /// Dimensions, type and offset of the tensor called `self.name`.
    fn tensor(&mut self, dimensions: usize, bytes: &[u8]) -> Result<Item> {
        let shape: Vec<u64> = (0..dimensions).map(|i| u64_at(bytes, i * 8)).collect();
        let number = u32_at(bytes, dimensions * 8);
        let offset = u64_at(bytes, dimensions * 8 + 4);
        let name = std::mem::take(&mut self.name);
        let Some(kind) = TensorType::from_ggml(number) else {
            return Err(Error::UnsupportedTensorType {
                tensor: name,
                kind: TensorType::ggml_name(number),
            });
        };
        let size = layout::tensor_size(&name, &shape, kind)?;
        let tensor = TensorInfo {
            name,
            shape,
            kind,
            offset,
            size,
        };
        append(&mut self.tensors, tensor)?;
        Ok(self.next_entry())
    }

    fn bad_value(&self, reason: &str) -> Error {
        Error::BadMetadata {
            key: self.name.clone(),
            reason: reason.into(),
        }
    }
}

/// Adds an element to an array, so that its memory grows with the bytes that were received.
fn append<T>(array: &mut Vec<T>, element: T) -> Result<()> {
    reserve(array, 1)?;
    array.push(element);
    Ok(())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut little = [0; 4];
    little.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(little)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut little = [0; 8];
    little.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(little)
}

/// Reads the length of a string and checks it against a limit.
fn length(bytes: &[u8], what: &str, limit: u64) -> Result<usize> {
    let length = u64_at(bytes, 0);
    let too_long = || Error::Corrupt(format!("a {what} has {length} bytes (at most {limit})"));
    if length > limit {
        return Err(too_long());
    }
    usize::try_from(length).map_err(|_| too_long())
}

fn check_limit(count: u64, what: &str, limit: u64) -> Result<()> {
    if count > limit {
        return Err(Error::Corrupt(format!(
            "it promises {count} {what} (at most {limit})"
        )));
    }
    Ok(())
}

/// Reads a string that must be UTF-8.
fn to_string(bytes: &[u8], what: &str) -> Result<String> {
    match str::from_utf8(bytes) {
        Ok(_) => to_string_lossy(bytes),
        Err(_) => Err(Error::Corrupt(format!(
            "the {what} {:?} is not UTF-8",
            String::from_utf8_lossy(bytes)
        ))),
    }
}

/// Reads a string, with U+FFFD for invalid UTF-8. Unlike the standard library's function, it can report a lack of
/// memory.
fn to_string_lossy(bytes: &[u8]) -> Result<String> {
    const REPLACEMENT: &str = "\u{fffd}";
    let pieces = || {
        bytes.utf8_chunks().flat_map(|chunk| {
            let broken = !chunk.invalid().is_empty();
            [chunk.valid(), if broken { REPLACEMENT } else { "" }]
        })
    };
    let size = pieces().map(str::len).sum();
    let mut string = String::new();
    string
        .try_reserve_exact(size)
        .map_err(|_| Error::OutOfMemory(size))?;
    string.extend(pieces());
    Ok(string)
}
