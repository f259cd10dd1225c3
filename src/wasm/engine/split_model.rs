//! Reading headers of model files: for `inspect`, and to find the order of the parts of a model in several files before
//! any is loaded.

use super::options::{LoadOptions, is_array, items};
use crate::error::invalid_option;
use crate::gguf::{Header, HeaderReader, Split, part_names};
use crate::wasm::common::error::describe;
use crate::wasm::common::read_options::ReadOptions;
use crate::wasm::common::source::{self, Source, check_signal, forget, next_chunk};
use crate::{Error, Inspection, MemoryLimit, Result};
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader, Request, Response, Url};

/// The bytes of the first range request; each further one asks for four times as many. Most headers have a few million
/// bytes.
const FIRST_RANGE: u64 = 1 << 20;
/// The most bytes of a WebAssembly memory, whose addresses have 32 bits.
const ADDRESS_SPACE: u64 = 1 << 32;

/// The parts of a model in several files: the items of an array, or all parts of the one whose address is given. `None`
/// for a model in one file.
pub(super) fn part_sources(source: &JsValue) -> Result<Option<Vec<JsValue>>> {
    if is_array(source) {
        let parts = items(source).unwrap_or_default();
        // The headers are read before the parts are loaded, so that each part is read twice.
        let can_be_read_twice = |part: &JsValue| {
            !part.is_instance_of::<Response>() && !part.is_instance_of::<ReadableStream>()
        };
        return match !parts.is_empty() && parts.iter().all(can_be_read_twice) {
            true => Ok(Some(parts)),
            false => Err(invalid_option(
                "source",
                "a list of URLs, Files, Blobs or buffers, each part once",
            )),
        };
    }
    let url = source
        .as_string()
        .or_else(|| Some(source.dyn_ref::<Url>()?.href()));
    let Some(url) = url else { return Ok(None) };
    // The file name ends where the query or the fragment begins.
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (path, rest) = url.split_at(end);
    let urls = part_names(path).map(|names| {
        let url = |name: &String| JsValue::from(format!("{name}{rest}"));
        names.iter().map(url).collect()
    });
    Ok(urls)
}

/// Reads the headers of all `parts`.
pub(super) async fn split(parts: &[JsValue], options: &ReadOptions) -> Result<Split> {
    let mut headers = Vec::new();
    for part in parts {
        let mut reader = HeaderReader::new();
        headers.push(read_header(&mut reader, part, options).await?);
    }
    Split::new(headers)
}

/// Summarizes the header of `source`.
pub(super) async fn inspect(source: &JsValue, options: &LoadOptions) -> Result<Inspection> {
    check_signal(&options.reading)?;
    let mut parts = 1;
    let header = match part_sources(source)? {
        Some(sources) => {
            parts = sources.len();
            split(&sources, &options.reading).await?.into_header()?
        }
        None => {
            let mut reader = HeaderReader::new();
            match read_header(&mut reader, source, &options.reading).await {
                Err(error @ Error::UnsupportedTensorType { .. }) => {
                    return Ok(Inspection::refused(reader.metadata(), &error));
                }
                header => header?,
            }
        }
    };
    Inspection::new(header, parts, options.context, Some(memory_limit()))
}

/// What WebAssembly can address, and the memory of the device where the browser says it.
fn memory_limit() -> MemoryLimit {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    let gigabytes = get(&js_sys::global(), "navigator")
        .and_then(|navigator| get(&navigator, "deviceMemory"))
        .and_then(|memory| memory.as_f64());
    let machine = gigabytes.map_or(u64::MAX, |gigabytes| (gigabytes * 1_073_741_824.0) as u64);
    MemoryLimit {
        machine,
        module: machine.min(ADDRESS_SPACE),
    }
}

