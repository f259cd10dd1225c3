//! One piece of work for each thread: the parts of a batch, or windows of the held-out text.

/// Calls `work` for each of `workers`, each on a thread of its own.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn for_each_worker<T: Send>(workers: &mut [T], work: impl Fn(&mut T) + Sync) {
    let Some((first, others)) = workers.split_first_mut() else {
        return;
    };
    let work = &work;
    std::thread::scope(|scope| {
        for worker in others {
            scope.spawn(move || work(worker));
        }
        work(first);
    });
}

/// Calls `work` for each of `workers`, on the threads of the module.
#[cfg(target_arch = "wasm32")]
pub(super) fn for_each_worker<T: Send>(workers: &mut [T], work: impl Fn(&mut T) + Sync) {
    // The work takes far longer; from this on each worker is handed to a thread of its own.
    const NANOSECONDS: usize = 1_000_000;
    crate::kernels::threads::for_each_chunk(workers, 1, NANOSECONDS, |_, workers, _| {
        work(&mut workers[0]);
    });
}
