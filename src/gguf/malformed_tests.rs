//! Tests with files that are cut short, damaged or contradict themselves: each is refused, and nothing panics.

use super::*;
use crate::quant::TensorType;
use crate::test_random::TestRandom;
use crate::{Error, Result};

/// Keeps what a reader reports.
#[derive(Default)]
struct Collect {
    header: Option<Header>,
    data: Vec<(usize, Vec<u8>)>,
}

impl TensorSink for Collect {
    fn header(&mut self, header: Header) -> Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        match self.data.last_mut() {
            Some((last, all)) if *last == index => all.extend_from_slice(bytes),
            _ => self.data.push((index, bytes.to_vec())),
        }
        Ok(())
    }
}

fn read(bytes: &[u8], chunk: usize) -> Result<Collect> {
    let mut reader = Reader::new();
    let mut found = Collect::default();
    for chunk in bytes.chunks(chunk) {
        reader.push(chunk, &mut found)?;
    }
    reader.finish()?;
    Ok(found)
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn pair(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&string(key), &kind.to_le_bytes()[..], value].concat()
}

fn tensor(name: &str, shape: &[u64], kind: u32, offset: u64) -> Vec<u8> {
    let mut bytes = string(name);
    bytes.extend((shape.len() as u32).to_le_bytes());
    shape.iter().for_each(|n| bytes.extend(n.to_le_bytes()));
    bytes.extend(kind.to_le_bytes());
    bytes.extend(offset.to_le_bytes());
    bytes
}

/// A file of the given parts, its header padded to 32 bytes.
fn file(version: u32, counts: (u64, u64), parts: &[Vec<u8>], data: usize) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(counts.0.to_le_bytes());
    bytes.extend(counts.1.to_le_bytes());
    parts.iter().for_each(|part| bytes.extend(part));
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.resize(bytes.len() + data, 7);
    bytes
}

fn good() -> Vec<u8> {
    let parts = [
        pair("general.architecture", 8, &string("llama")),
        pair(
            "some.numbers",
            9,
            &[&4u32.to_le_bytes()[..], &2u64.to_le_bytes(), &[1; 8]].concat(),
        ),
        pair(
            "some.words",
            9,
            &[
                &8u32.to_le_bytes()[..],
                &2u64.to_le_bytes(),
                &string("a"),
                &string("b"),
            ]
            .concat(),
        ),
        tensor("a", &[8, 2], 0, 0),
        tensor("b", &[32], 8, 64),
    ];
    file(3, (2, 3), &parts, 64 + 34)
}

#[test]
fn a_good_file_reads_the_same_in_every_chunk_size() {
    let bytes = good();
    let whole = read(&bytes, bytes.len()).unwrap();
    let header = whole.header.as_ref().unwrap();
    assert_eq!(header.tensors.len(), 2);
    assert_eq!(header.tensors[1].kind, TensorType::Q8_0);
    assert_eq!(
        whole
            .data
            .iter()
            .map(|(_, data)| data.len())
            .collect::<Vec<_>>(),
        [64, 34]
    );
    for chunk in [1, 2, 3, 7, 31, 64, 100] {
        let again = read(&bytes, chunk).unwrap();
        assert_eq!(
            (again.header, again.data),
            (whole.header.clone(), whole.data.clone())
        );
    }
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let bytes = good();
    for end in 0..bytes.len() {
        let error = read(&bytes[..end], 16).err();
        let expected = matches!(error, Some(Error::Truncated(_)) | Some(Error::NotGguf));
        assert!(expected, "cut at {end}: {error:?}");
    }
}

