//! Threads: workers of the page in which the module runs on the same memory, see `src/js/threads.js`. In a module
//! without threads these functions do nothing.

use crate::Result;
use crate::allocation;
use crate::kernels::threads;
use wasm_bindgen::prelude::*;

/// Bytes of a thread's stack. What a kernel needs is a fraction of it, and so is what a step of training needs.
const STACK: usize = 256 << 10;
/// The alignment of a stack, in bytes.
const ALIGNMENT: usize = 16;

/// Takes the memory of a thread's stack, for good: the address of its end, from which it grows downwards.
#[wasm_bindgen]
pub fn thread_stack() -> Result<usize> {
    let stack = allocation::with_capacity::<u8>(STACK + ALIGNMENT)?;
    let start = stack.leak().as_ptr() as usize;
    Ok((start + STACK).next_multiple_of(ALIGNMENT))
}

/// Serves as the thread of a number from 1 on, without end. To be called in a worker of its own, whose instance of the
/// module has a stack of its own.
#[wasm_bindgen]
pub fn serve_thread(number: usize) {
    threads::serve(number);
}

/// Says that a thread has ended by a trap: the engine stops, because a part of its work will never be done.
#[wasm_bindgen]
pub fn thread_failed() {
    threads::break_off();
}

/// Sets the number of threads in use, from 1 to the number that serve, this one included; or with `auto` the most of
/// them, of which as many are used as turn out to be fastest. `may_wait` says whether this thread may wait for others,
/// as every thread but that of a page may.
#[wasm_bindgen]
pub fn set_threads(number: usize, auto: bool, may_wait: bool) {
    threads::let_leader_wait(may_wait);
    if auto {
        threads::search_count(number);
    } else {
        threads::fix_count(number);
    }
}
