//! The commands that show the page: `demo`, `site` and `serve`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

use crate::model;
use crate::repo::Repo;
use crate::serve::{Mount, Server};
use crate::wasm::Variant;
use crate::{bundle, fetch, site};

/// Builds the engine, fetches the sample model and serves the page; then builds the other modules, for which the page
/// waits where it needs one.
pub fn demo(repo: &Repo, port: Option<u16>, open: bool, model: Option<&Path>) -> Result<()> {
    // The engine that most browsers choose.
    site::package_early(repo, &[Variant::RelaxedThreads])?;
    site::assemble_unfinished_site(repo)?;
    fetch::ensure(&model::SAMPLE, &repo.models(), model)?;
    let mut server = Server::bind(port, mounts(repo, repo.site()))?.isolated();
    let unfinished = server.unfinished();
    announce(&server);
    if open && !open_browser(&server.origin()) {
        eprintln!("No browser could be opened; open the address by hand.");
    }
    let serving = server.run_in_background();
    // What a visitor of the page is likeliest to ask for next.
    site::package_early(repo, &[Variant::RelaxedThreads, Variant::Chat])?;
    site::assemble_unfinished_site(repo)?;
    unfinished.look_again();
    site::package(repo)?;
    site::assemble_site_unjoined(repo)?;
    drop(unfinished);
    eprintln!("The modules for chat, constraints and training are built too.");
    serving.join().expect("the server does not panic")
}

/// Builds everything and assembles a folder for any static host.
pub fn site(repo: &Repo, with_model: bool) -> Result<()> {
    site::package(repo)?;
    if with_model {
        let model = fetch::ensure(&model::SAMPLE, &repo.models(), None)?;
        site::assemble_site(repo, &[&model])?;
    } else {
        site::assemble_site(repo, &[])?;
    }
    println!("{}", repo.site().display());
    Ok(())
}

/// Builds everything, and makes one HTML file of the page.
pub fn single_file(repo: &Repo) -> Result<()> {
    site::package(repo)?;
    let file = repo.target().join("storyteller.html");
    bundle::page(repo, &file)?;
    println!("{}", file.display());
    Ok(())
}

/// Serves a site that has been built before.
pub fn serve(repo: &Repo, port: Option<u16>, dir: Option<PathBuf>) -> Result<()> {
    let dir = dir.unwrap_or_else(|| repo.site());
    ensure!(
        dir.is_dir(),
        "{} is not there; `cargo pkg site` builds it",
        dir.display()
    );
    let server = Server::bind(port, mounts(repo, dir))?.isolated();
    announce(&server);
    server.run()
}

/// The folders to serve: a site, and the cached models.
pub fn mounts(repo: &Repo, site: PathBuf) -> Vec<Mount> {
    vec![
        Mount {
            prefix: "/models/",
            folder: repo.models(),
        },
        Mount {
            prefix: "/",
            folder: site,
        },
    ]
}

fn announce(server: &Server) {
    println!(
        "\n  nexttoken is at {}/\n  Press Ctrl+C to stop.\n",
        server.origin()
    );
}

/// Opens an address in the default browser. Returns whether the program for that could be started.
fn open_browser(address: &str) -> bool {
    let (program, arguments): (_, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start", ""])
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(address);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().is_ok()
}
