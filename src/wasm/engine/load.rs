//! Loading a model or an adapter: its source, or the sources of all its parts in order, are read piece by piece.

use super::options::LoadOptions;
use super::row_store::outside;
use super::split_model;
use crate::model::{Adapter, AdapterLoader, Loader, Model};
use crate::wasm::common::reading::Loading;
use crate::wasm::common::source::check_signal;
use std::sync::Arc;
use wasm_bindgen::JsValue;

/// Reads a model from any kind of source. Returns it with the size of its file in bytes.
pub(super) async fn load(
    source: JsValue,
    options: &LoadOptions,
) -> std::result::Result<(Model, u64), JsValue> {
    check_signal(&options.reading)?;
    let mut loading = Loading::new(&options.reading)?;
    let Some(sources) = split_model::part_sources(&source)? else {
        let mut loader = Loader::new().with_row_store(outside);
        let mut push = |bytes: &[u8]| loader.push(bytes).map(|()| loader.file_size());
        loading.read(&mut push, source).await?;
        return finish(loader, loading);
    };
    let split = split_model::split(&sources, &options.reading).await?;
    let order = split.order().to_vec();
    let mut loader = Loader::of_split(split)?.with_row_store(outside);
    for (place, index) in order.into_iter().enumerate() {
        if place > 0 {
            loader.next_part()?;
        }
        let mut push = |bytes: &[u8]| loader.push(bytes).map(|()| loader.file_size());
        loading.read(&mut push, sources[index].clone()).await?;
    }
    finish(loader, loading)
}

fn finish(loader: Loader, mut loading: Loading<'_>) -> std::result::Result<(Model, u64), JsValue> {
    loading.progress(true)?;
    let size = loader.file_size().unwrap_or(0);
    Ok((loader.finish()?, size))
}

/// Reads a LoRA adapter for `model` from any kind of source.
pub(super) async fn load_adapter(
    model: &Arc<Model>,
    source: JsValue,
    options: &LoadOptions,
) -> std::result::Result<Adapter, JsValue> {
    check_signal(&options.reading)?;
    let mut loading = Loading::new(&options.reading)?;
    let mut loader = AdapterLoader::new(model);
    let mut push = |bytes: &[u8]| loader.push(bytes).map(|()| loader.file_size());
    loading.read(&mut push, source).await?;
    loading.progress(true)?;
    Ok(loader.finish()?)
}
