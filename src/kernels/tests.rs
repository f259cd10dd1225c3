//! Tests of every SIMD kernel against the specification, bit for bit, over random values and odd sizes, on every
//! backend that this machine can run.

use super::*;
use std::cell::Cell;

use crate::quant::{MatrixBuilder, TensorType, f32_to_f16, quantize};
use crate::test_random::TestRandom;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod attention;

thread_local! {
    /// The backend of this thread's kernels, where a test has chosen one.
    pub(super) static CHOSEN: Cell<Option<Backend>> = const { Cell::new(None) };
}

/// Runs a test on every backend of this machine: the best one is what users get, and the others are what users
/// of other machines get.
fn on_every_backend(test: impl Fn()) {
    for backend in Backend::ALL.iter().filter(|backend| backend.is_there()) {
        CHOSEN.set(Some(*backend));
        // Shown where the test fails.
        println!("backend {}", super::backend());
        test();
    }
    CHOSEN.set(None);
}

#[test]
fn the_best_backend_is_in_use() {
    let best = backend();
    let mut all = Vec::new();
    for chosen in Backend::ALL.iter().filter(|backend| backend.is_there()) {
        CHOSEN.set(Some(*chosen));
        all.push(backend());
    }
    CHOSEN.set(None);
    assert_eq!((all.first(), all.last()), (Some(&best), Some(&"scalar")));
}

/// The specification of [`linear`].
fn specification(matrix: &Matrix, x: &Activations, y: &mut [f32]) {
    let groups = matrix.rows().div_ceil(TILE_ROWS);
    scalar::linear(
        matrix,
        0..groups,
        x,
        Output::new(y).product(0, matrix.rows()),
    );
}

impl TestRandom {
    /// Values of both signs over several magnitudes, zeros among them.
    pub(super) fn values(&mut self, len: usize) -> Vec<f32> {
        (0..len)
            .map(|_| {
                let magnitude = [0.0, 0.001, 1.0, 1.0, 30.0][self.next() as usize % 5];
                (self.next() as f32 / (1 << 23) as f32 - 1.0) * magnitude
            })
            .collect()
    }
}

const QUANTIZED: [TensorType; 5] = [
    TensorType::Q4_0,
    TensorType::Q4_1,
    TensorType::Q5_0,
    TensorType::Q5_1,
    TensorType::Q8_0,
];
const FLOATS: [TensorType; 3] = [TensorType::F32, TensorType::F16, TensorType::BF16];
/// The types that `quantize` cannot produce, and where the f16 numbers of a block lie; [`tame`] sets other scales.
const BLOCKS: [(TensorType, &[usize]); 20] = [
    (TensorType::Q2K, &[80, 82]),
    (TensorType::Q3K, &[108]),
    (TensorType::Q4K, &[0, 2]),
    (TensorType::Q5K, &[0, 2]),
    (TensorType::Q6K, &[208]),
    (TensorType::IQ4NL, &[0]),
    (TensorType::IQ4XS, &[0]),
    (TensorType::TQ1_0, &[52]),
    (TensorType::TQ2_0, &[64]),
    (TensorType::Q1_0, &[0]),
    (TensorType::Q2_0, &[0]),
    (TensorType::MXFP4, &[]),
    (TensorType::NVFP4, &[]),
    (TensorType::IQ1S, &[0]),
    (TensorType::IQ1M, &[]),
    (TensorType::IQ2XXS, &[0]),
    (TensorType::IQ2XS, &[0]),
    (TensorType::IQ2S, &[0]),
    (TensorType::IQ3XXS, &[0]),
    (TensorType::IQ3S, &[0]),
];

/// Makes the scale of a block of random bits one of usual size, where it is no f16 in two bytes.
fn tame(kind: TensorType, block: &mut [u8]) {
    match kind {
        // A power of two from 2⁻¹⁶ to 2⁻¹.
        TensorType::MXFP4 => block[0] = 111 + block[0] % 16,
        // The sign and the upper bits of the exponent of an f16.
        TensorType::IQ1M => block[55] = block[55] & 15 | 0x20,
        _ => {}
    }
}

pub(super) fn matrix(
    kind: TensorType,
    rows: usize,
    cols: usize,
    random: &mut TestRandom,
) -> Matrix {
    let mut bytes = Vec::new();
    if let Some((_, halves)) = BLOCKS.iter().find(|(other, _)| *other == kind) {
        let blocks = rows * cols / kind.block_len();
        bytes.extend((0..blocks * kind.block_bytes()).map(|_| random.next() as u8));
        for block in bytes.chunks_exact_mut(kind.block_bytes()) {
            for at in *halves {
                let half = f32_to_f16(random.values(1)[0] / 1000.0);
                block[*at..at + 2].copy_from_slice(&half.to_le_bytes());
            }
            tame(kind, block);
        }
    } else {
        quantize(kind, &random.values(rows * cols), &mut bytes).unwrap();
    }
    let mut builder = MatrixBuilder::new("test", kind, rows, cols).unwrap();
    // In odd pieces, as a network delivers them.
    bytes.chunks(97).for_each(|chunk| builder.push(chunk));
    builder.finish().unwrap()
}

