//! Rotary position embedding (RoPE, Su et al. 2021): frequencies, their scaling, and angles.

use std::f64::consts::PI;

use super::architecture::{Architecture, Positions, ScaleRule};
use super::metadata_keys::Keys;
use crate::Result;
use crate::allocation::resize;

/// How RoPE's frequencies are scaled for contexts longer than the one a model was first trained on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scaling {
    /// The divisor of the frequencies.
    factor: f64,
    /// Where set, only low frequencies are divided.
    yarn: Option<Yarn>,
    /// What rotated vectors are multiplied by.
    attention_factor: f64,
    /// Positions the model was first trained on.
    pub original_context: usize,
}

/// YaRN (Peng et al. 2023): high frequencies stay, low ones are divided, those between are interpolated.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Yarn {
    /// A frequency that makes more turns than this within the original context stays as it is (`beta_fast`).
    fast: f64,
    /// One that makes fewer turns than this is divided (`beta_slow`).
    slow: f64,
}

impl Scaling {
    /// No scaling.
    pub const NONE: Self = Self {
        factor: 1.0,
        yarn: None,
        attention_factor: 1.0,
        original_context: usize::MAX,
    };

    /// Reads the scaling from the keys `rope.scaling.*`; one that is not implemented is an error.
    pub fn from_metadata(
        keys: &Keys,
        architecture: &Architecture,
        context_length: usize,
    ) -> Result<Self> {
        let kind = keys.optional_str("rope.scaling.type")?;
        if !matches!(kind, None | Some("none" | "linear" | "yarn" | "longrope")) {
            return keys.fail(
                "rope.scaling.type",
                "positions scaled this way are not supported",
            );
        }
        for (name, usual) in [
            ("rope.scaling.alpha", 0.0),
            ("rope.scaling.yarn_ext_factor", 1.0),
            ("rope.scaling.yarn_attn_factor", 1.0),
        ] {
            let number = keys.optional_f32(name)?;
            if number.is_some_and(|number| number != 0.0 && number != usual) {
                return keys.fail(name, "positions scaled this way are not supported");
            }
        }
        let multiplier = "rope.scaling.yarn_log_multiplier";
        let log_multiplier = keys.optional_finite(multiplier)?.unwrap_or(0.0);
        if log_multiplier < 0.0
            || (log_multiplier != 0.0 && architecture.scales != ScaleRule::TemperatureTuning)
        {
            return keys.fail(multiplier, "positions scaled this way are not supported");
        }
        let positive = |name: &str, usual: f64| match keys.optional_finite(name)? {
            Some(number) if number < 0.0 => keys.fail(name, "it must not be negative"),
            // In these files, 0 means that the value is not set.
            Some(number) if number > 0.0 => Ok(f64::from(number)),
            _ => Ok(usual),
        };
        let legacy = positive("rope.scale_linear", 1.0)?;
        let factor = match kind {
            Some("none") => 1.0,
            _ => positive("rope.scaling.factor", legacy)?,
        };
        let yarn = Yarn {
            fast: positive("rope.scaling.yarn_beta_fast", 32.0)?,
            slow: positive("rope.scaling.yarn_beta_slow", 1.0)?,
        };
        let yarn = (kind == Some("yarn")).then_some(yarn);
        let mut attention_factor = positive("rope.scaling.attn_factor", 1.0)?;
        if yarn.is_some() {
            // YaRN's factor; files may ask for a part of it that is already in their weights (DeepSeek 2024, V2).
            let growth = 0.1 * libm::log(factor).max(0.0);
            attention_factor *= (1.0 + growth) / (1.0 + f64::from(log_multiplier) * growth);
        }
        let original = keys.optional_size("rope.scaling.original_context_length")?;
        Ok(Self {
            factor,
            yarn,
            attention_factor,
            original_context: original.unwrap_or(context_length),
        })
    }

    /// The scaled frequencies of `size` dimensions, one for each pair: base^(−2i / size) / factors\[i\], `[size / 2]`.
    fn frequencies(&self, base: f64, size: usize, factors: Option<&[f32]>) -> Vec<f64> {
        let frequency = |i: usize| {
            let exponent = -2.0 * i as f64 / size as f64;
            let own = factors.map_or(1.0, |factors| f64::from(factors[i]));
            let plain = libm::pow(base, exponent) / own;
            let stretched = plain / self.factor;
            match self.yarn {
                None => stretched,
                Some(yarn) => {
                    let share = yarn.ramp(i, base, size, self.original_context);
                    stretched * (1.0 - share) + plain * share
                }
            }
        };
        (0..size / 2).map(frequency).collect()
    }
}

impl Yarn {
    /// The share of the frequency `i` that is not divided, from 0 to 1.
    fn ramp(self, i: usize, base: f64, size: usize, context: usize) -> f64 {
        // The dimension whose frequency makes this many turns within the context.
        let dimension = |turns: f64| {
            let ratio = context as f64 / (turns * 2.0 * PI);
            size as f64 * libm::log(ratio) / (2.0 * libm::log(base))
        };
        let low = libm::floor(dimension(self.fast)).max(0.0);
        let high = libm::ceil(dimension(self.slow)).min(size as f64 - 1.0);
        1.0 - ((i as f64 - low) / (high - low).max(0.001)).clamp(0.0, 1.0)
    }
}

