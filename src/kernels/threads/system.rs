//! What the pool needs of the system: threads, and a way for them to sleep.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod wasm;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{LOOKS_PER_MILLISECOND, Parker, start, yield_now};
#[cfg(target_arch = "wasm32")]
pub use wasm::{LOOKS_PER_MILLISECOND, Parker, let_leader_wait, start, yield_now};