pub(super) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

pub(super) fn activations(tokens: usize, cols: usize, values: &[f32]) -> Activations {
    let mut x = Activations::default();
    x.prepare(tokens, cols).unwrap().copy_from_slice(values);
    x
}

/// Numbers of rows and of tokens: one token, few, and many.
const SHAPES: [(usize, usize); 9] = [
    (1, 1),
    (4, 1),
    (137, 1),
    (7, 2),
    (70, 3),
    (19, 5),
    (23, 6),
    (41, 7),
    (33, 67),
];

#[test]
fn products_equal_the_specification() {
    on_every_backend(|| {
        let mut random = TestRandom(1);
        let blocks = BLOCKS.map(|(kind, _)| kind);
        for (kinds, sizes) in [
            (&QUANTIZED[..], [32, 96, 288]),
            (&FLOATS[..], [1, 37, 130]),
            (&blocks[..], [256, 512, 768]),
            // Its blocks are shorter, so that a row can have an odd number of tiles.
            (&[TensorType::Q1_0], [128, 384, 640]),
            (&[TensorType::Q2_0, TensorType::NVFP4], [64, 192, 320]),
            (&[TensorType::MXFP4], [32, 96, 288]),
        ] {
            for &kind in kinds {
                for cols in sizes {
                    for (rows, tokens) in SHAPES {
                        let w = matrix(kind, rows, cols, &mut random);
                        let mut x = activations(tokens, cols, &random.values(tokens * cols));
                        let place = format!("{kind:?} {rows}×{cols}, {tokens} tokens");
                        products_equal(&w, &mut x, &place);
                    }
                }
            }
        }
    });
}

/// Compares every way in which this machine can compute a product with the specification.
fn products_equal(w: &Matrix, x: &mut Activations, place: &str) {
    let mut expected = vec![0.0; w.rows() * x.tokens()];
    let mut y = expected.clone();
    linear(w, x, &mut y);
    specification(w, x, &mut expected);
    assert_eq!(bits(&y), bits(&expected), "{place}");
    // The scalar backend does not pack activations, as these want them.
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    if Backend::detect() == Backend::Wasm {
        use isa::wasm::{Dot2, Dot4, Wasm};
        let groups = w.rows().div_ceil(TILE_ROWS);
        y.fill(f32::NAN);
        // SAFETY: the whole module is compiled for these instructions.
        unsafe {
            simd::linear::<Wasm<Dot4>>(w, 0..groups, x, Output::new(&mut y).product(0, w.rows()))
        };
        assert_eq!(bits(&y), bits(&expected), "{place}, Dot4");
        y.fill(f32::NAN);
        // SAFETY: as above.
        unsafe {
            simd::linear::<Wasm<Dot2>>(w, 0..groups, x, Output::new(&mut y).product(0, w.rows()))
        };
        assert_eq!(bits(&y), bits(&expected), "{place}, Dot2");
    }
}

/// Extreme bytes: the largest weights of either sign, negative scales, subnormal and infinite halves.
#[test]
fn products_of_extreme_blocks_equal_the_specification() {
    on_every_backend(|| {
        let mut random = TestRandom(2);
        for kind in QUANTIZED.into_iter().chain(BLOCKS.map(|(kind, _)| kind)) {
            let cols = kind.block_len().max(64);
            for _ in 0..20 {
                let len = 8 * cols / kind.block_len() * kind.block_bytes();
                let bytes: Vec<u8> = (0..len)
                    .map(|_| {
                        [0x80, 0x7f, 0xff, 0x00, 0x81, random.next() as u8]
                            [random.next() as usize % 6]
                    })
                    .collect();
                let mut builder = MatrixBuilder::new("test", kind, 8, cols).unwrap();
                builder.push(&bytes);
                let w = builder.finish().unwrap();
                for tokens in [1, 3] {
                    let values: Vec<f32> = (0..cols * tokens)
                        .map(|_| [1.0, -1.0, 1e30, 1e-35, 0.0][random.next() as usize % 5])
                        .collect();
                    let mut x = activations(tokens, cols, &values);
                    products_equal(&w, &mut x, &format!("{kind:?}"));
                }
            }
        }
    });
}

