//! The command line: `nexttoken inspect | tokenize | generate | chat | score`.

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

/// In WebAssembly there is no command line, but test tools build every target.
#[cfg(target_arch = "wasm32")]
fn main() {}
