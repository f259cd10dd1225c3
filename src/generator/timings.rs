//! Measures how long a generation takes.

use serde::Serialize;

/// A clock: milliseconds since any fixed moment.
pub type Clock = fn() -> f64;

/// The platform's clock. In WebAssembly, which has none without its host, it is always 0.
pub fn system_clock() -> f64 {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use std::sync::OnceLock;
        use std::time::Instant;
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1000.0
    }
    #[cfg(target_arch = "wasm32")]
    0.0
}

/// The tokens and the time that one generation has taken so far. Rates are 0 where nothing was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Timings {
    /// Tokens of the prompt that were in the KV cache already, because the previous text began with the same ones.
    pub reused_tokens: usize,
    /// Tokens of the prompt that have been run.
    pub prefill_tokens: usize,
    /// Time to run them and to choose the first token, in milliseconds.
    pub prefill_ms: f64,
    /// Prefill speed: tokens of the prompt per second.
    pub prefill_tokens_per_second: f64,
    /// Tokens generated after the first one, including those that were rewound.
    pub decode_tokens: usize,
    /// Time to generate them, in milliseconds.
    pub decode_ms: f64,
    /// Decoding speed: generated tokens per second.
    pub decode_tokens_per_second: f64,
    /// Tokens that were guessed and run ahead of their turn; see [`super::Options::speculation`].
    pub drafted: usize,
    /// Tokens of those that were guessed right: the sampler then drew them.
    pub accepted: usize,
}

impl Timings {
    pub(super) fn new(prefill: (usize, f64), decode: (usize, f64)) -> Self {
        let rate = |(tokens, ms): (usize, f64)| {
            if ms > 0.0 {
                tokens as f64 * 1000.0 / ms
            } else {
                0.0
            }
        };
        Timings {
            reused_tokens: 0,
            prefill_tokens: prefill.0,
            prefill_ms: prefill.1,
            prefill_tokens_per_second: rate(prefill),
            decode_tokens: decode.0,
            decode_ms: decode.1,
            decode_tokens_per_second: rate(decode),
            drafted: 0,
            accepted: 0,
        }
    }
}
