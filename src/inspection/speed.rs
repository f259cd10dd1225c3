//! An estimate of how fast a model would write on this machine. To decode a token, every weight that it runs through is
//! read once; that takes most of the time, because there is little to compute with each.

use crate::Result;
use crate::allocation::resize;
use crate::generator::Clock;
use crate::kernels::{self, Activations};
use crate::quant::tiles::TILE_ROWS;
use crate::quant::{Matrix, MatrixBuilder, TensorType};

/// The most bytes to measure with: so many that of most processors the caches hold a small part.
const MOST_BYTES: f64 = (96 << 20) as f64;
/// The least time of a measurement in milliseconds, of which the fastest counts; the clocks of some browsers have steps of
/// one.
const MEASURE_MS: f64 = 8.0;
/// The time of all measurements together, of which there are two at least: at first an engine may still be compiling better
/// code.
const ALL_MS: f64 = 48.0;
/// How much of the speed so measured a step reaches, which attends, normalises and samples besides: between two thirds and
/// four fifths with SmolLM2-135M in Q4_1 and Q8_0 and Gemma 3 270M in Q4_K_M (`nexttoken inspect` against `nexttoken generate
/// --no-speculation`, on two threads).
const REACHED: f64 = 0.75;
/// The bytes after which a clock counts as standing still.
const MOST_READ: f64 = (4u64 << 30) as f64;
/// Columns of a matrix of any type are a multiple of this.
const COLUMNS: usize = 256;
/// The most columns to measure with, so that a row of any type is a small part of it all.
const MOST_COLUMNS: usize = 4096;
/// What the matrices to measure with are made of. Not zeros, for which a system may give one page of memory again and
/// again; as a scale it is a small normal number in each format.
const BYTE: u8 = 0x11;

/// The weights that the matrix products of one token read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TokenReads {
    /// How many there are of each type.
    weights: Vec<(TensorType, f64)>,
    /// Their bytes in memory.
    bytes: f64,
    /// The length of the hidden states.
    hidden_size: usize,
}

impl TokenReads {
    /// Those of a model whose hidden states have this length, of which none are known yet.
    pub fn new(hidden_size: usize) -> Self {
        Self {
            hidden_size,
            ..Self::default()
        }
    }

    /// Adds weights of a type, which take so many bytes.
    pub fn add(&mut self, kind: TensorType, weights: f64, bytes: f64) {
        self.bytes += bytes;
        match self.weights.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, sum)) => *sum += weights,
            None if weights > 0.0 => self.weights.push((kind, weights)),
            None => {}
        }
    }

    /// Measures about how many tokens this machine decodes in a second; `None` where the clock stands still.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn tokens_per_second(&self, clock: Clock) -> Result<Option<f64>> {
        let (matrices, tokens) = self.sample()?;
        let matrices: Vec<&Matrix> = matrices.iter().collect();
        let (mut x, mut y, mut rows) = (Activations::default(), Vec::new(), 0);
        for matrix in &matrices {
            x.prepare(1, matrix.cols())?.fill(1.0);
            rows += matrix.rows();
        }
        resize(&mut y, rows, 0.0)?;
        let passes = (MOST_READ / (tokens * self.bytes)) as usize;
        let pass = || kernels::linear_each(&matrices, &mut x, &mut y);
        let milliseconds = fastest(pass, passes, clock);
        Ok(milliseconds.map(|milliseconds| REACHED * tokens * 1000.0 / milliseconds))
    }

    /// A part of the model to measure with: matrices of the same types in the same proportions, and for how many tokens, or
    /// for what part of one, as many weights would be read.
    fn sample(&self) -> Result<(Vec<Matrix>, f64)> {
        let columns = self.hidden_size.min(MOST_COLUMNS);
        let columns = columns.next_multiple_of(COLUMNS);
        let part = if self.bytes > MOST_BYTES {
            MOST_BYTES / self.bytes
        } else {
            1.0
        };
        let (mut matrices, mut taken, mut all) = (Vec::new(), 0.0, 0.0);
        for &(kind, weights) in &self.weights {
            let groups = (part * weights) as usize / (TILE_ROWS * columns);
            let rows = TILE_ROWS * groups.max(1);
            matrices.push(MatrixBuilder::new("", kind, rows, columns)?.fill(BYTE));
            taken += (rows * columns) as f64;
            all += weights;
        }
        Ok((matrices, taken / all))
    }
}

