//! LoRA adapters (Hu et al. 2021): for some of a model's linear layers two narrow matrices, whose product is added to the
//! weights without changing them, `y += scale × B (A x)`. Several can share one model.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::Model;
use crate::allocation::resize;
use crate::error::{check_option, invalid_option};
use crate::gguf::{Header, Metadata, Reader, TensorInfo, TensorSink};
use crate::kernels::{self, Activations};
use crate::quant::{Matrix, MatrixBuilder};
use crate::{Error, Result};

/// The largest rank, many times what adapters have.
const MAX_RANK: u64 = 4096;

/// A LoRA adapter for one model. It is immutable, so that several texts can share it.
pub struct Adapter {
    model: Weak<Model>,
    /// The update of each matrix of the model that the adapter changes, by the matrix's name.
    updates: HashMap<String, Update>,
}

crate::debug::debug_in_brief!(Adapter {});

/// What is added to one matrix: `scale × B A`.
struct Update {
    a: Matrix,
    b: Matrix,
    scale: f32,
}

impl Adapter {
    /// An adapter for `model` from the bytes of a whole GGUF file.
    ///
    /// # Errors
    /// As [`AdapterLoader::push`] and [`AdapterLoader::finish`].
    pub fn from_bytes(model: &Arc<Model>, bytes: &[u8]) -> Result<Self> {
        let mut loader = AdapterLoader::new(model);
        loader.push(bytes)?;
        loader.finish()
    }

    /// Checks that the adapter was loaded for `model`.
    pub(crate) fn check(&self, model: &Model) -> Result<()> {
        let same = std::ptr::eq(self.model.as_ptr(), model);
        check_option(same, "adapter", "one that was loaded for this model")
    }
}

/// Builds an [`Adapter`] from the bytes of a GGUF file as they arrive.
pub struct AdapterLoader {
    reader: Reader,
    partial: PartialAdapter,
}

crate::debug::debug_in_brief!(AdapterLoader {});

impl AdapterLoader {
    /// A loader of an adapter for `model` that has read nothing yet.
    pub fn new(model: &Arc<Model>) -> Self {
        AdapterLoader {
            reader: Reader::new(),
            partial: PartialAdapter {
                model: Arc::clone(model),
                header: None,
                incoming: None,
                matrices: HashMap::new(),
            },
        }
    }

    /// Takes the next bytes of the file. After an error the loader only repeats that error.
    ///
    /// # Errors
    /// Everything that can be wrong with a file: [`Error::BadMetadata`] for one that is no LoRA adapter or belongs to
    /// another architecture, [`Error::TensorShape`] where a matrix does not fit the model, [`Error::MissingTensor`] where
    /// one has no counterpart, [`Error::Corrupt`] for one that the model has no place for, or with numbers that are not
    /// finite; [`Error::InvalidOption`] where it changes the experts of a mixture; [`Error::OutOfMemory`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.push(bytes, &mut self.partial)
    }

    /// Bytes of the whole file, once its header has arrived.
    pub fn file_size(&self) -> Option<u64> {
        let header = self.partial.header.as_ref();
        header.map(|header| header.file_size)
    }

    /// The finished adapter, once all bytes have been pushed.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes are missing.
    pub fn finish(mut self) -> Result<Adapter> {
        self.reader.finish()?;
        self.partial.assemble()
    }
}

/// What has arrived of an adapter so far.
struct PartialAdapter {
    model: Arc<Model>,
    header: Option<Header>,
    /// The matrix that is arriving: its index, its data, and how many of its bytes are missing.
    incoming: Option<(usize, MatrixBuilder, u64)>,
    matrices: HashMap<String, Matrix>,
}

