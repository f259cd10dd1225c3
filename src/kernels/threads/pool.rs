//! The pool: threads that claim pieces of a kernel one by one, because processors have unequal cores. A thread without
//! work spins for a moment, since the next kernel follows within microseconds, and sleeps after that.
//!
//! There is one pool in a process. Whoever calls [`run`] leads it until the kernel is done; where another thread leads
//! it at that time, the caller does its work alone.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

#[cfg(target_arch = "wasm32")]
pub use super::system::let_leader_wait;
use super::system::{self, Parker};
use super::{MAX_THREADS, Work};

/// The most pieces that a kernel is cut into.
pub const MAX_PIECES: usize = 1 << 12;
/// How often a thread without work looks for some before it sleeps: for half a millisecond. To be woken takes as long as
/// several kernels, so that it should not sleep between two of a token.
const SPINS: u32 = system::LOOKS_PER_MILLISECOND / 2;
/// How often the leader looks whether the others are done before it lets them have its core.
const PATIENCE: u32 = system::LOOKS_PER_MILLISECOND / 10;

/// The pieces of work that a thread can claim next. All that belongs to it is packed into one number, so that a thread
/// sees and changes it at once. From the lowest bit on: 16 bits for the index of the next piece, 16 for how many pieces
/// there are, 32 for the number of the kernel.
static CLAIMS: OwnLine<AtomicU64> = OwnLine(AtomicU64::new(0));
/// How many pieces of the kernel are done.
static DONE: OwnLine<AtomicUsize> = OwnLine(AtomicUsize::new(0));
/// The work of the kernel that is being computed.
static WORK: Published = Published(UnsafeCell::new(None));
/// Whether a thread leads the pool.
static LED: AtomicBool = AtomicBool::new(false);
/// Whether a piece has panicked.
static PANICKED: AtomicBool = AtomicBool::new(false);
/// Whether a thread has ended in the midst of a piece, which will never be done.
static BROKEN: AtomicBool = AtomicBool::new(false);
/// Threads in use, the leader among them.
static COUNT: AtomicUsize = AtomicUsize::new(1);
/// Where the threads of the pool sleep. The first is the leader's, which is never woken.
static PARKERS: [Parker; MAX_THREADS] = [const { Parker::new() }; MAX_THREADS];
/// The threads of the pool that sleep.
static SLEEPERS: AtomicU32 = AtomicU32::new(0);

/// A value with cache lines of its own, two because processors fetch them in pairs: threads that look for work would
/// otherwise take the line away from those that count what is done.
#[repr(align(128))]
struct OwnLine<T>(T);

struct Published(UnsafeCell<Option<Work<'static>>>);

// SAFETY: it is written by the leader alone, while no piece can be claimed, and read by threads that have claimed one.
unsafe impl Sync for Published {}

/// The number of threads in use.
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// See [`super::set_count`].
pub fn set_count(threads: usize) -> usize {
    let mut threads = threads.clamp(1, MAX_THREADS);
    for (number, parker) in PARKERS.iter().enumerate().take(threads).skip(1) {
        if !system::start(number, parker) {
            threads = number;
            break;
        }
    }
    COUNT.store(threads, Ordering::Relaxed);
    threads
}

/// Claims pieces for ever, as the thread of this number.
pub fn serve(number: usize) -> ! {
    loop {
        if number < count() {
            compute_all(number);
        }
        wait(number);
    }
}

/// Waits until there may be a piece to claim.
fn wait(number: usize) {
    for _ in 0..SPINS {
        if number < count() && is_claimable(CLAIMS.0.load(Ordering::Relaxed)) {
            return;
        }
        std::hint::spin_loop();
    }
    SLEEPERS.fetch_add(1, Ordering::SeqCst);
    // Looks once more before it sleeps: the leader may have looked for sleepers just before.
    PARKERS[number]
        .park_unless(|| number < count() && is_claimable(CLAIMS.0.load(Ordering::SeqCst)));
    SLEEPERS.fetch_sub(1, Ordering::SeqCst);
}

/// Says that a thread has ended in the midst of a piece. The kernel that is being computed panics.
#[cfg(target_arch = "wasm32")]
pub fn break_off() {
    BROKEN.store(true, Ordering::Relaxed);
}

fn next_and_pieces(claims: u64) -> (usize, usize) {
    ((claims & 0xffff) as usize, (claims >> 16 & 0xffff) as usize)
}

fn is_claimable(claims: u64) -> bool {
    let (next, pieces) = next_and_pieces(claims);
    next < pieces
}

/// Claims a piece that no other thread computes.
fn claim() -> Option<usize> {
    // Without this look, threads that find nothing would count up for ever.
    if !is_claimable(CLAIMS.0.load(Ordering::Relaxed)) {
        return None;
    }
    let (next, pieces) = next_and_pieces(CLAIMS.0.fetch_add(1, Ordering::AcqRel));
    (next < pieces).then_some(next)
}

/// Claims pieces and computes them until none is left to claim.
fn compute_all(number: usize) {
    let mut done = 0;
    while let Some(piece) = claim() {
        compute(piece, number);
        done += 1;
    }
    // Counted once: many threads that write to one line of memory hold each other up.
    if done > 0 {
        DONE.0.fetch_add(done, Ordering::Release);
    }
}

/// Computes a piece that was claimed.
fn compute(piece: usize, number: usize) {
    // SAFETY: the leader wrote it before the piece could be claimed, and waits for the piece before it returns.
    let work = unsafe { *WORK.0.get() };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if let Some(work) = work {
            work(piece, number);
        }
    }));
    if outcome.is_err() {
        PANICKED.store(true, Ordering::Relaxed);
    }
}

