//! A static file server for this machine: ranges, revalidation, and nothing outside its folders.

use std::convert::Infallible;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// A folder and the path it is served under.
pub struct Mount {
    /// Starts and ends with a slash.
    pub prefix: &'static str,
    /// The folder.
    pub folder: PathBuf,
}

/// A server that listens and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    mounts: Arc<[Mount]>,
    isolated: bool,
}

/// The port tried first where none is asked for.
const USUAL_PORT: u16 = 8080;

impl Server {
    /// Listens on loopback: on `port` (0 for any free one), or where none is named on the usual
    /// port if it is free. The first mount whose prefix fits a request serves it.
    pub fn bind(port: Option<u16>, mounts: Vec<Mount>) -> Result<Self> {
        let listen = |port: u16| TcpListener::bind(("127.0.0.1", port));
        let listener = match port {
            Some(port) => listen(port),
            None => listen(USUAL_PORT).or_else(|_| listen(0)),
        }
        .context("cannot listen on 127.0.0.1")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            mounts: mounts.into(),
            isolated: false,
        })
    }

    /// Isolates its pages from other origins, which threads in a page need.
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// The address to open, without a slash at its end.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers requests for ever.
    pub fn run(self) -> Result<()> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(self.accept())
    }

    async fn accept(self) -> Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let mounts = Arc::clone(&self.mounts);
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request| {
                    let mut response = answer(&request, &mounts);
                    if self.isolated {
                        let isolation = ISOLATION.map(|(name, value)| header(name, value));
                        response.headers_mut().extend(isolation);
                    }
                    async { Ok::<_, Infallible>(response) }
                });
                // A client that hangs up is no failure of ours.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    /// Answers requests in the background, until this program ends.
    pub fn run_in_background(self) {
        thread::spawn(move || self.run());
    }
}

type Header = (HeaderName, HeaderValue);

/// An answer: nothing, or a piece of a file.
enum Answer {
    Plain(u16, Vec<Header>),
    File {
        status: u16,
        headers: Vec<Header>,
        file: File,
        length: u64,
    },
}

/// What makes a page cross-origin isolated.
const ISOLATION: [(&str, &str); 2] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

type Body = BoxBody<Bytes, std::io::Error>;

