//! What the architectures of encoders are made of.

/// An architecture of encoders.
#[derive(Debug, PartialEq)]
pub struct Architecture {
    /// Its name, as `general.architecture` has it.
    pub name: &'static str,
    pub(super) positions: Positions,
    pub(super) norms: Norms,
    pub(super) activation: Activation,
    pub(super) feed_forward: FeedForward,
    /// Whether queries, keys and values are one projection in the file.
    pub(super) fused_projection: bool,
    /// Whether linear layers must have biases; else those that the file has are used.
    pub(super) biases: bool,
    /// Which layers attend only to near positions, where a file names a window.
    pub(super) windows: Option<Windows>,
}

/// How a layer knows the order of tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Positions {
    /// A learned embedding for each position.
    Learned,
    /// RoPE (Su et al. 2021) over pairs that lie half a head apart.
    Rope,
    /// ALiBi (Press et al. 2022): scores fall with the distance of the two tokens, in each head at another rate.
    Alibi,
}

/// Where a layer has its norms, and which.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Norms {
    /// LayerNorm with biases after what each half adds to the residual stream has been added (BERT).
    Post,
    /// LayerNorm of the inputs of each half, and after the last layer. The first layer reads the embeddings as they are,
    /// which have a norm of their own (ModernBERT).
    Pre,
    /// RMSNorm of the inputs and of the outputs of each half, of each head's queries and keys, and after the last layer
    /// (Gemma 3).
    Sandwich,
}

/// The activation of the feed-forward network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Activation {
    /// gelu(x) = x × Φ(x).
    Gelu,
    /// gelu in the approximation with tanh.
    TanhGelu,
    /// silu(x) = x × σ(x).
    Silu,
}

/// The first half of the feed-forward network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum FeedForward {
    /// down × activation(up × x)
    Plain,
    /// down × (activation(gate × x) × (up × x)) (Shazeer 2020).
    Gated,
    /// The same with gate and up in one matrix "ffn_up", the gate's rows first.
    Fused,
    /// One of these, as the tensors of a file tell: its first converters split the matrix that is fused.
    AsInFile,
}

/// Which layers have a sliding window: all but one in `period`, unless the file says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Windows {
    pub period: usize,
    /// Whether the first layer of each period has none, and not the last.
    pub first_is_global: bool,
}

const BERT: Architecture = Architecture {
    name: "bert",
    positions: Positions::Learned,
    norms: Norms::Post,
    activation: Activation::Gelu,
    feed_forward: FeedForward::Plain,
    fused_projection: false,
    biases: true,
    windows: None,
};

/// The architectures that load.
pub static ARCHITECTURES: [Architecture; 5] = [
    BERT,
    Architecture {
        name: "nomic-bert",
        positions: Positions::Rope,
        activation: Activation::Silu,
        feed_forward: FeedForward::Gated,
        fused_projection: true,
        biases: false,
        ..BERT
    },
    Architecture {
        name: "jina-bert-v2",
        positions: Positions::Alibi,
        feed_forward: FeedForward::AsInFile,
        biases: false,
        ..BERT
    },
    Architecture {
        name: "modern-bert",
        positions: Positions::Rope,
        norms: Norms::Pre,
        feed_forward: FeedForward::Fused,
        fused_projection: true,
        biases: false,
        windows: Some(Windows {
            period: 3,
            first_is_global: true,
        }),
        ..BERT
    },
    Architecture {
        name: "gemma-embedding",
        positions: Positions::Rope,
        norms: Norms::Sandwich,
        activation: Activation::TanhGelu,
        feed_forward: FeedForward::Gated,
        biases: false,
        windows: Some(Windows {
            period: 6,
            first_is_global: false,
        }),
        ..BERT
    },
];

impl Architecture {
    /// The architecture of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|known| known.name == name)
    }
}
