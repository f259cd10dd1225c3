//! What cannot be known of a processor beforehand: found out by measuring it, once. Speed depends on the
//! outcome, results never do.

use std::sync::atomic::{AtomicU32, Ordering};

/// Decode steps that pass before any is measured: engines compile better code while it runs.
const WARM_UP: u32 = 16;
/// The step at which the choice stands: of those between, half ran with few streams, half with many, and
/// the fastest of each counts.
const DECIDED: u32 = WARM_UP + 12;

/// Steps so far.
static STEP: AtomicU32 = AtomicU32::new(0);
/// The fastest step with few and with many streams, milliseconds as the bits of an f32 (positive floats
/// are in the order of their bits).
static FASTEST: [AtomicU32; 2] = [const { AtomicU32::new(f32::INFINITY.to_bits()) }; 2];

/// Whether a product for one token reads many streams of weights side by side: some processors fetch
/// ahead in few places, some wait at the end of every page of memory.
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

/// Learns from a decode step that took so many milliseconds which kernels suit this machine.
pub fn learn(milliseconds: f64) {
    let step = STEP.load(Ordering::Relaxed);
    if step < DECIDED {
        if step >= WARM_UP {
            let time = (milliseconds as f32).max(0.0).to_bits();
            FASTEST[step as usize % 2].fetch_min(time, Ordering::Relaxed);
        }
        STEP.store(step + 1, Ordering::Relaxed);
    }
}

/// Finds out which dot product this processor does well, with a clock in milliseconds: call it before a
/// model is loaded, which only has the engine compile what is to be measured, and again when it is there.
/// Takes some ten milliseconds each time, until it has been called twice.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
pub fn tune(clock: fn() -> f64) -> crate::Result<()> {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    dots::tune(clock)?;
    let _ = clock;
    Ok(())
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(super) mod dots;