/// Reads the header of one file, and little more of it than needed.
async fn read_header(
    reader: &mut HeaderReader,
    source: &JsValue,
    options: &ReadOptions,
) -> Result<Header> {
    if let Some(request) = request(source)? {
        match read_ranges(reader, &request, options).await {
            // If the server compresses, a range may be one of the compressed bytes, which cannot be decoded from their
            // middle. Then the file is read as a whole from its beginning.
            Ok(None) | Err(Error::Io(_)) => *reader = HeaderReader::new(),
            Ok(Some(header)) => return Ok(header),
            Err(error) => return Err(error),
        }
    }
    let header = match source::open(source.clone(), options).await? {
        Source::Memory(bytes) => read_memory(reader, &bytes)?,
        Source::Stream(stream, _, _on_abort) => read_stream(reader, &stream, options).await?.0,
    };
    header.ok_or_else(|| reader.missing())
}

/// A request for a source that is a URL or a request; `None` for other sources.
fn request(source: &JsValue) -> Result<Option<Request>> {
    let failed = |thrown: JsValue| Error::Io(describe(&thrown));
    if let Some(request) = source.dyn_ref::<Request>() {
        return Request::new_with_request(request).map(Some).map_err(failed);
    }
    let url = source
        .as_string()
        .or_else(|| Some(source.dyn_ref::<Url>()?.href()));
    // `blob:` and `data:` URLs need no range requests.
    let url = url.filter(|url| !url.starts_with("blob:") && !url.starts_with("data:"));
    url.map(|url| Request::new_with_str(&url).map_err(failed))
        .transpose()
}

/// Requests range after range until the header is complete. A server without support for ranges sends the whole file,
/// and is cut off.
async fn read_ranges(
    reader: &mut HeaderReader,
    request: &Request,
    options: &ReadOptions,
) -> Result<Option<Header>> {
    let failed = |thrown: JsValue| Error::Io(describe(&thrown));
    let (mut start, mut size) = (0, FIRST_RANGE);
    loop {
        let range = format!("bytes={start}-{}", start + size - 1);
        let asked = Request::new_with_request(request).map_err(failed)?;
        asked.headers().set("range", &range).map_err(failed)?;
        let (response, on_abort) = source::fetch(&asked, options).await?;
        let is_range = response.status() == 206;
        // Range Not Satisfiable: the range begins behind the end of the file.
        if response.status() == 416 {
            return Ok(None);
        }
        let Source::Stream(stream, _, _on_abort) = source::body(&response, Some(on_abort))? else {
            return Ok(None);
        };
        let (header, received) = read_stream(reader, &stream, options).await?;
        // Another number of bytes than was asked for: the file ends here, or the range is one of compressed bytes. Its
        // headers need not tell, because a page sees few of those that another origin sends; and WebKitGTK gives what it
        // cannot decode as it is, without an error.
        if header.is_some() || !is_range || received != size {
            return Ok(header);
        }
        start += size;
        size *= 4;
    }
}

fn read_memory(reader: &mut HeaderReader, bytes: &Uint8Array) -> Result<Option<Header>> {
    let mut start = 0;
    while start < bytes.length() {
        let end = bytes.length().min(start.saturating_add(FIRST_RANGE as u32));
        if let Some(header) = reader.push(&bytes.subarray(start, end).to_vec())? {
            return Ok(Some(header));
        }
        start = end;
    }
    Ok(None)
}

/// Reads a stream until the header is complete or the stream ends, and cancels what is left. Returns the header, and how
/// many bytes were read.
async fn read_stream(
    reader: &mut HeaderReader,
    stream: &ReadableStream,
    options: &ReadOptions,
) -> Result<(Option<Header>, u64)> {
    if stream.locked() {
        let locked = "its stream is being read or has been read already";
        return Err(Error::Io(locked.into()));
    }
    let chunks: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let result = read_chunks(reader, &chunks, options).await;
    forget(chunks.cancel());
    result
}

async fn read_chunks(
    reader: &mut HeaderReader,
    chunks: &ReadableStreamDefaultReader,
    options: &ReadOptions,
) -> Result<(Option<Header>, u64)> {
    let mut received = 0;
    while let Some(chunk) = next_chunk(chunks, options).await? {
        received += u64::from(chunk.length());
        if let Some(header) = read_memory(reader, &chunk)? {
            return Ok((Some(header), received));
        }
    }
    Ok((None, received))
}
