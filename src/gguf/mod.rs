//! The GGUF file: header, metadata, tensor directory, read as the bytes arrive.

mod metadata;
mod reader;

pub use metadata::{Metadata, StringArray, Value};
pub use reader::{Header, Reader, TensorInfo, TensorSink};
