//! Reading a file from any kind of source, piece by piece.

use super::host;
use super::read_options::ReadOptions;
use super::source::{AbortGuard, Source, check_signal, forget, next_chunk, open};
use crate::allocation::resize;
use crate::{Error, Result};
use js_sys::{Function, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader};

/// The bytes passed to a loader at a time. No more of the file than this is in WebAssembly memory besides the
/// weights.
const PIECE: u32 = 1 << 20;
/// Time between two calls of `onProgress`, and between two pauses for the page, milliseconds.
const INTERVAL_MS: f64 = 50.0;

/// Takes the next bytes of a file; returns the size of the whole file once that is known.
pub(in crate::wasm) type Push<'a> = dyn FnMut(&[u8]) -> Result<Option<u64>> + 'a;

/// A load in progress.
pub(in crate::wasm) struct Loading<'a> {
    options: &'a ReadOptions,
    /// A buffer for the piece that is copied from JavaScript's memory to the loader.
    piece: Vec<u8>,
    loaded: f64,
    /// The size in bytes of the whole file, once its header has arrived.
    file_size: Option<u64>,
    /// The size in bytes as the source announces it.
    announced: Option<f64>,
    last_progress: f64,
    last_pause: f64,
}

impl<'a> Loading<'a> {
    pub(in crate::wasm) fn new(options: &'a ReadOptions) -> Result<Self> {
        let mut piece = Vec::new();
        resize(&mut piece, PIECE as usize, 0)?;
        Ok(Loading {
            options,
            piece,
            loaded: 0.0,
            file_size: None,
            announced: None,
            last_progress: f64::NEG_INFINITY,
            last_pause: host::now(),
        })
    }

    /// Reads one file to its end.
    pub(in crate::wasm) async fn read(
        &mut self,
        push: &mut Push<'_>,
        source: JsValue,
    ) -> std::result::Result<(), JsValue> {
        match open(source, self.options).await? {
            Source::Memory(bytes) => {
                self.announced = Some(f64::from(bytes.length()));
                self.read_memory(push, &bytes).await
            }
            Source::Stream(stream, size, _on_abort) => {
                self.announced = size;
                self.read_stream(push, &stream).await
            }
        }
    }

    async fn read_memory(
        &mut self,
        push: &mut Push<'_>,
        bytes: &Uint8Array,
    ) -> std::result::Result<(), JsValue> {
        let mut start = 0;
        while start < bytes.length() {
            let end = bytes.length().min(start.saturating_add(PIECE));
            self.push(push, &bytes.subarray(start, end))?;
            start = end;
            if host::now() - self.last_pause > INTERVAL_MS {
                host::yield_to_event_loop().await;
                self.last_pause = host::now();
            }
            check_signal(self.options)?;
        }
        Ok(())
    }

    async fn read_stream(
        &mut self,
        push: &mut Push<'_>,
        stream: &ReadableStream,
    ) -> std::result::Result<(), JsValue> {
        if stream.locked() {
            return Err(
                Error::Io("its stream is being read or has been read already".into()).into(),
            );
        }
        let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
        // Cancels a read that is waiting for bytes.
        let cancelled = reader.clone();
        let signals = self.options.signal.iter().cloned().collect();
        let on_abort = AbortGuard::new(signals, move || forget(cancelled.cancel()));
        let result = self.read_all(push, &reader).await;
        drop(on_abort);
        match result {
            Ok(()) => reader.release_lock(),
            // Ends the download, whose rest is not needed.
            Err(_) => forget(reader.cancel()),
        }
        result
    }

    async fn read_all(
        &mut self,
        push: &mut Push<'_>,
        reader: &ReadableStreamDefaultReader,
    ) -> std::result::Result<(), JsValue> {
        while let Some(chunk) = next_chunk(reader, self.options).await? {
            self.push(push, &chunk)?;
        }
        Ok(())
    }

    /// Passes `chunk` to the loader in pieces, and reports progress.
    fn push(
        &mut self,
        push: &mut Push<'_>,
        chunk: &Uint8Array,
    ) -> std::result::Result<(), JsValue> {
        let mut start = 0;
        while start < chunk.length() {
            let end = chunk.length().min(start.saturating_add(PIECE));
            let piece = &mut self.piece[..(end - start) as usize];
            chunk.subarray(start, end).copy_to(piece);
            self.file_size = push(piece)?;
            start = end;
        }
        self.loaded += f64::from(chunk.length());
        self.progress(false)
    }

    /// Calls `onProgress`, unless it was called a moment ago.
    pub(in crate::wasm) fn progress(&mut self, last: bool) -> std::result::Result<(), JsValue> {
        let Some(callback) = &self.options.on_progress else {
            return Ok(());
        };
        let now = host::now();
        if last || now - self.last_progress > INTERVAL_MS {
            self.last_progress = now;
            let total = self.file_size.map(|size| size as f64);
            let total = total.or(self.announced);
            let event = Object::new();
            Reflect::set(&event, &"loaded".into(), &self.loaded.into())?;
            Reflect::set(&event, &"total".into(), &total.into())?;
            let callback: &Function = callback;
            callback.call1(&JsValue::UNDEFINED, &event)?;
        }
        Ok(())
    }
}
