//! Tokens run through a model, and models with something changed.

use nexttoken::gguf::{Value, Writer, read_header};
use nexttoken::model::{Model, Session};
use nexttoken::{Error, kernels};

/// Runs `ids`, so many at a time; gives the last hidden state.
pub fn last_hidden(model: &Model, session: &mut Session, ids: &[u32], chunk: usize) -> Vec<f32> {
    for ids in ids.chunks(chunk) {
        model.forward(ids, session).unwrap();
    }
    let hidden = session.hidden();
    hidden.row(hidden.nrows() - 1).to_vec()
}

/// Runs `ids`, so many at a time; gives the logits after each.
pub fn logits(model: &Model, session: &mut Session, ids: &[u32], chunk: usize) -> Vec<Vec<f32>> {
    let mut all = Vec::new();
    for ids in ids.chunks(chunk) {
        model.forward(ids, session).unwrap();
        for hidden in session.hidden().rows() {
            let mut logits = Vec::new();
            model.head.logits(hidden, &mut logits).unwrap();
            all.push(logits);
        }
    }
    all
}

/// The probabilities after each of `ids`.
pub fn probabilities(
    model: &Model,
    session: &mut Session,
    ids: &[u32],
    chunk: usize,
) -> Vec<Vec<f32>> {
    let mut all = logits(model, session, ids, chunk);
    for logits in &mut all {
        kernels::softmax(logits);
    }
    all
}

/// The model of a file with other metadata, and without the tensors that `keeps` rejects.
pub fn changed(
    file: &[u8],
    changes: &[(&str, Value)],
    keeps: impl Fn(&str) -> bool,
) -> Result<Model, Error> {
    let header = read_header(file).unwrap().unwrap();
    let mut writer = Writer::new();
    for (key, value) in header.metadata.iter() {
        let change = changes.iter().find(|(changed, _)| *changed == key);
        let value = change.map_or(value, |(_, value)| value);
        writer.metadata(key, value.clone()).unwrap();
    }
    for tensor in header.tensors.iter().filter(|tensor| keeps(&tensor.name)) {
        let start = (header.data_start + tensor.offset) as usize;
        let data = &file[start..start + tensor.size as usize];
        writer
            .tensor(&tensor.name, &tensor.shape, tensor.kind, data)
            .unwrap();
    }
    Model::from_bytes(&writer.to_vec().unwrap())
}
