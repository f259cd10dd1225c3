//! The allocator of a module whose threads take memory. That of the standard library, which is compiled without threads,
//! is used by one of them at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

#[global_allocator]
static ALLOCATOR: OneAtATime = OneAtATime {
    is_used: AtomicBool::new(false),
};

struct OneAtATime {
    is_used: AtomicBool,
}

impl OneAtATime {
    /// Does something while no other thread uses the allocator.
    fn alone<T>(&self, something: impl FnOnce() -> T) -> T {
        while self.is_used.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let result = something();
        self.is_used.store(false, Ordering::Release);
        result
    }
}

// SAFETY: every call is passed on to `System` as it is. The lock only keeps two calls from running at the same time.
unsafe impl GlobalAlloc for OneAtATime {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.alone(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.alone(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        self.alone(|| unsafe { System.realloc(start, layout, size) })
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        self.alone(|| unsafe { System.dealloc(start, layout) });
    }
}
