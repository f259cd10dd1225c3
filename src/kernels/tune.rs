//! What cannot be known of a processor beforehand: found out by measuring it, once. Speed depends on the
//! outcome, results never do.

use std::sync::atomic::{AtomicU32, Ordering};

/// Decode steps that are measured before the choice stands: half with few streams, half with many.
/// Engines compile better code while they run, so the fastest step of each counts.
const STEPS: u32 = 12;

/// Steps measured so far.
static MEASURED: AtomicU32 = AtomicU32::new(0);
/// The fastest step with few and with many streams, milliseconds as the bits of an f32 (positive floats
/// are in the order of their bits).
static FASTEST: [AtomicU32; 2] = [const { AtomicU32::new(f32::INFINITY.to_bits()) }; 2];

/// Whether a product for one token reads many streams of weights side by side: some processors fetch
/// ahead in few places, some wait at the end of every page of memory.
#[cfg_attr(target_arch = "aarch64", allow(dead_code))]
pub(super) fn use_many_streams() -> bool {
    match MEASURED.load(Ordering::Relaxed) {
        step if step < STEPS => step % 2 == 1,
        _ => {
            let [few, many] = [&FASTEST[0], &FASTEST[1]].map(|time| time.load(Ordering::Relaxed));
            many < few
        }
    }
}

/// Learns from a decode step that took so many milliseconds which kernels suit this machine.
pub fn learn(milliseconds: f64) {
    let step = MEASURED.load(Ordering::Relaxed);
    if step < STEPS {
        let time = (milliseconds as f32).max(0.0).to_bits();
        FASTEST[step as usize % 2].fetch_min(time, Ordering::Relaxed);
        MEASURED.store(step + 1, Ordering::Relaxed);
    }
}

/// Finds out which dot product this processor does well: call it before a model is run, with a clock in
/// milliseconds. Takes some ten of them the first time.
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
