//! The bytes of a checkpoint: the training goes on or is refused.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nexttoken::Error;
use nexttoken::quant::TensorType;
use nexttoken::train::{Options, Preset, Trainer};

static TEXT: LazyLock<String> = LazyLock::new(|| "The cat sat on the mat. ".repeat(40));

/// A true one of a very small model.
static CHECKPOINT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut options = Options::preset(Preset::Tiny);
    options.shape.vocabulary_size = 270;
    options.shape.context_length = 16;
    options.shape.hidden_size = 32;
    options.shape.layers = 1;
    options.shape.heads = 1;
    options.shape.feed_forward_size = 32;
    options.batch_size = 1;
    let trainer = Trainer::new(&TEXT, options).expect("the options are usable");
    trainer.checkpoint().expect("there is memory for it")
});

fuzz_target!(|edits: (Vec<(u16, u8)>, Option<u16>, Vec<u8>)| {
    let (edits, cut, more) = edits;
    let mut bytes = CHECKPOINT.clone();
    let near = bytes.len().min(8192);
    for (at, byte) in edits {
        bytes[usize::from(at) % near] = byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.into());
        bytes.extend(more);
    }
    if let Ok(mut trainer) = Trainer::resume(&TEXT, &bytes) {
        // A batch as large as a checkpoint may ask for takes minutes.
        if trainer.options().batch_size < 16 {
            match trainer.step() {
                Ok(_) | Err(Error::NotFinite) => {}
                Err(error) => panic!("it was resumed: {error}"),
            }
        }
        trainer.checkpoint().expect("there is memory for it");
        trainer
            .to_gguf(TensorType::F32)
            .expect("there is memory for it");
    }
});
