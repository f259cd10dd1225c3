//! Threads of a page: workers in which the same module runs on the same memory. The page starts them, and they call
//! [`serve`](super::super::serve).
//!
//! The standard library is compiled without threads, so that its locks and thread-local values are for the thread of the
//! leader alone: what the others compute uses none of them. So is its allocator, but for training (`allocator.rs`).

use std::arch::wasm32::{memory_atomic_notify, memory_atomic_wait32};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// How often a spinning thread looks in a millisecond, roughly: WebAssembly has no pause.
pub const LOOKS_PER_MILLISECOND: u32 = 1_000_000;

const AWAKE: i32 = 0;
const ASLEEP: i32 = 1;

/// Where a thread of the pool sleeps.
#[derive(Debug)]
pub struct Parker(AtomicI32);

impl Parker {
    pub const fn new() -> Self {
        Self(AtomicI32::new(AWAKE))
    }

    /// Sleeps until it is woken, unless `ready` says that it need not. May wake without reason.
    pub fn park_unless(&self, ready: impl Fn() -> bool) {
        self.0.store(ASLEEP, Ordering::SeqCst);
        if !ready() {
            // SAFETY: the address is that of a static value, and aligned. Only the page's own thread must not wait, and
            // it never parks.
            unsafe { memory_atomic_wait32(self.0.as_ptr(), ASLEEP, -1) };
        }
        self.0.store(AWAKE, Ordering::SeqCst);
    }

    /// Wakes the thread that sleeps here, if one does.
    pub fn unpark(&self) {
        if self.0.swap(AWAKE, Ordering::SeqCst) == ASLEEP {
            // SAFETY: the address is that of a static value, and aligned.
            unsafe { memory_atomic_notify(self.0.as_ptr(), 1) };
        }
    }
}

/// The page has started the thread before it sets their number. Where it has not, the others do its work.
pub fn start(_number: usize, _parker: &Parker) -> bool {
    true
}

/// Whether the thread that leads may wait. That of a page must not.
static LEADER_MAY_WAIT: AtomicBool = AtomicBool::new(false);
/// How long the leader waits before it looks again, in nanoseconds.
const NAP: i64 = 100_000;

/// Says whether the thread that leads may wait.
pub fn let_leader_wait(may: bool) {
    LEADER_MAY_WAIT.store(may, Ordering::Relaxed);
}

/// Lets other threads have this one's core, where it may wait.
pub fn yield_now() {
    static NEVER: AtomicI32 = AtomicI32::new(0);
    if LEADER_MAY_WAIT.load(Ordering::Relaxed) {
        // SAFETY: the address is that of a static value, and aligned; this thread may wait.
        unsafe { memory_atomic_wait32(NEVER.as_ptr(), 0, NAP) };
    }
}
