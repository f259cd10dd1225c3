//! The arithmetic of the model, dispatched to the best instructions that the machine has.
//!
//! `scalar` is the specification: plain loops, whose order of floating-point sums must not change. `simd` has the same
//! kernels in 128-bit vectors, written once over the operations of `isa` (WebAssembly simd128 and relaxed SIMD; x86-64
//! AVX2, AVX-VNNI and AVX-512 VNNI; aarch64 NEON). Their results equal the specification's bit for bit: integer dot
//! products are exact, no multiply-add is fused, no floating-point instruction is a relaxed one, and `exp` is our own.
//! `threads` shares the work by whole rows, heads and tokens, so that every sum keeps its order on any number of threads.

// A build without SIMD has no use for the operations of `isa` and what belongs to them.
#![cfg_attr(
    all(target_arch = "wasm32", not(target_feature = "simd128")),
    allow(dead_code)
)]

mod activations;
mod attention;
mod attention_integers;
mod head_cache;
mod isa;
mod scalar;
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod simd;
#[cfg(test)]
mod tests;
pub mod threads;
mod tune;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

pub use activations::Activations;
use activations::{Block, PACKED_BYTES};
pub use attention::{AttentionScratch, Scoring, attend};
#[cfg(feature = "encoder")]
pub use attention::{Surroundings, attend_around};
use attention_integers::Heads;
pub use head_cache::{CacheType, HeadCache, TILE_POSITIONS};

use crate::quant::Matrix;
use crate::quant::tiles::TILE_ROWS;
use threads::Output;
pub use tune::{calibrate, record_decode_time};

static SCALAR: AtomicBool = AtomicBool::new(false);

/// Makes the scalar specification the backend of the whole process from now on, or with `false` the best backend again.
/// For tests and comparisons.
pub fn force_scalar(on: bool) {
    SCALAR.store(on, Ordering::Relaxed);
}

/// The implementations of the kernels, named after the instructions they need.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backend {
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    NeonDotProd,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm,
    Scalar,
}

impl Backend {
    /// All backends of this architecture, the best first.
    const ALL: &[Self] = &[
        #[cfg(target_arch = "x86_64")]
        Self::AvxVnni,
        #[cfg(target_arch = "x86_64")]
        Self::Avx512Vnni,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
        #[cfg(target_arch = "aarch64")]
        Self::NeonDotProd,
        #[cfg(target_arch = "aarch64")]
        Self::Neon,
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Self::Wasm,
        Self::Scalar,
    ];

    /// Whether this machine has the instructions of the backend.
    fn is_there(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => Self::Avx2.is_there() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                Self::Avx2.is_there()
                    && is_x86_feature_detected!("avx512vnni")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "aarch64")]
            Self::NeonDotProd => std::arch::is_aarch64_feature_detected!("dotprod"),
            _ => true,
        }
    }

    fn detect() -> Self {
        #[cfg(test)]
        if let Some(chosen) = tests::CHOSEN.get() {
            return chosen;
        }
        let mut all = Self::ALL.iter().copied();
        let best = all.find(|backend| backend.is_there());
        best.filter(|_| !SCALAR.load(Ordering::Relaxed))
            .unwrap_or(Self::Scalar)
    }
}

/// The backend in use: "scalar", "simd128", "relaxed-simd", "avx2", "avx-vnni", "avx512-vnni",
/// "neon" or "neon-dotprod".
pub fn backend() -> &'static str {
    match Backend::detect() {
        Backend::Scalar => "scalar",
        #[cfg(target_arch = "x86_64")]
        Backend::Avx2 => "avx2",
        #[cfg(target_arch = "x86_64")]
        Backend::AvxVnni => "avx-vnni",
        #[cfg(target_arch = "x86_64")]
        Backend::Avx512Vnni => "avx512-vnni",
        #[cfg(target_arch = "aarch64")]
        Backend::Neon => "neon",
        #[cfg(target_arch = "aarch64")]
        Backend::NeonDotProd => "neon-dotprod",
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Backend::Wasm if cfg!(target_feature = "relaxed-simd") => "relaxed-simd",
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Backend::Wasm => "simd128",
    }
}

