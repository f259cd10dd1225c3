//! Reads a GGUF file that is pushed in chunks of any size.

use std::ops::Range;
use xxhash_rust::xxh64::Xxh64;

use super::header::{HeaderParser, MAGIC};
use super::{Header, Metadata, Split, layout, split};
use crate::allocation::{reserve, with_capacity};
use crate::{Error, Result};

/// Receives what a [`Reader`] reads, in file order.
pub trait TensorSink {
    /// Called once, before any tensor data.
    ///
    /// # Errors
    /// Any error it returns ends the reading.
    fn header(&mut self, header: Header) -> Result<()>;

    /// Takes the next bytes of the tensor at `index` in `header.tensors`. It is called for all bytes of the tensor in
    /// order, in pieces of any size but 0.
    ///
    /// # Errors
    /// Any error it returns ends the reading.
    fn data(&mut self, index: usize, bytes: &[u8]) -> Result<()>;
}

/// Reads one file, or one model split over several files.
pub struct Reader {
    stage: Stage,
    /// The parts still to be read, the next one last.
    later: Vec<DataReader>,
    error: Option<Error>,
}

enum Stage {
    Header(Box<HeaderReader>),
    Data(DataReader),
}

crate::debug::debug_in_brief!(Reader { error });

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        Self {
            stage: Stage::Header(Box::default()),
            later: Vec::new(),
            error: None,
        }
    }

    /// A reader at the start of the first part of a model whose headers have been read; the sink does not get them
    /// again. Call [`next_part`](Self::next_part) between two parts.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn of_parts(split: &Split) -> Result<Self> {
        let mut later = Vec::new();
        let mut first = 0;
        for part in split.parts() {
            later.push(DataReader::new(part, 0, first)?);
            first += part.tensors.len();
        }
        later.reverse();
        Ok(Self {
            // A split has at least one part.
            stage: later
                .pop()
                .map_or_else(|| Stage::Header(Box::default()), Stage::Data),
            later,
            error: None,
        })
    }

    /// Declares that the next bytes are those of the next part, from its start.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes of this part are missing; [`Error::Parts`] after the last part; an earlier error
    /// again.
    pub fn next_part(&mut self) -> Result<()> {
        self.check()?;
        let result = self.current_is_whole().and_then(|()| {
            let none = || Error::Parts("there is no part after the last".into());
            self.stage = Stage::Data(self.later.pop().ok_or_else(none)?);
            Ok(())
        });
        self.remember(result)
    }

    /// Takes the next bytes of the file. After an error the reader only repeats that error.
    ///
    /// # Errors
    /// [`Error::NotGguf`], [`Error::BigEndian`], [`Error::UnsupportedVersion`], [`Error::UnsupportedTensorType`],
    /// [`Error::Corrupt`], [`Error::BadMetadata`] and [`Error::Parts`] for what is in the file; [`Error::OutOfMemory`];
    /// and any error that `sink` returns.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn TensorSink) -> Result<()> {
        self.check()?;
        let result = self.advance(bytes, sink);
        self.remember(result)
    }

    /// Declares that no more bytes follow.
    ///
    /// # Errors
    /// [`Error::Truncated`] if bytes are missing; [`Error::Parts`] if parts are missing; an earlier error again.
    pub fn finish(&mut self) -> Result<()> {
        self.check()?;
        let result = self
            .current_is_whole()
            .and_then(|()| match self.later.len() {
                0 => Ok(()),
                n => Err(Error::Parts(format!("the last {n} are missing"))),
            });
        self.remember(result)
    }

    fn current_is_whole(&self) -> Result<()> {
        match &self.stage {
            Stage::Header(header) => Err(header.missing()),
            Stage::Data(data) => data.finish(),
        }
    }

    /// Bytes of the whole file, once the header is known; up to `general.alignment` bytes of padding may follow.
    pub fn file_size(&self) -> Option<u64> {
        match &self.stage {
            Stage::Header(_) => None,
            Stage::Data(data) => Some(data.file_size),
        }
    }

    fn check(&self) -> Result<()> {
        self.error.clone().map_or(Ok(()), Err)
    }

    fn remember(&mut self, result: Result<()>) -> Result<()> {
        self.error = result.clone().err();
        result
    }

    fn advance(&mut self, mut bytes: &[u8], sink: &mut dyn TensorSink) -> Result<()> {
        if let Stage::Header(reader) = &mut self.stage {
            let Some(header) = reader.advance(&mut bytes)? else {
                return Ok(());
            };
            split::refuse_single(&header.metadata)?;
            let data = DataReader::new(&header, reader.parser.position(), 0)?;
            self.stage = Stage::Data(data);
            sink.header(header)?;
        }
        match &mut self.stage {
            Stage::Data(data) => data.push(bytes, sink),
            Stage::Header(_) => Ok(()),
        }
    }
}

/// Reads only the header from the first bytes of a file; `Ok(None)` when more bytes are needed.
///
/// # Errors
/// As [`Reader::push`].
pub fn read_header(bytes: &[u8]) -> Result<Option<Header>> {
    HeaderReader::new().push(bytes)
}

/// The capacity in bytes that the buffer keeps between items; the memory of a long string is given back.
const KEPT_CAPACITY: usize = 4096;

