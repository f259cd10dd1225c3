//! ggml's tensor types: their numbers, names and block sizes.

/// How a tensor's elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TensorType {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// bfloat16: the upper 16 bits of a single-precision number.
    BF16,
    /// 4 bits and a scale per 32.
    Q4_0,
    /// 4 bits, a scale and a minimum per 32.
    Q4_1,
    /// 5 bits and a scale per 32.
    Q5_0,
    /// 5 bits, a scale and a minimum per 32.
    Q5_1,
    /// 8 bits and a scale per 32.
    Q8_0,
    /// 2 bits, sub-blocks of 16 with 4-bit scales and minima.
    Q2K,
    /// 3 bits, sub-blocks of 16 with 6-bit scales.
    Q3K,
    /// 4 bits, sub-blocks of 32 with 6-bit scales and minima.
    Q4K,
    /// 5 bits, sub-blocks of 32 with 6-bit scales and minima.
    Q5K,
    /// 6 bits, sub-blocks of 16 with 8-bit scales.
    Q6K,
    /// 4 bits that index unevenly spaced levels, and a scale per 32.
    IQ4NL,
    /// The levels of `IQ4NL`, in sub-blocks of 32 with 6-bit scales.
    IQ4XS,
    /// −1, 0 or 1, five in a byte, and a scale per 256.
    TQ1_0,
    /// −1, 0 or 1 in two bits, and a scale per 256.
    TQ2_0,
    /// A sign, and a scale per 128.
    Q1_0,
    /// −1, 0, 1 or 2, and a scale per 64.
    Q2_0,
    /// Floats of four bits, and a power of two per 32.
    MXFP4,
    /// Floats of four bits, and a float of eight per 16.
    NVFP4,
    /// −1, 0 or 1, eight as an index of 11 bits, with a scale and a shift per 32.
    IQ1S,
    /// The same with a scale per 16 and a shift per 8.
    IQ1M,
    /// Three magnitudes, eight as an index of 8 bits, with signs, and a scale per 32.
    IQ2XXS,
    /// The same with indices of 9 bits and a scale per 16.
    IQ2XS,
    /// The same with indices of 10 bits and a scale per 16.
    IQ2S,
    /// Eight magnitudes, four as an index of 8 bits, with signs, and a scale per 32.
    IQ3XXS,
    /// The same with indices of 9 bits.
    IQ3S,
}

impl TensorType {
    /// Every type, in the order of ggml's numbers.
    pub const ALL: [Self; 28] = [
        Self::F32,
        Self::F16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::IQ2XXS,
        Self::IQ2XS,
        Self::IQ3XXS,
        Self::IQ1S,
        Self::IQ4NL,
        Self::IQ3S,
        Self::IQ2S,
        Self::IQ4XS,
        Self::IQ1M,
        Self::BF16,
        Self::TQ1_0,
        Self::TQ2_0,
        Self::MXFP4,
        Self::NVFP4,
        Self::Q1_0,
        Self::Q2_0,
    ];

    /// The type with this ggml number; `None` for one that this crate cannot read.
    pub fn from_ggml(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.ggml() == number)
    }

    /// ggml's number for this type, as GGUF files hold it.
    pub const fn ggml(self) -> u32 {
        self.properties().0
    }

    /// The name of any ggml type number, also of types that are not supported ("Q8_K"), for error messages.
    pub fn ggml_name(number: u32) -> String {
        let name = match number {
            4 => "Q4_2",
            5 => "Q4_3",
            9 => "Q8_1",
            15 => "Q8_K",
            24 => "I8",
            25 => "I16",
            26 => "I32",
            27 => "I64",
            28 => "F64",
            31 => "Q4_0_4_4",
            32 => "Q4_0_4_8",
            33 => "Q4_0_8_8",
            36 => "IQ4_NL_4_4",
            37 => "IQ4_NL_4_8",
            38 => "IQ4_NL_8_8",
            _ => match Self::from_ggml(number) {
                Some(kind) => kind.name(),
                None => return format!("type {number}"),
            },
        };
        name.into()
    }

    /// ggml's name.
    pub const fn name(self) -> &'static str {
        self.properties().1
    }

    /// Elements in a block.
    pub const fn block_len(self) -> usize {
        self.properties().2
    }

    /// Bytes in a block.
    pub const fn block_bytes(self) -> usize {
        self.properties().3
    }

    /// Whether [`quantize`](super::quantize) can produce this type.
    pub const fn is_quantizable(self) -> bool {
        matches!(
            self,
            Self::F32
                | Self::F16
                | Self::BF16
                | Self::Q4_0
                | Self::Q4_1
                | Self::Q5_0
                | Self::Q5_1
                | Self::Q8_0
        )
    }

    /// ggml's number and name, elements and bytes in a block.
    const fn properties(self) -> (u32, &'static str, usize, usize) {
        match self {
            Self::F32 => (0, "F32", 1, 4),
            Self::F16 => (1, "F16", 1, 2),
            Self::Q4_0 => (2, "Q4_0", 32, 18),
            Self::Q4_1 => (3, "Q4_1", 32, 20),
            Self::Q5_0 => (6, "Q5_0", 32, 22),
            Self::Q5_1 => (7, "Q5_1", 32, 24),
            Self::Q8_0 => (8, "Q8_0", 32, 34),
            Self::Q2K => (10, "Q2_K", 256, 84),
            Self::Q3K => (11, "Q3_K", 256, 110),
            Self::Q4K => (12, "Q4_K", 256, 144),
            Self::Q5K => (13, "Q5_K", 256, 176),
            Self::Q6K => (14, "Q6_K", 256, 210),
            Self::IQ4NL => (20, "IQ4_NL", 32, 18),
            Self::IQ4XS => (23, "IQ4_XS", 256, 136),
            Self::BF16 => (30, "BF16", 1, 2),
            Self::TQ1_0 => (34, "TQ1_0", 256, 54),
            Self::TQ2_0 => (35, "TQ2_0", 256, 66),
            Self::Q1_0 => (41, "Q1_0", 128, 18),
            Self::Q2_0 => (42, "Q2_0", 64, 18),
            Self::MXFP4 => (39, "MXFP4", 32, 17),
            Self::NVFP4 => (40, "NVFP4", 64, 36),
            Self::IQ1S => (19, "IQ1_S", 256, 50),
            Self::IQ1M => (29, "IQ1_M", 256, 56),
            Self::IQ2XXS => (16, "IQ2_XXS", 256, 66),
            Self::IQ2XS => (17, "IQ2_XS", 256, 74),
            Self::IQ2S => (22, "IQ2_S", 256, 82),
            Self::IQ3XXS => (18, "IQ3_XXS", 256, 98),
            Self::IQ3S => (21, "IQ3_S", 256, 110),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for kind in TensorType::ALL {
            assert_eq!(TensorType::from_ggml(kind.ggml()), Some(kind));
            assert_eq!(TensorType::ggml_name(kind.ggml()), kind.name());
        }
        assert_eq!(TensorType::from_ggml(15), None);
        assert_eq!(TensorType::ggml_name(15), "Q8_K");
        assert_eq!(TensorType::ggml_name(1000), "type 1000");
    }
}
