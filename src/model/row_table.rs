//! A table of which a token takes one row. No product reads it, so that it stays in the blocks of its file, and a host may
//! keep it where a product could not read it: outside of the memory that a WebAssembly module can address.

use crate::allocation::{reserve_exact, with_capacity};
use crate::gguf::TensorInfo;
use crate::quant::{TensorType, dequantize};
use crate::{Error, Result};

/// Where the bytes of a table are kept.
pub(crate) trait RowStore: Send + Sync {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn push(&mut self, bytes: &[u8]) -> Result<()>;

    /// Copies the bytes from `start` on to `out`. They have been pushed.
    fn read(&self, start: u64, out: &mut [u8]);
}

/// Makes an empty store for so many bytes, whose memory it may take at once or as they come.
pub(crate) type NewRowStore = fn(u64) -> Result<Box<dyn RowStore>>;

/// Where nothing else is said, a table is on the heap.
pub(crate) fn on_the_heap(size: u64) -> Result<Box<dyn RowStore>> {
    let size = usize::try_from(size).map_err(|_| Error::OutOfMemory(usize::MAX))?;
    Ok(Box::new(with_capacity::<u8>(size)?))
}

impl RowStore for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        reserve_exact(self, bytes.len())?;
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn read(&self, start: u64, out: &mut [u8]) {
        out.copy_from_slice(&self[start as usize..][..out.len()]);
    }
}

/// A table whose bytes have come, or are coming.
pub(crate) struct RowTable {
    kind: TensorType,
    row_bytes: usize,
    /// Bytes that have come.
    pub(super) bytes: u64,
    /// Bytes of the tensor.
    size: u64,
    store: Box<dyn RowStore>,
}

impl RowTable {
    /// An empty table for the tensor of this directory entry, whose shape has been checked.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where its rows are not whole blocks, [`Error::OutOfMemory`].
    pub fn new(info: &TensorInfo, new_store: NewRowStore) -> Result<Self> {
        let (cols, block) = (info.shape[0], info.kind.block_len() as u64);
        if !cols.is_multiple_of(block) {
            let reason = format!("the rows of \"{}\" are not whole blocks", info.name);
            return Err(Error::Corrupt(reason));
        }
        let row = usize::try_from(cols / block).unwrap_or(usize::MAX);
        Ok(Self {
            kind: info.kind,
            row_bytes: row.saturating_mul(info.kind.block_bytes()),
            bytes: 0,
            size: info.size,
            store: new_store(info.size)?,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.store.push(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// The same table, once its bytes have come.
    ///
    /// # Errors
    /// [`Error::Truncated`].
    pub fn finish(self) -> Result<Self> {
        match self.bytes < self.size {
            true => Err(Error::Truncated("rows of a tensor are missing".to_owned())),
            false => Ok(self),
        }
    }

    /// Dequantises one row into `out`; `blocks` is memory for its blocks.
    pub fn dequantize_row(&self, row: usize, blocks: &mut [u8], out: &mut [f32]) {
        let blocks = &mut blocks[..self.row_bytes];
        self.store.read(row as u64 * self.row_bytes as u64, blocks);
        dequantize(self.kind, blocks, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::MatrixBuilder;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// A row is what it is in a matrix, of whatever type, to the rounding of its tiles, however the bytes come.
    #[test]
    fn a_row_is_that_of_a_matrix() {
        let (rows, cols) = (5, 256);
        for kind in TensorType::ALL {
            let size = rows * cols / kind.block_len() * kind.block_bytes();
            // In the numbers that scale a block, exponents that make ordinary numbers.
            let bytes: Vec<u8> = (0..size).map(|i| (i * 89 % 251) as u8 & 0xbb).collect();
            let mut matrix = MatrixBuilder::new("", kind, rows, cols).unwrap();
            matrix.push(&bytes);
            let matrix = matrix.finish().unwrap();
            let info = TensorInfo {
                name: "table".to_owned(),
                shape: vec![cols as u64, rows as u64],
                kind,
                offset: 0,
                size: size as u64,
            };
            let mut table = RowTable::new(&info, on_the_heap).unwrap();
            for part in bytes.chunks(33) {
                table.push(part).unwrap();
            }
            let table = table.finish().unwrap();
            let mut blocks = [0; 4 * 256];
            for row in 0..rows {
                let [mut found, mut expected] = [[f32::NAN; 256]; 2];
                table.dequantize_row(row, &mut blocks, &mut found);
                matrix.dequantize_row(row, &mut expected);
                assert!(expected.iter().any(|value| *value != 0.0), "{kind:?}");
                // The tiles of some types round the products of two scales.
                let largest = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    let error = (found - expected).abs();
                    assert!(error <= 1e-3 * largest, "{kind:?}: {found} {expected}");
                }
            }

            let mut short = RowTable::new(&info, on_the_heap).unwrap();
            short.push(&bytes[1..]).unwrap();
            assert!(matches!(short.finish(), Err(Error::Truncated(_))));
        }
    }

    #[test]
    fn rows_are_whole_blocks() {
        let info = TensorInfo {
            name: "table".to_owned(),
            shape: vec![48, 1],
            kind: TensorType::Q8_0,
            offset: 0,
            size: 51,
        };
        let table = RowTable::new(&info, on_the_heap);
        assert!(matches!(table.err(), Some(Error::Corrupt(_))));
    }
}
