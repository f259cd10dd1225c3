//! Tests of the pool.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;
use crate::kernels::tests::{activations, bits, matrix};
use crate::kernels::{linear, linear_each, softmax};
use crate::quant::TensorType;
use crate::test_random::TestRandom;

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

#[test]
fn products_with_one_input_equal_each_by_itself() {
    let _alone = ALONE.lock().unwrap();
    let mut random = TestRandom(3);
    let shapes = [
        (TensorType::Q4_1, 70),
        (TensorType::Q8_0, 200),
        (TensorType::F32, 3),
    ];
    let matrices = shapes.map(|(kind, rows)| matrix(kind, rows, 256, &mut random));
    for tokens in [1, 2, 67] {
        let values = random.values(tokens * 256);
        let mut expected = Vec::new();
        for matrix in &matrices {
            let mut y = vec![0.0; tokens * matrix.rows()];
            linear(matrix, &mut activations(tokens, 256, &values), &mut y);
            expected.extend(y);
        }
        for threads in [1, 2, 5] {
            set_count(threads);
            let mut y = vec![f32::NAN; expected.len()];
            let mut x = activations(tokens, 256, &values);
            linear_each(&matrices.each_ref(), &mut x, &mut y);
            assert_eq!(
                bits(&y),
                bits(&expected),
                "{tokens} tokens, {threads} threads"
            );
        }
        set_count(1);
    }
}

#[test]
fn a_softmax_is_the_same_on_any_number_of_threads() {
    let _alone = ALONE.lock().unwrap();
    let mut random = TestRandom(4);
    for len in [100, 2048, 50_003] {
        let values = random.values(len);
        let mut expected = values.clone();
        let log_sum = softmax(&mut expected);
        for threads in [2, 5] {
            set_count(threads);
            let mut weights = values.clone();
            assert_eq!(softmax(&mut weights).to_bits(), log_sum.to_bits());
            assert_eq!(bits(&weights), bits(&expected), "{len}, {threads} threads");
        }
        set_count(1);
    }
}

#[test]
fn pieces_are_many_but_not_short() {
    let _alone = ALONE.lock().unwrap();
    set_count(4);
    // Units, nanoseconds of each, multiple, and the size of a piece.
    for (units, nanoseconds, multiple, size) in [
        // Not worth sharing.
        (100, 10, 1, 100),
        // As short as is worth it.
        (1_000, 10, 1, 200),
        // Four for each thread.
        (1_000, 100, 1, 63),
        (1_000, 100, 8, 64),
        // Longer ones are cut further, until they take 20 microseconds, or each thread has sixteen.
        (1_000, 500, 1, 40),
        (1_000, 10_000, 1, 16),
        (3, 1_000_000, 1, 1),
    ] {
        let actual = piece_size(units, nanoseconds, multiple);
        assert_eq!(actual, size, "{units} × {nanoseconds} ns");
    }
    set_count(1);
}
