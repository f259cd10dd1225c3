//! In place of the pool in a WebAssembly module without threads: the thread that calls does all the work.

use super::Work;

/// See [`super::count`].
pub fn count() -> usize {
    1
}

/// See [`super::set_count`].
pub fn set_count(_threads: usize) -> usize {
    1
}

/// See [`super::serve`].
pub fn serve(_number: usize) {}

/// See [`super::let_leader_wait`].
pub fn let_leader_wait(_may: bool) {}

/// See [`super::break_off`].
pub fn break_off() {}

/// See [`super::run`].
pub fn run(pieces: usize, work: Work<'_>) {
    for piece in 0..pieces {
        work(piece, 0);
    }
}

/// See [`super::for_each_chunk`].
pub fn for_each_chunk<T: Send>(
    data: &mut [T],
    size: usize,
    _per_piece: usize,
    work: impl Fn(usize, &mut [T], usize) + Sync,
) {
    for (index, chunk) in data.chunks_exact_mut(size).enumerate() {
        work(index, chunk, 0);
    }
}