/// The specification itself, against plain sums of dequantised weights times activations: with the exact activations,
/// and with the quantised ones, where only the order of the sums differs.
#[test]
fn the_specification_is_a_matrix_product() {
    let mut random = TestRandom(3);
    let kinds = QUANTIZED.into_iter().chain(FLOATS);
    for kind in kinds.chain(BLOCKS.map(|(kind, _)| kind)) {
        let (rows, cols) = (9, if kind.block_len() > 32 { 512 } else { 96 });
        let w = matrix(kind, rows, cols, &mut random);
        let values = random.values(cols);
        let mut x = activations(1, cols, &values);
        x.quantize(w.format().is_signed());
        let mut y = vec![0.0; rows];
        specification(&w, &x, &mut y);
        let mut weights = vec![0.0; cols];
        for (row, y) in y.iter().enumerate() {
            w.dequantize_row(row, &mut weights);
            let product = |x: &[f32]| -> f64 {
                let pairs = weights.iter().zip(x);
                pairs.map(|(w, x)| f64::from(*w) * f64::from(*x)).sum()
            };
            let pairs = || weights.iter().zip(&values);
            let exact = product(&values);
            // Rounding can cost half a step of a block's activations, times its weights.
            let blocks = weights.chunks(32).zip(values.chunks(32));
            let rounding: f64 = blocks
                .map(|(w, x)| {
                    let largest = x.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                    let weights: f32 = w.iter().map(|w| w.abs()).sum();
                    f64::from(largest / 254.0 * weights)
                })
                .sum();
            let size: f64 = pairs().map(|(w, x)| f64::from(w * x).abs()).sum();
            let steps = if kind.block_len() == 1 { 0.0 } else { rounding };
            let tolerance = steps + 1e-3 * size;
            assert!(
                (f64::from(*y) - exact).abs() <= tolerance,
                "{kind:?} {y} {exact}"
            );
            if w.format().is_quantized() {
                let steps =
                    |block: &activations::Block| block.q.map(|q| f32::from(q) * block.scale);
                let rounded: Vec<f32> = x.blocks.iter().flat_map(steps).collect();
                let exact = product(&rounded);
                let close = (f64::from(*y) - exact).abs() <= 1e-6 * size;
                assert!(close, "{kind:?} {y} {exact}");
            }
        }
    }
}

#[test]
fn elementwise_kernels_equal_the_specification() {
    on_every_backend(|| {
        let mut random = TestRandom(4);
        for len in [1, 2, 3, 4, 7, 32, 64, 129] {
            let (x, y) = (random.values(len), random.values(len));
            assert_eq!(
                sum_of_squares(&x).to_bits(),
                scalar::sum_of_squares(&x).to_bits()
            );
            assert_eq!(largest(&x).to_bits(), scalar::largest(&x).to_bits());
            let both = |simd: &dyn Fn(&mut [f32]), scalar: &dyn Fn(&mut [f32])| {
                let (mut a, mut b) = (x.clone(), x.clone());
                simd(&mut a);
                scalar(&mut b);
                assert_eq!(bits(&a), bits(&b), "length {len}");
            };
            both(&|a| add(a, &y), &|b| scalar::add(b, &y));
            both(&|a| scale(a, 0.37), &|b| scalar::scale(b, 0.37));
            both(&|a| silu_mul(a, &y), &|b| scalar::silu_mul(b, &y));
            both(&|a| _ = exp_sub_sum(a, 3.0), &|b| {
                _ = scalar::exp_sub_sum(b, 3.0)
            });
            both(&|a| scale_by(&x, 1.7, &y, a), &|b| {
                scalar::scale_by(&x, 1.7, &y, b)
            });
            both(&gelu, &scalar::gelu);
            both(&|a| gelu_mul(a, &y), &|b| scalar::gelu_mul(b, &y));
            both(&|a| soft_cap(a, 2.5), &|b| scalar::soft_cap(b, 2.5));
            both(&|a| layer_norm(&x, &y, None, 1e-5, a), &|b| {
                scalar::layer_norm(&x, &y, 1e-5, b)
            });
            if len % 2 == 0 {
                both(&|a| rotate_halves(a, &y, &x), &|b| {
                    scalar::rotate_halves(b, &y, &x)
                });
                both(&|a| rotate_pairs(a, &y, &y), &|b| {
                    scalar::rotate_pairs(b, &y, &y)
                });
            }
            let (mut a, mut b) = (x.clone(), x.clone());
            assert_eq!(
                exp_sub_sum(&mut a, 2.0).to_bits(),
                scalar::exp_sub_sum(&mut b, 2.0).to_bits()
            );
        }
    });
}

