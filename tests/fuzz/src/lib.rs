//! What the targets of libFuzzer share with each other, and with `tests/hostile.rs`.

#[cfg(feature = "rules")]
pub mod rules;
mod small;

pub use small::{LLAMA, generator, options, three_tokens};
