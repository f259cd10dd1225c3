//! Vectors whose allocation can fail: [`Error::OutOfMemory`] instead of an abort, for all sizes that follow from a model,
//! a text or an option.

use crate::{Error, Result};

/// Makes room for `additional` more elements, and for no more than these.
///
/// # Errors
/// [`Error::OutOfMemory`] with the bytes of these elements.
pub(crate) fn reserve_exact<T>(vec: &mut Vec<T>, additional: usize) -> Result<()> {
    let reserved = vec.try_reserve_exact(additional);
    reserved.map_err(|_| out_of_memory::<T>(additional))
}

/// Makes room for `additional` more elements, and beyond what is asked for where the vector has to move, so that
/// adding many elements one by one takes linear time.
///
/// # Errors
/// [`Error::OutOfMemory`] with the bytes of these elements.
pub(crate) fn reserve<T>(vec: &mut Vec<T>, additional: usize) -> Result<()> {
    let reserved = vec.try_reserve(additional);
    reserved.map_err(|_| out_of_memory::<T>(additional))
}

/// Makes room for `len` elements in all.
///
/// # Errors
/// [`Error::OutOfMemory`] with the bytes of the elements that are missing.
pub(crate) fn reserve_total<T>(vec: &mut Vec<T>, len: usize) -> Result<()> {
    reserve_exact(vec, len.saturating_sub(vec.len()))
}

/// An empty vector with room for `capacity` elements.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn with_capacity<T>(capacity: usize) -> Result<Vec<T>> {
    let mut vec = Vec::new();
    reserve_exact(&mut vec, capacity)?;
    Ok(vec)
}

/// Resizes `vec` to `len` elements, new ones being `value`.
///
/// # Errors
/// [`Error::OutOfMemory`]; the vector is then unchanged.
pub(crate) fn resize<T: Clone>(vec: &mut Vec<T>, len: usize, value: T) -> Result<()> {
    reserve_total(vec, len)?;
    vec.resize(len, value);
    Ok(())
}

/// A copy of `values`.
///
/// # Errors
/// [`Error::OutOfMemory`].
pub(crate) fn copy<T: Copy>(values: &[T]) -> Result<Vec<T>> {
    let mut vec = with_capacity(values.len())?;
    vec.extend_from_slice(values);
    Ok(vec)
}

/// The error where `count` elements could not be allocated.
fn out_of_memory<T>(count: usize) -> Error {
    Error::OutOfMemory(count.saturating_mul(size_of::<T>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_allocated_is_an_error_and_changes_nothing() {
        let mut vec = vec![7u32];
        let most = usize::MAX / 4;
        let error = Err(Error::OutOfMemory(most * 4));
        assert_eq!(reserve_exact(&mut vec, most), error);
        assert_eq!(reserve(&mut vec, most), error);
        assert_eq!(with_capacity::<u32>(most).map(|_| ()), error);
        let all = usize::MAX;
        assert_eq!(resize(&mut vec, all, 0), Err(Error::OutOfMemory(all)));
        assert_eq!(vec, [7]);
    }

    #[test]
    fn room_is_made_without_a_change_of_the_elements() {
        let mut vec = vec![1, 2];
        reserve_exact(&mut vec, 10).unwrap();
        reserve(&mut vec, 20).unwrap();
        assert!(vec.capacity() >= 22);
        assert_eq!(copy(&vec).unwrap(), [1, 2]);
        resize(&mut vec, 4, 5).unwrap();
        assert_eq!(vec, [1, 2, 5, 5]);
        resize(&mut vec, 1, 5).unwrap();
        assert_eq!(vec, [1]);
    }
}
