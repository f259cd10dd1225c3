//! Measures which dot-product instruction of relaxed SIMD is faster on this processor.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::Result;
use crate::kernels::{Activations, best_linear, linear_by_pairs};
use crate::quant::{Matrix, MatrixBuilder, TensorType, quantize};

static USE_PAIRS: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU32 = AtomicU32::new(0);

/// The size of the matrix to measure with, which fits into the first-level cache.
const ROWS: usize = 64;
const COLS: usize = 256;
/// The least time of one measurement in milliseconds; the clocks of some browsers have steps of one.
const MEASURE_MS: f64 = 2.0;

/// Whether to take dot products by [`Pairs`](crate::kernels::isa::wasm::Pairs) rather than by
/// [`Fours`](crate::kernels::isa::wasm::Fours).
pub(in crate::kernels) fn use_pairs() -> bool {
    USE_PAIRS.load(Ordering::Relaxed)
}

/// Times both instructions on a small matrix, the first two times it is called; the last measurement counts.
pub(super) fn tune(clock: fn() -> f64) -> Result<()> {
    let calls = CALLS.load(Ordering::Relaxed);
    if calls == 2 {
        return Ok(());
    }
    CALLS.store(calls + 1, Ordering::Relaxed);
    let mut bytes = Vec::new();
    quantize(TensorType::Q4_1, &[1.0; ROWS * COLS], &mut bytes)?;
    let mut builder = MatrixBuilder::new("tune", TensorType::Q4_1, ROWS, COLS)?;
    builder.push(&bytes);
    let matrix = builder.finish()?;
    let mut x = Activations::default();
    x.prepare(1, COLS)?.fill(1.0);
    x.quantize(false);

    let (mut fours, mut pairs) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..3 {
        fours = fours.min(time(clock, &matrix, &x, best_linear));
        pairs = pairs.min(time(clock, &matrix, &x, linear_by_pairs));
    }
    USE_PAIRS.store(pairs < fours, Ordering::Relaxed);
    Ok(())
}

/// Milliseconds that one call of `linear` takes.
fn time(
    clock: fn() -> f64,
    matrix: &Matrix,
    x: &Activations,
    linear: fn(&Matrix, &Activations, &mut [f32]),
) -> f64 {
    let mut y = [0.0; ROWS];
    // Begin at a step of the clock, but do not wait long, in case it stands still.
    let before = clock();
    let mut start = before;
    for _ in 0..1000 {
        linear(matrix, x, &mut y);
        start = clock();
        if start > before {
            break;
        }
    }
    let mut calls = 0.0;
    loop {
        for _ in 0..16 {
            linear(matrix, x, &mut y);
        }
        calls += 16.0;
        let elapsed = clock() - start;
        if elapsed >= MEASURE_MS || calls > 1e5 {
            return elapsed / calls;
        }
    }
}
