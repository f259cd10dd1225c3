//! Reading a GGUF file pushed in chunks of any size.
#![allow(missing_docs, unused)]
use super::Metadata;
use crate::quant::TensorType;
use crate::{Error, Result};

/// One entry of the tensor directory.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorInfo {
    pub name: String,
    /// Elements per dimension, fastest first: a matrix is `[columns, rows]`.
    pub shape: Vec<u64>,
    pub kind: TensorType,
    /// Bytes from the start of the tensor data.
    pub offset: u64,
    /// Bytes of data.
    pub size: u64,
}

/// Everything before the tensor data.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    pub version: u32,
    pub metadata: Metadata,
    /// In the order of their offsets.
    pub tensors: Vec<TensorInfo>,
    /// Where the tensor data begins, bytes from the start of the file.
    pub data_start: u64,
    /// Bytes of the whole file as the directory promises it.
    pub file_size: u64,
}

/// Receives what a [`Reader`] finds, in file order.
pub trait TensorSink {
    /// Called once, before any tensor data.
    fn header(&mut self, header: Header) -> Result<()>;
    /// The next bytes of the tensor at `index` in `header.tensors`; called with every byte of it in order, in pieces of any size.
    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()>;
}

/// The state of reading one file.
pub struct Reader;
impl Reader {
    pub fn new() -> Self { todo!() }
    /// Takes the next bytes of the file. After an error the reader only repeats that error.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn TensorSink) -> Result<()> { todo!() }
    /// Says that no more bytes follow: an error if something is missing.
    pub fn finish(&mut self) -> Result<()> { todo!() }
    /// Bytes of the whole file, once the header is known.
    pub fn file_size(&self) -> Option<u64> { todo!() }
}

/// Reads only the header from the start of a file; `Ok(None)` when more bytes are needed.
pub fn read_header(bytes: &[u8]) -> Result<Option<Header>> { todo!() }
