//! Checkpoints: what is needed to resume training, as a GGUF file. It holds the options, the vocabulary, the weights
//! and the optimizer's state, all in single precision, so that nothing is lost.

use super::Options;
use super::bpe::Vocabulary;
use super::corpus::{Corpus, Documents};
use super::report::BestState;
use super::trainer::{Trainer, hash};
use crate::allocation::reserve;
use crate::gguf::{Header, Metadata, Reader, StringArray, TensorSink, Value, Writer};
use crate::quant::{TensorType, dequantize};
use crate::{Error, Result};

const ARCHITECTURE: &str = "nexttoken-checkpoint";
const TENSORS: [&str; 3] = ["weights", "first_moment", "second_moment"];
/// The weights with the lowest validation loss; absent before the first validation.
const BEST: &str = "best_weights";
/// The largest step number that is accepted: far more than can be done, and far from an overflow.
const MAX_STEP: u64 = 1 << 48;

/// The contents of a checkpoint, checked.
pub(super) struct CheckpointData {
    pub options: Options,
    pub text_hash: u64,
    pub step: u64,
    pub vocabulary: Vocabulary,
    pub weights: Vec<f32>,
    pub first: Vec<f32>,
    pub second: Vec<f32>,
    pub best: Option<(BestState, Vec<f32>)>,
}

impl Trainer {
    /// Everything needed to resume training, as a GGUF file; see [`Trainer::resume`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        write(self)
    }

    /// Resumes training from a [`Trainer::checkpoint`], with the same text.
    ///
    /// # Errors
    /// [`Error::CheckpointMismatch`] where the checkpoint is of another text or no checkpoint at all; the errors of
    /// reading a GGUF file; [`Error::OutOfMemory`].
    pub fn resume(text: &str, checkpoint: &[u8]) -> Result<Self> {
        let saved = read(checkpoint)?;
        if saved.text_hash != hash(text) {
            let reason = "it was made with another text".to_owned();
            return Err(Error::CheckpointMismatch(reason));
        }
        let shape = &saved.options.shape;
        let parts = [&saved.weights, &saved.first, &saved.second];
        if parts.iter().any(|part| part.len() != shape.parameters()) {
            let reason = "its weights do not fit its options".to_owned();
            return Err(Error::CheckpointMismatch(reason));
        }
        let context = shape.context_length;
        let documents = Documents::split(text);
        let corpus = Corpus::with_vocabulary(&documents, saved.vocabulary, context)?;
        if corpus.vocabulary.tokens.len() != shape.vocabulary_size {
            let reason = "its vocabulary does not fit its options".to_owned();
            return Err(Error::CheckpointMismatch(reason));
        }
        let mut trainer = Self::with_corpus(corpus, saved.text_hash, saved.options)?;
        trainer.weights.copy_from_slice(&saved.weights);
        trainer.adam.first.copy_from_slice(&saved.first);
        trainer.adam.second.copy_from_slice(&saved.second);
        if let Some((best, weights)) = &saved.best {
            trainer.best = Some(*best);
            trainer.best_weights.copy_from_slice(weights);
        }
        trainer.step = saved.step;
        Ok(trainer)
    }
}

fn write(trainer: &Trainer) -> Result<Vec<u8>> {
    let mut writer = Writer::new();
    let text = Value::String(ARCHITECTURE.into());
    writer.metadata("general.architecture", text)?;
    writer.metadata("text_hash", Value::U64(trainer.text_hash))?;
    writer.metadata("step", Value::U64(trainer.step))?;
    let mut options = trainer.options.clone();
    for field in FIELDS {
        let value = match field {
            Field::Whole(_, get) => Value::U64(*get(&mut options) as u64),
            Field::Long(_, get) => Value::U64(*get(&mut options)),
            Field::Float(_, get) => Value::F32(*get(&mut options)),
        };
        writer.metadata(field.name(), value)?;
    }
    let vocabulary = &trainer.corpus.vocabulary;
    writer.metadata("tokens", Value::Strings(vocabulary.tokens.clone()))?;
    writer.metadata("merges", Value::Strings(vocabulary.merges.clone()))?;
    let (weights, adam) = (&trainer.weights, &trainer.adam);
    let mut tensors = Vec::from(TENSORS);
    if let Some(best) = trainer.best {
        writer.metadata("best_step", Value::U64(best.step))?;
        writer.metadata("best_loss", Value::U64(best.loss.to_bits()))?;
        tensors.push(BEST);
    }
    let values = [weights, &adam.first, &adam.second, &trainer.best_weights];
    let mut data = [const { Vec::new() }; 4];
    for (bytes, values) in data.iter_mut().zip(values).take(tensors.len()) {
        crate::quant::quantize(TensorType::F32, values, bytes)?;
    }
    for (name, bytes) in tensors.into_iter().zip(&data) {
        writer.tensor(name, &[weights.len() as u64], TensorType::F32, bytes)?;
    }
    writer.to_vec()
}

