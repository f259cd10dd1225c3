//! Reading model files in pieces. A model in several files is given by any of them.

use super::{Adapter, AdapterLoader, Loader, Model};
use crate::generator::Context;
use crate::gguf::{Header, HeaderReader, Split, part_names};
use crate::{Error, Inspection, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

impl Model {
    /// Loads the model in the GGUF file at `path`, reading it in pieces so that no weight is in memory twice. A model
    /// in several files is given by any of them (`model-00001-of-00003.gguf`).
    ///
    /// ```
    /// # fn main() -> nexttoken::Result<()> {
    /// use nexttoken::model::Model;
    ///
    /// let model = Model::open("www/stories.gguf")?;
    /// assert_eq!(model.config.context_length, 320);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Parts`] where the files do not belong together, and those of
    /// [`Loader::push`] and [`Loader::finish`].
    pub fn open(path: impl AsRef<Path>) -> Result<Model> {
        let paths = part_paths(path.as_ref());
        if let [path] = &paths[..] {
            let mut loader = Loader::new();
            feed(path, |piece| loader.push(piece))?;
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
            feed(&paths[index], |piece| loader.push(piece))?;
        }
        loader.finish()
    }
}

impl Adapter {
    /// Loads the LoRA adapter in the GGUF file at `path`, for `model`.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, and those of [`AdapterLoader::push`] and [`AdapterLoader::finish`].
    pub fn open(model: &Arc<Model>, path: impl AsRef<Path>) -> Result<Self> {
        let mut loader = AdapterLoader::new(model);
        feed(path.as_ref(), |piece| loader.push(piece))?;
        loader.finish()
    }
}

impl Inspection {
    /// The summary of the model in the GGUF file at `path`, from its header alone, as it would run with `context`, and
    /// that header. Where a tensor has an unknown type, the summary says so, and there is no header.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be read, [`Error::Parts`] where several do not belong together,
    /// [`Error::Truncated`] for a file that is shorter than its header says, those of [`HeaderReader::push`], and those
    /// of [`Inspection::new`].
    pub fn open(path: impl AsRef<Path>, context: Context) -> Result<(Self, Option<Header>)> {
        let paths = part_paths(path.as_ref());
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
}

/// All files of the model to which the file at `path` belongs.
fn part_paths(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(part_names) {
        Some(names) => names.iter().map(|name| path.with_file_name(name)).collect(),
        None => vec![path.to_owned()],
    }
}

/// Passes the file at `path` to a loader, piece by piece.
pub(crate) fn feed(path: &Path, mut push: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut file = open(path)?;
    let mut piece = vec![0; PIECE];
    loop {
        match read(&mut file, &mut piece, path)? {
            0 => return Ok(()),
            read => push(&piece[..read])?,
        }
    }
}

/// Checks that the file at `path` is not shorter than its header says, before memory is taken for its tensors.
#[cfg(feature = "encoder")]
pub(crate) fn check_size(path: &Path) -> Result<()> {
    header(path).map(drop)
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
