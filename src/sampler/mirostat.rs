//! The option that turns mirostat on; what it does is at [`Stage::Mirostat`](super::Stage::Mirostat).

use crate::error::invalid_option;
use crate::{Error, Result};

/// Whether mirostat is on, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mirostat {
    /// It is off.
    #[default]
    Off,
    /// Mirostat 2.0; see [`Stage::Mirostat`](super::Stage::Mirostat).
    V2,
}

impl Mirostat {
    /// The number that stands for it in JavaScript, on the command line and in a snapshot.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::V2 => 2,
        }
    }
}

impl TryFrom<u32> for Mirostat {
    type Error = Error;

    /// What this number stands for: 0 for off, 2 for mirostat 2.0.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for any other.
    fn try_from(number: u32) -> Result<Self> {
        let mut all = [Self::Off, Self::V2].into_iter();
        all.find(|version| version.number() == number)
            .ok_or_else(|| invalid_option("mirostat", "0 or 2"))
    }
}
