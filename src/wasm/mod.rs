//! The JavaScript interface: what is compiled into the WebAssembly modules of the package. The scripts in `src/js` load
//! these modules, and are what a page imports.
//!
//! Each module here becomes a WebAssembly module of its own, so that a page downloads only what it uses; fine-tuning is in
//! that of training.

#[cfg(feature = "wasm-chat")]
pub mod chat;
#[cfg(feature = "wasm-io")]
mod common;
#[cfg(feature = "wasm-constraint")]
pub mod constraint;
#[cfg(feature = "wasm-encoder")]
pub mod encoder;
#[cfg(feature = "wasm")]
pub mod engine;
#[cfg(all(feature = "wasm", feature = "train"))]
pub mod finetuner;
#[cfg(all(feature = "wasm", feature = "train"))]
pub mod trainer;
