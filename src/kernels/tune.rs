//! Chooses between kernels by measuring what cannot be known of a processor beforehand. The choice affects speed, never
//! results.

use std::sync::atomic::{AtomicU32, Ordering};

use super::threads;

/// Decode steps before measuring begins: at first, the engine is still compiling better code.
const WARM_UP: u32 = 16;
/// The decode step from which the choice is final. Of the steps between, every other one runs with few streams and the
/// others with many; the fastest of each counts.
const DECIDED: u32 = WARM_UP + 12;

/// Decode steps so far.
static STEP: AtomicU32 = AtomicU32::new(0);
/// The fastest decode step with few and with many streams: milliseconds, as the bits of an f32 (the bits of positive
/// floats are in the order of the floats).
static FASTEST: [AtomicU32; 2] = [const { AtomicU32::new(f32::INFINITY.to_bits()) }; 2];

/// Whether a product for one token reads many streams of weights side by side. Which is faster depends on the
/// processor: some can prefetch only few streams, others wait at the end of every page of memory.
#[cfg_attr(target_arch = "aarch64", allow(dead_code))]
pub(super) fn use_many_streams() -> bool {
    match STEP.load(Ordering::Relaxed) {
        step if step < DECIDED => step % 2 == 1,
        _ => {
            let [few, many] = [&FASTEST[0], &FASTEST[1]].map(|time| time.load(Ordering::Relaxed));
            many < few
        }
    }
}

/// Takes the time of a decode step in milliseconds, by which the faster kernels are chosen.
pub fn record_decode_time(milliseconds: f64) {
    let step = STEP.load(Ordering::Relaxed);
    if step >= DECIDED {
        threads::record_decode_time(milliseconds);
    } else {
        if step >= WARM_UP {
            let time = (milliseconds as f32).max(0.0).to_bits();
            FASTEST[step as usize % 2].fetch_min(time, Ordering::Relaxed);
        }
        STEP.store(step + 1, Ordering::Relaxed);
    }
}

/// Measures which dot-product instruction is faster on this processor, with a clock in milliseconds. Call it before a
/// model is loaded, which only makes the engine compile the code to be measured, and again when the model is there; the
/// second measurement counts. It takes some ten milliseconds each time; further calls do nothing.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
pub fn calibrate(clock: fn() -> f64) -> crate::Result<()> {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    dots::calibrate(clock)?;
    let _ = clock;
    Ok(())
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(super) mod dots;
