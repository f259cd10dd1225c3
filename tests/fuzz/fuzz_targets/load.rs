//! The bytes of a model file: it loads or is refused, the same in pieces, and what loads writes three tokens.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use nexttoken::{Inspection, MemoryLimit};
use nexttoken::generator::{Context, Generator};
use nexttoken::gguf::read_header;
use nexttoken::model::{Loader, Model};
use nexttoken_fuzz::{options, three_tokens};

/// More than the files of the corpus take, far less than what a file can ask for.
const MEMORY: u64 = 256 << 20;

fuzz_target!(|bytes: &[u8]| {
    // A header may truthfully ask for more than a fuzzer has: an honest program looks first.
    if let Ok(Some(header)) = read_header(bytes) {
        match Inspection::new(header, 1, Context::default(), Some(MemoryLimit::of(MEMORY))) {
            Ok(inspection) if inspection.code != Some("out_of_memory") => {}
            _ => return,
        }
    }
    let whole = Model::from_bytes(bytes);
    let mut loader = Loader::new();
    let pieces = bytes.chunks(977).try_for_each(|piece| loader.push(piece));
    let pieces = pieces.and_then(|()| loader.finish());
    let model = match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole.fingerprint, pieces.fingerprint);
            whole
        }
        (whole, pieces) => {
            assert_eq!(whole.err(), pieces.err());
            return;
        }
    };
    let text = model.tokenizer.encode("HI <|end|> THERE", true);
    let _ = model.tokenizer.decode(&text);
    let context = Context {
        length: Some(model.config.context_length.min(64)),
        ..Context::default()
    };
    let mut generator = Generator::new(Arc::new(model), context).expect("the context is short");
    if generator.start("HI <|end|> THERE", options()).is_ok() {
        three_tokens(&mut generator);
    }
});
