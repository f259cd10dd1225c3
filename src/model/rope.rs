//! Rotary position embedding (RoPE, Su et al. 2021): the angles.

use super::Config;

/// The frequencies of a model's pairs of dimensions.
pub(super) struct Rope {
    frequencies: Vec<f64>,
}

impl Rope {
    /// frequency\[i\] = base^(−2i / size) / factor\[i\]; the factors stretch the context (Llama 3).
    pub fn new(config: &Config, factors: Option<&[f32]>) -> Self {
        let size = config.rope_size;
        let frequency = |i: usize| {
            let exponent = -2.0 * i as f64 / size as f64;
            let factor = factors.map_or(1.0, |factors| f64::from(factors[i]));
            libm::pow(f64::from(config.rope_base), exponent) / factor
        };
        Self {
            frequencies: (0..size / 2).map(frequency).collect(),
        }
    }

    /// Dimensions rotated.
    pub fn size(&self) -> usize {
        2 * self.frequencies.len()
    }

    /// The angles of one position as `kernels::rotate_pairs` reads them.
    pub fn angles(&self, position: usize, cos: &mut [f32], sin: &mut [f32]) {
        let pairs = cos.chunks_exact_mut(2).zip(sin.chunks_exact_mut(2));
        for ((cos, sin), frequency) in pairs.zip(&self.frequencies) {
            let angle = position as f64 * frequency;
            let (s, c) = libm::sincos(angle);
            cos.fill(c as f32);
            (sin[0], sin[1]) = (-s as f32, s as f32);
        }
    }
}