/// Reads only the header of a file, pushed in chunks of any size from its start.
pub struct HeaderReader {
    parser: HeaderParser,
    /// The bytes of the next item that have arrived, while it is incomplete.
    pending: Vec<u8>,
    hasher: Xxh64,
}

crate::debug::debug_in_brief!(HeaderReader {});

impl Default for HeaderReader {
    fn default() -> Self {
        Self::new()
    }
}

/// Splits the header into items and holds back only the one that is incomplete.
impl HeaderReader {
    /// A reader at the start of a file.
    pub fn new() -> Self {
        Self {
            parser: HeaderParser::new(),
            pending: Vec::new(),
            hasher: Xxh64::new(0),
        }
    }

    /// Takes the next bytes of the file; `Ok(None)` when more are needed.
    ///
    /// # Errors
    /// As [`Reader::push`].
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Option<Header>> {
        self.advance(&mut bytes)
    }

    /// The metadata read so far; where the header is refused later, it can still tell what the file was.
    pub fn metadata(&self) -> &Metadata {
        self.parser.metadata()
    }

    /// Takes the header's bytes from the front of `bytes`; `None` when more are needed.
    fn advance(&mut self, bytes: &mut &[u8]) -> Result<Option<Header>> {
        let given = *bytes;
        let done = self.parse(bytes)?;
        self.hasher.update(&given[..given.len() - bytes.len()]);
        match done {
            true => self.parser.finish(self.hasher.digest()).map(Some),
            false => Ok(None),
        }
    }

    /// Gives complete items to the parser; returns whether the header is complete.
    fn parse(&mut self, bytes: &mut &[u8]) -> Result<bool> {
        while !self.parser.is_done() {
            let needed = self.parser.needed();
            if self.pending.is_empty()
                && let Some((item, rest)) = bytes.split_at_checked(needed)
            {
                self.parser.step(item)?;
                *bytes = rest;
                continue;
            }
            let (piece, rest) = bytes.split_at((needed - self.pending.len()).min(bytes.len()));
            // Not `reserve_exact`: a long item may arrive in many small pieces.
            reserve(&mut self.pending, piece.len())?;
            self.pending.extend_from_slice(piece);
            *bytes = rest;
            if self.pending.len() < needed {
                return Ok(false);
            }
            self.parser.step(&self.pending)?;
            self.pending.clear();
            self.pending.shrink_to(KEPT_CAPACITY);
        }
        Ok(true)
    }

    /// The error for a file that ends here.
    pub fn missing(&self) -> Error {
        let read = self.parser.position() + self.pending.len() as u64;
        if read < MAGIC.len() as u64 && !MAGIC.starts_with(&self.pending) {
            return Error::NotGguf;
        }
        Error::Truncated(format!(
            "it ends after {read} bytes, {}",
            self.parser.place()
        ))
    }
}

/// Passes tensor data on to the sink and skips the padding between tensors.
struct DataReader {
    /// The byte range of each tensor in the file, in file order.
    extents: Vec<Range<u64>>,
    /// The tensor that is being read, or that comes next.
    next: usize,
    /// The sink's index of the first tensor.
    first: usize,
    /// Bytes of the file seen so far.
    position: u64,
    file_size: u64,
    alignment: u64,
}

impl DataReader {
    /// A reader for a file with this header that has been read up to `position`. The sink's index of its first tensor
    /// is `first`.
    fn new(header: &Header, position: u64, first: usize) -> Result<Self> {
        let mut extents: Vec<Range<u64>> = with_capacity(header.tensors.len())?;
        // These sums cannot overflow, because they are at most `file_size`.
        extents.extend(header.tensors.iter().map(|tensor| {
            let start = header.data_start + tensor.offset;
            start..start + tensor.size
        }));
        Ok(Self {
            extents,
            next: 0,
            first,
            position,
            file_size: header.file_size,
            alignment: layout::alignment(&header.metadata)?,
        })
    }

    fn push(&mut self, mut bytes: &[u8], sink: &mut dyn TensorSink) -> Result<()> {
        while !bytes.is_empty() {
            let Some(extent) = self.extents.get(self.next) else {
                return self.trailing(bytes.len());
            };
            let in_padding = self.position < extent.start;
            let end = if in_padding { extent.start } else { extent.end };
            let wanted = usize::try_from(end - self.position).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(wanted.min(bytes.len()));
            if !in_padding {
                sink.data(self.first + self.next, piece)?;
            }
            self.position += piece.len() as u64;
            if self.position == extent.end {
                self.next += 1;
            }
            bytes = rest;
        }
        Ok(())
    }

    /// Counts bytes after the last tensor: writers pad it too, and a few bytes more do no harm.
    fn trailing(&mut self, count: usize) -> Result<()> {
        self.position = self.position.saturating_add(count as u64);
        if self.position.saturating_sub(self.file_size) > self.alignment {
            return Err(Error::Corrupt(format!(
                "more bytes follow after the {} it promises",
                self.file_size
            )));
        }
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        if self.next == self.extents.len() {
            return Ok(());
        }
        Err(Error::Truncated(format!(
            "it ends after {} of {} bytes, before the end of tensor {} of {}",
            self.position,
            self.file_size,
            self.next + 1,
            self.extents.len()
        )))
    }
}
