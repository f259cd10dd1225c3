//! Norms, activations and rotations of architectures other than Llama.

use super::{Exponential, lanes, sum_of_squares};
use crate::kernels::isa::Isa;
use crate::kernels::scalar::{self, GELU, GELU_BOUND, SPLITTER};

/// See [`scalar::rotate_halves`].
#[inline(always)]
pub(in crate::kernels) unsafe fn rotate_halves<I: Isa>(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let half = x.len() / 2;
    debug_assert!(half <= cos.len() && half <= sin.len());
    let (low, high) = x.split_at_mut(half);
    // SAFETY: four floats at a time, within `low`, which is the shortest.
    unsafe {
        for_vectors!(half, |i| {
            let (p, q) = (low.as_mut_ptr().add(i), high.as_mut_ptr().add(i));
            let (a, b) = (I::load(p.cast()), I::load(q.cast()));
            let cos = I::load(cos.as_ptr().add(i).cast());
            let sin = I::load(sin.as_ptr().add(i).cast());
            I::store(p.cast(), I::sub(I::mul(a, cos), I::mul(b, sin)));
            I::store(q.cast(), I::add(I::mul(b, cos), I::mul(a, sin)));
        });
    }
    for i in half / 4 * 4..half {
        let (a, b) = (low[i], high[i]);
        low[i] = a * cos[i] - b * sin[i];
        high[i] = b * cos[i] + a * sin[i];
    }
}

/// See [`scalar::layer_norm`].
#[inline(always)]
pub(in crate::kernels) unsafe fn layer_norm<I: Isa>(
    x: &[f32],
    weight: &[f32],
    epsilon: f32,
    out: &mut [f32],
) {
    debug_assert!(x.len() == out.len() && weight.len() == out.len());
    let rest = x.len() / 4 * 4;
    // SAFETY: four floats at a time, within slices of one length.
    unsafe {
        let mut sums = I::splat(0.0);
        for_vectors!(x.len(), |i| {
            sums = I::add(sums, I::load(x.as_ptr().add(i).cast()));
        });
        let mut lanes = lanes::<I>(sums);
        for (lane, x) in lanes.iter_mut().zip(&x[rest..]) {
            *lane += x;
        }
        let mean = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) / x.len() as f32;
        let means = I::splat(mean);
        for_vectors!(x.len(), |i| {
            let centred = I::sub(I::load(x.as_ptr().add(i).cast()), means);
            I::store(out.as_mut_ptr().add(i).cast(), centred);
        });
        for (out, x) in out[rest..].iter_mut().zip(&x[rest..]) {
            *out = x - mean;
        }
        let variance = sum_of_squares::<I>(out) / x.len() as f32;
        let factor = 1.0 / (variance + epsilon).sqrt();
        let factors = I::splat(factor);
        for_vectors!(x.len(), |i| {
            let p = out.as_mut_ptr().add(i);
            let scaled = I::mul(I::load(p.cast()), factors);
            I::store(
                p.cast(),
                I::mul(scaled, I::load(weight.as_ptr().add(i).cast())),
            );
        });
        for (out, weight) in out[rest..].iter_mut().zip(&weight[rest..]) {
            *out = (*out * factor) * weight;
        }
    }
}

/// Four values rounded to eleven bits.
#[inline(always)]
unsafe fn eleven_bits<I: Isa>(x: I::V) -> I::V {
    // SAFETY: as the caller promises.
    unsafe {
        let large = I::mul(x, I::splat(SPLITTER));
        I::sub(large, I::sub(large, x))
    }
}

/// gelu of four values.
#[inline(always)]
unsafe fn gelu4<I: Isa>(x: I::V, exp: &Exponential<I>) -> I::V {
    // SAFETY: as the caller promises.
    unsafe {
        let bound = I::splat(GELU_BOUND);
        let near = I::max(I::min(x, bound), I::splat(-GELU_BOUND));
        let near = eleven_bits::<I>(near);
        let square = I::mul(I::splat(GELU[1]), I::mul(near, near));
        let exponent = I::mul(near, I::add(I::splat(GELU[0]), square));
        let y = I::div(near, I::add(I::splat(1.0), exp.of([exponent])[0]));
        let beyond = I::max(I::splat(0.0), I::sub(x, bound));
        I::add(eleven_bits::<I>(y), beyond)
    }
}

/// See [`scalar::gelu`].
#[inline(always)]
pub(in crate::kernels) unsafe fn gelu<I: Isa>(x: &mut [f32]) {
    // SAFETY: four floats at a time, within `x`.
    unsafe {
        let exp = Exponential::<I>::new();
        for_vectors!(x.len(), |i| {
            let p = x.as_mut_ptr().add(i);
            I::store(p.cast(), gelu4::<I>(I::load(p.cast()), &exp));
        });
    }
    let rest = x.len() / 4 * 4;
    scalar::gelu(&mut x[rest..]);
}

/// See [`scalar::gelu_mul`].
#[inline(always)]
pub(in crate::kernels) unsafe fn gelu_mul<I: Isa>(gate: &mut [f32], up: &[f32]) {
    debug_assert!(gate.len() == up.len());
    // SAFETY: four floats at a time, within slices of one length.
    unsafe {
        let exp = Exponential::<I>::new();
        for_vectors!(gate.len(), |i| {
            let p = gate.as_mut_ptr().add(i);
            let gelu = gelu4::<I>(I::load(p.cast()), &exp);
            I::store(p.cast(), I::mul(gelu, I::load(up.as_ptr().add(i).cast())));
        });
    }
    let rest = gate.len() / 4 * 4;
    scalar::gelu_mul(&mut gate[rest..], &up[rest..]);
}

/// See [`scalar::soft_cap`].
#[inline(always)]
pub(in crate::kernels) unsafe fn soft_cap<I: Isa>(x: &mut [f32], cap: f32) {
    // SAFETY: four floats at a time, within `x`.
    unsafe {
        let (one, two, caps) = (I::splat(1.0), I::splat(2.0), I::splat(cap));
        let (factor, exp) = (I::splat(2.0 / cap), Exponential::<I>::new());
        for_vectors!(x.len(), |i| {
            let p = x.as_mut_ptr().add(i);
            let [e] = exp.of([I::mul(I::load(p.cast()), factor)]);
            let tanh = I::sub(one, I::div(two, I::add(one, e)));
            I::store(p.cast(), I::mul(caps, tanh));
        });
    }
    let rest = x.len() / 4 * 4;
    scalar::soft_cap(&mut x[rest..], cap);
}