/// Computes the pieces from 0 to `pieces` on all threads, and returns when they are done: `work(piece, thread)`, with
/// the number of the thread below [`MAX_THREADS`].
///
/// # Panics
/// Where a piece panics.
pub fn run(pieces: usize, work: Work<'_>) {
    let alone = pieces <= 1 || pieces > MAX_PIECES || count() == 1;
    if alone || LED.swap(true, Ordering::Acquire) {
        for piece in 0..pieces {
            work(piece, 0);
        }
        return;
    }
    assert!(!BROKEN.load(Ordering::Relaxed), "a thread has ended");
    // SAFETY: only the lifetime changes. No thread uses the work after this function has returned, because all pieces
    // are done then and none can be claimed. No piece of the kernel before is left, so that no thread reads.
    unsafe { *WORK.0.get() = Some(std::mem::transmute::<Work<'_>, Work<'static>>(work)) };
    DONE.0.store(0, Ordering::Relaxed);
    let kernel = (CLAIMS.0.load(Ordering::Relaxed) >> 32).wrapping_add(1);
    CLAIMS
        .0
        .store(kernel << 32 | (pieces as u64) << 16, Ordering::SeqCst);
    wake();
    compute_all(0);
    let mut looks = 0_u32;
    while DONE.0.load(Ordering::Acquire) < pieces {
        looks += 1;
        if looks < PATIENCE {
            std::hint::spin_loop();
        } else {
            assert!(!BROKEN.load(Ordering::Relaxed), "a thread has ended");
            system::yield_now();
        }
    }
    let panicked = PANICKED.swap(false, Ordering::Relaxed);
    LED.store(false, Ordering::Release);
    assert!(!panicked, "a piece of a kernel panicked");
}

/// Wakes the threads that sleep.
fn wake() {
    if SLEEPERS.load(Ordering::SeqCst) == 0 {
        return;
    }
    PARKERS[1..count()].iter().for_each(Parker::unpark);
}

/// Calls `work` for each chunk of `size` values, with so many chunks in a piece; see [`super::for_each_chunk`].
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    size: usize,
    per_piece: usize,
    work: impl Fn(usize, &mut [T], usize) + Sync,
) {
    let (chunks, start) = (data.len() / size, Start(data.as_mut_ptr()));
    run(chunks.div_ceil(per_piece), &|piece, thread| {
        let first = piece * per_piece;
        for index in first..chunks.min(first + per_piece) {
            // SAFETY: the chunk lies in `data`, and belongs to this piece alone.
            let chunk = unsafe { std::slice::from_raw_parts_mut(start.at(index * size), size) };
            work(index, chunk, thread);
        }
    });
}

/// Where a slice begins of which several threads write different parts.
struct Start<T>(*mut T);

// SAFETY: the threads access different parts, whose values may be sent to them.
unsafe impl<T: Send> Sync for Start<T> {}

impl<T> Start<T> {
    /// The address of the value of this index.
    ///
    /// # Safety
    /// The value must lie in the slice.
    unsafe fn at(&self, index: usize) -> *mut T {
        // SAFETY: as the caller promises.
        unsafe { self.0.add(index) }
    }
}
