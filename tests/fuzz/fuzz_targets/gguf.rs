//! A file that has the structure of GGUF, true or lying: it reads the same whole and in pieces of any size, and
//! what is said of it is said without harm.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use nexttoken::generator::Context;
use nexttoken::gguf::{Header, Reader, TensorSink};
use nexttoken::{Inspection, MemoryLimit, Result};

#[derive(Arbitrary, Debug)]
struct File {
    version: Number,
    counts: Option<(Number, Number)>,
    pairs: Vec<(Key, Value)>,
    tensors: Vec<Tensor>,
    data: Vec<u8>,
    damage: Vec<(u16, u8)>,
    /// Sizes of the pieces, in turn.
    pieces: Vec<u8>,
}

/// Mostly small, sometimes an extreme.
#[derive(Debug)]
struct Number(u64);

impl<'a> Arbitrary<'a> for Number {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Number(match u8::arbitrary(u)? {
            small @ 0..200 => small.into(),
            power @ 200..=254 => 1u64.rotate_left(u32::from(power - 200) + 9) - 1,
            255 => u64::arbitrary(u)?,
        }))
    }
}

#[derive(Arbitrary, Debug)]
enum Key {
    Known(u8),
    Any(String),
}

const KEYS: [&str; 20] = [
    "general.architecture",
    "general.alignment",
    "general.name",
    "general.file_type",
    "split.no",
    "split.count",
    "split.tensors.count",
    "tokenizer.ggml.model",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type",
    "tokenizer.ggml.scores",
    "tokenizer.ggml.merges",
    "tokenizer.chat_template",
    "llama.context_length",
    "llama.embedding_length",
    "llama.block_count",
    "llama.feed_forward_length",
    "llama.attention.head_count",
    "llama.attention.layer_norm_rms_epsilon",
];

#[derive(Arbitrary, Debug)]
enum Value {
    U32(Number),
    U64(Number),
    F32(f32),
    Bool(u8),
    Llama,
    Gpt2,
    String(String),
    Bytes(Vec<Vec<u8>>),
    Array {
        kind: u8,
        count: Option<Number>,
        bytes: Vec<u8>,
    },
    Unknown(u32, Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Tensor {
    name: u8,
    shape: Vec<Number>,
    kind: u8,
    /// Where it is told to lie instead of behind the one before.
    offset: Option<Number>,
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        let mut typed = |kind: u32, bytes: &[u8]| {
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        };
        match self {
            Value::U32(number) => typed(4, &(number.0 as u32).to_le_bytes()),
            Value::U64(number) => typed(10, &number.0.to_le_bytes()),
            Value::F32(number) => typed(6, &number.to_le_bytes()),
            Value::Bool(byte) => typed(7, &[*byte]),
            Value::Unknown(kind, bytes) => typed(*kind, bytes),
            Value::Llama => Value::String("llama".into()).write(out),
            Value::Gpt2 => Value::String("gpt2".into()).write(out),
            Value::String(text) => {
                typed(8, &[]);
                string(text.as_bytes(), out);
            }
            Value::Bytes(strings) => {
                typed(9, &8u32.to_le_bytes());
                out.extend((strings.len() as u64).to_le_bytes());
                strings.iter().for_each(|bytes| string(bytes, out));
            }
            Value::Array { kind, count, bytes } => {
                typed(9, &u32::from(kind % 13).to_le_bytes());
                let sizes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];
                let whole = bytes.len() / sizes[usize::from(kind % 13)];
                let count = count.as_ref().map_or(whole as u64, |count| count.0);
                out.extend(count.to_le_bytes());
                out.extend(bytes);
            }
        }
    }
}

impl File {
    fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(
            (if self.version.0 < 190 {
                3
            } else {
                self.version.0 as u32
            })
            .to_le_bytes(),
        );
        let (tensors, pairs) = match &self.counts {
            Some((tensors, pairs)) => (tensors.0, pairs.0),
            None => (self.tensors.len() as u64, self.pairs.len() as u64),
        };
        out.extend(
            [tensors, pairs]
                .iter()
                .flat_map(|count| count.to_le_bytes()),
        );
        for (key, value) in &self.pairs {
            let key = match key {
                Key::Known(index) => KEYS[usize::from(*index) % KEYS.len()],
                Key::Any(key) => key,
            };
            string(key.as_bytes(), &mut out);
            value.write(&mut out);
        }
        let mut end = 0u64;
        for tensor in &self.tensors {
            let names = [
                "token_embd.weight",
                "output_norm.weight",
                "blk.0.attn_q.weight",
            ];
            match names.get(usize::from(tensor.name)) {
                Some(name) => string(name.as_bytes(), &mut out),
                None => string(&[tensor.name], &mut out),
            }
            out.extend((tensor.shape.len() as u32).to_le_bytes());
            out.extend(tensor.shape.iter().flat_map(|size| size.0.to_le_bytes()));
            out.extend(u32::from(tensor.kind % 32).to_le_bytes());
            let offset = tensor.offset.as_ref().map_or(end, |offset| offset.0);
            out.extend(offset.to_le_bytes());
            // As if it were of floats.
            let sizes = tensor.shape.iter().map(|size| size.0);
            let size = sizes.fold(4, u64::saturating_mul);
            end = offset.saturating_add(size).saturating_add(31) & !31;
        }
        out.resize(out.len().next_multiple_of(32), 0);
        out.extend(&self.data);
        for (at, byte) in &self.damage {
            let at = usize::from(*at) % out.len();
            out[at] = *byte;
        }
        out
    }
}

/// All that a reader hands over.
#[derive(Default, Debug)]
struct Found {
    header: Option<Header>,
    data: Vec<(usize, u8)>,
}

impl TensorSink for Found {
    fn header(&mut self, header: Header) -> Result<()> {
        assert!(self.header.replace(header).is_none(), "one header");
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        assert!(!bytes.is_empty());
        self.data.extend(bytes.iter().map(|byte| (index, *byte)));
        Ok(())
    }
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Found, Result<()>) {
    let (mut reader, mut found) = (Reader::new(), Found::default());
    for piece in pieces {
        if let Err(error) = reader.push(piece, &mut found) {
            return (found, Err(error));
        }
    }
    let end = reader.finish();
    (found, end)
}

fuzz_target!(|file: File| {
    let bytes = file.bytes();
    let (whole, end) = read(std::iter::once(&bytes[..]));
    let mut rest = &bytes[..];
    let mut sizes = file.pieces.iter().cycle();
    let pieces = std::iter::from_fn(|| {
        let size = usize::from(*sizes.next().unwrap_or(&1)).max(1);
        let (piece, after) = rest.split_at(size.min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    });
    let (pieces, same_end) = read(pieces);
    assert_eq!(end, same_end);
    if end.is_ok() {
        // As texts, because a NaN in the metadata does not equal itself.
        assert_eq!(format!("{whole:?}"), format!("{pieces:?}"));
    }
    let kept: usize = whole.data.len();
    assert!(kept <= bytes.len());
    if let Some(header) = whole.header {
        assert!(!end.is_ok() || header.file_size <= bytes.len() as u64);
        let inspection = Inspection::new(header, 1, Context::default(), Some(MemoryLimit::of(1 << 30)));
        if let Ok(Inspection {
            memory: Some(memory),
            ..
        }) = inspection
        {
            assert!(memory.total >= memory.weights && memory.total >= memory.cache);
        }
    }
});
