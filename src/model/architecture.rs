//! The supported architectures as data: for each name, which norms, activations, positions and so on its layers use.
//!
//! The choices follow `src/models/` of <https://github.com/ggml-org/llama.cpp>, whose GGUF files these are.

pub(super) use super::architecture_rules::{Caps, ScaleRule, Windows};
use crate::{Error, Result};

/// What one architecture's transformer is made of. All have the same structure: embedding, then in every layer
/// attention (or a short convolution, a gated delta net or a Mamba-2 mixer) and in most a feed-forward network (or a
/// mixture of such networks), each added to the residual stream, then a final norm.
#[derive(Debug, PartialEq)]
pub struct Architecture {
    /// Its name in `general.architecture`.
    pub name: &'static str,
    pub(super) norm: NormKind,
    pub(super) norms: Norms,
    pub(super) query_key_norm: QueryKeyNorm,
    /// Whether values are normalised too, each head by itself and without weights.
    pub(super) value_norm: bool,
    /// Whether the last layers of a file may attend to the keys and values of earlier ones.
    pub(super) shared_keys_and_values: bool,
    /// Whether each layer may read a vector of its own of each token (per-layer embeddings, Gemma 3n).
    pub(super) per_layer_embeddings: bool,
    /// Whether layers without KV heads have a short convolution instead of attention (LFM2).
    pub(super) short_convolutions: bool,
    /// Which layers keep a state in place of keys and values.
    pub(super) state_layers: StateLayers,
    /// Whether attention's output is gated (Qiu et al. 2025): each head's query is followed by its gate.
    pub(super) gated_attention: bool,
    /// Whether each head has a score that takes part in the softmax for no position (attention sinks, gpt-oss).
    pub(super) attention_sinks: bool,
    /// Whether the last layers of a file may serve to predict further tokens alone (multi-token prediction).
    pub(super) multi_token_prediction: bool,
    pub(super) activation: Activation,
    /// Whether gate and up projection are one tensor, the gate first.
    pub(super) fused_gate_up: bool,
    /// How layers choose among experts, where a file's layers may be mixtures of these.
    pub(super) experts: Option<ExpertRule>,
    pub(super) positions: Positions,
    /// In each group of this many layers, the last one does without RoPE (SmolLM3).
    pub(super) no_rope_layer_interval: Option<usize>,
    pub(super) windows: Windows,
    pub(super) scales: ScaleRule,
    pub(super) caps: Caps,
    /// Tensors that must have a bias; the other matrices may.
    pub(super) biases: &'static [&'static str],
    /// The name of the tensor of the feed-forward network's pre-norm, and what follows it: nothing in files of Falcon-H1.
    pub(super) feed_forward_norm: [&'static str; 2],
    /// The name of the final norm's tensor.
    pub(super) output_norm: &'static str,
    /// Whether a file may ask that all layers run several times in a row (Nanbeige 4.2).
    pub(super) loops: bool,
}

/// How vectors are normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum NormKind {
    /// RMSNorm, which has a weight.
    Rms,
    /// LayerNorm, which has a weight and in most models a bias.
    Layer,
}

/// Where a layer has its norms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Norms {
    /// Pre-norm: the inputs of attention and of the feed-forward network.
    Pre,
    /// Post-norm: their outputs, before these are added to the residual stream.
    Post,
    /// Both.
    PreAndPost,
    /// One norm, whose output both read: they run in parallel.
    Shared,
    /// `Pre`, or `Shared` where a file has no second norm.
    PreOrShared,
}

/// Whether queries and keys are normalised (QK norm): before RoPE, but for one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum QueryKeyNorm {
    No,
    /// Each head by itself, all with the same weights.
    SharedWeights,
    /// The same, but after RoPE.
    SharedWeightsAfterRope,
    /// Each head by itself with weights of its own, in files that have these.
    PerHeadWeights,
    /// All heads together.
    AllHeads,
}

/// Which layers keep a state in place of keys and values, and what they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum StateLayers {
    No,
    /// Most layers have a gated delta net (Qwen3.5).
    DeltaNet,
    /// Layers without KV heads have a Mamba-2 mixer (Granite 4.0 H).
    Mamba2,
    /// Every layer is a Mamba-2 mixer alone: the model has neither attention nor feed-forward networks.
    Mamba2Alone,
    /// Every layer has a Mamba-2 mixer beside its attention: both read the same, and their outputs are added up
    /// (Falcon-H1).
    Mamba2BesideAttention,
}

/// The activation between the two halves of a feed-forward network (Shazeer 2020).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Activation {
    /// SwiGLU: silu(gate × x) × (up × x).
    SwiGlu,
    /// GeGLU: gelu(gate × x) × (up × x), with the tanh approximation of gelu.
    GeGlu,
    /// SwiGLU with bounds and a factor of its own, and 1 added to the bounded up × x (gpt-oss).
    ClampedSwiGlu,
    /// gelu(up × x), with the same approximation.
    Gelu,
    /// relu(up × x)² (So et al. 2021, Primer).
    SquaredRelu,
}