/// The specification of norms, activations and caps, against double precision.
#[test]
fn elementwise_kernels_are_what_they_say() {
    on_every_backend(|| {
        let values: Vec<f32> = (-120..=120).map(|i| i as f32 / 10.0).collect();
        let (mut gelus, mut capped) = (values.clone(), values.clone());
        gelu(&mut gelus);
        soft_cap(&mut capped, 5.0);
        let (mut gates, ups) = (values.clone(), values.iter().rev().copied());
        clamped_swiglu(&mut gates, &ups.clone().collect::<Vec<_>>());
        for ((x, up), gate) in values.iter().zip(ups).zip(gates) {
            let (x, y) = (f64::from(x.min(7.0)), f64::from(up.clamp(-7.0, 7.0)));
            let exact = x / (1.0 + (-1.702 * x).exp()) * (y + 1.0);
            // The exponent, at most 20.4, is the product of two numbers of 24 bits, and has 24 itself.
            assert!((f64::from(gate) - exact).abs() <= 3e-6 * exact.abs());
        }
        for ((x, gelu), capped) in values.iter().zip(gelus).zip(capped) {
            let x = f64::from(*x);
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            let exact = 0.5 * x * (1.0 + inner.tanh());
            // Rounded to eleven bits twice; the slope is at most 1.13.
            assert!((f64::from(gelu) - exact).abs() <= 2.13 * x.abs() / 2048.0 + 1e-6);
            assert!((f64::from(capped) - 5.0 * (x / 5.0).tanh()).abs() < 2e-6);
        }
        let weight = vec![2.0; values.len()];
        let (bias, mut normed) = (vec![1.0; values.len()], vec![0.0; values.len()]);
        let shifted: Vec<f32> = values.iter().map(|x| x + 3.0).collect();
        layer_norm(&shifted, &weight, Some(&bias), 0.0, &mut normed);
        let variance: f64 = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 241.0;
        for (x, normed) in values.iter().zip(normed) {
            let exact = 1.0 + 2.0 * f64::from(*x) / variance.sqrt();
            assert!((f64::from(normed) - exact).abs() < 1e-5);
        }
        let mut gelus = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1e30, 50.0];
        gelu(&mut gelus);
        assert!(gelus[0].is_nan() && gelus[1] == f32::INFINITY && gelus[4] == 50.0);
        assert!(gelus[2].abs() < 1e-30 && gelus[3].abs() < 1e-30);
        // A quarter turn takes the first half to the second.
        let mut x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        rotate_halves(&mut x, &[0.0; 3], &[1.0; 3]);
        assert_eq!(x, [-4.0, -5.0, -6.0, 1.0, 2.0, 3.0]);
    });
}

#[test]
fn quantised_activations_equal_the_specification() {
    on_every_backend(|| {
        let mut random = TestRandom(5);
        for round in 0..200 {
            let (tokens, cols) = (1 + round % 3, 32 * (1 + round % 4));
            let mut values = random.values(tokens * cols);
            if round % 10 == 0 {
                values[round % 32] = [f32::INFINITY, f32::MAX, 1e-38, f32::NAN][round / 10 % 4];
            }
            let [mut x, mut expected] = [(); 2].map(|()| activations(tokens, cols, &values));
            x.quantize(true);
            expected.quantize(true);
            expected.blocks.fill(Default::default());
            scalar::quantize_blocks(&values, &mut expected.blocks);
            for (x, expected) in x.blocks.iter().zip(&expected.blocks) {
                assert_eq!(x.q, expected.q);
                assert_eq!((x.sum, x.low_sum), (expected.sum, expected.low_sum));
                let scales = [x, expected].map(|x| bits(&[x.scale, x.scaled_sum]));
                assert_eq!(scales[0], scales[1]);
            }
        }
    });
}

#[test]
fn exp_is_close_and_bounded() {
    for i in -8700..8800 {
        let x = i as f32 / 100.0;
        let exact = f64::from(x).exp();
        assert!(((f64::from(exp(x)) - exact) / exact).abs() < 3e-7, "e^{x}");
    }
    assert_eq!(exp(0.0), 1.0);
    assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY).is_finite());
}

#[test]
fn softmax_sums_to_one_and_returns_the_log_of_the_sum() {
    on_every_backend(|| {
        let mut values = vec![1000.0, 1001.0, 999.0, f32::NEG_INFINITY, 1000.5];
        let log_sum_exp = softmax(&mut values);
        assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        let exact: f64 = [1000.0f64, 1001.0, 999.0, 1000.5]
            .iter()
            .map(|x| (x - 1001.0).exp())
            .sum();
        assert!((f64::from(log_sum_exp) - (1001.0 + exact.ln())).abs() < 1e-3);
        assert!(values[3] < 1e-37);
    });
}
