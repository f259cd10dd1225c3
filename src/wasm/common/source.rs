//! The sources of a model's bytes: a URL, a response, a file, a stream, or memory.

use super::error::describe;
use super::host;
use super::read_options::ReadOptions;
use crate::error::invalid_option;
use crate::{Error, Result};
use js_sys::{ArrayBuffer, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AbortController, AbortSignal, Blob, ReadableStream, ReadableStreamDefaultReader, Request,
    Response, Url,
};

/// An opened source.
pub(in crate::wasm) enum Source {
    Memory(Uint8Array),
    /// A stream, its size in bytes if known, and for a download the guard that ends it when a signal aborts.
    Stream(ReadableStream, Option<f64>, Option<AbortGuard>),
}

pub(in crate::wasm) async fn open(source: JsValue, options: &ReadOptions) -> Result<Source> {
    if let Some(buffer) = source.dyn_ref::<ArrayBuffer>() {
        return Ok(Source::Memory(Uint8Array::new(buffer)));
    }
    if ArrayBuffer::is_view(&source) {
        return view(&source).map(Source::Memory);
    }
    if let Some(blob) = source.dyn_ref::<Blob>() {
        return Ok(Source::Stream(blob.stream(), Some(blob.size()), None));
    }
    if let Some(stream) = source.dyn_ref::<ReadableStream>() {
        return Ok(Source::Stream(stream.clone(), None, None));
    }
    if let Some(response) = source.dyn_ref::<Response>() {
        return body(response, None);
    }
    let is_url = source.as_string().is_some() || source.dyn_ref::<Url>().is_some();
    if is_url || source.dyn_ref::<Request>().is_some() {
        let (response, on_abort) = fetch(&source, options).await?;
        return body(&response, Some(on_abort));
    }
    Err(invalid_option(
        "source",
        "a URL, Request, Response, Blob, File, ArrayBuffer, Uint8Array or ReadableStream, or a list of parts",
    ))
}

/// The bytes behind any typed array or DataView.
fn view(view: &JsValue) -> Result<Uint8Array> {
    if let Some(bytes) = view.dyn_ref::<Uint8Array>() {
        return Ok(bytes.clone());
    }
    let get = |name: &str| Reflect::get(view, &name.into()).ok();
    let number = |name| get(name).and_then(|value| value.as_f64()).map(|n| n as u32);
    match (get("buffer"), number("byteOffset"), number("byteLength")) {
        (Some(buffer), Some(offset), Some(length)) => Ok(
            Uint8Array::new_with_byte_offset_and_length(&buffer, offset, length),
        ),
        _ => Err(invalid_option("source", "a view whose bytes can be read")),
    }
}

/// The response of a server, and the guard that ends its download when a signal aborts.
pub(in crate::wasm) async fn fetch(
    resource: &JsValue,
    options: &ReadOptions,
) -> Result<(Response, AbortGuard)> {
    let controller = AbortController::new().map_err(failed)?;
    let own = resource.dyn_ref::<Request>().map(Request::signal);
    let signals = options.signal.iter().cloned().chain(own).collect();
    let end = controller.clone();
    let on_abort = AbortGuard::new(signals, move || end.abort());
    let init = Object::new();
    let _ = Reflect::set(&init, &"signal".into(), &controller.signal());
    let promise = host::fetch(resource, &init).map_err(failed)?;
    let response = host::with_timeout(options.timeout, &promise).await;
    let response = response.map_err(failed)?;
    if response.is_undefined() {
        // A pending request that nobody waits for would delay the next one to the same address.
        controller.abort();
        return Err(Error::Timeout(options.timeout));
    }
    let unknown = |_| Error::Io("fetch() gave no response".into());
    Ok((response.dyn_into().map_err(unknown)?, on_abort))
}

pub(in crate::wasm) fn body(response: &Response, on_abort: Option<AbortGuard>) -> Result<Source> {
    let stream = response.body();
    if !response.ok() {
        stream.iter().for_each(|stream| forget(stream.cancel()));
        return Err(Error::Http {
            status: response.status(),
            url: response.url(),
        });
    }
    let stream = stream.ok_or_else(|| Error::Io("the response has no body".into()))?;
    // With a content encoding, the header counts the encoded bytes and not those that are read here.
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let length = match header("content-encoding") {
        None => header("content-length").and_then(|length| length.parse::<u64>().ok()),
        Some(_) => None,
    };
    // Read as an integer, which it is: what reads a float brings 13 kB of code and tables with it, gzipped.
    let length = length.map(|length| length as f64);
    Ok(Source::Stream(stream, length, on_abort))
}

/// The next chunk of a stream; `None` after its end.
pub(in crate::wasm) async fn next_chunk(
    reader: &ReadableStreamDefaultReader,
    options: &ReadOptions,
) -> Result<Option<Uint8Array>> {
    let read = host::with_timeout(options.timeout, &reader.read()).await;
    // An abort cancels the reader, which then reports the end of the stream.
    check_signal(options)?;
    let read = read.map_err(failed)?;
    if read.is_undefined() {
        return Err(Error::Timeout(options.timeout));
    }
    let get = |name: &str| Reflect::get(&read, &name.into()).map_err(failed);
    if get("done")?.is_truthy() {
        return Ok(None);
    }
    let chunk = get("value")?.dyn_into::<Uint8Array>();
    let chunk = chunk.map_err(|_| Error::Io("its stream gives no bytes".into()))?;
    Ok(Some(chunk))
}

/// Calls a function when one of the signals aborts, or at once if one already has. Dropping it removes the listeners: a
/// signal may live longer than a load.
pub(in crate::wasm) struct AbortGuard {
    signals: Vec<AbortSignal>,
    act: Closure<dyn FnMut()>,
}

impl AbortGuard {
    pub(in crate::wasm) fn new(signals: Vec<AbortSignal>, mut act: impl FnMut() + 'static) -> Self {
        if signals.iter().any(AbortSignal::aborted) {
            act();
        }
        let act = Closure::new(act);
        for signal in &signals {
            let _ = signal.add_event_listener_with_callback("abort", act.as_ref().unchecked_ref());
        }
        AbortGuard { signals, act }
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        let act = self.act.as_ref().unchecked_ref();
        for signal in &self.signals {
            let _ = signal.remove_event_listener_with_callback("abort", act);
        }
    }
}

/// The error for an exception of `fetch` or of a stream.
fn failed(thrown: JsValue) -> Error {
    let name = Reflect::get(&thrown, &"name".into());
    match name.is_ok_and(|name| name == "AbortError") {
        true => Error::Aborted,
        false => Error::Io(describe(&thrown)),
    }
}

pub(in crate::wasm) fn check_signal(options: &ReadOptions) -> Result<()> {
    match &options.signal {
        Some(signal) if signal.aborted() => Err(Error::Aborted),
        _ => Ok(()),
    }
}

/// Ignores the result of a promise; without this a rejection would be reported as unhandled.
pub(in crate::wasm) fn forget(promise: Promise) {
    spawn_local(async move {
        let _ = JsFuture::from(promise).await;
    });
}