impl TensorSink for PartialAdapter {
    fn header(&mut self, header: Header) -> Result<()> {
        check_metadata(&self.model, &header.metadata)?;
        check_tensors(&self.model, &header.tensors)?;
        self.header = Some(header);
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let headless = || Error::Corrupt("tensor data without a header".to_owned());
        let header = self.header.as_ref().ok_or_else(headless)?;
        let info = &header.tensors[index];
        let (_, mut builder, missing) = match self.incoming.take() {
            Some(incoming) if incoming.0 == index => incoming,
            // `check_tensors` has compared the shape with the model's.
            _ => {
                let [cols, rows] = columns_and_rows(info).map(|size| size as usize);
                let builder = MatrixBuilder::new(&info.name, info.kind, rows, cols)?;
                (index, builder, info.size)
            }
        };
        builder.push(bytes);
        let missing = missing - bytes.len() as u64;
        if missing > 0 {
            self.incoming = Some((index, builder, missing));
            return Ok(());
        }
        let matrix = builder.finish()?;
        check_finite(&info.name, &matrix)?;
        self.matrices.insert(info.name.clone(), matrix);
        Ok(())
    }
}

impl PartialAdapter {
    fn assemble(mut self) -> Result<Adapter> {
        let headless = || Error::Truncated("its header is missing".to_owned());
        let header = self.header.take().ok_or_else(headless)?;
        let alpha = alpha(&header.metadata)?;
        let mut updates = HashMap::new();
        for info in &header.tensors {
            let Some(name) = info.name.strip_suffix(A) else {
                continue;
            };
            let mut take = |name: String| {
                let matrix = self.matrices.remove(&name);
                matrix.ok_or(Error::MissingTensor(name))
            };
            let (a, b) = (take(info.name.clone())?, take(format!("{name}{B}"))?);
            // As in llama.cpp, an adapter without α is added as it is.
            let scale = alpha.map_or(1.0, |alpha| alpha / a.rows() as f32);
            updates.insert(name.to_owned(), Update { a, b, scale });
        }
        Ok(Adapter {
            model: Arc::downgrade(&self.model),
            updates,
        })
    }
}

/// The ends of the names of an update's matrices.
const A: &str = ".lora_a";
const B: &str = ".lora_b";

fn check_metadata(model: &Model, metadata: &Metadata) -> Result<()> {
    for (key, expected) in [
        ("general.type", "adapter"),
        ("adapter.type", "lora"),
        ("general.architecture", model.config.architecture.name),
    ] {
        let found = metadata.require_str(key)?;
        if found != expected {
            return Err(unusable(key, format!("it is {found:?}, not {expected:?}")));
        }
    }
    let invocation = "adapter.alora.invocation_tokens";
    if metadata.get(invocation).is_some() {
        let reason = "adapters that only take effect after some tokens are not supported";
        return Err(unusable(invocation, reason.into()));
    }
    alpha(metadata).map(|_| ())
}

/// α, by which the updates are scaled together with their rank; `None` where it is absent or 0.
fn alpha(metadata: &Metadata) -> Result<Option<f32>> {
    let key = "adapter.lora.alpha";
    let alpha = metadata.optional_f32(key)?.filter(|alpha| *alpha != 0.0);
    match alpha {
        Some(alpha) if !alpha.is_finite() => Err(unusable(key, "it is not finite".into())),
        alpha => Ok(alpha),
    }
}

fn unusable(key: &str, reason: String) -> Error {
    let key = key.to_owned();
    Error::BadMetadata { key, reason }
}

/// Checks that the tensors are pairs of matrices that fit linear layers of the model.
fn check_tensors(model: &Model, tensors: &[TensorInfo]) -> Result<()> {
    // Before memory is taken for their names.
    let mut linears = 0;
    (model.transformer).for_each_linear(&mut |_| linears += 1);
    if tensors.len() > 2 * linears {
        return Err(Error::Corrupt(
            "the adapter has more tensors than the model has places for".to_owned(),
        ));
    }
    let by_name: HashMap<_, _> = tensors.iter().map(|info| (&*info.name, info)).collect();
    for info in tensors {
        let name = &info.name;
        let base = name.strip_suffix(A).or_else(|| name.strip_suffix(B));
        let linear = base.and_then(|base| model.transformer.linear(base));
        if base.is_some_and(|base| base.ends_with("_exps.weight")) {
            let allowed = "one that leaves the experts of a mixture as they are";
            return Err(invalid_option("adapter", allowed));
        }
        let (Some(base), Some(linear)) = (base, linear) else {
            return Err(Error::Corrupt(format!(
                "the model has no place for the tensor {name:?} of the adapter"
            )));
        };
        let find = |end| {
            let name = format!("{base}{end}");
            let info = by_name.get(&*name).copied();
            info.ok_or(Error::MissingTensor(name))
        };
        let (a, b) = (find(A)?, find(B)?);
        if name.ends_with(B) {
            // A pair is checked once, when its A comes.
            continue;
        }
        let rank = columns_and_rows(a)[1];
        if !(1..=MAX_RANK).contains(&rank) {
            return Err(Error::Corrupt(format!(
                "the rank of the tensor {:?} is {rank}, not from 1 to {MAX_RANK}",
                a.name
            )));
        }
        check_shape(a, [linear.matrix.cols() as u64, rank])?;
        check_shape(b, [rank, linear.matrix.rows() as u64])?;
    }
    Ok(())
}