/// Milliseconds of the fastest of up to `passes` calls of `pass`; `None` where `clock` shows no time. It takes the mean of
/// as many calls as take `MEASURE_MS`.
fn fastest(mut pass: impl FnMut(), passes: usize, clock: Clock) -> Option<f64> {
    let (begin, mut fastest) = (clock(), f64::INFINITY);
    let (mut start, mut calls, mut measured) = (begin, 0.0, 0);
    for _ in 0..passes {
        pass();
        calls += 1.0;
        let now = clock();
        if now - start < MEASURE_MS {
            continue;
        }
        fastest = fastest.min((now - start) / calls);
        measured += 1;
        if now - begin >= ALL_MS && measured > 1 {
            break;
        }
        (start, calls) = (now, 0.0);
    }
    fastest.is_finite().then_some(fastest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Inspection;
    use crate::generator::Context;
    use crate::gguf::HeaderReader;
    use std::cell::Cell;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    thread_local! {
        static NOW: Cell<f64> = const { Cell::new(0.0) };
    }

    fn wait(milliseconds: f64) {
        NOW.set(NOW.get() + milliseconds);
    }

    /// A clock that goes on by three milliseconds whenever it is read.
    fn ticking() -> f64 {
        wait(3.0);
        NOW.get()
    }

    fn inspect(file: &[u8]) -> Inspection {
        let header = HeaderReader::new().push(file).unwrap().unwrap();
        Inspection::new(header, 1, Context::default(), None).unwrap()
    }

    macro_rules! arch {
        ($name:literal) => {
            include_bytes!(concat!("../../tests/data/arch/", $name, ".gguf"))
        };
    }

    /// A file, how many matrices of each type a token reads, and how many rows of routers.
    type Case<'a> = (&'a [u8], &'a [(TensorType, i32)], i32);

    /// Counted by hand from the shapes, in matrices of 32 × 32. One of type Q8_0 takes 1088 bytes.
    #[test]
    fn a_token_reads_what_it_runs_through() {
        use TensorType::{F32, Q8_0};
        let (attention, network, head) = (3, 3, 2);
        let files: [Case<'_>; 6] = [
            // The head has a matrix of its own, and of the embeddings' a token takes a row.
            (
                arch!("llama.q8_0"),
                &[(Q8_0, head + 2 * (attention + network))],
                0,
            ),
            // The head shares the embeddings' matrix. Of a table of positions, in floats, a token takes a row.
            (arch!("gpt2.q8_0"), &[(Q8_0, head + 2 * (3 + 3))], 0),
            // Two layers that run twice.
            (
                arch!("nanbeige.f32"),
                &[(F32, head + 2 * 2 * (attention + network))],
                0,
            ),
            // Three of six experts. The router has six rows, in tiles eight.
            (
                arch!("granitemoe.q8_0"),
                &[(Q8_0, head + 2 * (attention + 3 * network)), (F32, 0)],
                2 * 6,
            ),
            // Two of five experts, in two of three layers; the first and the last layer have a convolution.
            (
                arch!("lfm2moe.q8_0"),
                &[
                    (
                        Q8_0,
                        head + 4 + 2 * network + attention + 4 + 2 * 2 * network,
                    ),
                    (F32, 0),
                ],
                2 * 5,
            ),
            // Heads and networks of two sizes, the last two layers without keys and values of their own, and per-layer
            // embeddings: a projection in floats, two small matrices a layer, and a table.
            (
                arch!("gemma4.q8_0"),
                &[(F32, 4), (Q8_0, head + 3 + 6 + 2 + 4 + 6 * network + 4 * 2)],
                0,
            ),
        ];
        for (index, (file, expected, router_rows)) in files.into_iter().enumerate() {
            let reads = inspect(file).reads;
            let mut bytes = 0.0;
            assert_eq!(reads.weights.len(), expected.len(), "{index}");
            for &(kind, matrices) in expected {
                let found = reads.weights.iter().find(|(other, _)| *other == kind);
                let routers = if matrices == 0 { 32 * router_rows } else { 0 };
                let weights = f64::from(1024 * matrices + routers);
                let found = found.unwrap().1;
                assert!(
                    (found - weights).abs() < 1e-6,
                    "{index} {kind:?} {found} {weights}"
                );
                bytes += match kind {
                    Q8_0 => f64::from(1088 * matrices),
                    // Two routers, each in two groups of four rows.
                    _ if matrices == 0 => f64::from(2 * 8 * 32 * 4),
                    _ => 4.0 * weights,
                };
            }
            assert!(
                (reads.bytes - bytes).abs() < 1e-6,
                "{index} {} {bytes}",
                reads.bytes
            );
        }
    }

    #[test]
    fn the_fastest_of_several_measurements_counts() {
        // Slow at first, and disturbed once.
        let mut calls = 0;
        let pass = || {
            calls += 1;
            wait(match calls {
                1..=4 => 4.0,
                10 => 30.0,
                _ => 2.0,
            });
        };
        assert_eq!(fastest(pass, 1000, || NOW.get()), Some(2.0));
        // Two measurements of two slow calls, one of four fast ones, and one of 32 ms: 56 ms in all.
        assert_eq!(calls, 10);
    }

    #[test]
    fn a_coarse_clock_measures_and_one_that_stands_still_does_not() {
        let coarse = fastest(|| wait(0.3), 1000, || NOW.get().floor()).unwrap();
        assert!((0.26..0.31).contains(&coarse), "{coarse}");
        // Of a step of 100 ms it sees few.
        let step = || (NOW.get() / 100.0).floor() * 100.0;
        let coarser = fastest(|| wait(0.3), 1000, step).unwrap();
        assert!(coarser.is_finite() && coarser > 0.0, "{coarser}");

        let mut calls = 0;
        assert_eq!(fastest(|| calls += 1, 1000, || 7.0), None);
        assert_eq!(calls, 1000);
        assert_eq!(fastest(|| {}, 1000, || f64::NAN), None);
    }

    #[test]
    fn the_estimate_is_the_time_to_read_the_weights() {
        let mut inspection = inspect(arch!("granitemoe.q8_0"));
        assert_eq!(inspection.decode_tokens_per_second, None);
        inspection.measure_speed(ticking);
        let speed = inspection.decode_tokens_per_second.unwrap();
        // A pass takes three milliseconds, whatever it reads: more than a token, because a matrix has whole rows.
        let (_, tokens) = inspection.reads.sample().unwrap();
        assert!(tokens > 1.0 && tokens < 2.0, "{tokens}");
        assert!(
            (speed - REACHED * tokens * 1000.0 / 3.0).abs() < 1e-6,
            "{speed}"
        );

        inspection.supported = false;
        inspection.measure_speed(ticking);
        assert_eq!(inspection.decode_tokens_per_second, None);
    }

    /// Of a large model as much as caches do not hold, in its proportions.
    #[test]
    fn a_sample_is_a_part_of_the_model() {
        let mut reads = TokenReads::new(500);
        let [q4_k, q6_k] = [6e9, 1e9];
        // In tiles they take 20 and 28 bytes for 32.
        reads.add(TensorType::Q4K, q4_k / 2.0, q4_k / 2.0 * 0.625);
        reads.add(TensorType::Q6K, q6_k, q6_k * 0.875);
        reads.add(TensorType::Q4K, q4_k / 2.0, q4_k / 2.0 * 0.625);
        let (matrices, tokens) = reads.sample().unwrap();
        let bytes: usize = matrices.iter().map(|matrix| matrix.tiles().len()).sum();
        assert!(bytes as f64 <= MOST_BYTES && bytes as f64 > 0.99 * MOST_BYTES);
        assert!((tokens * reads.bytes / bytes as f64 - 1.0).abs() < 0.01);
        let [q4_k, q6_k] = [0, 1].map(|index: usize| matrices[index].rows() as f64);
        assert!((q4_k / q6_k - 6.0).abs() < 0.1, "{q4_k} {q6_k}");
    }

    /// No format has a number in such tiles that makes arithmetic slow.
    #[test]
    fn a_sample_has_ordinary_numbers() {
        for kind in [
            TensorType::F32,
            TensorType::BF16,
            TensorType::Q4_1,
            TensorType::MXFP4,
        ] {
            let matrix = MatrixBuilder::new("", kind, 4, COLUMNS).unwrap().fill(BYTE);
            let mut row = [0.0; COLUMNS];
            matrix.dequantize_row(3, &mut row);
            assert!(row.iter().all(|weight| weight.is_normal()), "{kind:?}");
        }
    }
}
