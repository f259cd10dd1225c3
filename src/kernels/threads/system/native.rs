//! Threads of the standard library.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

use crate::kernels::threads::pool;

/// How often a spinning thread looks in a millisecond, roughly: the processor is told to pause between two looks.
pub const LOOKS_PER_MILLISECOND: u32 = 40_000;

/// Where a thread of the pool sleeps.
#[derive(Debug)]
pub struct Parker {
    thread: OnceLock<Thread>,
    sleeps: AtomicBool,
}

impl Parker {
    pub const fn new() -> Self {
        Self {
            thread: OnceLock::new(),
            sleeps: AtomicBool::new(false),
        }
    }

    /// Sleeps until it is woken, unless `ready` says that it need not. May wake without reason.
    pub fn park_unless(&self, ready: impl Fn() -> bool) {
        self.sleeps.store(true, Ordering::SeqCst);
        if !ready() {
            thread::park();
        }
        self.sleeps.store(false, Ordering::SeqCst);
    }

    /// Wakes the thread that sleeps here, if one does.
    pub fn unpark(&self) {
        if self.sleeps.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

/// Starts the thread of this number unless it runs; false where that is impossible.
pub fn start(number: usize, parker: &Parker) -> bool {
    if parker.thread.get().is_some() {
        return true;
    }
    let builder = thread::Builder::new().name(format!("nexttoken-{number}"));
    match builder.spawn(move || pool::serve(number)) {
        Ok(handle) => {
            // Another caller may have started one meanwhile; both then do the work of this number.
            let _ = parker.thread.set(handle.thread().clone());
            true
        }
        Err(_) => false,
    }
}

/// Lets other threads have this one's core.
pub fn yield_now() {
    thread::yield_now();
}
