//! What architectures differ in besides the parts of their layers: windows, scales and caps.

/// Which layers attend only to the latest positions (sliding-window attention).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Windows {
    /// None.
    No,
    /// None, even where a file names a window: llama.cpp does not apply it either.
    Ignored,
    /// The same; but a file with this many layers needs windows that are not implemented, and is refused.
    IgnoredUnless { layers: usize },
    /// All layers but one in `period`.
    Yes {
        period: usize,
        /// The window size where a file gives none; `None`: no layer has a window then.
        size: Option<usize>,
        /// The base of RoPE in these layers where a file gives none; `None`: that of the others.
        rope_base: Option<f32>,
        /// Whether RoPE's frequencies are scaled in these layers as in the others.
        scaled: bool,
    },
}

/// What values are multiplied by on their way through the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ScaleRule {
    /// Attention scores by 1 / √(head size).
    Usual,
    /// The same, and embeddings by √(hidden size); in a model with `wide` layers, attention scores by 1 / √(hidden
    /// size / heads) instead.
    Gemma { wide: usize },
    /// Embeddings as in the other Gemmas, attention scores by nothing: queries and keys are normalised (Gemma 4).
    Gemma4,
    /// Embeddings, residuals, attention scores and logits by factors from the metadata.
    Metadata,
    /// Attention scores as usual, and those of late positions by a factor that grows: attention temperature tuning
    /// (Ministral 3; from Llama 4).
    TemperatureTuning,
}

/// Which values have a soft cap: cap × tanh(x / cap).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Caps {
    No,
    /// The logits, where the file gives a cap.
    Logits,
    /// Attention scores and logits, with caps of 50 and 30 unless the file gives others.
    ScoresAndLogits,
}
