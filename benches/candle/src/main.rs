//! Steps of training per second with candle-nn's autodiff and AdamW, on the shape of the small preset:
//!
//!     RAYON_NUM_THREADS=1 cargo run --release --manifest-path benches/candle/Cargo.toml

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::{
    AdamW, Embedding, Linear, Module, Optimizer, ParamsAdamW, RmsNorm, VarBuilder, VarMap,
};

const VOCABULARY: usize = 1024;
const CONTEXT: usize = 128;
const HIDDEN: usize = 128;
const LAYERS: usize = 4;
const HEADS: usize = 4;
const FEED_FORWARD: usize = 352;
const BATCH: usize = 8;
const STEPS: usize = 12;

struct Layer {
    attention_norm: RmsNorm,
    query_key_value: Linear,
    output: Linear,
    feed_forward_norm: RmsNorm,
    gate_up: Linear,
    down: Linear,
}

struct Network {
    embedding: Embedding,
    layers: Vec<Layer>,
    norm: RmsNorm,
    cos: Tensor,
    sin: Tensor,
    mask: Tensor,
}

fn main() -> Result<()> {
    let device = Device::Cpu;
    let variables = VarMap::new();
    let network = Network::new(
        VarBuilder::from_varmap(&variables, DType::F32, &device),
        &device,
    )?;
    let parameters = ParamsAdamW {
        lr: 3e-3,
        ..Default::default()
    };
    let mut optimizer = AdamW::new(variables.all_vars(), parameters)?;
    let mut state = 1u32;
    let mut ids = || -> Vec<u32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % VOCABULARY as u32
        };
        (0..BATCH * CONTEXT).map(|_| next()).collect()
    };
    let mut step = || -> Result<()> {
        let inputs = Tensor::from_vec(ids(), (BATCH, CONTEXT), &device)?;
        let targets = Tensor::from_vec(ids(), BATCH * CONTEXT, &device)?;
        let loss = candle_nn::loss::cross_entropy(&network.logits(&inputs)?, &targets)?;
        optimizer.backward_step(&loss)
    };
    step()?;
    let start = std::time::Instant::now();
    for _ in 0..STEPS {
        step()?;
    }
    let seconds = start.elapsed().as_secs_f64() / STEPS as f64;
    let rate = (BATCH * CONTEXT) as f64 / seconds;
    println!("{:.1} ms a step, {rate:.0} tokens/s", seconds * 1e3);
    Ok(())
}

impl Network {
    fn new(builder: VarBuilder<'_>, device: &Device) -> Result<Self> {
        let layer = |index: usize| {
            let at = builder.pp(format!("layer{index}"));
            let linear =
                |name, inputs, outputs| candle_nn::linear_no_bias(inputs, outputs, at.pp(name));
            Ok(Layer {
                attention_norm: candle_nn::rms_norm(HIDDEN, 1e-5, at.pp("attention_norm"))?,
                query_key_value: linear("query_key_value", HIDDEN, 3 * HIDDEN)?,
                output: linear("output", HIDDEN, HIDDEN)?,
                feed_forward_norm: candle_nn::rms_norm(HIDDEN, 1e-5, at.pp("feed_forward_norm"))?,
                gate_up: linear("gate_up", HIDDEN, 2 * FEED_FORWARD)?,
                down: linear("down", FEED_FORWARD, HIDDEN)?,
            })
        };
        let pairs = HEAD_SIZE / 2;
        let angles = (0..CONTEXT).flat_map(|position| {
            (0..pairs).map(move |pair| {
                position as f64 * 10_000f64.powf(-2.0 * pair as f64 / HEAD_SIZE as f64)
            })
        });
        let (sin, cos): (Vec<f32>, Vec<f32>) = angles
            .map(|angle| (angle.sin() as f32, angle.cos() as f32))
            .unzip();
        let mask = (0..CONTEXT * CONTEXT).map(|at| match at % CONTEXT > at / CONTEXT {
            true => f32::NEG_INFINITY,
            false => 0.0,
        });
        Ok(Self {
            embedding: candle_nn::embedding(VOCABULARY, HIDDEN, builder.pp("embedding"))?,
            layers: (0..LAYERS).map(layer).collect::<Result<_>>()?,
            norm: candle_nn::rms_norm(HIDDEN, 1e-5, builder.pp("norm"))?,
            cos: Tensor::from_vec(cos, (CONTEXT, pairs), device)?,
            sin: Tensor::from_vec(sin, (CONTEXT, pairs), device)?,
            mask: Tensor::from_vec(mask.collect(), (CONTEXT, CONTEXT), device)?,
        })
    }

    fn logits(&self, inputs: &Tensor) -> Result<Tensor> {
        let mut hidden = self.embedding.forward(inputs)?;
        for layer in &self.layers {
            let normed = layer.attention_norm.forward_diff(&hidden)?;
            let mixed = self.attend(&layer.query_key_value.forward(&normed)?)?;
            hidden = (hidden + layer.output.forward(&mixed)?)?;
            let normed = layer.feed_forward_norm.forward_diff(&hidden)?;
            let gate_up = layer.gate_up.forward(&normed)?;
            let gate = gate_up.narrow(2, 0, FEED_FORWARD)?.contiguous()?;
            let up = gate_up
                .narrow(2, FEED_FORWARD, FEED_FORWARD)?
                .contiguous()?;
            hidden = (hidden + layer.down.forward(&(gate.silu()? * up)?)?)?;
        }
        let rows = self
            .norm
            .forward_diff(&hidden)?
            .reshape((BATCH * CONTEXT, HIDDEN))?;
        rows.matmul(&self.embedding.embeddings().t()?)
    }

    fn attend(&self, rows: &Tensor) -> Result<Tensor> {
        let rows = rows.reshape((BATCH, CONTEXT, 3, HEADS, HEAD_SIZE))?;
        let part = |index| {
            rows.narrow(2, index, 1)?
                .squeeze(2)?
                .transpose(1, 2)?
                .contiguous()
        };
        let rotated =
            |part: Tensor| candle_nn::rotary_emb::rope_i_slow(&part, &self.cos, &self.sin);
        let (query, key, value) = (rotated(part(0)?)?, rotated(part(1)?)?, part(2)?);
        let scores = query
            .contiguous()?
            .matmul(&key.transpose(2, 3)?.contiguous()?)?;
        let scores = (scores / (HEAD_SIZE as f64).sqrt())?.broadcast_add(&self.mask)?;
        let mixed = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&value)?;
        mixed.transpose(1, 2)?.reshape((BATCH, CONTEXT, HIDDEN))
    }
}

const HEAD_SIZE: usize = HIDDEN / HEADS;