#[test]
fn every_lie_is_caught() {
    let architecture = || pair("general.architecture", 8, &string("llama"));
    let one = |tensor: Vec<u8>, data: usize| file(3, (1, 1), &[architecture(), tensor], data);
    let key = |pair: Vec<u8>| file(3, (0, 1), &[pair], 0);
    let array = |kind: u32, count: u64, rest: &[u8]| {
        key(pair(
            "k",
            9,
            &[&kind.to_le_bytes()[..], &count.to_le_bytes(), rest].concat(),
        ))
    };
    let two = |a: Vec<u8>, b: Vec<u8>| file(3, (2, 1), &[architecture(), a, b], 256);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("no magic", b"GGML\x03\0\0\0".to_vec()),
        ("version 1", file(1, (0, 0), &[], 0)),
        ("version 4", file(4, (0, 0), &[], 0)),
        ("big-endian", file(3u32.swap_bytes(), (0, 0), &[], 0)),
        ("too many tensors", file(3, (u64::MAX, 0), &[], 64)),
        ("too many pairs", file(3, (0, u64::MAX), &[], 64)),
        (
            "a key beyond the file",
            key([&u64::MAX.to_le_bytes()[..], b"key"].concat()),
        ),
        (
            "a key that is not UTF-8",
            key([
                &2u64.to_le_bytes()[..],
                b"\xff\xfe",
                &4u32.to_le_bytes(),
                &[0; 4],
            ]
            .concat()),
        ),
        ("an unknown value type", key(pair("k", 13, &[0; 8]))),
        ("a bool of 2", key(pair("k", 7, &[2]))),
        (
            "a string beyond the file",
            key(pair("k", 8, &u64::MAX.to_le_bytes())),
        ),
        ("an array of arrays", array(9, 1, &[0; 32])),
        ("an array of an unknown type", array(99, 1, &[0; 32])),
        ("an array beyond all bounds", array(4, u64::MAX, &[0; 32])),
        (
            "an array whose size overflows",
            array(10, u64::MAX / 8 + 2, &[0; 32]),
        ),
        ("strings beyond all bounds", array(8, u64::MAX, &[0; 32])),
        (
            "a key twice",
            file(3, (0, 2), &[architecture(), architecture()], 0),
        ),
        (
            "alignment 0",
            key(pair("general.alignment", 4, &0u32.to_le_bytes())),
        ),
        (
            "alignment 3",
            key(pair("general.alignment", 4, &3u32.to_le_bytes())),
        ),
        (
            "alignment of the wrong type",
            key(pair("general.alignment", 8, &string("32"))),
        ),
        (
            "no dimension that makes sense",
            one(tensor("t", &[0, 4], 0, 0), 64),
        ),
        ("five dimensions", one(tensor("t", &[1; 5], 0, 0), 64)),
        (
            "elements that overflow",
            one(tensor("t", &[u64::MAX, 2], 0, 0), 64),
        ),
        (
            "bytes that overflow",
            one(tensor("t", &[u64::MAX / 4 + 1], 0, 0), 64),
        ),
        (
            "rows that are no whole blocks",
            one(tensor("t", &[33], 8, 0), 64),
        ),
        (
            "an unknown tensor type",
            one(tensor("t", &[32], 9999, 0), 64),
        ),
        ("a removed tensor type", one(tensor("t", &[32], 4, 0), 64)),
        (
            "an offset off the alignment",
            one(tensor("t", &[8], 0, 8), 64),
        ),
        (
            "an offset beyond the file",
            one(tensor("t", &[8], 0, 1 << 40), 64),
        ),
        (
            "an offset that overflows",
            one(tensor("t", &[8], 0, u64::MAX - 31), 64),
        ),
        ("a gap before the data", one(tensor("t", &[8], 0, 64), 128)),
        (
            "tensors that overlap",
            two(tensor("a", &[32], 0, 0), tensor("b", &[32], 0, 64)),
        ),
        (
            "tensors at one place",
            two(tensor("a", &[32], 0, 0), tensor("b", &[32], 0, 0)),
        ),
        (
            "a gap between tensors",
            two(tensor("a", &[8], 0, 0), tensor("b", &[8], 0, 96)),
        ),
        (
            "a name twice",
            two(tensor("a", &[8], 0, 0), tensor("a", &[8], 0, 32)),
        ),
    ];
    for (what, bytes) in cases {
        for chunk in [bytes.len(), 5] {
            let error = read(&bytes, chunk).err();
            assert!(error.is_some(), "{what} was believed");
        }
    }
}

#[test]
fn an_error_is_repeated() {
    let mut reader = Reader::new();
    let first = reader
        .push(b"this is no model", &mut Collect::default())
        .unwrap_err();
    assert_eq!(first, Error::NotGguf);
    assert_eq!(
        reader.push(&good(), &mut Collect::default()),
        Err(first.clone())
    );
    assert_eq!(reader.finish(), Err(first));
}

/// Whatever is changed in a file, it is either read or refused, and no more is kept in memory than was pushed.
#[test]
fn damaged_files_never_panic() {
    let original = good();
    let mut random = TestRandom(3);
    let mut random = move |end: usize| random.next() as usize % end;
    for _ in 0..30_000 {
        let mut bytes = original.clone();
        for _ in 0..1 + random(3) {
            let at = random(bytes.len());
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
        }
        if random(4) == 0 {
            bytes.truncate(random(bytes.len()));
        }
        if let Ok(found) = read(&bytes, 1 + random(64)) {
            let kept: usize = found.data.iter().map(|(_, data)| data.len()).sum();
            assert!(kept <= bytes.len());
        }
    }
}
