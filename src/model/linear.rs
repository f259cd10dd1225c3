//! Linear layers, and the input projections that are made of them.

use std::ops::Range;

use super::adapter::ActiveAdapters;
use crate::Result;
use crate::kernels::{self, Activations};
use crate::quant::Matrix;

/// A linear layer: a matrix, a factor for all of it, and an optional bias.
pub(crate) struct Linear {
    /// The matrix's name in the file, by which adapters refer to it.
    pub name: String,
    pub matrix: Matrix,
    /// What the products with the matrix are multiplied by: 1 but in files of NVFP4.
    pub scale: f32,
    pub bias: Option<Vec<f32>>,
}

impl Linear {
    /// y = scale × matrix × x + bias, for every token.
    #[cfg(feature = "encoder")]
    pub fn apply(&self, x: &mut Activations, y: &mut [f32]) {
        kernels::linear(&self.matrix, x, y);
        self.scale_and_add_bias(y);
    }

    /// y = scale × matrix × x + bias + the updates of the text's adapters, for every token.
    pub(super) fn run(
        &self,
        x: &mut Activations,
        y: &mut [f32],
        adapters: &mut ActiveAdapters,
    ) -> Result<()> {
        Self::run_each([self], x, y, adapters)
    }

    /// [`Linear::run`] for several layers that share their input; their outputs follow each other: `y[layer][token][row]`.
    pub(super) fn run_each<const N: usize>(
        layers: [&Self; N],
        x: &mut Activations,
        mut y: &mut [f32],
        adapters: &mut ActiveAdapters,
    ) -> Result<()> {
        kernels::linear_each(&layers.map(|layer| &layer.matrix), x, y);
        for layer in layers {
            let (own, rest) = y.split_at_mut(x.tokens() * layer.matrix.rows());
            layer.scale_and_add_bias(own);
            adapters.add_updates(&layer.name, x, own)?;
            y = rest;
        }
        Ok(())
    }

    fn scale_and_add_bias(&self, y: &mut [f32]) {
        if self.scale != 1.0 {
            kernels::multiply(y, self.scale);
        }
        if let Some(bias) = &self.bias {
            for y in y.chunks_exact_mut(bias.len()) {
                kernels::add(y, bias);
            }
        }
    }
}

/// Where the vectors of one kind (say, the keys) of all tokens lie in a buffer that holds several kinds.
#[derive(Clone, Copy)]
pub(super) struct StridedRows {
    start: usize,
    stride: usize,
    width: usize,
}

impl StridedRows {
    /// The range of one token's vector.
    pub fn of(self, token: usize) -> Range<usize> {
        let start = self.start + token * self.stride;
        start..start + self.width
    }

    /// The part of the buffer that is made of one chunk of `stride` values for each token, and where in a chunk the
    /// vector lies.
    pub fn chunks(self, tokens: usize) -> (Range<usize>, Range<usize>) {
        let first = if self.width == self.stride {
            self.start
        } else {
            0
        };
        let offset = self.start - first;
        (
            first..first + tokens * self.stride,
            offset..offset + self.width,
        )
    }

    /// The same place, of which only the first `width` values are meant.
    pub fn narrowed(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// The length of one token's vector.
    pub fn width(self) -> usize {
        self.width
    }

    /// The distance from one token's vector to the next.
    pub fn stride(self) -> usize {
        self.stride
    }
}

/// The input projections of a token mixer: queries, keys and values for attention; input gates, output gates and values
/// for a short convolution; what [`RecurrentConfig`](super::recurrent_config::RecurrentConfig) says for a recurrent layer.
#[allow(clippy::large_enum_variant, reason = "there is one a layer")]
pub(super) enum Projection {
    Separate([Linear; 3]),
    Fused(Linear),
}

impl Projection {
    /// Projects all tokens to three vectors of these `widths`, writes them to `out`, and says where each kind lies.
    pub fn run(
        &self,
        widths: [usize; 3],
        x: &mut Activations,
        out: &mut [f32],
        adapters: &mut ActiveAdapters,
    ) -> Result<[StridedRows; 3]> {
        let tokens = x.tokens();
        let mut start = 0;
        match self {
            Self::Fused(all) => {
                let stride = widths.iter().sum();
                all.run(x, &mut out[..tokens * stride], adapters)?;
                Ok(widths.map(|width| {
                    let rows = StridedRows {
                        start,
                        stride,
                        width,
                    };
                    start += width;
                    rows
                }))
            }
            Self::Separate(each) => {
                let rows = widths.map(|width| {
                    let rows = StridedRows {
                        start,
                        stride: width,
                        width,
                    };
                    start += tokens * width;
                    rows
                });
                Linear::run_each(each.each_ref(), x, &mut out[..start], adapters)?;
                Ok(rows)
            }
        }
    }
}
