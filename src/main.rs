//! The command-line program `nexttoken`: inspect, tokenize, generate, chat, score, train and more.

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

/// Does nothing: in WebAssembly there is no command line, but test tools build every target.
#[cfg(target_arch = "wasm32")]
fn main() {}
