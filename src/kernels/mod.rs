//! Arithmetic behind one door.
#![allow(missing_docs, unused)]
/// e^x, equal on every platform (our own code; no platform math).
pub fn exp(x: f32) -> f32 { todo!() }
/// Numerically safe softmax in place, equal bit for bit on every backend. Returns ln Σ exp(x - max) + max.
pub fn softmax(values: &mut [f32]) -> f32 { todo!() }
/// The backend in use: "scalar", "simd128", "relaxed-simd", "avx2", …
pub fn backend() -> &'static str { todo!() }
/// Makes the scalar specification the backend (for tests and comparison); takes effect at once, for the whole process.
pub fn force_scalar(on: bool) { todo!() }