fn answer(request: &Request<Incoming>, mounts: &[Mount]) -> Response<Body> {
    let (status, headers, length, body) = match respond(request, mounts) {
        Answer::Plain(status, headers) => (status, headers, 0, nothing()),
        Answer::File {
            status,
            headers,
            length,
            ..
        } if request.method() == Method::HEAD => (status, headers, length, nothing()),
        Answer::File {
            status,
            headers,
            file,
            length,
        } => (status, headers, length, piece(file, length)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    if status != 304 {
        // Always with its length, which progress bars need.
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    response.headers_mut().extend(common(headers));
    response
}

fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// `length` bytes of a file from where it stands.
fn piece(file: File, length: u64) -> Body {
    let file = tokio::fs::File::from_std(file).take(length);
    let chunks = ReaderStream::with_capacity(file, 1 << 18).map_ok(Frame::data);
    StreamBody::new(chunks).boxed()
}

/// Adds what every answer carries.
fn common(mut headers: Vec<Header>) -> Vec<Header> {
    headers.push(header("x-content-type-options", "nosniff"));
    // Everything here is public, and tests in other origins read it.
    headers.push(header("access-control-allow-origin", "*"));
    headers.push(header(
        "access-control-expose-headers",
        "Content-Length, Content-Range, ETag",
    ));
    headers
}

fn respond(request: &Request<Incoming>, mounts: &[Mount]) -> Answer {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Answer::Plain(405, vec![header("allow", "GET, HEAD")]);
    }
    match locate(request.uri().path(), mounts) {
        Some(Place::File(path)) => {
            send(request, &path).unwrap_or_else(|_| Answer::Plain(404, vec![]))
        }
        Some(Place::Folder(location)) => Answer::Plain(301, vec![header("location", &location)]),
        None => Answer::Plain(404, vec![]),
    }
}

/// Where a URL leads.
#[derive(Debug, PartialEq)]
enum Place {
    /// To a file.
    File(PathBuf),
    /// To a folder, named without its slash; the path with it.
    Folder(String),
}

fn locate(url: &str, mounts: &[Mount]) -> Option<Place> {
    let url = url.split(['?', '#']).next()?;
    let mount = mounts.iter().find(|mount| url.starts_with(mount.prefix))?;
    let rest = percent_decode(url.strip_prefix(mount.prefix)?)?;
    let mut path = mount.folder.clone();
    let mut names = rest.split('/').peekable();
    while let Some(name) = names.next() {
        if name.is_empty() && names.peek().is_none() {
            break;
        }
        if !is_plain(name) {
            return None;
        }
        path.push(name);
    }
    if path.is_dir() {
        if !url.ends_with('/') {
            return Some(Place::Folder(format!("{url}/")));
        }
        path.push("index.html");
    }
    path.is_file().then_some(Place::File(path))
}

/// Whether a part of a path names a file or folder right there: not a way out, not hidden, not a
/// drive or a stream of Windows.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['\\', ':', '\0'])
}

fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn send(request: &Request<Incoming>, path: &Path) -> Result<Answer> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    let size = metadata.len();
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH)?;
    let tag = format!("\"{size:x}-{:x}\"", modified.as_nanos());
    let mut headers = vec![
        header("etag", &tag),
        header("cache-control", "no-cache"),
        header("accept-ranges", "bytes"),
    ];
    let value = |name: &'static str| {
        let found = request.headers().get(name)?;
        found.to_str().ok()
    };
    if value("if-none-match").is_some_and(|known| matches_tag(known, &tag)) {
        return Ok(Answer::Plain(304, headers));
    }
    headers.push(header("content-type", mime_type(path)));
    // A range of an older version is answered with all of the new one.
    let current = value("if-range").is_none_or(|known| known == tag);
    let range = value("range")
        .filter(|_| current)
        .map_or(Range::All, |range| parse(range, size));
    match range {
        Range::All => Ok(Answer::File {
            status: 200,
            headers,
            file,
            length: size,
        }),
        Range::Span { first, last } => {
            headers.push(header(
                "content-range",
                &format!("bytes {first}-{last}/{size}"),
            ));
            file.seek(SeekFrom::Start(first))?;
            Ok(Answer::File {
                status: 206,
                headers,
                file,
                length: last - first + 1,
            })
        }
        Range::Nowhere => Ok(Answer::Plain(
            416,
            vec![header("content-range", &format!("bytes */{size}"))],
        )),
    }
}

/// Whether an `If-None-Match` header holds a tag. Weak comparison: a proxy may have marked it.
fn matches_tag(known: &str, tag: &str) -> bool {
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// The part of a file a request asks for.
#[derive(Debug, PartialEq)]
enum Range {
    All,
    /// Both ends included.
    Span {
        first: u64,
        last: u64,
    },
    Nowhere,
}

/// Reads a `Range` header. Several ranges, or what cannot be read, ask for all of the file, as the
/// standard (RFC 9110, section 14.2) allows.
fn parse(range: &str, size: u64) -> Range {
    let Some((first, last)) = bounds(range) else {
        return Range::All;
    };
    match (first, last) {
        (None, Some(count)) if count == 0 || size == 0 => Range::Nowhere,
        (None, Some(count)) => Range::Span {
            first: size.saturating_sub(count),
            last: size - 1,
        },
        (Some(first), last) if last.is_some_and(|last| last < first) => Range::All,
        (Some(first), _) if first >= size => Range::Nowhere,
        (Some(first), last) => Range::Span {
            first,
            last: last.map_or(size - 1, |last| last.min(size - 1)),
        },
        (None, None) => Range::All,
    }
}

/// The two numbers of a single range, either of which may be left out.
fn bounds(range: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Some((number(first)?, number(last)?))
}

fn mime_type(path: &Path) -> &'static str {
    match path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
    {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// `name` is in lower case.
fn header(name: &'static str, value: &str) -> Header {
    // Values are made of numbers, MIME types and paths that came as a header.
    let value = HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("invalid"));
    (HeaderName::from_static(name), value)
}

#[cfg(test)]
mod tests;
