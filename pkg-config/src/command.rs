//! Running other programs, and finding them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Prints a command, runs it with its output shown, and fails where it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    eprintln!("$ {line}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Like [`run`], with a name before each line of standard output: for commands that run at the same time. Where it fails,
/// the error ends with what `digest` makes of those lines.
pub fn run_named(
    name: &str,
    command: &mut Command,
    digest: impl FnOnce(&[String]) -> String,
) -> Result<()> {
    let line = describe(command);
    eprintln!("$ {line}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let output = child.stdout.take().context("it was asked for")?;
    let mut lines = Vec::new();
    for said in BufReader::new(output).split(b'\n') {
        let said = String::from_utf8_lossy(&said?).into_owned();
        println!("{name}: {said}");
        lines.push(said);
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed in {name} ({status})\n{}", digest(&lines));
    }
    Ok(())
}

/// The standard output of a command that must succeed. Its standard error is shown.
pub fn output(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no valid UTF-8"))
}

/// The standard output of a command, or nothing where it is missing or fails.
pub fn probe(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The Cargo that runs this crate, so that every step uses the pinned toolchain.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// npm, whose name differs on Windows.
pub fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// The first of these programs that is on the PATH.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().find_map(|name| {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        folders
            .iter()
            .map(|folder| folder.join(&file))
            .find(|candidate| candidate.is_file())
    })
}

/// Puts a folder before everything else on the PATH of a command.
pub fn prepend_path(command: &mut Command, folder: &Path) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders)?);
    Ok(())
}

/// A command as one would type it, for messages: it is not quoted for a shell, and paths below the folder it runs in
/// are relative.
fn describe(command: &Command) -> String {
    let here = command.get_current_dir();
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let relative = |word| {
        let inside = here.and_then(|here| Path::new(word).strip_prefix(here).ok());
        inside.map_or(word, Path::as_os_str)
    };
    let words = std::iter::once(name).chain(command.get_args().map(relative));
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("nexttoken-no-such-program")).unwrap_err();
        assert!(error.to_string().contains("nexttoken-no-such-program"));
    }

    #[cfg(unix)]
    #[test]
    fn the_error_of_a_named_command_says_what_it_printed() {
        let run = |script: &str| {
            let mut shell = Command::new("sh");
            run_named("shell", shell.args(["-c", script]), |lines| lines.join("+"))
        };
        let error = run("echo one; echo two; exit 3").unwrap_err().to_string();
        assert!(error.contains("failed in shell"), "{error}");
        assert!(error.ends_with("\none+two"), "{error}");
        run("echo one").unwrap();
    }

    #[test]
    fn a_command_is_described_without_its_folder() {
        let mut command = Command::new("/some/where/cargo");
        command
            .args(["test", "/some/where/here"])
            .current_dir("/some/where");
        assert_eq!(describe(&command), "cargo test here");
    }

    #[test]
    fn finds_programs_on_the_path() {
        assert!(find(&["nexttoken-no-such-program", "cargo"]).is_some());
        assert!(find(&["nexttoken-no-such-program"]).is_none());
    }
}
