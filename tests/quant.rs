//! Every block format against PyPI `gguf` (Q1_0 and Q2_0: ggml), on blocks of any bits (`tests/data/quant/make.py`).
#![cfg(not(target_arch = "wasm32"))]

use nexttoken::quant::{MatrixBuilder, TensorType, TileFormat, dequantize};

/// Blocks of a type, and their values.
fn fixture(kind: TensorType) -> (Vec<u8>, Vec<f32>) {
    let name = kind.name().to_lowercase();
    let path = format!("{}/tests/data/quant/{name}.bin", env!("CARGO_MANIFEST_DIR"));
    let mut bytes = std::fs::read(path).unwrap();
    let values = bytes.split_off(512 / kind.block_len() * kind.block_bytes());
    let values = values.as_chunks().0.iter();
    (
        bytes,
        values.map(|four| f32::from_le_bytes(*four)).collect(),
    )
}

fn kinds() -> impl Iterator<Item = TensorType> {
    let all = TensorType::ALL.into_iter();
    all.filter(|kind| *kind != TensorType::F32)
}

#[test]
fn dequantised_values_agree() {
    for kind in kinds() {
        let (blocks, expected) = fixture(kind);
        let mut values = vec![0.0; expected.len()];
        dequantize(kind, &blocks, &mut values);
        for (value, expected) in values.iter().zip(&expected) {
            // Both round as ggml does, but for the order of a product of three here and there.
            let close = (value - expected).abs() <= 1e-6 * expected.abs();
            assert!(close, "{kind:?}: {value}, not {expected}");
        }
    }
}

/// What a kernel multiplies by, two rows of one block of columns at a time.
#[test]
fn repacked_rows_agree() {
    for kind in kinds() {
        let (blocks, expected) = fixture(kind);
        let mut builder = MatrixBuilder::new("test", kind, 2, 256).unwrap();
        blocks.chunks(7).for_each(|piece| builder.push(piece));
        let matrix = builder.finish().unwrap();
        // The scales of K-quants are rounded to half precision when they are repacked.
        let largest = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        for (row, expected) in expected.chunks(256).enumerate() {
            let mut values = [0.0; 256];
            matrix.dequantize_row(row, &mut values);
            for (value, expected) in values.iter().zip(expected) {
                let close = (value - expected).abs() <= largest / 2048.0;
                assert!(close, "{kind:?}: {value}, not {expected}");
            }
        }
    }
}

/// The types that wider tiles hold exactly: values and repacked rows are those of the reference to the bit.
#[test]
fn expansions_are_exact() {
    let exact = [
        TensorType::Q2_0,
        TensorType::MXFP4,
        TensorType::NVFP4,
        TensorType::IQ1S,
        TensorType::IQ1M,
        TensorType::IQ2XXS,
        TensorType::IQ2XS,
        TensorType::IQ2S,
        TensorType::IQ3XXS,
        TensorType::IQ3S,
    ];
    let bits = |values: &[f32]| -> Vec<u32> { values.iter().map(|x| x.to_bits()).collect() };
    for kind in exact {
        let (blocks, expected) = fixture(kind);
        // A zero has a sign where ggml multiplies 0 by a sign or a negative scale.
        let expected: Vec<f32> = expected.iter().map(|x| x + 0.0).collect();
        let mut values = vec![0.0; 512];
        dequantize(kind, &blocks, &mut values);
        values.iter_mut().for_each(|x| *x += 0.0);
        assert_eq!(bits(&values), bits(&expected), "{kind:?}");
        let mut builder = MatrixBuilder::new("test", kind, 2, 256).unwrap();
        builder.push(&blocks);
        let matrix = builder.finish().unwrap();
        for (row, values) in values.chunks_exact_mut(256).enumerate() {
            matrix.dequantize_row(row, values);
        }
        values.iter_mut().for_each(|x| *x += 0.0);
        assert_eq!(bits(&values), bits(&expected), "{kind:?} repacked");
    }
}

/// Tiles take no more than 1.15 times the bytes of the file, but for the types that have no tiles of their own.
#[test]
fn tiles_are_compact() {
    for kind in TensorType::ALL {
        let format = TileFormat::of(kind);
        let tiles = 4.0 * 256.0 / (4 * format.tile_cols()) as f64 * format.tile_bytes() as f64;
        let blocks = 4.0 * 256.0 / kind.block_len() as f64 * kind.block_bytes() as f64;
        let most = match kind {
            TensorType::TQ1_0 => 1.56,
            TensorType::TQ2_0 => 1.28,
            TensorType::Q2_0 => 2.0,
            TensorType::NVFP4 => 1.56,
            TensorType::IQ1S => 3.0,
            TensorType::IQ1M => 2.68,
            TensorType::IQ2XXS => 2.28,
            TensorType::IQ2XS => 2.03,
            TensorType::IQ2S => 1.83,
            TensorType::IQ3XXS => 1.54,
            TensorType::IQ3S => 1.37,
            _ => 1.15,
        };
        assert!(tiles <= most * blocks, "{kind:?}: {tiles} for {blocks}");
    }
}