impl Activation {
    /// Whether the network has a gate.
    pub(super) fn is_gated(self) -> bool {
        matches!(self, Self::SwiGlu | Self::GeGlu | Self::ClampedSwiGlu)
    }
}

/// How a mixture of experts weighs its experts, unless the file says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ExpertRule {
    pub gating: Gating,
    /// Whether the weights of the experts that a token runs through are divided by their sum.
    pub normalizes: bool,
    /// Whether a bias takes part in the choice of experts.
    pub selection_bias: bool,
}

/// What makes scores of the router's outputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Gating {
    /// Softmax over all experts.
    Softmax,
    /// The logistic function, each expert by itself.
    Sigmoid,
}

/// How a layer knows the order of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Positions {
    /// A learned embedding for each position.
    Learned,
    /// RoPE over pairs of neighbouring dimensions.
    InterleavedRope,
    /// RoPE over pairs that lie half a head apart (GPT-NeoX).
    NeoxRope,
}

const LLAMA: Architecture = Architecture {
    name: "llama",
    norm: NormKind::Rms,
    norms: Norms::Pre,
    query_key_norm: QueryKeyNorm::No,
    value_norm: false,
    shared_keys_and_values: false,
    per_layer_embeddings: false,
    short_convolutions: false,
    state_layers: StateLayers::No,
    gated_attention: false,
    attention_sinks: false,
    multi_token_prediction: false,
    activation: Activation::SwiGlu,
    fused_gate_up: false,
    experts: None,
    positions: Positions::InterleavedRope,
    no_rope_layer_interval: None,
    windows: Windows::No,
    scales: ScaleRule::Usual,
    caps: Caps::No,
    biases: &[],
    feed_forward_norm: ["ffn_norm", "weight"],
    output_norm: "output_norm",
    loops: false,
};

const QWEN3: Architecture = Architecture {
    name: "qwen3",
    positions: Positions::NeoxRope,
    query_key_norm: QueryKeyNorm::SharedWeights,
    ..LLAMA
};

const GRANITE: Architecture = Architecture {
    name: "granite",
    scales: ScaleRule::Metadata,
    ..LLAMA
};

const LFM2: Architecture = Architecture {
    name: "lfm2",
    query_key_norm: QueryKeyNorm::SharedWeights,
    short_convolutions: true,
    positions: Positions::NeoxRope,
    output_norm: "token_embd_norm",
    ..LLAMA
};

/// The weights of a token's experts are softmax over these alone: that over all, divided by their sum.
const SOFTMAX_OF_CHOSEN: ExpertRule = ExpertRule {
    gating: Gating::Softmax,
    normalizes: true,
    selection_bias: false,
};

const GEMMA: Architecture = Architecture {
    name: "gemma",
    activation: Activation::GeGlu,
    positions: Positions::NeoxRope,
    scales: ScaleRule::Gemma { wide: usize::MAX },
    ..LLAMA
};