fn check_shape(info: &TensorInfo, expected: [u64; 2]) -> Result<()> {
    if info.shape.len() <= 2 && columns_and_rows(info) == expected {
        return Ok(());
    }
    Err(Error::TensorShape {
        tensor: info.name.clone(),
        found: info.shape.clone(),
        expected: expected.into(),
    })
}

/// Columns and rows of a matrix. One of a single row may be stored as a vector.
fn columns_and_rows(info: &TensorInfo) -> [u64; 2] {
    [0, 1].map(|dimension| info.shape.get(dimension).copied().unwrap_or(1))
}

fn check_finite(name: &str, matrix: &Matrix) -> Result<()> {
    let mut row = Vec::new();
    resize(&mut row, matrix.cols(), 0.0)?;
    for index in 0..matrix.rows() {
        matrix.dequantize_row(index, &mut row);
        if !row.iter().all(|weight| weight.is_finite()) {
            let reason = format!("the tensor {name:?} has numbers that are not finite");
            return Err(Error::Corrupt(reason));
        }
    }
    Ok(())
}

/// The adapters of a text with their scales, and memory to work in.
#[derive(Default)]
pub(super) struct ActiveAdapters {
    list: Vec<(Arc<Adapter>, f32)>,
    /// `A x` for every token.
    low_rank: Activations,
    /// `B A x` for every token.
    full: Vec<f32>,
}

impl ActiveAdapters {
    /// Replaces the adapters of the text. Returns whether that changes anything; an adapter of scale 0 counts as none.
    pub fn set(&mut self, mut list: Vec<(Arc<Adapter>, f32)>) -> bool {
        list.retain(|(_, scale)| *scale != 0.0);
        let same = self.list.len() == list.len()
            && self
                .list
                .iter()
                .zip(&list)
                .all(|((old, by), (new, scale))| {
                    Arc::ptr_eq(old, new) && by.to_bits() == scale.to_bits()
                });
        self.list = list;
        !same
    }

    /// The same adapters, with memory of their own.
    pub fn fork(&self) -> Self {
        ActiveAdapters {
            list: self.list.clone(),
            ..Self::default()
        }
    }

    /// Checks that all were loaded for `model`.
    pub fn check(&self, model: &Model) -> Result<()> {
        let mut list = self.list.iter();
        list.try_for_each(|(adapter, _)| adapter.check(model))
    }

    /// y += scale × B (A x) for every token and every adapter that has an update for the matrix of this name.
    pub fn add_updates(&mut self, matrix: &str, x: &mut Activations, y: &mut [f32]) -> Result<()> {
        for (adapter, scale) in &self.list {
            let Some(update) = adapter.updates.get(matrix) else {
                continue;
            };
            let low_rank = self.low_rank.prepare(x.tokens(), update.a.rows())?;
            kernels::linear(&update.a, x, low_rank);
            kernels::multiply(low_rank, scale * update.scale);
            resize(&mut self.full, y.len(), 0.0)?;
            kernels::linear(&update.b, &mut self.low_rank, &mut self.full);
            kernels::add(y, &self.full);
        }
        Ok(())
    }
}
