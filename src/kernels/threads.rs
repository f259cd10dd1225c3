//! Sharing the work of a kernel among threads.
//!
//! A kernel is cut into pieces, each of which computes what one thread alone would have computed there, so that results
//! do not depend on the number of threads.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Result;

// The packaging crate sets it for the trainer with threads: their part of training takes memory, that of the engine none.
#[cfg(nexttoken_locked_allocator)]
mod allocator;
mod auto;
#[cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "atomics")),
    path = "threads/alone.rs"
)]
mod pool;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
mod system;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;

/// The work of a kernel: computes a piece, on the thread of the given number.
type Work<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// The most threads that share work.
pub const MAX_THREADS: usize = 64;

/// The number of threads in use; one in a WebAssembly module without threads.
pub fn count() -> usize {
    pool::count()
}

/// Sets the number of threads that share the work of kernels from now on, in the whole process: from 1, as it is at
/// first, to 64. Results do not depend on it. Returns the number in use, which is lower where the system refuses to
/// start as many, and 1 in a WebAssembly module without threads.
pub fn set_count(threads: usize) -> usize {
    pool::set_count(threads)
}

/// Sets the number of threads as [`set_count`] does, for good.
pub fn fix_count(threads: usize) -> usize {
    auto::stop();
    set_count(threads)
}

pub use auto::{is_searching, record as record_decode_time, search as search_count};

/// Computes the pieces from 0 to `pieces` on all threads, and returns when they are done: `work(piece, thread)`, with
/// the number of the thread below [`MAX_THREADS`].
///
/// # Panics
/// Where a piece panics.
pub(super) fn run(pieces: usize, work: Work<'_>) {
    pool::run(pieces, work);
}

/// Computes pieces for ever, as the thread of this number, which the page has started on the memory of this module.
/// Returns at once in a module without threads.
#[cfg(target_arch = "wasm32")]
pub fn serve(number: usize) {
    pool::serve(number)
}

/// Says whether the thread that calls the module may wait for the others, as every thread but that of a page may.
#[cfg(target_arch = "wasm32")]
pub fn let_leader_wait(may: bool) {
    pool::let_leader_wait(may);
}

/// Says that a thread that the page started has ended in the midst of a piece: the next call that waits for it traps.
#[cfg(target_arch = "wasm32")]
pub fn break_off() {
    pool::break_off();
}

/// How many pieces each thread should find at least, so that a slow core does not hold up the others at the end.
const PIECES_PER_THREAD: usize = 4;
/// How many it should find at most, where they are long.
const MOST_PIECES_PER_THREAD: usize = 16;
/// The least time, in nanoseconds, that a piece should take: handing one to another thread takes about a tenth of it.
const SHORTEST_PIECE: usize = 2_000;
/// A piece that takes so many nanoseconds is long: no more than that should be waited for at the end.
const LONG_PIECE: usize = 20_000;

/// How many units of work to put in a piece, where there are `units` in all, each of which takes about `nanoseconds`:
/// all of them where sharing is not worth it, and otherwise a multiple of `multiple`.
pub(super) fn piece_size(units: usize, nanoseconds: usize, multiple: usize) -> usize {
    let threads = count();
    if threads == 1 || units * nanoseconds < 2 * SHORTEST_PIECE {
        return units.max(1);
    }
    let nanoseconds = nanoseconds.max(1);
    let even = |pieces: usize| units.div_ceil(threads * pieces);
    let short = LONG_PIECE
        .div_ceil(nanoseconds)
        .max(even(MOST_PIECES_PER_THREAD));
    let worth = SHORTEST_PIECE.div_ceil(nanoseconds);
    short
        .min(even(PIECES_PER_THREAD))
        .max(worth)
        .next_multiple_of(multiple)
}

/// Calls `work(index, chunk, thread)` for all whole chunks of `size` values of `data`, on all threads where that is worth it:
/// a chunk takes about `nanoseconds`.
///
/// # Panics
/// Where `work` panics.
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    size: usize,
    nanoseconds: usize,
    work: impl Fn(usize, &mut [T], usize) + Sync,
) {
    let per_piece = piece_size(data.len() / size, nanoseconds, 1);
    pool::for_each_chunk(data, size, per_piece, work);
}

/// Scratch memory of which each thread has its own.
#[derive(Debug, Default)]
pub struct PerThread<T>(Vec<Slot<T>>);

/// The memory of one thread. Not a `Mutex`, which in WebAssembly must not be used on a thread of the pool.
#[derive(Debug, Default)]
struct Slot<T> {
    value: UnsafeCell<T>,
    is_used: AtomicBool,
}

// SAFETY: only the holder of the one `Lent` accesses the value.
unsafe impl<T: Send> Sync for Slot<T> {}

/// The memory of a thread, while it is used.
#[derive(Debug)]
pub struct Lent<'a, T>(&'a Slot<T>);

impl<T: Default> PerThread<T> {
    /// Makes one for each thread in use, and prepares it.
    ///
    /// # Errors
    /// As `prepare`.
    pub fn prepare(&mut self, mut prepare: impl FnMut(&mut T) -> Result<()>) -> Result<()> {
        self.0.resize_with(count(), Slot::default);
        let each = self.0.iter_mut();
        each.map(|slot| slot.value.get_mut())
            .try_for_each(&mut prepare)
    }

    /// The scratch memory of the thread with this number.
    ///
    /// # Panics
    /// If it was never prepared.
    pub fn get(&self, thread: usize) -> Lent<'_, T> {
        // Where the number of threads has grown meanwhile, two of them take turns.
        let slot = &self.0[thread % self.0.len()];
        while slot.is_used.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        Lent(slot)
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: no other `Lent` of this slot exists.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: no other `Lent` of this slot exists.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        self.0.is_used.store(false, Ordering::Release);
    }
}

/// The outputs of matrix products, `[token][row]` for each, of which several threads write different rows.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    start: *mut f32,
    len: usize,
    rows: usize,
    values: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: threads access different rows, as `Output::part` demands.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    /// The outputs of products that lie one after the other; [`Output::product`] tells one of them.
    pub fn new(values: &'a mut [f32]) -> Self {
        Self {
            start: values.as_mut_ptr(),
            len: values.len(),
            rows: 0,
            values: std::marker::PhantomData,
        }
    }

    /// The output of a product with a matrix of so many rows, which begins at the value of this index.
    pub fn product(self, start: usize, rows: usize) -> Self {
        assert!(start <= self.len);
        Self {
            // SAFETY: within the values, or at their end.
            start: unsafe { self.start.add(start) },
            len: self.len - start,
            rows,
            ..self
        }
    }

    /// `count` rows of a token, from `first` on.
    ///
    /// # Safety
    /// Nothing else may access these rows while the slice is used.
    #[inline(always)]
    pub unsafe fn part(&self, token: usize, first: usize, count: usize) -> &'a mut [f32] {
        let at = token * self.rows + first;
        assert!(at + count <= self.len);
        // SAFETY: it lies in the slice, and nothing else accesses it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), count) }
    }
}
