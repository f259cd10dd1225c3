//! Where the tensors lie: their sizes from their shapes, and the check that they fill the data without overlap or gap.

use super::{Metadata, limits};
use crate::allocation::with_capacity;
use crate::order::{find_duplicate, sort};
use crate::quant::TensorType;
use crate::{Error, Result};

/// One entry of the tensor directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorInfo {
    /// The tensor's name, unique in its file.
    pub name: String,
    /// Elements per dimension, fastest first: a matrix is `[columns, rows]`. At most four, none of them 0.
    pub shape: Vec<u64>,
    /// How the elements are stored.
    pub kind: TensorType,
    /// Where its data begins, in bytes from the start of the tensor data.
    pub offset: u64,
    /// Bytes of its data.
    pub size: u64,
}

/// The metadata key for the alignment of tensor data.
pub(super) const ALIGNMENT_KEY: &str = "general.alignment";
const DEFAULT_ALIGNMENT: u32 = 32;

/// The alignment of tensor data in bytes: a power of two, at least 8.
pub(super) fn alignment(metadata: &Metadata) -> Result<u64> {
    let alignment = metadata
        .optional_u32(ALIGNMENT_KEY)?
        .unwrap_or(DEFAULT_ALIGNMENT);
    if !alignment.is_power_of_two() || !(8..=limits::ALIGNMENT).contains(&alignment) {
        return Err(Error::BadMetadata {
            key: ALIGNMENT_KEY.into(),
            reason: format!(
                "it is {alignment}, not a power of two from 8 to {}",
                limits::ALIGNMENT
            ),
        });
    }
    Ok(alignment.into())
}

/// The next multiple of `alignment` (a power of two); `None` on overflow.
pub(super) fn align_up(position: u64, alignment: u64) -> Option<u64> {
    Some(position.checked_add(alignment - 1)? & !(alignment - 1))
}

/// Bytes of a tensor's data.
///
/// # Errors
/// [`Error::Corrupt`] for a dimension of 0, for rows that are not a whole number of blocks, and on overflow.
pub(super) fn tensor_size(name: &str, shape: &[u64], kind: TensorType) -> Result<u64> {
    let corrupt = |reason: &str| Error::Corrupt(format!("the tensor {name:?} {reason}"));
    if shape.contains(&0) {
        return Err(corrupt("has a dimension of 0"));
    }
    let block_len = kind.block_len() as u64;
    // A tensor without dimensions is a single number.
    let row = shape.first().copied().unwrap_or(1);
    if !row.is_multiple_of(block_len) {
        return Err(corrupt(&format!(
            "has rows of {row} elements, but {} comes in blocks of {block_len}",
            kind.name()
        )));
    }
    shape
        .iter()
        .try_fold(1u64, |product, &dimension| product.checked_mul(dimension))
        .and_then(|elements| (elements / block_len).checked_mul(kind.block_bytes() as u64))
        .ok_or_else(|| corrupt("is larger than any file"))
}

/// Sorts the tensors by offset and checks that each begins where the padding of the one before ends. Returns the size
/// in bytes of the data up to the end of the last tensor.
pub(super) fn sort_and_validate(tensors: &mut [TensorInfo], alignment: u64) -> Result<u64> {
    if let Some(name) = duplicate_name(tensors)? {
        return Err(Error::Corrupt(format!("the tensor {name:?} occurs twice")));
    }
    sort(tensors, |a, b| a.offset.cmp(&b.offset))?;
    let mut end = 0;
    for tensor in tensors {
        let corrupt =
            |reason: &str| Error::Corrupt(format!("the tensor {:?} {reason}", tensor.name));
        let beyond = || corrupt("lies beyond the end of any file");
        if !tensor.offset.is_multiple_of(alignment) {
            return Err(corrupt(&format!(
                "is at offset {}, which is not a multiple of {alignment}",
                tensor.offset
            )));
        }
        if tensor.offset < end {
            return Err(corrupt("overlaps another"));
        }
        if tensor.offset != align_up(end, alignment).ok_or_else(beyond)? {
            return Err(corrupt("lies behind a gap in the data"));
        }
        end = tensor.offset.checked_add(tensor.size).ok_or_else(beyond)?;
    }
    Ok(end)
}

/// A name that two tensors share; `None` where all names differ.
pub(super) fn duplicate_name(tensors: &[TensorInfo]) -> Result<Option<&str>> {
    let mut names = with_capacity(tensors.len())?;
    names.extend(tensors.iter().map(|tensor| tensor.name.as_str()));
    find_duplicate(&names)
}
