//! The tensors of a file while they arrive, and when they have arrived: what every kind of model is built from.

use std::collections::HashMap;

use super::linear::Linear;
use super::norm::Norm;
use super::tensors::layer_name;
use crate::allocation::{resize, with_capacity};
use crate::gguf::TensorInfo;
use crate::quant::{Matrix, MatrixBuilder, TensorType, dequantize};
use crate::{Error, Result};

/// A tensor as a model keeps it.
pub(crate) enum Tensor {
    /// One matrix, or one for each expert.
    Matrices(Vec<Matrix>),
    Vector(Vec<f32>),
}

impl Tensor {
    /// Bytes of memory that its numbers take.
    pub fn bytes(&self) -> usize {
        match self {
            Tensor::Matrices(all) => all.iter().map(|matrix| matrix.tiles().len()).sum(),
            Tensor::Vector(vector) => 4 * vector.len(),
        }
    }
}

/// A tensor whose bytes are arriving.
pub(crate) enum IncomingTensor {
    Matrices {
        builders: Vec<MatrixBuilder>,
        /// Bytes of each matrix in the file.
        size: usize,
        /// Bytes that have come.
        received: usize,
    },
    Vector {
        kind: TensorType,
        bytes: Vec<u8>,
        len: usize,
    },
}

impl IncomingTensor {
    /// Takes the memory for the tensor of this directory entry, whose shape has been checked: as a matrix in its quantised
    /// form (as one for each index of a third dimension), or as `f32` values.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], and [`Error::Corrupt`] for a matrix whose rows are not whole blocks.
    pub fn new(info: &TensorInfo, is_matrix: bool) -> Result<Self> {
        let size = |n: u64| usize::try_from(n).map_err(|_| Error::OutOfMemory(usize::MAX));
        if is_matrix {
            let (cols, rows) = (size(info.shape[0])?, size(info.shape[1])?);
            let count = size(info.shape.get(2).copied().unwrap_or(1))?;
            let mut builders = with_capacity(count)?;
            for _ in 0..count {
                builders.push(MatrixBuilder::new(&info.name, info.kind, rows, cols)?);
            }
            return Ok(Self::Matrices {
                builders,
                size: size(info.size)? / count,
                received: 0,
            });
        }
        Ok(Self::Vector {
            kind: info.kind,
            bytes: with_capacity(size(info.size)?)?,
            len: size(info.shape.iter().product())?,
        })
    }

    /// Takes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        match self {
            Self::Matrices {
                builders,
                size,
                received,
            } => {
                while let Some(builder) = builders.get_mut(*received / *size)
                    && !bytes.is_empty()
                {
                    let missing = *size - *received % *size;
                    let (part, rest) = bytes.split_at(missing.min(bytes.len()));
                    builder.push(part);
                    *received += part.len();
                    bytes = rest;
                }
            }
            Self::Vector { bytes: all, .. } => all.extend_from_slice(bytes),
        }
    }

    /// The tensor, once its bytes have come.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Truncated`].
    pub fn finish(self) -> Result<Tensor> {
        Ok(match self {
            Self::Matrices { builders, .. } => {
                let mut matrices = with_capacity(builders.len())?;
                for builder in builders {
                    matrices.push(builder.finish()?);
                }
                Tensor::Matrices(matrices)
            }
            Self::Vector { kind, bytes, len } => {
                let mut values = Vec::new();
                resize(&mut values, len, 0.0)?;
                dequantize(kind, &bytes, &mut values);
                Tensor::Vector(values)
            }
        })
    }
}

/// Takes tensors by the stem of their name: those of one layer, or those outside the layers.
pub(crate) struct TensorTaker<'a> {
    pub tensors: &'a mut HashMap<String, Tensor>,
    pub layer: Option<usize>,
}

impl TensorTaker<'_> {
    /// The name of the tensor.
    pub fn name(&self, stem: &str, suffix: &str) -> String {
        match self.layer {
            Some(layer) => layer_name(layer, stem, suffix),
            None => format!("{stem}.{suffix}"),
        }
    }

    fn take(&mut self, stem: &str, suffix: &str) -> Option<Tensor> {
        self.tensors.remove(&self.name(stem, suffix))
    }

    pub fn optional_vector(&mut self, stem: &str, suffix: &str) -> Option<Vec<f32>> {
        match self.take(stem, suffix) {
            Some(Tensor::Vector(vector)) => Some(vector),
            _ => None,
        }
    }

    /// A vector that must be there: the check of the header has verified it.
    #[inline(never)]
    pub fn vector(&mut self, stem: &str, suffix: &str) -> Result<Vec<f32>> {
        let vector = self.optional_vector(stem, suffix);
        vector.ok_or_else(|| missing(stem))
    }

    /// The matrices of a tensor of three dimensions; none where it is not there.
    pub fn matrices(&mut self, stem: &str) -> Vec<Matrix> {
        match self.take(stem, "weight") {
            Some(Tensor::Matrices(matrices)) => matrices,
            _ => Vec::new(),
        }
    }

    pub fn optional_matrix(&mut self, stem: &str) -> Option<Matrix> {
        self.matrices(stem).pop()
    }

    /// A matrix that must be there: the check of the header has verified it.
    pub fn matrix(&mut self, stem: &str) -> Result<Matrix> {
        self.optional_matrix(stem).ok_or_else(|| missing(stem))
    }

    /// A linear layer, with its bias where it has one.
    pub fn linear(&mut self, stem: &str) -> Result<Linear> {
        Ok(Linear {
            name: self.name(stem, "weight"),
            matrix: self.matrix(stem)?,
            bias: self.optional_vector(stem, "bias"),
        })
    }

    /// A norm, with its bias where it has one.
    pub fn norm(&mut self, stem: &str) -> Option<Norm> {
        self.norm_named([stem, "weight"])
    }

    /// The same for a norm whose weight has this name.
    pub fn norm_named(&mut self, [stem, suffix]: [&str; 2]) -> Option<Norm> {
        let weight = self.optional_vector(stem, suffix)?;
        let bias = self.optional_vector(stem, "bias");
        Some(Norm { weight, bias })
    }
}

/// The error for a file that lacks the tensor "`stem`.weight".
pub(crate) fn missing(stem: &str) -> Error {
    Error::MissingTensor(format!("{stem}.weight"))
}
