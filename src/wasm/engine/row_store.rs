//! Tables of which a token takes one row, outside of the module's memory: in arrays of JavaScript's, of which as many can be
//! had as the machine has memory for.

use crate::model::RowStore;
use crate::{Error, Result};
use js_sys::Uint8Array;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Bytes of one array. Browsers have a limit for these, which is far above, and the last one is seldom full.
const ARRAY: u32 = 32 << 20;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Uint8Array, js_name = Uint8Array)]
    type Bytes;

    /// Throws where there is no memory.
    #[wasm_bindgen(constructor, catch)]
    fn new(length: u32) -> std::result::Result<Bytes, JsValue>;
}

thread_local! {
    /// The arrays of each store, which cannot hold them itself, because a model is shared with other threads. Rows are looked
    /// up by the thread that loaded it. The place of a store that was dropped is `None`.
    static ARRAYS: RefCell<Vec<Option<Vec<Bytes>>>> = const { RefCell::new(Vec::new()) };
}

/// A table, by its place among those of its thread.
struct OutsideStore {
    index: usize,
    /// The bytes that have come, and all that will.
    len: u64,
    size: u64,
}

/// An empty store for so many bytes.
pub(super) fn outside(size: u64) -> Result<Box<dyn RowStore>> {
    let index = ARRAYS.with_borrow_mut(|stores| {
        let free = stores.iter().position(Option::is_none);
        let index = free.unwrap_or(stores.len());
        if index == stores.len() {
            stores.push(None);
        }
        stores[index] = Some(Vec::new());
        index
    });
    let len = 0;
    Ok(Box::new(OutsideStore { index, len, size }))
}

impl RowStore for OutsideStore {
    fn push(&mut self, mut bytes: &[u8]) -> Result<()> {
        // More than was announced has no place.
        bytes = &bytes[..bytes.len().min((self.size - self.len) as usize)];
        ARRAYS.with_borrow_mut(|stores| {
            let arrays = stores[self.index].get_or_insert_default();
            while !bytes.is_empty() {
                let (index, from) = place(self.len);
                if index == arrays.len() {
                    let length = (self.size - self.len).min(ARRAY.into()) as u32;
                    let array = Bytes::new(length);
                    arrays.push(array.map_err(|_| Error::OutOfMemory(length as usize))?);
                }
                let (part, rest) = bytes.split_at(bytes.len().min((ARRAY - from) as usize));
                let to = from + part.len() as u32;
                arrays[index].subarray(from, to).copy_from(part);
                self.len += part.len() as u64;
                bytes = rest;
            }
            Ok(())
        })
    }

    fn read(&self, start: u64, out: &mut [u8]) {
        ARRAYS.with_borrow(|stores| {
            let arrays = stores[self.index].as_deref().unwrap_or_default();
            let (mut start, mut rest) = (start, out);
            while !rest.is_empty() {
                let (index, from) = place(start);
                let (part, after) = rest.split_at_mut(rest.len().min((ARRAY - from) as usize));
                let to = from + part.len() as u32;
                arrays[index].subarray(from, to).copy_to(part);
                start += part.len() as u64;
                rest = after;
            }
        });
    }
}

impl Drop for OutsideStore {
    fn drop(&mut self) {
        ARRAYS.with_borrow_mut(|stores| stores[self.index] = None);
    }
}

/// The array in which a byte lies, and where in it.
fn place(at: u64) -> (usize, u32) {
    let array = u64::from(ARRAY);
    ((at / array) as usize, (at % array) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn byte(at: u64) -> u8 {
        (at % 251) as u8
    }

    /// A table of more than one array, which begins elsewhere than its parts do, and others beside it and in its place.
    #[test]
    fn what_was_pushed_is_read() {
        let size = u64::from(ARRAY) + 5_000;
        let mut large = outside(size).unwrap();
        let mut small = outside(3).unwrap();
        small.push(&[7, 8, 9, 10]).unwrap();
        let bytes: Vec<u8> = (0..1 << 20).map(byte).collect();
        for start in (0..size).step_by(251 * 4_000) {
            let len = (size - start).min(251 * 4_000);
            large.push(&bytes[..len as usize]).unwrap();
        }
        for start in [0, 1, u64::from(ARRAY) - 4, u64::from(ARRAY), size - 9] {
            let mut found = [0; 9];
            large.read(start, &mut found);
            assert_eq!(
                found,
                std::array::from_fn(|i| byte(start + i as u64)),
                "{start}"
            );
        }
        let three = |store: &dyn RowStore| {
            let mut found = [0; 3];
            store.read(0, &mut found);
            found
        };
        drop(large);
        let mut again = outside(3).unwrap();
        again.push(&[1, 2, 3]).unwrap();
        assert_eq!([three(&*small), three(&*again)], [[7, 8, 9], [1, 2, 3]]);
    }
}
