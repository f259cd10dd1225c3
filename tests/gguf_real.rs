//! The GGUF reader on a real model file.
#![cfg(not(target_arch = "wasm32"))]

use std::fs;
use std::path::Path;

use nexttoken::gguf::{Header, Reader, TensorSink, Value, read_header};
use nexttoken::quant::{TensorType, dequantize};
use nexttoken::{Error, Result};

const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf";

fn model() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(MODEL);
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "the sample model {} cannot be read ({error}): `cargo verify` fetches it",
            path.display()
        )
    })
}

/// What a reader handed over: the header, and of each tensor the number of bytes and a checksum.
#[derive(Debug, Default, PartialEq)]
struct Summary {
    header: Option<Header>,
    tensors: Vec<(u64, u64)>,
}

impl TensorSink for Summary {
    fn header(&mut self, header: Header) -> Result<()> {
        self.tensors = vec![(0, 0); header.tensors.len()];
        assert_eq!(self.header.replace(header), None, "one header");
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        assert!(!bytes.is_empty());
        let later = &self.tensors[index + 1..];
        assert!(later.iter().all(|tensor| *tensor == (0, 0)), "file order");
        let (count, checksum) = &mut self.tensors[index];
        *count += bytes.len() as u64;
        for &byte in bytes {
            *checksum = (checksum.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x9e37_79b9);
        }
        Ok(())
    }
}

fn read(chunks: impl Iterator<Item = impl AsRef<[u8]>>) -> (Summary, Reader) {
    let (mut reader, mut summary) = (Reader::new(), Summary::default());
    for chunk in chunks {
        reader.push(chunk.as_ref(), &mut summary).unwrap();
    }
    (summary, reader)
}

#[test]
fn every_chunk_size_reads_the_same() {
    let file = model();
    let (whole, mut reader) = read([&file].into_iter());
    reader.finish().unwrap();
    let header = whole.header.as_ref().unwrap();
    assert_eq!(header.version, 3);
    assert_eq!(header.tensors.len(), 272);
    assert_eq!(reader.file_size(), Some(header.file_size));
    assert!(file.len() as u64 - header.file_size < 32);
    for (tensor, (count, _)) in header.tensors.iter().zip(&whole.tensors) {
        assert_eq!(*count, tensor.size, "{}", tensor.name);
    }
    for size in [13, 1000, 65_536, 1 << 20] {
        let (summary, mut reader) = read(file.chunks(size));
        reader.finish().unwrap();
        assert_eq!(summary, whole, "chunks of {size}");
    }
    // One byte at a time as far as the header goes, then the rest.
    let (start, rest) = file.split_at(usize::try_from(header.data_start).unwrap() + 1);
    let (summary, mut reader) = read(start.chunks(1).chain([rest]));
    reader.finish().unwrap();
    assert_eq!(summary, whole, "single bytes");
}

#[test]
fn the_header_says_what_the_model_is() {
    let header = read_header(&model()).unwrap().unwrap();
    let metadata = &header.metadata;
    assert_eq!(metadata.require_str("general.architecture"), Ok("llama"));
    assert_eq!(metadata.require_u32("llama.block_count"), Ok(30));
    assert_eq!(metadata.require_u32("llama.embedding_length"), Ok(576));
    assert_eq!(
        metadata.require_u32("llama.rope.scale"),
        Err(Error::MissingMetadata("llama.rope.scale".into()))
    );
    let Some(Value::Strings(tokens)) = metadata.get("tokenizer.ggml.tokens") else {
        panic!("no vocabulary");
    };
    assert_eq!(tokens.len(), 49152);
    assert_eq!(tokens.get(1), Some("<|im_start|>".as_bytes()));
    let Some(Value::Integers(kinds)) = metadata.get("tokenizer.ggml.token_type") else {
        panic!("no token types");
    };
    assert_eq!(
        (kinds.len(), kinds.iter().nth(1)),
        (49152, Some(3)),
        "a control token"
    );
}

#[test]
fn weights_are_of_a_plausible_size() {
    let file = model();
    let header = read_header(&file).unwrap().unwrap();
    let mut kinds = Vec::new();
    for tensor in header
        .tensors
        .iter()
        .filter(|tensor| tensor.shape.len() == 2)
    {
        // The first row of every matrix.
        let columns = usize::try_from(tensor.shape[0]).unwrap();
        let start = usize::try_from(header.data_start + tensor.offset).unwrap();
        let size = columns / tensor.kind.block_len() * tensor.kind.block_bytes();
        let mut row = vec![0.0; columns];
        dequantize(tensor.kind, &file[start..start + size], &mut row);
        let mean_square = row.iter().map(|x| x * x).sum::<f32>() / columns as f32;
        assert!(
            (1e-6..10.0).contains(&mean_square),
            "{}: {mean_square}",
            tensor.name
        );
        kinds.push(tensor.kind);
    }
    assert!(kinds.contains(&TensorType::Q4_1), "{kinds:?}");
}

#[test]
fn a_file_cut_short_is_truncated() {
    let file = model();
    let header = read_header(&file).unwrap().unwrap();
    let data_start = usize::try_from(header.data_start).unwrap();
    let file_size = usize::try_from(header.file_size).unwrap();
    for length in [
        0,
        3,
        100,
        data_start / 2,
        data_start,
        file_size / 2,
        file_size - 1,
    ] {
        let (_, mut reader) = read([&file[..length]].into_iter());
        let error = reader.finish().unwrap_err();
        assert_eq!(error.code(), "truncated", "{length}: {error}");
    }
    assert_eq!(read_header(&file[..data_start / 2]), Ok(None));
}
