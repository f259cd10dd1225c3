//! The tensors of a file while they arrive, and when they have arrived: what every kind of model is built from.

use std::collections::HashMap;

use super::linear::Linear;
use super::norm::Norm;
use super::row_table::{NewRowStore, RowTable};
use super::tensors::{TensorForm, layer_name};
use crate::allocation::{resize, with_capacity};
use crate::gguf::TensorInfo;
use crate::quant::{Matrix, MatrixBuilder, TensorType, dequantize};
use crate::{Error, Result};

/// A tensor as a model keeps it.
pub(crate) enum Tensor {
    Matrix(Matrix),
    Vector(Vec<f32>),
    Table(RowTable),
}

impl Tensor {
    /// Bytes of memory that its numbers take.
    pub fn bytes(&self) -> u64 {
        match self {
            Tensor::Matrix(matrix) => matrix.tiles().len() as u64,
            Tensor::Vector(vector) => 4 * vector.len() as u64,
            Tensor::Table(table) => table.bytes,
        }
    }
}

/// A tensor whose bytes are arriving.
pub(crate) enum IncomingTensor {
    Matrix(MatrixBuilder),
    Vector {
        kind: TensorType,
        bytes: Vec<u8>,
        len: usize,
    },
    Table(RowTable),
}

impl IncomingTensor {
    /// Takes the memory for the tensor of this directory entry, whose shape has been checked, in this form. That of a table
    /// is what `new_store` makes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], and [`Error::Corrupt`] for a matrix whose rows are not whole blocks.
    pub fn new(info: &TensorInfo, form: TensorForm, new_store: NewRowStore) -> Result<Self> {
        let size = |n: u64| usize::try_from(n).map_err(|_| Error::OutOfMemory(usize::MAX));
        if form == TensorForm::Table {
            return RowTable::new(info, new_store).map(Self::Table);
        }
        if form == TensorForm::Matrix {
            let (cols, rows) = (size(info.shape[0])?, size(info.shape[1])?);
            let builder = MatrixBuilder::new(&info.name, info.kind, rows, cols)?;
            return Ok(Self::Matrix(builder));
        }
        Ok(Self::Vector {
            kind: info.kind,
            bytes: with_capacity(size(info.size)?)?,
            len: size(info.shape.iter().product())?,
        })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        match self {
            Self::Matrix(builder) => builder.push(bytes),
            Self::Vector { bytes: all, .. } => all.extend_from_slice(bytes),
            Self::Table(table) => return table.push(bytes),
        }
        Ok(())
    }

    /// The tensor, once its bytes have come.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Truncated`].
    pub fn finish(self) -> Result<Tensor> {
        Ok(match self {
            Self::Matrix(builder) => Tensor::Matrix(builder.finish()?),
            Self::Vector { kind, bytes, len } => {
                let mut values = Vec::new();
                resize(&mut values, len, 0.0)?;
                dequantize(kind, &bytes, &mut values);
                Tensor::Vector(values)
            }
            Self::Table(table) => Tensor::Table(table.finish()?),
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

    pub fn optional_matrix(&mut self, stem: &str) -> Option<Matrix> {
        match self.take(stem, "weight") {
            Some(Tensor::Matrix(matrix)) => Some(matrix),
            _ => None,
        }
    }

    pub fn optional_table(&mut self, stem: &str) -> Option<RowTable> {
        match self.take(stem, "weight") {
            Some(Tensor::Table(table)) => Some(table),
            _ => None,
        }
    }

    /// A matrix that must be there: the check of the header has verified it.
    pub fn matrix(&mut self, stem: &str) -> Result<Matrix> {
        self.optional_matrix(stem).ok_or_else(|| missing(stem))
    }

    /// A linear layer, with its scale and its bias where it has them.
    pub fn linear(&mut self, stem: &str) -> Result<Linear> {
        let matrix = self.matrix(stem)?;
        Ok(self.linear_of(stem, matrix))
    }

    /// The linear layer of a matrix that was taken.
    pub fn linear_of(&mut self, stem: &str, matrix: Matrix) -> Linear {
        let scale = self.optional_vector(stem, "scale");
        Linear {
            name: self.name(stem, "weight"),
            matrix,
            scale: scale.map_or(1.0, |scale| scale[0]),
            bias: self.optional_vector(stem, "bias"),
        }
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
pub(super) fn missing(stem: &str) -> Error {
    Error::MissingTensor(format!("{stem}.weight"))
}
