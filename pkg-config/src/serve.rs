//! A static file server for this machine, with range requests and revalidation. It serves nothing outside its folders.
//!
//! Its files may be private, such as a user's model, so no other site may read them. It forbids pages of other origins
//! to use its responses, and refuses requests under a host name that is not this machine's: by such a name a page could
//! pass for one of the server's own (DNS rebinding).

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery, Uri};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;
use tower_http::services::ServeDir;

/// A folder and the path it is served under.
pub struct Mount {
    /// Starts and ends with a slash.
    pub prefix: &'static str,
    /// The folder.
    pub folder: PathBuf,
}

/// A server that listens, but does not answer until it is run.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    mounts: Arc<[Mount]>,
    isolated: bool,
    /// A channel that tells when more files are written, and is closed once all of them are.
    files: watch::Receiver<()>,
}

/// While this lives, files are still being written, and a request for a file that is missing waits.
pub struct Unfinished(watch::Sender<()>);

impl Unfinished {
    /// Has waiting requests look again, because more files are there.
    pub fn look_again(&self) {
        self.0.send_replace(());
    }
}

/// The port tried first where none is asked for.
const USUAL_PORT: u16 = 8080;

/// How long to wait if a connection cannot be accepted, for example because too many files are open.
const AFTER_A_FAILURE: Duration = Duration::from_millis(50);

impl Server {
    /// Listens on loopback: on `port` (0 for any free one), or if that is `None` on the usual port if it is free. A
    /// request is served from the first mount whose prefix its path begins with.
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
            files: watch::channel(()).1,
        })
    }

    /// Lets requests for missing files wait until the returned value is dropped.
    pub fn unfinished(&mut self) -> Unfinished {
        let (sender, files) = watch::channel(());
        self.files = files;
        Unfinished(sender)
    }

    /// Makes its pages cross-origin isolated, which is required for threads in a page.
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// The address of the server, without a slash at the end.
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
            let Ok((stream, _)) = listener.accept().await else {
                // One connection has failed, or a resource is missing for the moment; the others are served on.
                tokio::time::sleep(AFTER_A_FAILURE).await;
                continue;
            };
            let mounts = Arc::clone(&self.mounts);
            let files = self.files.clone();
            tokio::spawn(async move {
                let service = hyper::service::service_fn(|request| {
                    let mounts = Arc::clone(&mounts);
                    let files = files.clone();
                    async move {
                        let response = respond(request.map(|_| ()), &mounts, files).await;
                        Ok::<_, Infallible>(with_policies(response, self.isolated))
                    }
                });
                // A client that hangs up is no error.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }

    /// Answers requests in the background, until this program ends.
    pub fn run_in_background(self) -> thread::JoinHandle<Result<()>> {
        thread::spawn(move || self.run())
    }
}

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// The headers of every response: the type is as declared, caches must revalidate, and other sites may not use it.
const POLICIES: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "no-cache"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The headers that make a page cross-origin isolated.
const ISOLATION: [(HeaderName, &str); 2] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
];

fn with_policies(mut response: Response<Body>, isolated: bool) -> Response<Body> {
    let isolation = ISOLATION.into_iter().filter(|_| isolated);
    let headers = POLICIES.into_iter().chain(isolation);
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

async fn respond(
    request: Request<()>,
    mounts: &[Mount],
    files: watch::Receiver<()>,
) -> Response<Body> {
    if !is_for_this_machine(&request) {
        return empty(StatusCode::MISDIRECTED_REQUEST);
    }
    let path = request.uri().path();
    let mount = mounts.iter().find(|mount| path.starts_with(mount.prefix));
    match mount {
        Some(mount) if is_plain(path) => send_once_there(request, mount, files).await,
        _ => empty(StatusCode::NOT_FOUND),
    }
}

/// Sends a file; where that is missing, as soon as it is written.
async fn send_once_there(
    request: Request<()>,
    mount: &Mount,
    mut files: watch::Receiver<()>,
) -> Response<Body> {
    loop {
        let response = send(request.clone(), mount).await;
        if response.status() != StatusCode::NOT_FOUND {
            return response;
        }
        // The channel is closed once all files are there, which is an error to it.
        if files.changed().await.is_err() {
            return send(request, mount).await;
        }
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let nothing = Empty::new().map_err(|never| match never {});
    let mut response = Response::new(nothing.boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Whether all host names of a request are this machine's.
fn is_for_this_machine(request: &Request<()>) -> bool {
    let hosts = request.headers().get_all(header::HOST);
    let mut hosts = hosts.iter().peekable();
    let whole = request.uri().authority();
    hosts.peek().is_some()
        && hosts
            .all(|host| Authority::try_from(host.as_bytes()).is_ok_and(|host| is_loopback(&host)))
        && whole.is_none_or(is_loopback)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.parse::<Ipv4Addr>();
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || address.is_ok_and(|address| address.is_loopback())
}

/// Whether every segment of a path is the plain name of a file or folder: not `..`, not hidden, not a drive or
/// alternate stream of Windows.
fn is_plain(path: &str) -> bool {
    let Ok(path) = percent_decode_str(path).decode_utf8() else {
        return false;
    };
    let path = path.strip_prefix('/').unwrap_or(&path);
    let folder = path.strip_suffix('/').unwrap_or(path);
    let plain = |name: &str| {
        !name.is_empty() && !name.starts_with('.') && !name.contains(['\\', ':', '\0'])
    };
    path.is_empty() || folder.split('/').all(plain)
}

/// The response with the requested file from the folder of a mount.
async fn send(mut request: Request<()>, mount: &Mount) -> Response<Body> {
    let prefix = mount.prefix.trim_end_matches('/');
    *request.uri_mut() = below(request.uri(), prefix);
    let whole = conditional(&mut request);
    let mut files = ServeDir::new(&mount.folder)
        .ignore_multi_range_requests(true)
        .redirect_path_prefix(prefix)
        .with_buf_chunk_size(1 << 18);
    let mut sent = files.try_call(request).await;
    let changed = |response: &Response<_>| response.status() == StatusCode::PRECONDITION_FAILED;
    let has_changed = sent.as_ref().is_ok_and(changed);
    if let Some(whole) = whole.filter(|_| has_changed) {
        sent = files.try_call(whole).await;
    }
    match sent {
        Ok(response) => response.map(BodyExt::boxed_unsync),
        Err(_) => empty(StatusCode::NOT_FOUND),
    }
}

/// The path and query of `uri` without the prefix of a mount.
fn below(uri: &Uri, prefix: &str) -> Uri {
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let rest = path.strip_prefix(prefix).unwrap_or(path);
    rest.parse().unwrap_or_default()
}

/// Translates `If-Range`, which the file service does not support, into a condition that fails if the file has changed.
/// Returns the request for the whole file that is to follow then.
fn conditional(request: &mut Request<()>) -> Option<Request<()>> {
    let known = request.headers_mut().remove(header::IF_RANGE)?;
    let mut whole = request.clone();
    whole.headers_mut().remove(header::RANGE)?;
    let is_tag = known.as_bytes().ends_with(b"\"");
    let condition = if is_tag {
        header::IF_MATCH
    } else {
        header::IF_UNMODIFIED_SINCE
    };
    request.headers_mut().insert(condition, known);
    Some(whole)
}

#[cfg(test)]
mod tests;
