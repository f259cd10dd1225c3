//! Model files, read in pieces.

use nexttoken::gguf::{Header, read_header};
use nexttoken::model::{Loader, Model};
use nexttoken::{Error, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Loads the model in the file at `path`.
pub fn load(path: &Path) -> Result<Model> {
    let mut file = open(path)?;
    let mut loader = Loader::new();
    let mut piece = vec![0; PIECE];
    loop {
        match read(&mut file, &mut piece, path)? {
            0 => return loader.finish(),
            read => loader.push(&piece[..read])?,
        }
    }
}

/// Reads only the header of the file at `path`; gives it with the size of the file.
pub fn header(path: &Path) -> Result<(Header, u64)> {
    let mut file = open(path)?;
    let size = file.metadata().map_err(|error| failed(path, &error))?.len();
    let mut bytes = Vec::new();
    // Doubled each time, so that parsing again and again costs no more than twice.
    let mut wanted = PIECE;
    loop {
        let start = bytes.len();
        bytes
            .try_reserve_exact(wanted)
            .map_err(|_| Error::OutOfMemory(wanted))?;
        bytes.resize(start + wanted, 0);
        let mut filled = start;
        while filled < bytes.len() {
            match read(&mut file, &mut bytes[filled..], path)? {
                0 => break,
                read => filled += read,
            }
        }
        let complete = filled < bytes.len();
        bytes.truncate(filled);
        if let Some(header) = read_header(&bytes)? {
            return Ok((header, size));
        }
        if complete {
            return Err(Error::Truncated("it ends within its header".into()));
        }
        wanted = bytes.len();
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| failed(path, &error))
}

fn read(file: &mut File, buffer: &mut [u8], path: &Path) -> Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result.map_err(|error| failed(path, &error)),
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Io(format!("{}: {error}", path.display()))
}