/// One set of RoPE frequencies. Most models have one; some have a second for the layers with a sliding window.
pub(crate) struct Rope {
    frequencies: Vec<f64>,
    /// The frequencies for texts beyond the original context (LongRoPE, Ding et al. 2024).
    long: Option<Vec<f64>>,
    original_context: usize,
    attention_factor: f64,
    halves: bool,
}

/// Divisors of the single frequencies, `[rope_size / 2]` each, as tensors of the file.
#[derive(Default)]
pub(super) struct Factors {
    /// For every text.
    pub all: Option<Vec<f32>>,
    /// For texts within the original context.
    pub short: Option<Vec<f32>>,
    /// For longer ones.
    pub long: Option<Vec<f32>>,
}

impl Rope {
    /// The frequencies of `size` dimensions with this base, scaling and divisors; `positions` says which dimensions make a
    /// pair.
    pub(super) fn new(
        positions: Positions,
        size: usize,
        base: f32,
        scaling: Scaling,
        factors: &Factors,
    ) -> Self {
        let base = f64::from(base);
        let frequencies =
            |factors: &Option<Vec<f32>>| scaling.frequencies(base, size, factors.as_deref());
        let (short, long) = match (&factors.all, &factors.long) {
            (None, Some(_)) => (&factors.short, Some(frequencies(&factors.long))),
            (all, _) => (all, None),
        };
        Self {
            frequencies: frequencies(short),
            long,
            original_context: scaling.original_context,
            attention_factor: scaling.attention_factor,
            halves: positions == Positions::NeoxRope,
        }
    }

    /// The frequencies of `size` dimensions with this base, unscaled; a pair lies half a head apart.
    #[cfg(feature = "encoder")]
    pub fn unscaled(size: usize, base: f32) -> Self {
        let factors = Factors::default();
        Self::new(Positions::NeoxRope, size, base, Scaling::NONE, &factors)
    }

    /// The number of cosines, and of sines, for one position.
    pub fn stride(&self) -> usize {
        if self.halves {
            self.frequencies.len()
        } else {
            2 * self.frequencies.len()
        }
    }

    /// Writes the cosines and sines of one position in the layout that `kernels::rotate_halves` or
    /// `kernels::rotate_pairs` reads. `capacity` is the length the text may grow to, which decides between
    /// LongRoPE's sets.
    pub fn angles(&self, position: usize, capacity: usize, cos: &mut [f32], sin: &mut [f32]) {
        let frequencies = match &self.long {
            Some(long) if capacity > self.original_context => long,
            _ => &self.frequencies,
        };
        for (i, frequency) in frequencies.iter().enumerate() {
            let (s, c) = libm::sincos(position as f64 * frequency);
            let (s, c) = (
                (s * self.attention_factor) as f32,
                (c * self.attention_factor) as f32,
            );
            if self.halves {
                (cos[i], sin[i]) = (c, s);
            } else {
                cos[2 * i..2 * i + 2].fill(c);
                sin[2 * i..2 * i + 2].copy_from_slice(&[-s, s]);
            }
        }
    }

    /// Rotates one token's queries or keys, head by head.
    pub fn rotate(&self, x: &mut [f32], head_size: usize, cos: &[f32], sin: &[f32]) {
        let size = 2 * self.frequencies.len();
        for head in x.chunks_exact_mut(head_size) {
            if self.halves {
                crate::kernels::rotate_halves(&mut head[..size], cos, sin);
            } else {
                crate::kernels::rotate_pairs(&mut head[..size], cos, sin);
            }
        }
    }
}

/// Cosines and sines of the positions of the tokens that run, one [stride](Rope::stride) for each.
#[derive(Default)]
pub(crate) struct Angles {
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Angles {
    /// Takes the memory for `tokens` tokens.
    pub fn prepare(&mut self, rope: &Rope, tokens: usize) -> Result<()> {
        resize(&mut self.cos, tokens * rope.stride(), 0.0)?;
        resize(&mut self.sin, tokens * rope.stride(), 0.0)
    }

    fn compute(&mut self, rope: &Rope, first: usize, capacity: usize) {
        let cos = self.cos.chunks_exact_mut(rope.stride());
        let rows = cos.zip(self.sin.chunks_exact_mut(rope.stride()));
        for (token, (cos, sin)) in rows.enumerate() {
            rope.angles(first + token, capacity, cos, sin);
        }
    }

    /// Cosines and sines of one of the tokens.
    pub fn of(&self, rope: &Rope, token: usize) -> (&[f32], &[f32]) {
        let at = token * rope.stride()..(token + 1) * rope.stride();
        (&self.cos[at.clone()], &self.sin[at])
    }
}

/// Computes the angles of each set of frequencies for the tokens from position `first` on, of a text that may grow to
/// `capacity`.
pub(crate) fn compute_angles(ropes: &[Rope], first: usize, capacity: usize, all: &mut [Angles]) {
    for (rope, angles) in ropes.iter().zip(all) {
        angles.compute(rope, first, capacity);
    }
}