/// Defines the dispatch of a kernel: to the scalar specification, or to the SIMD version, which is compiled for each
/// instruction set of the architecture.
macro_rules! kernel {
    ($dispatch:ident = $name:ident$(<$stored:ty>)?($($arg:ident: $type:ty),*) $(-> $result:ty)?) => {
        #[cfg_attr(target_arch = "wasm32", inline(never))]
        fn $dispatch($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            mod machine {
                use super::*;
                #[target_feature(enable = "avx2")]
                pub unsafe fn avx2($($arg: $type),*) $(-> $result)? {
                    // SAFETY: compiled for AVX2, as the caller checked.
                    unsafe { simd::$name::<isa::x86::X86<isa::x86::Avx2>, $($stored)?>($($arg),*) }
                }
                #[target_feature(enable = "avx2,avxvnni")]
                pub unsafe fn avx_vnni($($arg: $type),*) $(-> $result)? {
                    // SAFETY: compiled for AVX-VNNI, as the caller checked.
                    unsafe { simd::$name::<isa::x86::X86<isa::x86::AvxVnni>, $($stored)?>($($arg),*) }
                }
                #[target_feature(enable = "avx2,avx512vnni,avx512vl")]
                pub unsafe fn avx512_vnni($($arg: $type),*) $(-> $result)? {
                    // SAFETY: compiled for AVX-512 VNNI and VL, as the caller checked.
                    unsafe { simd::$name::<isa::x86::X86<isa::x86::Avx512Vnni>, $($stored)?>($($arg),*) }
                }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "dotprod")]
            unsafe fn neon_dotprod($($arg: $type),*) $(-> $result)? {
                // SAFETY: compiled for the dot product, as the caller checked.
                unsafe { simd::$name::<isa::neon::Neon<isa::neon::DotProd>, $($stored)?>($($arg),*) }
            }
            match Backend::detect() {
                Backend::Scalar => scalar::$name($($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `detect` saw AVX2.
                Backend::Avx2 => unsafe { machine::avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `detect` saw AVX2 and AVX-VNNI.
                Backend::AvxVnni => unsafe { machine::avx_vnni($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: `detect` saw AVX2, AVX-512 VNNI and VL.
                Backend::Avx512Vnni => unsafe { machine::avx512_vnni($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                // SAFETY: NEON is part of aarch64.
                Backend::Neon => unsafe { simd::$name::<isa::neon::Neon<isa::neon::Widening>, $($stored)?>($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                // SAFETY: `detect` saw the dot product.
                Backend::NeonDotProd => unsafe { neon_dotprod($($arg),*) },
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                // SAFETY: the whole module is compiled for these instructions.
                Backend::Wasm => unsafe { simd::$name::<isa::wasm::Wasm<isa::wasm::Default>, $($stored)?>($($arg),*) },
            }
        }
    };
}

kernel!(best_linear = linear(matrix: &Matrix, groups: Range<usize>, x: &Activations, y: Output<'_>));
kernel!(quantize_blocks = quantize_blocks(values: &[f32], blocks: &mut [Block]));
kernel!(pack_blocks = pack_blocks(blocks: &[Block], packed: &mut [[u8; PACKED_BYTES]]));
kernel!(packs = packs() -> [bool; 2]);
kernel!(sum_of_squares = sum_of_squares(x: &[f32]) -> f32);
kernel!(scale_by = scale_by(x: &[f32], factor: f32, weight: &[f32], out: &mut [f32]));
kernel!(dispatch_add = add(x: &mut [f32], y: &[f32]));
kernel!(dispatch_silu_mul = silu_mul(gate: &mut [f32], up: &[f32]));
kernel!(dispatch_rotate = rotate_pairs(x: &mut [f32], cos: &[f32], sin: &[f32]));
kernel!(dispatch_rotate_halves = rotate_halves(x: &mut [f32], cos: &[f32], sin: &[f32]));
kernel!(dispatch_layer_norm = layer_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]));
kernel!(dispatch_gelu = gelu(x: &mut [f32]));
kernel!(dispatch_gelu_mul = gelu_mul(gate: &mut [f32], up: &[f32]));
kernel!(dispatch_soft_cap = soft_cap(x: &mut [f32], cap: f32));
kernel!(exp_sub_sum = exp_sub_sum(values: &mut [f32], largest: f32) -> f32);
kernel!(largest = largest(values: &[f32]) -> f32);
kernel!(scale = scale(x: &mut [f32], factor: f32));
kernel!(scores = scores(query: &[f32], keys: &[f32], factor: f32, scores: &mut [f32]));
kernel!(quantize_i16 = quantize_i16(x: &[f32], q: &mut [i16]) -> f32);
kernel!(scores_i16 = scores_integer<i16>(heads: &Heads, keys: &[i16], scales: &[f32], scores: &mut [f32]));
kernel!(scores_i8 = scores_integer<i8>(heads: &Heads, keys: &[i8], scales: &[f32], scores: &mut [f32]));
kernel!(weighted_sum_i16 = weighted_sum_integer<i16>(weights: &[f32], values: &[i16], scales: &[f32], positions: usize, out: &mut [f32], padded: usize));
kernel!(weighted_sum_i8 = weighted_sum_integer<i8>(weights: &[f32], values: &[i8], scales: &[f32], positions: usize, out: &mut [f32], padded: usize));
kernel!(weighted_sum = weighted_sum(weights: &[f32], values: &[f32], out: &mut [f32]));

/// The product with the rows of some `groups` of the matrix. Nothing else may access these rows of `y` meanwhile.
fn dispatch_linear(matrix: &Matrix, groups: Range<usize>, x: &Activations, y: Output<'_>) {
    #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
    if tune::dots::use_dot2() && Backend::detect() == Backend::Wasm {
        return linear_by_dot2(matrix, groups, x, y);
    }
    best_linear(matrix, groups, x, y);
}

/// The matrix product with the other dot-product instruction, see [`isa::wasm::Dot2`].
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
#[inline(never)]
fn linear_by_dot2(matrix: &Matrix, groups: Range<usize>, x: &Activations, y: Output<'_>) {
    // SAFETY: the whole module is compiled for these instructions.
    unsafe { simd::linear::<isa::wasm::Wasm<isa::wasm::Dot2>>(matrix, groups, x, y) };
}

/// About how many multiplications take a nanosecond.
const PRODUCTS: usize = 20;
/// Decode: a piece of a product is a multiple of this many groups of rows, which are read side by side, or twice as many.
const STREAMS: usize = 8;
/// Prefill: a piece of a product is a multiple of this many groups of rows, whose sums are kept in registers.
const GROUPS: usize = 4;

/// `y = matrix × x` for every token: `y[token][row]`, `x.tokens() × matrix.rows()` values.
///
/// # Panics
/// If the lengths do not fit together.
pub fn linear(matrix: &Matrix, x: &mut Activations, y: &mut [f32]) {
    linear_each(&[matrix], x, y);
}

/// `y = matrix × x` for several matrices that share their input, one after the other: `y[matrix][token][row]`. The threads
/// meet once at the end, and not after each of the products.
///
/// # Panics
/// If the lengths do not fit together.
pub fn linear_each(matrices: &[&Matrix], x: &mut Activations, y: &mut [f32]) {
    let (mut rows, mut groups) = (0, 0);
    for matrix in matrices {
        assert_eq!(matrix.cols(), x.cols());
        if matrix.format().is_quantized() {
            x.quantize(matrix.format().is_signed());
        }
        rows += matrix.rows();
        groups += matrix.rows().div_ceil(TILE_ROWS);
    }
    assert_eq!(y.len(), rows * x.tokens());
    let x = &*x;
    let nanoseconds = TILE_ROWS * x.cols() * x.tokens() / PRODUCTS;
    let multiple = if x.tokens() == 1 { STREAMS } else { GROUPS };
    let size = threads::piece_size(groups, nanoseconds, multiple);
    let pieces = |matrix: &Matrix| matrix.rows().div_ceil(TILE_ROWS).div_ceil(size);
    let y = Output::new(y);
    threads::run(
        matrices.iter().copied().map(pieces).sum(),
        &|mut piece, _| {
            let mut start = 0;
            for matrix in matrices {
                if piece < pieces(matrix) {
                    let groups = matrix.rows().div_ceil(TILE_ROWS);
                    let first = piece * size;
                    let y = y.product(start, matrix.rows());
                    return dispatch_linear(matrix, first..groups.min(first + size), x, y);
                }
                piece -= pieces(matrix);
                start += matrix.rows() * x.tokens();
            }
        },
    );
}

/// RMSNorm (Zhang and Sennrich 2019): `out = x / √(mean(x²) + epsilon) × weight`.
///
/// # Panics
/// If the lengths differ.
pub fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    assert!(x.len() == weight.len() && x.len() == out.len());
    let mean = sum_of_squares(x) / x.len() as f32;
    scale_by(x, 1.0 / (mean + epsilon).sqrt(), weight, out);
}

/// LayerNorm (Ba et al. 2016): `out = (x − mean(x)) / √(variance(x) + epsilon) × weight + bias`.
///
/// # Panics
/// If the lengths differ.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: Option<&[f32]>, epsilon: f32, out: &mut [f32]) {
    assert!(x.len() == weight.len() && x.len() == out.len());
    dispatch_layer_norm(x, weight, epsilon, out);
    if let Some(bias) = bias {
        add(out, bias);
    }
}

/// `x += y`.
///
/// # Panics
/// If the lengths differ.
pub fn add(x: &mut [f32], y: &[f32]) {
    assert_eq!(x.len(), y.len());
    dispatch_add(x, y);
}

/// `gate = silu(gate) × up`, the activation of SwiGLU (Shazeer 2020); silu(x) = x × σ(x).
///
/// # Panics
/// If the lengths differ.
pub fn silu_mul(gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    dispatch_silu_mul(gate, up);
}

/// `x = gelu(x)` (Hendrycks and Gimpel 2016) in the approximation with tanh,
/// `x / 2 × (1 + tanh(√(2/π) × (x + 0.044715 x³)))`, rounded to half precision.
pub fn gelu(x: &mut [f32]) {
    dispatch_gelu(x);
}

/// `x = gelu(x)` (Hendrycks and Gimpel 2016) itself, `x × Φ(x) = x / 2 × (1 + erf(x / √2))`, as BERT has it; the error
/// is below 3 · 10⁻⁷ times the magnitude of x.
pub fn gelu_erf(x: &mut [f32]) {
    for x in x {
        *x = scalar::gelu_erf(*x);
    }
}

/// `gate = gelu(gate) × up`, the activation of GeGLU (Shazeer 2020); see [`gelu`].
///
/// # Panics
/// If the lengths differ.
pub fn gelu_mul(gate: &mut [f32], up: &[f32]) {
    assert_eq!(gate.len(), up.len());
    dispatch_gelu_mul(gate, up);
}

/// `gate = x × σ(1.702 x) × (y + 1)` with x = min(gate, 7) and y = up within ±7: the SwiGLU of gpt-oss (OpenAI 2025).
///
/// # Panics
/// If the lengths differ.
pub fn clamped_swiglu(gate: &mut [f32], up: &[f32]) {
    const BOUND: f32 = 7.0;
    assert_eq!(gate.len(), up.len());
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = gate.min(BOUND);
        *gate = x * sigmoid(1.702 * x) * (up.clamp(-BOUND, BOUND) + 1.0);
    }
}

/// `x = max(x, 0)²` (So et al. 2021, Primer).
pub fn squared_relu(x: &mut [f32]) {
    for x in x {
        let positive = x.max(0.0);
        *x = positive * positive;
    }
}

/// `x = cap × tanh(x / cap)`, a soft cap: values keep their order and stay within ±`cap` (Gemma 2, 2024).
pub fn soft_cap(x: &mut [f32], cap: f32) {
    dispatch_soft_cap(x, cap);
}

/// `out = x × y`, element by element.
///
/// # Panics
/// If the lengths differ.
pub fn product(x: &[f32], y: &[f32], out: &mut [f32]) {
    assert!(x.len() == y.len() && x.len() == out.len());
    scale_by(x, 1.0, y, out);
}

/// `x ×= factor`.
pub fn multiply(x: &mut [f32], factor: f32) {
    scale(x, factor);
}

/// Rotates consecutive pairs of `x` by the angles of `cos` and `sin` (RoPE, Su et al. 2021):
/// `cos` holds c, c for each pair, `sin` −s, s.
///
/// # Panics
/// If `x` is longer than the angles.
pub fn rotate_pairs(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    assert!(x.len() <= cos.len() && x.len() <= sin.len());
    dispatch_rotate(x, cos, sin);
}

/// Like [`rotate_pairs`], but a pair is a dimension of the first half of `x` and the same dimension of the second half
/// (GPT-NeoX). `cos` and `sin` hold one value for each pair.
///
/// # Panics
/// If there are fewer angles than pairs.
pub fn rotate_halves(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    assert!(x.len() / 2 <= cos.len() && x.len() / 2 <= sin.len());
    dispatch_rotate_halves(x, cos, sin);
}

/// e^x, equal on every platform, within 2 units in the last place for −87 ≤ x ≤ 88. Outside these bounds, x counts as
/// the nearer one.
pub fn exp(x: f32) -> f32 {
    scalar::exp(x)
}

/// σ(x) = 1 / (1 + e^−x), the logistic function.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The largest of `values`, ignoring NaN; −∞ where there is none.
pub fn max(values: &[f32]) -> f32 {
    largest(values)
}

/// Softmax in place, safe for large values: each becomes e^(value − largest) / sum. Returns
/// ln Σ e^value. Values that are NaN or all −∞ give no useful result, but no panic.
pub fn softmax(values: &mut [f32]) -> f32 {
    let most = largest(values);
    let sum = shared_exp_sub_sum(values, most);
    scale(values, 1.0 / sum);
    most + libm::logf(sum)
}

/// Values of a softmax that a thread takes at a time; each takes about a nanosecond.
const SOFTMAX_CHUNK: usize = 2048;

/// [`exp_sub_sum`] on all threads where that is worth it. They share the exponentials; the sum keeps its order.
fn shared_exp_sub_sum(values: &mut [f32], largest: f32) -> f32 {
    let chunks = values.len() / SOFTMAX_CHUNK;
    if threads::piece_size(chunks, SOFTMAX_CHUNK, 1) >= chunks {
        return exp_sub_sum(values, largest);
    }
    let (whole, rest) = values.split_at_mut(chunks * SOFTMAX_CHUNK);
    threads::for_each_chunk(whole, SOFTMAX_CHUNK, SOFTMAX_CHUNK, |_, chunk, _| {
        exp_sub_sum(chunk, largest);
    });
    exp_sub_sum(rest, largest);
    let mut lanes = [0.0; 4];
    for values in values.chunks(4) {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane += value;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}
