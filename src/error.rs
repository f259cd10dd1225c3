//! The error type of the whole crate: what went wrong, in a sentence, with a stable code.

use thiserror::Error as ThisError;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong, each with a message for people and a stable [`Error::code`] for programs.
#[derive(Debug, Clone, PartialEq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin with the GGUF magic.
    #[error("this is not a GGUF file: it does not begin with the bytes \"GGUF\"")]
    NotGguf,
    /// The file is big-endian.
    #[error("the model file is big-endian; only little-endian GGUF files are supported")]
    BigEndian,
    /// This crate does not read this version of GGUF.
    #[error("GGUF version {0} is not supported (versions 2 and 3 are)")]
    UnsupportedVersion(u32),
    /// The file ends before all the data that it announces.
    #[error("the model file is cut short: {0}")]
    Truncated(String),
    /// The file contradicts itself or the format.
    #[error("the model file is damaged: {0}")]
    Corrupt(String),
    /// A model is split over several files, and one of them is missing or belongs to another model.
    #[error("the parts of the model do not fit together: {0}")]
    Parts(String),
    /// A metadata key that the model needs is absent.
    #[error("the model file lacks the metadata key \"{0}\"")]
    MissingMetadata(String),
    /// A metadata key has a value of the wrong type or out of range.
    #[error("the metadata key \"{key}\" is not usable: {reason}")]
    BadMetadata {
        /// The key as the file spells it.
        key: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// `general.architecture` names a model this crate cannot run.
    #[error("models of the architecture \"{0}\" are not supported")]
    UnsupportedArchitecture(String),
    /// A tensor is stored in a block format this crate cannot read.
    #[error("the tensor \"{tensor}\" is stored as {kind}, which is not supported")]
    UnsupportedTensorType {
        /// The tensor's name.
        tensor: String,
        /// The type's name where known, else its number.
        kind: String,
    },
    /// A tensor that the architecture needs is absent.
    #[error("the model file lacks the tensor \"{0}\"")]
    MissingTensor(String),
    /// A tensor's shape contradicts the model's configuration.
    #[error("the tensor \"{tensor}\" has shape {found:?} where {expected:?} was expected")]
    TensorShape {
        /// The tensor's name.
        tensor: String,
        /// The shape in the file, fastest dimension first.
        found: Vec<u64>,
        /// The shape the configuration asks for.
        expected: Vec<u64>,
    },
    /// The tokenizer's kind or pre-tokenizer is not supported.
    #[error("the tokenizer \"{0}\" is not supported")]
    UnsupportedTokenizer(String),
    /// The chat template is missing or broken, rejects the messages, or takes too many steps; the text says which.
    #[error("{0}")]
    ChatTemplate(String),
    /// The prompt has no tokens, so there is nothing to continue from.
    #[error("the prompt is empty: there is nothing to continue from")]
    EmptyPrompt,
    /// The prompt does not fit into the context.
    #[error("the prompt has {tokens} tokens, but the context holds {context}")]
    PromptTooLong {
        /// Tokens in the prompt.
        tokens: usize,
        /// Tokens the context holds.
        context: usize,
    },
    /// A conversation to be learnt from does not fit into the context.
    #[cfg(feature = "train")]
    #[error("conversations[{index}] has {tokens} tokens, but the context holds {context}")]
    ConversationTooLong {
        /// The place of the conversation among those given, from 0 on.
        index: usize,
        /// Tokens in the conversation.
        tokens: usize,
        /// Tokens the context holds.
        context: usize,
    },
    /// An option is out of range or of the wrong type.
    #[error("the option \"{name}\" is not usable: {reason}")]
    InvalidOption {
        /// The option as the caller spells it.
        name: String,
        /// The allowed values.
        reason: String,
    },
    /// No option of that name exists.
    #[error("there is no option \"{0}\"")]
    UnknownOption(String),
    /// A constraint (JSON Schema, regular expression or grammar) is not usable, or the text cannot follow it any
    /// further.
    #[error("the constraint cannot be followed: {0}")]
    Constraint(String),
    /// The constraint does not allow this token here.
    #[error("the constraint does not allow the token {0} here")]
    ForbiddenToken(u32),
    /// A text of fewer than two tokens has no token to predict.
    #[error("the text has {0} tokens; a score needs at least two")]
    TextTooShort(usize),
    /// There is too little text to train on.
    #[error("the text has {tokens} tokens; training needs at least {needed}")]
    CorpusTooSmall {
        /// Tokens in the text.
        tokens: usize,
        /// Tokens that training needs: one full context, and what is held out for validation.
        needed: usize,
    },
    /// A text is not UTF-8.
    #[error("the text is not UTF-8: the byte at position {0} cannot be part of it")]
    NotUtf8(usize),
    /// Training cannot be resumed from this checkpoint.
    #[error("the training cannot go on from this checkpoint: {0}")]
    CheckpointMismatch(String),
    /// Generation cannot be resumed from this snapshot.
    #[error("the snapshot cannot be restored: {0}")]
    Snapshot(&'static str),
    /// The call needs a text in progress, and none was started.
    #[error("nothing was started: call start() with a prompt first")]
    NotStarted,
    /// Every logit is NaN or −∞: there is no distribution to choose from.
    #[error("the model gave no usable probabilities: its weights may be damaged")]
    NotFinite,
    /// An allocation of this many bytes failed; nothing was changed.
    #[error("not enough memory: {0} more bytes could not be had")]
    OutOfMemory(usize),
    /// The caller cancelled.
    #[error("aborted")]
    Aborted,
    /// No bytes arrived for this many milliseconds, the option `timeout`.
    #[error("nothing came from the source for {0} ms")]
    Timeout(u32),
    /// The server answered with an error.
    #[error("the server answered {status} for {url}")]
    Http {
        /// The HTTP status code.
        status: u16,
        /// The URL that was requested.
        url: String,
    },
    /// A file could not be written.
    #[error("the file could not be written: {0}")]
    Write(String),
    /// The bytes could not be fetched or read.
    #[error("the file could not be read: {0}")]
    Io(String),
}

impl Error {
    /// A short name that stays the same between releases, for programs to act on.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotGguf => "not_gguf",
            Error::BigEndian => "big_endian",
            Error::UnsupportedVersion(_) => "unsupported_version",
            Error::Truncated(_) => "truncated",
            Error::Corrupt(_) => "corrupt",
            Error::Parts(_) => "parts",
            Error::MissingMetadata(_) => "missing_metadata",
            Error::BadMetadata { .. } => "bad_metadata",
            Error::UnsupportedArchitecture(_) => "unsupported_architecture",
            Error::UnsupportedTensorType { .. } => "unsupported_tensor_type",
            Error::MissingTensor(_) => "missing_tensor",
            Error::TensorShape { .. } => "tensor_shape",
            Error::UnsupportedTokenizer(_) => "unsupported_tokenizer",
            Error::ChatTemplate(_) => "chat_template",
            Error::EmptyPrompt => "empty_prompt",
            Error::PromptTooLong { .. } => "prompt_too_long",
            #[cfg(feature = "train")]
            Error::ConversationTooLong { .. } => "prompt_too_long",
            Error::InvalidOption { .. } => "invalid_option",
            Error::UnknownOption(_) => "unknown_option",
            Error::Constraint(_) => "constraint",
            Error::ForbiddenToken(_) => "forbidden_token",
            Error::TextTooShort(_) => "text_too_short",
            Error::CorpusTooSmall { .. } => "corpus_too_small",
            Error::NotUtf8(_) => "not_utf8",
            Error::CheckpointMismatch(_) => "checkpoint_mismatch",
            Error::Snapshot(_) => "snapshot",
            Error::NotStarted => "not_started",
            Error::NotFinite => "not_finite",
            Error::OutOfMemory(_) => "out_of_memory",
            Error::Aborted => "aborted",
            Error::Timeout(_) => "timeout",
            Error::Http { .. } => "http",
            Error::Write(_) => "write",
            Error::Io(_) => "io",
        }
    }
}

/// [`Error::InvalidOption`] for the option `name` unless `holds`; `allowed` names the values it may have.
pub(crate) fn check_option(holds: bool, name: &str, allowed: &str) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(invalid_option(name, allowed)),
    }
}

/// [`Error::InvalidOption`] for the option `name`; `allowed` names the values it may have.
pub(crate) fn invalid_option(name: &str, allowed: &str) -> Error {
    Error::InvalidOption {
        name: name.into(),
        reason: format!("it must be {allowed}"),
    }
}
