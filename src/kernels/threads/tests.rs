//! Tests of the pool.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;

/// The pool is one for all tests.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn every_piece_is_computed_once() {
    let _alone = ALONE.lock().unwrap();
    for threads in [1, 2, 3, 8] {
        assert_eq!(set_count(threads), threads);
        for pieces in [0, 1, 2, 7, 100, pool::MAX_PIECES, pool::MAX_PIECES + 1] {
            let counts: Vec<AtomicU32> = (0..pieces).map(|_| AtomicU32::new(0)).collect();
            run(pieces, &|piece, thread| {
                assert!(thread < threads);
                counts[piece].fetch_add(1, Ordering::Relaxed);
            });
            assert!(
                counts
                    .iter()
                    .all(|count| count.load(Ordering::Relaxed) == 1)
            );
        }
    }
    set_count(1);
}

#[test]
fn kernels_follow_each_other_at_once_or_after_a_sleep() {
    let _alone = ALONE.lock().unwrap();
    set_count(3);
    let mut data = vec![0_u64; 64];
    for round in 0..2_000 {
        for_each_chunk(&mut data, 4, SHORTEST_PIECE, |index, chunk, _| {
            for value in chunk {
                *value += index as u64;
            }
        });
        if round % 500 == 0 {
            thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    set_count(1);
    let expected: Vec<u64> = (0..64).map(|at| 2_000 * (at / 4)).collect();
    assert_eq!(data, expected);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
    let _alone = ALONE.lock().unwrap();
    set_count(2);
    let panic = std::panic::catch_unwind(|| {
        run(8, &|piece, _| assert!(piece != 5, "the sixth piece"));
    });
    assert!(panic.is_err());
    let done = AtomicU32::new(0);
    run(8, &|_, _| {
        done.fetch_add(1, Ordering::Relaxed);
    });
    set_count(1);
    assert_eq!(done.into_inner(), 8);
}

#[test]
fn two_leaders_do_not_disturb_each_other() {
    let _alone = ALONE.lock().unwrap();
    set_count(3);
    thread::scope(|scope| {
        for leader in 0..4_u64 {
            scope.spawn(move || {
                for _ in 0..500 {
                    let mut data = vec![leader; 100];
                    for_each_chunk(&mut data, 5, SHORTEST_PIECE, |_, chunk, _| {
                        chunk.iter_mut().for_each(|value| *value += 1);
                    });
                    assert!(data.iter().all(|value| *value == leader + 1));
                }
            });
        }
    });
    set_count(1);
}
