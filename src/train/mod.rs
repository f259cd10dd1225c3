//! Training: a small `llama` model that learns to predict the next token of a text.
//!
//! The loop is the generator's, but with known answers: the input is the text, the target is the same text shifted by
//! one token, and the loss is the cross-entropy of the targets. The gradient of the loss by all weights says how to
//! change them.
//!
//! ```text
//! text ──► documents ──► BPE vocabulary ──► tokens ──► windows: inputs, and targets shifted by one
//!                                                           │
//!    ┌── AdamW ◄── clipped gradient ◄── backward ◄── loss ◄── forward
//!    └──────────► weights ──► GGUF ──► generator
//! ```
//!
//! | module | its one job |
//! |---|---|
//! | `options`, `shape` | the hyperparameters, the architecture, and the layout of the weights |
//! | `bpe`, `corpus` | text → vocabulary, tokens, windows |
//! | `network`, `attention`, `ops` | the forward and backward pass |
//! | `schedule` | steps, learning-rate schedule and weight decay, from the size of the text |
//! | `optimizer` | gradient → new weights |
//! | `trainer` | the loop: draw a batch, compute the gradient, update, validate, keep the best weights |
//! | `parallel` | a piece of work for each thread |
//! | `report` | what is told of a step, of a validation and of the best state |
//! | `evaluation` | validation loss, baselines, and samples of what the model writes |
//! | `export`, `checkpoint` | a GGUF file to generate with, and one to resume from |
//! | [`finetune`] | low-rank updates of a larger model instead |
//! | `variety` | how varied generated texts are, and how much they copy from the corpus |
//! | `random` | random numbers that are the same on every machine |
//!
//! # Why by hand
//! One fixed architecture needs ten derivatives; the tests compare each with finite differences. What that buys,
//! measured on the small preset (batch of 8 × 128 tokens, one core of an AMD EPYC at 2.6 GHz):
//!
//! | | 1 thread | 2 threads | WebAssembly, gzipped |
//! |---|---|---|---|
//! | this module, over `matrixmultiply` | 9.7 steps/s | 18.8 steps/s | with fine-tuning, 74 kB more than the generator alone |
//! | candle-nn 0.11, its autodiff and AdamW | 4.0 steps/s | 4.5 steps/s | 577 kB, with nothing around it |
//!
//! `cargo bench --bench train`, and `cargo run --release --manifest-path benches/candle/Cargo.toml` (with
//! `RAYON_NUM_THREADS=1`), repeat it. Matrix products go through ndarray, which the crate has anyway, so no dependency
//! and no `unsafe` is added.
//!
//! # Reproducible
//! The same text, options and seed give the same weights, bit for bit, whatever the number of threads: a batch is cut
//! into parts that depend on the options alone, and the gradients of the parts are added in their order. In WebAssembly
//! this holds for every engine. In native builds `matrixmultiply` picks the instructions of the processor (with or
//! without fused multiply-add), so that different kinds of machines may differ in the last bits.

mod attention;
mod bpe;
mod checkpoint;
mod corpus;
mod evaluation;
mod export;
pub mod finetune;
mod network;
mod ops;
mod optimizer;
mod options;
mod parallel;
mod random;
mod report;
mod schedule;
mod shape;
#[cfg(test)]
mod tests;
mod trainer;
mod variety;

pub use corpus::held_out;
pub use evaluation::{Baselines, TokenLoss};
pub use export::storage_type;
pub use options::{Options, Preset};
pub use report::{BestState, StepReport, Validation};
pub use schedule::Schedule;
pub use shape::Shape;
pub use trainer::Trainer;
pub use variety::{Sentences, Variety};

use bpe::END_OF_TEXT;
