//! The program as a user runs it.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file in the tests' own folder, written once per test.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub fn nexttoken(command: &str, model: &PathBuf, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nexttoken"))
        .arg(command)
        .arg(model)
        .args(arguments)
        .output()
        .unwrap()
}

pub fn json(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

pub fn error(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().len() > 10);
    error["error"]["code"].clone()
}
