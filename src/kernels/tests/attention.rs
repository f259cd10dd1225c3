//! Tests of attention.

use std::ops::Range;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{TestRandom, bits, on_every_backend};
use crate::kernels::attention_integers::*;
use crate::kernels::*;

#[test]
fn attention_equals_the_specification() {
    on_every_backend(|| {
        let mut random = TestRandom(6);
        for size in [2, 30, 32, 64, 100] {
            for positions in [1_usize, 2, 4, 17, 70] {
                let query = random.values(size);
                let keys = random.values(positions.next_multiple_of(4) * size);
                let values = random.values(positions * size);
                let (mut a, mut b) = (vec![0.0; positions], vec![0.0; positions]);
                scores(&query, &keys, 0.125, &mut a);
                scalar::scores(&query, &keys, 0.125, &mut b);
                assert_eq!(bits(&a), bits(&b));
                let (mut out, mut expected) = (vec![0.0; size], vec![0.0; size]);
                weighted_sum(&a, &values, &mut out);
                scalar::weighted_sum(&a, &values, &mut expected);
                assert_eq!(bits(&out), bits(&expected));
            }
        }
    });
}

/// Random integers of a cache: all of them within ±`limit`, often the extremes.
fn integers<T: Stored>(random: &mut TestRandom, len: usize) -> Vec<T> {
    let next = |_| {
        let any = random.next() as f32 / (1 << 23) as f32 - 1.0;
        let value = [1.0, -1.0, any, any, 0.0][random.next() as usize % 5];
        T::from_f32((value * T::QUANT_MAX).trunc())
    };
    (0..len).map(next).collect()
}

type WeightedSum<T> = fn(&[f32], &[T], &[f32], usize, &mut [f32], usize);

fn integer_attention_equals_the_specification<T: Stored>(
    scores: fn(&Heads, &[T], &[f32], &mut [f32]),
    weighted_sum: WeightedSum<T>,
) {
    let mut random = TestRandom(7);
    for padded in [4, 32, 60, 64, 100] {
        for positions in [1_usize, 2, 4, 17, 70, 301] {
            let heads = 1 + positions % 3;
            let all = positions.next_multiple_of(4);
            let (keys, values) = (
                integers::<T>(&mut random, all * padded),
                integers::<T>(&mut random, all * padded),
            );
            let (queries, factors) = (
                integers::<i16>(&mut random, heads * padded),
                random.values(heads * padded.div_ceil(32)),
            );
            let scales = random.values(all * padded.div_ceil(32));
            let queries = Heads {
                queries: &queries,
                factors: &factors,
                padded,
                positions,
            };
            let (mut a, mut b) = (vec![0.0; heads * positions], vec![0.0; heads * positions]);
            scores(&queries, &keys, &scales, &mut a);
            scalar::scores_integer(&queries, &keys, &scales, &mut b);
            assert_eq!(
                bits(&a),
                bits(&b),
                "{padded} dimensions, {positions} positions"
            );
            let (mut out, mut expected) = (vec![1.0; heads * padded], vec![2.0; heads * padded]);
            weighted_sum(&a, &values, &scales, positions, &mut out, padded);
            scalar::weighted_sum_integer(&a, &values, &scales, positions, &mut expected, padded);
            assert_eq!(
                bits(&out),
                bits(&expected),
                "{padded} dimensions, {positions} positions"
            );
        }
    }
}

#[test]
fn attention_over_integers_equals_the_specification() {
    on_every_backend(|| {
        integer_attention_equals_the_specification::<i16>(scores_i16, weighted_sum_i16);
        integer_attention_equals_the_specification::<i8>(scores_i8, weighted_sum_i8);
        let mut random = TestRandom(8);
        for len in [1, 8, 31, 32, 77] {
            for extreme in [0.0, 1e-38, f32::INFINITY, f32::NAN] {
                let mut x = random.values(len);
                x[len / 2] = extreme;
                let (mut a, mut b) = (vec![0; len], vec![0; len]);
                let scales = (quantize_i16(&x, &mut a), scalar::quantize_i16(&x, &mut b));
                assert_eq!((a, scales.0.to_bits()), (b, scales.1.to_bits()));
            }
        }
    });
}

/// Every type of cache against attention in double precision, over all positions and over a window, with
/// scores as they are and capped, and with attention sinks.
#[test]
fn attention_is_a_weighted_mean_of_values() {
    on_every_backend(|| {
        for (kind, tolerance) in [
            (CacheType::F32, 1e-5),
            (CacheType::Q16, 1e-3),
            (CacheType::Q8, 0.05),
        ] {
            for (size, first, end) in [(6, 0, 1), (32, 0, 5), (64, 0, 300), (30, 5, 40), (64, 8, 9)]
            {
                for (cap, sinks) in [(None, &[][..]), (Some(1.5), &[]), (None, &[0.7, -2.0])] {
                    let scoring = Scoring {
                        factor: 0.3,
                        cap,
                        sinks,
                    };
                    let error = attention_error(kind, size, first..end, scoring);
                    assert!(error < tolerance, "{kind:?}, {first}..{end}: {error}");
                }
            }
        }
    });
}

fn attention_error(kind: CacheType, size: usize, window: Range<usize>, scoring: Scoring) -> f64 {
    let mut random = TestRandom(9);
    let mut rows = |count: usize| -> Vec<Vec<f32>> {
        let mut value = |_| random.next() as f32 / (1 << 23) as f32 - 1.0;
        (0..count)
            .map(|_| (0..size).map(&mut value).collect())
            .collect()
    };
    let (keys, values, queries) = (rows(window.end), rows(window.end), rows(2));
    let mut cache = HeadCache::new(kind, size);
    cache.reserve(window.end.next_multiple_of(4)).unwrap();
    for (position, (key, value)) in keys.iter().zip(&values).enumerate() {
        cache.store(position, key, value);
    }
    let mut scratch = AttentionScratch::default();
    scratch.prepare(2, size, window.end).unwrap();
    let mut out = vec![0.0; 2 * size];
    let all = queries.concat();
    attend(
        &cache,
        &all,
        window.clone(),
        scoring,
        &mut scratch,
        &mut out,
    );
    let (keys, values) = (&keys[window.clone()], &values[window]);
    let mut largest: f64 = 0.0;
    for (head, (query, out)) in queries.iter().zip(out.chunks(size)).enumerate() {
        let weight = |key: &Vec<f32>| -> f64 {
            let products = key
                .iter()
                .zip(query)
                .map(|(k, q)| f64::from(*k) * f64::from(*q));
            let score = f64::from(scoring.factor) * products.sum::<f64>();
            scoring
                .cap
                .map_or(score, |cap| {
                    f64::from(cap) * (score / f64::from(cap)).tanh()
                })
                .exp()
        };
        let weights: Vec<f64> = keys.iter().map(weight).collect();
        let sink = scoring.sinks.get(head).map(|sink| f64::from(*sink).exp());
        let total = weights.iter().sum::<f64>() + sink.unwrap_or(0.0);
        for (d, out) in out.iter().enumerate() {
            let products = weights.iter().zip(values).map(|(w, v)| w * f64::from(v[d]));
            let mean = products.sum::<f64>() / total;
            largest = largest.max((f64::from(*out) - mean).abs());
        }
    }
    largest
}
