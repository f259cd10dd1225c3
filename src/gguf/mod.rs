//! Reads and writes GGUF files: header, metadata, tensor directory and tensor data, as the bytes arrive.
//!
//! A GGUF file (versions 2 and 3, little-endian) is, in order:
//!
//! | part | content |
//! |---|---|
//! | preamble | `"GGUF"`, version `u32`, number of tensors `u64`, number of metadata pairs `u64` |
//! | metadata | per pair: key (string), value type `u32`, value |
//! | directory | per tensor: name (string), dimension count `u32`, dimensions `u64`, ggml type `u32`, offset `u64` |
//! | padding | up to a multiple of `general.alignment` (32 unless the metadata says otherwise) |
//! | data | the tensors, each padded to the alignment |
//!
//! A string is its length in bytes as `u64`, then the bytes. An array is its element type `u32`, its length
//! `u64`, then the elements. The format's definition: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
//!
//! The file is untrusted. [`Reader`] guarantees the following, each of which is tested:
//! - it never panics, whatever the bytes and however they are cut into chunks;
//! - work is linear in the bytes pushed, and memory grows with the bytes received, never with a number that the file
//!   merely claims;
//! - a header that was accepted is consistent: keys and tensor names are unique, sizes do not overflow, and the
//!   tensors neither overlap nor leave gaps beyond their padding, so that each byte of the file has one meaning;
//! - after an error it only repeats that error.

mod header;
mod layout;
mod limits;
#[cfg(test)]
mod malformed_tests;
mod metadata;
mod reader;
mod split;
mod value_type;
mod writer;

pub use header::Header;
pub use layout::TensorInfo;
pub(crate) use metadata::integer_text;
pub use metadata::{IntegerArray, Metadata, StringArray, Value};
pub use reader::{HeaderReader, Reader, TensorSink, read_header};
pub use split::{Split, part_names};
pub use writer::Writer;
