//! Fine-tuning: low-rank updates (LoRA, Hu et al. 2021) of a model's frozen weights, learnt from a text or from
//! conversations.
//!
//! The loss is that of training: the cross-entropy of targets shifted by one. In conversations only what the assistant
//! says counts. The model's weights are dequantised and stay as they are; the gradient flows through them to A and B of
//! every update, `y = W x + α / rank × B A x`. The result is a small adapter in llama.cpp's format.
//!
//! | module | its one job |
//! |---|---|
//! | `options` | the hyperparameters |
//! | `examples` | text or conversations → sequences of tokens, some of which are targets |
//! | `updates` | the updates of linear layers, forward and backward |
//! | `network` | the frozen model with its updates, forward and backward |
//! | `tuner` | the loop: a batch, its gradient, an update, validation, the best state |
//! | `export` | the adapter's GGUF file |
//!
//! Models of the architectures `llama` and `qwen2` can be fine-tuned. The same model, examples, options and seed give
//! the same adapter, bit for bit, on any number of threads; between kinds of processors, what
//! [`train`](super) says of its results is true here too.

mod examples;
mod export;
mod network;
mod options;
#[cfg(all(test, feature = "chat"))]
mod tests;
mod tuner;
mod updates;

#[cfg(feature = "chat")]
pub use examples::read_conversations;
pub use examples::{Answer, Examples};
pub use options::{CONTEXT_LENGTH, Options};
pub use tuner::Finetuner;