pub(super) fn read(bytes: &[u8]) -> Result<CheckpointData> {
    let mut parts = Parts::default();
    let mut reader = Reader::new();
    reader.push(bytes, &mut parts)?;
    reader.finish()?;
    let Header {
        mut metadata,
        tensors,
        ..
    } = parts.header.ok_or_else(|| mismatch("it is empty"))?;
    let options = options(&metadata)?;
    let mut tensor = |name: &str| -> Result<Option<Vec<f32>>> {
        let Some(index) = tensors.iter().position(|tensor| tensor.name == name) else {
            return Ok(None);
        };
        let bytes = std::mem::take(&mut parts.data[index]);
        let mut floats = super::network::zeros(1, bytes.len() / 4)?;
        dequantize(TensorType::F32, &bytes, &mut floats);
        Ok(Some(floats))
    };
    let [weights, first, second] =
        TENSORS.map(|name| tensor(name)?.ok_or_else(|| Error::MissingTensor(name.into())));
    let step = long(&metadata, "step")?;
    if step > MAX_STEP {
        return Err(mismatch("the number of its step is too large"));
    }
    let best = match tensor(BEST)? {
        Some(weights) if weights.len() == options.shape.parameters() => {
            Some((best(&metadata, step)?, weights))
        }
        Some(_) => return Err(mismatch("its weights do not fit its options")),
        None => None,
    };
    Ok(CheckpointData {
        text_hash: long(&metadata, "text_hash")?,
        step,
        vocabulary: Vocabulary {
            tokens: strings(&mut metadata, "tokens")?,
            merges: strings(&mut metadata, "merges")?,
        },
        options,
        weights: weights?,
        first: first?,
        second: second?,
        best,
    })
}

fn best(metadata: &Metadata, step: u64) -> Result<BestState> {
    let best = BestState {
        step: long(metadata, "best_step")?,
        loss: f64::from_bits(long(metadata, "best_loss")?),
    };
    match best.step <= step && best.loss.is_finite() {
        true => Ok(best),
        false => Err(mismatch("its best state cannot be")),
    }
}

/// Collects the parts of the file. It accepts only F32 tensors, so that none takes more memory than its part of the
/// file.
#[derive(Default)]
struct Parts {
    header: Option<Header>,
    data: Vec<Vec<u8>>,
}

impl TensorSink for Parts {
    fn header(&mut self, header: Header) -> Result<()> {
        let architecture = header.metadata.require_str("general.architecture")?;
        if architecture != ARCHITECTURE {
            return Err(mismatch("it is a model, not a checkpoint"));
        }
        if header
            .tensors
            .iter()
            .any(|tensor| tensor.kind != TensorType::F32)
        {
            return Err(mismatch("its weights are not in single precision"));
        }
        self.data = vec![Vec::new(); header.tensors.len()];
        self.header = Some(header);
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        let data = &mut self.data[index];
        reserve(data, bytes.len())?;
        data.extend_from_slice(bytes);
        Ok(())
    }
}

/// An option in a checkpoint: its name, type and field.
enum Field {
    Whole(&'static str, fn(&mut Options) -> &mut usize),
    Long(&'static str, fn(&mut Options) -> &mut u64),
    Float(&'static str, fn(&mut Options) -> &mut f32),
}

const FIELDS: [Field; 14] = [
    Field::Whole("vocabulary_size", |o| &mut o.shape.vocabulary_size),
    Field::Whole("context_length", |o| &mut o.shape.context_length),
    Field::Whole("hidden_size", |o| &mut o.shape.hidden_size),
    Field::Whole("layers", |o| &mut o.shape.layers),
    Field::Whole("heads", |o| &mut o.shape.heads),
    Field::Whole("feed_forward_size", |o| &mut o.shape.feed_forward_size),
    Field::Whole("batch_size", |o| &mut o.batch_size),
    Field::Long("steps", |o| o.steps.get_or_insert(0)),
    Field::Long("warmup_steps", |o| o.warmup_steps.get_or_insert(0)),
    Field::Float("learning_rate", |o| o.learning_rate.get_or_insert(0.0)),
    Field::Float("weight_decay", |o| o.weight_decay.get_or_insert(0.0)),
    Field::Float("max_gradient", |o| &mut o.max_gradient),
    Field::Long("seed", |o| &mut o.seed),
    Field::Long("patience", |o| &mut o.patience),
];

impl Field {
    fn name(&self) -> &'static str {
        match self {
            Field::Whole(name, _) | Field::Long(name, _) | Field::Float(name, _) => name,
        }
    }
}

fn options(metadata: &Metadata) -> Result<Options> {
    let mut options = Options::default();
    for field in FIELDS {
        match field {
            Field::Whole(name, get) => {
                let number = usize::try_from(long(metadata, name)?);
                *get(&mut options) = number.map_err(|_| mismatch("a number is too large"))?;
            }
            // Checkpoints of version 0.1.0 have no patience.
            Field::Long("patience", _) if metadata.get("patience").is_none() => {
                options.patience = 0
            }
            Field::Long(name, get) => *get(&mut options) = long(metadata, name)?,
            Field::Float(name, get) => *get(&mut options) = metadata.require_f32(name)?,
        }
    }
    options.validate()?;
    Ok(options)
}

fn long(metadata: &Metadata, key: &str) -> Result<u64> {
    match metadata.get(key) {
        Some(Value::U64(number)) => Ok(*number),
        _ => Err(Error::MissingMetadata(key.into())),
    }
}

fn strings(metadata: &mut Metadata, key: &str) -> Result<StringArray> {
    match metadata.take(key) {
        Some(Value::Strings(strings)) if !strings.is_empty() || key == "merges" => Ok(strings),
        _ => Err(Error::MissingMetadata(key.into())),
    }
}

fn mismatch(reason: &str) -> Error {
    Error::CheckpointMismatch(reason.into())
}
