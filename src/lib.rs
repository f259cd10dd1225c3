//! Text generation in a browser tab: a language model's loop, one token at a time.
//!
//! Data flows one way, and the modules follow it:
//!
//! ```text
//! prompt ──► tokenizer ──► model (embedding, layers, KV cache) ──► head ──► logits
//!   ▲                                                                        │
//!   └───────── append ◄── token ◄── sampler (top-k, top-p, temperature) ◄────┘
//! ```
//!
//! ```
//! # fn main() -> nexttoken::Result<()> {
//! use nexttoken::generator::{Context, Generator, Options};
//! use nexttoken::model::Model;
//! use std::sync::Arc;
//!
//! let model = Arc::new(Model::open("www/stories.gguf")?);
//! let mut generator = Generator::new(model, Context::default())?;
//! let options = Options { seed: Some(42), max_tokens: Some(20), ..Options::default() };
//! generator.start("Once upon a time", options)?;
//! while let Some(token) = generator.next_token()? {
//!     print!("{}", token.text);
//! }
//! # assert!(generator.text().split_whitespace().count() > 5);
//! # Ok(())
//! # }
//! ```
//!
//! Where each step is, below `src/`:
//!
//! | step | file |
//! |---|---|
//! | encode | `tokenizer/encode.rs` |
//! | token embedding, positions | `model/token_embedding.rs`, `model/position_embedding.rs` and `model/rope.rs` |
//! | layers, in their order | `model/transformer.rs` |
//! | attention, feed-forward network | `model/attention.rs`, `model/feed_forward.rs` (in a mixture, `model/experts.rs`) |
//! | norms, the final norm among them | `model/norm.rs` |
//! | head | `head.rs` |
//! | stages of the sampler | `sampler/stage/`, which has a file for each |
//! | softmax, draw | `sampler/candidates/softmax.rs`, `sampler/candidates/draw.rs` |
//! | append | `generator/append.rs` |
//! | the loop | `generator/generation_loop.rs` |
//!
//! (`embedding.rs` and `encoder/` are no steps of the loop: they make one vector of a text.)
//!
//! | module | its one job |
//! |---|---|
//! | [`gguf`] | reads the model file as its bytes arrive |
//! | [`quant`] | the block formats weights are stored in |
//! | `kernels` | arithmetic: the scalar specification and its SIMD versions, equal bit for bit |
//! | [`tokenizer`] | text → token ids → text |
//! | [`model`] | token ids → hidden state |
//! | [`head`] | hidden state → logits |
//! | [`sampler`] | logits → token |
//! | `encoder` | texts → embeddings, with a bidirectional model of its own (feature `encoder`) |
//! | [`constraint`] | grammars: which tokens may come next |
//! | [`chat`] | messages → prompt, with the model's own template |
//! | [`generator`] | the loop: encode, forward, predict, choose, append |
//! | [`embedding`] | hidden states → one vector for a text |
//! | [`decision`] | the probabilities of a few answers to a prompt |
//! | [`rerank`] | how well documents answer a query, by such answers |
//! | [`score`] | cross-entropy of a given text, targets shifted by one |
//! | `train` | trains a small model on a text, or fine-tunes a larger one, with the same cross-entropy (feature `train`) |
//! | `wasm` | the JavaScript interface; the scripts in `src/js` are its other half (features `wasm`, …) |

// For builds with threads, which the packaging crate makes: the stable compiler does not offer this yet.
#![cfg_attr(
    all(target_arch = "wasm32", target_feature = "atomics"),
    feature(stdarch_wasm_atomic_wait)
)]

mod allocation;
pub mod chat;
pub mod constraint;
mod debug;
pub mod decision;
pub mod embedding;
#[cfg(feature = "encoder")]
pub mod encoder;
pub mod error;
pub mod generator;
pub mod gguf;
pub mod head;
mod info;
mod inspection;
// Public for the benchmarks and tests; what it holds may change with any release.
#[doc(hidden)]
pub mod kernels;
pub mod model;
mod order;
mod pooling;
mod progress;
pub mod quant;
pub mod rerank;
pub mod sampler;
pub mod score;
#[cfg(test)]
mod test_random;
pub mod tokenizer;
#[cfg(feature = "train")]
pub mod train;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use error::{Error, Result};
pub use info::Info;
pub use inspection::{Inspection, Memory, MemoryLimit};
pub use kernels::threads::{
    count as threads, fix_count as set_threads, search_count as search_threads,
};
pub use progress::Progress;

// Unit tests compiled to WebAssembly run in a browser, because that is where the kernels will run.
#[cfg(all(test, target_arch = "wasm32"))]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

/// Compiles the README's examples in Rust, where all that they use is there.
#[cfg(all(doctest, feature = "encoder"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The index of a token in the model's vocabulary.
pub type TokenId = u32;