/// Every architecture this crate runs.
pub const ARCHITECTURES: &[Architecture] = &[
    // With experts: Mixtral.
    Architecture {
        experts: Some(SOFTMAX_OF_CHOSEN),
        ..LLAMA
    },
    Architecture {
        name: "qwen2",
        positions: Positions::NeoxRope,
        biases: &["attn_q", "attn_k", "attn_v"],
        ..LLAMA
    },
    QWEN3,
    GEMMA,
    Architecture {
        name: "gemma2",
        norms: Norms::PreAndPost,
        windows: Windows::Yes {
            period: 2,
            size: Some(4096),
            rope_base: None,
            scaled: false,
        },
        scales: ScaleRule::Gemma { wide: 46 },
        caps: Caps::ScoresAndLogits,
        ..GEMMA
    },
    Architecture {
        name: "gemma3",
        norms: Norms::PreAndPost,
        query_key_norm: QueryKeyNorm::SharedWeights,
        windows: Windows::Yes {
            period: 6,
            size: None,
            rope_base: Some(10_000.0),
            scaled: false,
        },
        scales: ScaleRule::Gemma { wide: 62 },
        caps: Caps::Logits,
        ..GEMMA
    },
    Architecture {
        name: "gemma4",
        norms: Norms::PreAndPost,
        query_key_norm: QueryKeyNorm::SharedWeights,
        value_norm: true,
        shared_keys_and_values: true,
        per_layer_embeddings: true,
        windows: Windows::Yes {
            period: 6,
            size: None,
            rope_base: Some(10_000.0),
            scaled: false,
        },
        scales: ScaleRule::Gemma4,
        caps: Caps::Logits,
        ..GEMMA
    },
    Architecture {
        name: "gpt2",
        norm: NormKind::Layer,
        activation: Activation::Gelu,
        positions: Positions::Learned,
        biases: &[
            "attn_norm",
            "attn_qkv",
            "attn_output",
            "ffn_norm",
            "ffn_up",
            "ffn_down",
            "output_norm",
        ],
        ..LLAMA
    },
    Architecture {
        name: "phi2",
        norm: NormKind::Layer,
        norms: Norms::Shared,
        activation: Activation::Gelu,
        positions: Positions::NeoxRope,
        biases: &[
            "attn_norm",
            "attn_q",
            "attn_k",
            "attn_v",
            "attn_qkv",
            "attn_output",
            "ffn_up",
            "ffn_down",
            "output_norm",
            "output",
        ],
        ..LLAMA
    },
    Architecture {
        name: "phi3",
        fused_gate_up: true,
        positions: Positions::NeoxRope,
        windows: Windows::Ignored,
        ..LLAMA
    },
    GRANITE,
    Architecture {
        name: "olmo2",
        norms: Norms::Post,
        query_key_norm: QueryKeyNorm::AllHeads,
        positions: Positions::NeoxRope,
        windows: Windows::Yes {
            period: 4,
            size: None,
            rope_base: None,
            scaled: false,
        },
        ..LLAMA
    },
    Architecture {
        name: "stablelm",
        norm: NormKind::Layer,
        norms: Norms::PreOrShared,
        query_key_norm: QueryKeyNorm::PerHeadWeights,
        positions: Positions::NeoxRope,
        biases: &["attn_norm", "output_norm"],
        ..LLAMA
    },
    Architecture {
        name: "smollm3",
        no_rope_layer_interval: Some(4),
        ..LLAMA
    },
    LFM2,
    Architecture {
        name: "qwen35",
        query_key_norm: QueryKeyNorm::SharedWeights,
        state_layers: StateLayers::DeltaNet,
        gated_attention: true,
        multi_token_prediction: true,
        positions: Positions::NeoxRope,
        feed_forward_norm: ["post_attention_norm", "weight"],
        ..LLAMA
    },
    Architecture {
        name: "granitehybrid",
        state_layers: StateLayers::Mamba2,
        scales: ScaleRule::Metadata,
        experts: Some(SOFTMAX_OF_CHOSEN),
        ..LLAMA
    },
    Architecture {
        name: "mamba2",
        state_layers: StateLayers::Mamba2Alone,
        ..LLAMA
    },
    Architecture {
        name: "falcon-h1",
        state_layers: StateLayers::Mamba2BesideAttention,
        positions: Positions::NeoxRope,
        feed_forward_norm: ["ffn_norm", ""],
        ..LLAMA
    },
    Architecture {
        name: "mistral3",
        scales: ScaleRule::TemperatureTuning,
        ..LLAMA
    },
    Architecture {
        name: "ernie4_5",
        ..LLAMA
    },
    Architecture {
        name: "arcee",
        activation: Activation::SquaredRelu,
        ..LLAMA
    },
    Architecture {
        name: "hunyuan-dense",
        query_key_norm: QueryKeyNorm::SharedWeightsAfterRope,
        positions: Positions::NeoxRope,
        ..LLAMA
    },
    Architecture {
        name: "exaone4",
        norms: Norms::Post,
        query_key_norm: QueryKeyNorm::SharedWeights,
        positions: Positions::NeoxRope,
        windows: Windows::IgnoredUnless { layers: 64 },
        ..LLAMA
    },
    Architecture {
        name: "seed_oss",
        positions: Positions::NeoxRope,
        feed_forward_norm: ["post_attention_norm", "weight"],
        ..LLAMA
    },
    Architecture {
        name: "nanbeige",
        loops: true,
        ..LLAMA
    },
    Architecture {
        name: "granitemoe",
        experts: Some(SOFTMAX_OF_CHOSEN),
        ..GRANITE
    },
    Architecture {
        name: "olmoe",
        query_key_norm: QueryKeyNorm::AllHeads,
        positions: Positions::NeoxRope,
        experts: Some(ExpertRule {
            normalizes: false,
            ..SOFTMAX_OF_CHOSEN
        }),
        ..LLAMA
    },
    Architecture {
        name: "qwen3moe",
        experts: Some(SOFTMAX_OF_CHOSEN),
        ..QWEN3
    },
    Architecture {
        name: "lfm2moe",
        experts: Some(ExpertRule {
            gating: Gating::Sigmoid,
            normalizes: true,
            selection_bias: true,
        }),
        ..LFM2
    },
    Architecture {
        name: "gpt-oss",
        attention_sinks: true,
        activation: Activation::ClampedSwiGlu,
        experts: Some(SOFTMAX_OF_CHOSEN),
        positions: Positions::NeoxRope,
        windows: Windows::Yes {
            period: 2,
            size: None,
            rope_base: None,
            scaled: true,
        },
        biases: &[
            "attn_output",
            "ffn_gate_inp",
            "ffn_gate_exps",
            "ffn_up_exps",
            "ffn_down_exps",
        ],
        feed_forward_norm: ["post_attention_norm", "weight"],
        ..LLAMA
    },
];

impl Architecture {
    /// Whether its models have layers with attention.
    pub(super) fn has_attention(&self) -> bool {
        self.state_layers != StateLayers::Mamba2Alone
    }

    /// The architecture of this name.
    ///
    /// # Errors
    /// [`Error::UnsupportedArchitecture`].
    pub fn named(name: &str) -> Result<&'static Self> {
        let mut all = ARCHITECTURES.iter();
        all.find(|architecture| architecture.name == name)
            .ok_or_else(|| Error::UnsupportedArchitecture(name.to_owned()))
    }
}
