//! What is said of headers that lie: the same natively and in WebAssembly, where a `usize` has half the bits.

#[path = "../src/test_random.rs"]
mod test_random;

use nexttoken::generator::{CacheType, Context};
use nexttoken::gguf::read_header;
use nexttoken::{Inspection, MemoryLimit};
use test_random::WideTestRandom;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

// A sum that wraps is to end the test.
#[cfg(all(target_arch = "wasm32", not(debug_assertions)))]
compile_error!("test without --release");

/// Of all that is said in [`headers_that_lie_are_answered_alike_everywhere`]; to be replaced where what a model
/// takes has changed.
const DIGEST: u64 = 0xfa3b_d32e_c559_4cd1;

const MODELS: [&[u8]; 4] = [
    include_bytes!("data/arch/llama.q8_0.gguf"),
    include_bytes!("data/arch/gemma3.q8_0.gguf"),
    include_bytes!("data/arch/lfm2.q8_0.gguf"),
    include_bytes!("data/arch/gpt2.q8_0.gguf"),
];

/// The numbers of a header.
#[derive(Clone, Copy)]
struct Shape {
    hidden: u64,
    layers: u64,
    heads: u64,
    kv_heads: u64,
    head_size: u64,
    feed_forward: u64,
    context: u32,
    /// The number of the tensors' type: f32 or Q8_0.
    kind: u32,
}

const SMALL: Shape = Shape {
    hidden: 64,
    layers: 2,
    heads: 4,
    kv_heads: 2,
    head_size: 16,
    feed_forward: 96,
    context: 256,
    kind: 0,
};

impl Shape {
    fn draw(random: &mut WideTestRandom) -> Self {
        let heads = random.one_of(&[1, 4, 32, 1 << 12, 1 << 14, 1 << 16, 1 << 20, 1 << 23]);
        Self {
            hidden: random.one_of(&[1, 64, 4096, 1 << 20, 1 << 24, (1 << 24) + 1]),
            layers: random.one_of(&[1, 2, 8, 64]),
            heads,
            kv_heads: (heads / random.one_of(&[1, 2, 8, 1 << 20])).max(1),
            head_size: random.one_of(&[1, 2, 64, 100, 1 << 12, 1 << 24]),
            feed_forward: random.one_of(&[1, 96, 1 << 14, 1 << 24]),
            context: random.one_of(&[1, 256, 4096, 1 << 20, 1 << 24, u32::MAX]),
            kind: random.one_of(&[0, 0, 8]),
        }
    }

