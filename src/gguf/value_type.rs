//! The types of metadata values, and their numbers in the file.

use crate::{Error, Result};

/// The types of values of fixed size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    U64,
    I64,
    F64,
}

/// The types of all values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    Scalar(ScalarType),
    String,
    Array,
}

/// The number that stands for the type string in a file.
pub(super) const STRING: u32 = 8;
/// The number that stands for the type array in a file.
pub(super) const ARRAY: u32 = 9;

impl ScalarType {
    /// Bytes in the file.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    /// The number of this type in the file.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::U8 => 0,
            Self::I8 => 1,
            Self::U16 => 2,
            Self::I16 => 3,
            Self::U32 => 4,
            Self::I32 => 5,
            Self::F32 => 6,
            Self::Bool => 7,
            Self::U64 => 10,
            Self::I64 => 11,
            Self::F64 => 12,
        }
    }
}

impl ValueType {
    /// The type with this number in the file.
    pub(super) fn from_number(number: u32) -> Result<Self> {
        Ok(Self::Scalar(match number {
            0 => ScalarType::U8,
            1 => ScalarType::I8,
            2 => ScalarType::U16,
            3 => ScalarType::I16,
            4 => ScalarType::U32,
            5 => ScalarType::I32,
            6 => ScalarType::F32,
            7 => ScalarType::Bool,
            STRING => return Ok(Self::String),
            ARRAY => return Ok(Self::Array),
            10 => ScalarType::U64,
            11 => ScalarType::I64,
            12 => ScalarType::F64,
            _ => {
                return Err(Error::Corrupt(format!(
                    "a metadata value has the unknown type {number}"
                )));
            }
        }))
    }
}
