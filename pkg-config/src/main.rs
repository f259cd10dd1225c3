//! Builds, packages, serves and verifies `nexttoken`.
//!
//! The two usual commands are `cargo demo` and `cargo verify`; `cargo pkg --help` lists the others.

mod bench;
mod bundle;
mod check;
mod command;
mod fetch;
mod fuzz;
mod glue;
mod glue_check;
mod javascript;
mod model;
mod notices;
mod page;
mod page_tests;
mod progress;
mod publish;
mod repo;
mod serve;
mod shared_memory;
mod site;
mod sizes;
mod stories;
mod tools;
mod verify;
mod wasm;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};

use crate::repo::Repo;

#[derive(Parser)]
#[command(name = "cargo pkg", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Build the page, get the sample model, and serve both
    Demo {
        /// Port to listen on; 8080 where it is free, else any
        #[arg(long)]
        port: Option<u16>,
        /// Open the page in the default browser
        #[arg(long)]
        open: bool,
        /// Take the sample model from this file instead of fetching it
        #[arg(long, env = "NEXTTOKEN_MODEL")]
        model: Option<PathBuf>,
    },
    /// Install what the tests need, and pass them all
    Verify {
        /// Run this step alone (may be given more than once)
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
        /// List the steps
        #[arg(long)]
        list: bool,
    },
    /// Compile, bind and optimise every variant, and assemble the npm package in pkg/
    Build {
        /// Keep the names of the engines' functions, for benches/browser/profile.mjs
        #[arg(long)]
        names: bool,
    },
    /// Build, and assemble a folder for any static host in target/site/
    Site {
        /// Copy the sample model into it
        #[arg(long)]
        with_model: bool,
        /// Make one HTML file of it, which a double click opens: no server, no network
        #[arg(long, conflicts_with = "with_model")]
        single_file: bool,
    },
    /// Serve a built site, and the models fetched so far, on this machine
    Serve {
        /// Port to listen on; 8080 where it is free, else any
        #[arg(long)]
        port: Option<u16>,
        /// Folder to serve instead of target/site/
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Fetch a model into .cache/models/ and print its path
    FetchModel {
        /// Name of the model
        #[arg(default_value = model::SAMPLE.name, value_parser = model::names())]
        name: String,
        /// Take the model from this file instead of fetching it
        #[arg(long)]
        model: Option<PathBuf>,
    },
    /// Race the package and its peers in headless Chromium, on one model and one prompt
    BenchBrowser {
        /// GGUF file; the sample model where none is named
        #[arg(long, value_name = "FILE")]
        model: Option<PathBuf>,
        /// Threads of the systems that have them
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Times every system runs; medians are printed
        #[arg(long, default_value_t = 5)]
        rounds: usize,
        /// Tokens to write
        #[arg(long, default_value_t = 64)]
        tokens: usize,
        /// Also run llama.cpp outside the browser
        #[arg(long)]
        native: bool,
        /// Run these systems alone, as in `--only nexttoken,wllama`
        #[arg(long, value_name = "SYSTEMS", value_delimiter = ',', value_parser = PossibleValuesParser::new(bench::SYSTEMS))]
        only: Vec<String>,
        /// Print the rows as JSON
        #[arg(long)]
        json: bool,
    },
    /// Feed the fuzz targets of tests/fuzz, and keep what they find in target/fuzz/
    Fuzz {
        /// How long each target runs
        #[arg(long, default_value_t = 450)]
        seconds: u64,
        /// Run this target alone (may be given more than once)
        #[arg(long, value_name = "TARGET")]
        only: Vec<String>,
    },
    /// Try the built package in each bundler and each other environment, and print what works where
    Check {
        /// Try these alone, as in `cargo pkg check vite7 webpack`
        environments: Vec<String>,
    },
    /// Rehearse a release of the npm package and the crate
    Publish {
        /// Publish it, which only continuous integration can
        #[arg(long)]
        really: bool,
    },
    /// Print the size of each file of the built package, raw and compressed
    Sizes,
    /// Print children's stories, to train a model on
    Stories {
        /// The same seed gives the same stories
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// How many stories
        #[arg(long, default_value_t = 1)]
        count: u64,
    },
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let repo = Repo::find()?;
    match Arguments::parse().action {
        Action::Demo { port, open, model } => page::demo(&repo, port, open, model.as_deref()),
        Action::Verify { list: true, .. } => {
            verify::list();
            Ok(())
        }
        Action::Verify { only, .. } => verify::verify(&repo, &only),
        Action::Build { names: true, .. } => site::package_with_names(&repo),
        Action::Build { .. } => site::package(&repo),
        Action::Site {
            single_file: true, ..
        } => page::single_file(&repo),
        Action::Site { with_model, .. } => page::site(&repo, with_model),
        Action::Serve { port, dir } => page::serve(&repo, port, dir),
        Action::FetchModel { name, model } => {
            let wanted = model::find(&name)?;
            let path = fetch::ensure(wanted, &repo.models(), model.as_deref())?;
            println!("{}", path.display());
            Ok(())
        }
        Action::BenchBrowser {
            model,
            threads,
            rounds,
            tokens,
            native,
            only,
            json,
        } => bench::benchmark(
            &repo,
            &bench::Benchmark {
                model,
                threads,
                rounds,
                tokens,
                native,
                only,
                json,
            },
        ),
        Action::Fuzz { seconds, only } => fuzz::fuzz(&repo, seconds, &only),
        Action::Check { environments } => check::check(&repo, &environments),
        Action::Publish { really } => publish::publish(&repo, really),
        Action::Sizes => sizes::print(&repo),
        Action::Stories { seed, count } => stories::print(seed, count),
    }
}
