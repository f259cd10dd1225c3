//! Reading model files in pieces. A model in several files is given by any of them.

use nexttoken::generator::Context;
use nexttoken::gguf::{Header, HeaderReader, Split, part_names};
use nexttoken::model::{Loader, Model};
use nexttoken::{Error, Inspection, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// Loads the model in the file at `path`.
pub fn load(path: &Path) -> Result<Model> {
    let paths = parts(path);
    if let [path] = &paths[..] {
        let mut loader = Loader::new();
        feed(&mut loader, path)?;
        return loader.finish();
    }
    let headers = paths
        .iter()
        .map(|path| header(path))
        .collect::<Result<_>>()?;
    let split = Split::new(headers)?;
    let order = split.order().to_vec();
    let mut loader = Loader::of_split(split)?;
    for (place, index) in order.into_iter().enumerate() {
        if place > 0 {
            loader.next_part()?;
        }
        feed(&mut loader, &paths[index])?;
    }
    loader.finish()
}

/// Reads only the header of the model at `path`, and summarizes it. Where a tensor has an unknown type, the summary
/// says so, and no [`Header`] is returned.
pub fn inspect(path: &Path, context: Context) -> Result<(Inspection, Option<Header>)> {
    let paths = parts(path);
    let mut headers = Vec::new();
    for path in &paths {
        let mut reader = HeaderReader::new();
        match read_header(&mut reader, path) {
            Err(error @ Error::UnsupportedTensorType { .. }) => {
                return Ok((Inspection::refused(reader.metadata(), &error), None));
            }
            header => headers.push(header?),
        }
    }
    let header = match paths.len() {
        1 => headers.remove(0),
        _ => Split::new(headers)?.into_header()?,
    };
    let inspection = Inspection::new(header.clone(), paths.len(), context, None)?;
    Ok((inspection, Some(header)))
}

/// All files of the model to which the file at `path` belongs.
fn parts(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(part_names) {
        Some(names) => names.iter().map(|name| path.with_file_name(name)).collect(),
        None => vec![path.to_owned()],
    }
}

/// Feeds the file at `path` to the loader.
fn feed(loader: &mut Loader, path: &Path) -> Result<()> {
    let mut file = open(path)?;
    let mut piece = vec![0; PIECE];
    loop {
        match read(&mut file, &mut piece, path)? {
            0 => return Ok(()),
            read => loader.push(&piece[..read])?,
        }
    }
}

fn header(path: &Path) -> Result<Header> {
    read_header(&mut HeaderReader::new(), path)
}

/// Reads the header of the file at `path`, and checks that the file is not shorter than the header says.
fn read_header(reader: &mut HeaderReader, path: &Path) -> Result<Header> {
    let mut file = open(path)?;
    let size = file.metadata().map_err(|error| failed(path, &error))?.len();
    let mut piece = vec![0; PIECE];
    let header = loop {
        match read(&mut file, &mut piece, path)? {
            0 => return Err(reader.missing()),
            read => {
                if let Some(header) = reader.push(&piece[..read])? {
                    break header;
                }
            }
        }
    };
    if size < header.file_size {
        let missing = header.file_size - size;
        return Err(Error::Truncated(format!(
            "{missing} of its {} bytes are missing",
            header.file_size
        )));
    }
    Ok(header)
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