    /// A header of 500 bytes to 40 kB that promises all of its tensors.
    fn header(self) -> Vec<u8> {
        let number =
            |key: &str, value: u64| pair(&format!("llama.{key}"), 4, &(value as u32).to_le_bytes());
        let words = ["<unk>", "<s>", "</s>", "a"].map(string).concat();
        let pairs = [
            pair("general.architecture", 8, &string("llama")),
            pair("tokenizer.ggml.model", 8, &string("llama")),
            pair(
                "tokenizer.ggml.tokens",
                9,
                &[&[8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0][..], &words].concat(),
            ),
            number("context_length", self.context.into()),
            number("embedding_length", self.hidden),
            number("block_count", self.layers),
            number("feed_forward_length", self.feed_forward),
            number("attention.head_count", self.heads),
            number("attention.head_count_kv", self.kv_heads),
            number("attention.key_length", self.head_size),
            number("attention.value_length", self.head_size),
            number("rope.dimension_count", self.head_size & !1),
            pair(
                "llama.attention.layer_norm_rms_epsilon",
                6,
                &1e-5f32.to_le_bytes(),
            ),
        ];
        let (hidden, forward) = (self.hidden, self.feed_forward);
        let (query, kv) = (self.heads * self.head_size, self.kv_heads * self.head_size);
        let mut tensors = vec![
            ("token_embd.weight".to_owned(), vec![hidden, 4]),
            ("output_norm.weight".to_owned(), vec![hidden]),
        ];
        for layer in 0..self.layers {
            for (stem, shape) in [
                ("attn_norm", vec![hidden]),
                ("attn_q", vec![hidden, query]),
                ("attn_k", vec![hidden, kv]),
                ("attn_v", vec![hidden, kv]),
                ("attn_output", vec![query, hidden]),
                ("ffn_norm", vec![hidden]),
                ("ffn_gate", vec![hidden, forward]),
                ("ffn_up", vec![hidden, forward]),
                ("ffn_down", vec![forward, hidden]),
            ] {
                tensors.push((format!("blk.{layer}.{stem}.weight"), shape));
            }
        }
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend((tensors.len() as u64).to_le_bytes());
        bytes.extend((pairs.len() as u64).to_le_bytes());
        bytes.extend(pairs.concat());
        let mut offset = 0u64;
        for (name, shape) in tensors {
            bytes.extend(string(&name));
            bytes.extend((shape.len() as u32).to_le_bytes());
            bytes.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend(self.kind.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
            let elements = shape.iter().copied().fold(1, u64::saturating_mul);
            let size = match self.kind {
                0 => elements.saturating_mul(4),
                _ => (elements / 32).saturating_mul(34),
            };
            offset = offset.saturating_add(size).saturating_add(31) & !31;
        }
        bytes
    }
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

fn pair(key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
    [&string(key), &kind.to_le_bytes()[..], value].concat()
}

fn inspect(bytes: &[u8], context: Context) -> nexttoken::Result<Inspection> {
    let header = read_header(bytes)?.expect("the header is whole");
    Inspection::new(header, 1, context, Some(MemoryLimit::of(4 << 30)))
}

/// All that is said but for sentences.
fn said(bytes: &[u8], context: Context) -> String {
    let header = match read_header(bytes) {
        Ok(Some(header)) => header,
        Ok(None) => return "more".to_owned(),
        Err(error) => return error.code().to_owned(),
    };
    match Inspection::new(header, 1, context, Some(MemoryLimit::of(4 << 30))) {
        Err(error) => error.code().to_owned(),
        Ok(said) => format!(
            "{} {:?} {} {} {:?} {:?} {:?} {:?}",
            said.supported,
            said.code,
            said.parameters,
            said.file_size,
            said.context_length,
            said.layers,
            said.hidden_size,
            said.memory
        ),
    }
}

#[test]
fn headers_that_lie_are_answered_alike_everywhere() {
    let mut random = WideTestRandom(12);
    let (mut digest, mut answered, mut large) = (0xcbf2_9ce4_8422_2325_u64, 0, 0);
    for round in 0..3000 {
        let mut bytes = match round % 3 {
            0 => random.one_of(&MODELS)[..4096].to_vec(),
            _ => Shape::draw(&mut random).header(),
        };
        if round % 3 != 1 {
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                bytes[at] = random.one_of(&[0, 1, 0x7f, 0x80, 0xff, 8, 32]);
            }
        }
        let context = Context {
            length: random.one_of(&[None, None, Some(1), Some(4097), Some(1 << 24)]),
            cache_type: random.one_of(&[CacheType::Q16, CacheType::Q8, CacheType::F32]),
        };
        let said = said(&bytes, context);
        if let Some((_, memory)) = said.split_once("total: ") {
            let digits = memory.trim_end_matches([' ', '}', ')']);
            answered += 1;
            large += usize::from(digits.parse::<u64>().unwrap() > u32::MAX.into());
        }
        for byte in said.bytes() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    assert!(answered > 150 && large > 60, "{answered} {large}");
    assert_eq!(digest, DIGEST, "{digest:#018x}");
}

/// Where a number of the header would decide what is allocated, it is refused or only counted with.
#[test]
fn numbers_that_would_fill_the_memory_are_only_counted_with() {
    let heads = Shape {
        hidden: 2,
        layers: 8,
        heads: 1 << 23,
        kv_heads: 1 << 23,
        head_size: 2,
        ..SMALL
    };
    let refused = inspect(&heads.header(), Context::default()).unwrap();
    assert_eq!(refused.code, Some("bad_metadata"));
    assert!(
        refused
            .reason
            .unwrap()
            .contains("llama.attention.head_count")
    );

    // All of 65,536 heads share one of keys and values: their scores take 4 TiB at the end of this context.
    let scores = Shape {
        hidden: 2,
        layers: 1,
        heads: 1 << 16,
        kv_heads: 1,
        head_size: 2,
        context: 1 << 24,
        ..SMALL
    };
    let asked = Context {
        length: Some(1 << 24),
        ..Context::default()
    };
    let memory = inspect(&scores.header(), asked).unwrap().memory.unwrap();
    assert!(memory.scratch > 1 << 42 && memory.scratch < 1 << 43);
    assert_eq!(memory.total, memory.weights + memory.cache + memory.scratch);

    // 2⁵⁶ bytes of keys and values: the largest whole number that JavaScript counts to stands for them.
    let cache = Shape {
        hidden: 1,
        layers: 64,
        heads: 1,
        kv_heads: 1,
        head_size: 1 << 24,
        context: 1 << 24,
        ..SMALL
    };
    let memory = inspect(&cache.header(), asked).unwrap().memory.unwrap();
    assert_eq!(memory.total, (1 << 53) - 1);
}
