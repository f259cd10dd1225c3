//! Limits on the parts of a header: far above any real model, far below what could do harm.

/// Metadata pairs. Real files have fewer than 100.
pub(super) const PAIRS: u64 = 65_536;
/// Tensors. The largest mixture-of-experts models have a few thousand.
pub(super) const TENSORS: u64 = 65_536;
/// Bytes of a metadata key or of a tensor name (the format's own limit for keys).
pub(super) const NAME_BYTES: u64 = 65_535;
/// Bytes of a string value; chat templates are the longest ones known.
pub(super) const STRING_BYTES: u64 = 64 << 20;
/// Elements of an array. The largest vocabularies have 262,144 entries, and somewhat more merges.
pub(super) const ARRAY_LEN: u64 = 1 << 24;
/// Bytes of everything before the tensor data. A vocabulary of 262,144 entries takes about 16 MB.
pub(super) const HEADER_BYTES: u64 = 256 << 20;
/// Dimensions of a tensor, ggml's own limit.
pub(super) const DIMENSIONS: u32 = 4;
/// `general.alignment`, bytes.
pub(super) const ALIGNMENT: u32 = 1 << 20;
