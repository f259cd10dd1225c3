//! Measures which dot-product instruction of relaxed SIMD is faster on this processor.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::Result;
use crate::kernels::threads::Output;
use crate::kernels::{Activations, best_linear, linear_by_dot2};
use crate::quant::tiles::TILE_ROWS;
use crate::quant::{Matrix, MatrixBuilder, TensorType, quantize};

static USE_DOT2: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU32 = AtomicU32::new(0);

/// The size of the matrix to measure with, which fits into the first-level cache.
const ROWS: usize = 64;
const COLS: usize = 256;
/// The least time of one measurement in milliseconds; the clocks of some browsers have steps of one.
const MEASURE_MS: f64 = 2.0;

/// Whether to take dot products by [`Dot2`](crate::kernels::isa::wasm::Dot2) rather than by
/// [`Dot4`](crate::kernels::isa::wasm::Dot4).
pub(in crate::kernels) fn use_dot2() -> bool {
    USE_DOT2.load(Ordering::Relaxed)
}

/// Times both instructions on a small matrix, the first two times it is called; the last measurement counts.
pub(super) fn calibrate(clock: fn() -> f64) -> Result<()> {
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

    let (mut dot4, mut dot2) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..3 {
        dot4 = dot4.min(time(clock, &matrix, &x, best_linear));
        dot2 = dot2.min(time(clock, &matrix, &x, linear_by_dot2));
    }
    USE_DOT2.store(dot2 < dot4, Ordering::Relaxed);
    Ok(())
}

/// Milliseconds that one call of `linear` takes.
fn time(
    clock: fn() -> f64,
    matrix: &Matrix,
    x: &Activations,
    linear: fn(&Matrix, Range<usize>, &Activations, Output<'_>),
) -> f64 {
    let mut y = [0.0; ROWS];
    let product = |y: &mut [f32]| {
        linear(
            matrix,
            0..ROWS / TILE_ROWS,
            x,
            Output::new(y).product(0, ROWS),
        )
    };
    // Begin at a step of the clock, but do not wait long, in case it stands still.
    let before = clock();
    let mut start = before;
    for _ in 0..1000 {
        product(&mut y);
        start = clock();
        if start > before {
            break;
        }
    }
    let mut calls = 0.0;
    loop {
        for _ in 0..16 {
            product(&mut y);
        }
        calls += 16.0;
        let elapsed = clock() - start;
        if elapsed >= MEASURE_MS || calls > 1e5 {
            return elapsed / calls;
        }
    }
}
