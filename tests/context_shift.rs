//! Texts that outgrow their context.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::long::*;
use common::*;
use nexttoken::Error;
use nexttoken::generator::{CacheType, FinishReason, Generator, Options};
use nexttoken::model::{Model, Session};
use nexttoken::quant::TensorType;
use std::path::Path;

fn refused<T>(result: nexttoken::Result<T>) -> String {
    match result.err() {
        Some(Error::InvalidOption { name, .. }) => name,
        other => panic!("{other:?}"),
    }
}

/// The prediction after `ids` by themselves.
fn prediction(model: &Model, ids: &[u32], length: usize, cache: CacheType) -> Vec<f32> {
    let mut session = Session::new(model, length, cache).unwrap();
    model.forward(ids, &mut session).unwrap();
    let mut logits = Vec::new();
    let hidden = session.hidden();
    model
        .head
        .logits(hidden.row(ids.len() - 1), &mut logits)
        .unwrap();
    logits
}

/// Every kind of position, window and cache: a shifted text is continued as one that begins with what the
/// context holds.
#[test]
fn a_shifted_text_is_one_that_begins_with_what_is_left() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/arch");
    let mut models = vec![load(&random_model(TensorType::Q4_0))];
    for name in [
        "gpt2",
        "gemma2",
        "gemma3",
        "gemma4",
        "llama-yarn",
        "phi2",
        "phi3-long",
        "olmo3",
        "lfm2",
        "qwen35",
        "granitehybrid",
        "mamba2",
        "falcon-h1",
    ] {
        let file = std::fs::read(folder.join(format!("{name}.f32.gguf"))).unwrap();
        models.push(load(&file));
    }
    for (index, model) in models.iter().enumerate() {
        let (length, keep) = (21, index % 4);
        let cache = ALL[index % 3];
        let mut generator = generator(model, length, cache);
        let options = Options {
            banned_tokens: Vec::new(),
            ..endless(keep, 60)
        };
        let prompt = model.tokenizer.decode(&[40, 41, 42]);
        generator.start(&prompt, options).unwrap();
        let has_bos = model.tokenizer.bos() == Some(generator.prompt_ids()[0]);
        let keep = keep.max(usize::from(has_bos));
        let mut context = generator.prompt_ids().to_vec();
        for step in 0..60 {
            if context.len() > length {
                let dropped = (context.len() - keep) / 2;
                context.drain(keep..keep + dropped);
            }
            generator.peek(0).unwrap();
            assert_eq!(generator.context_used(), context.len());
            let expected = prediction(model, &context, length, cache);
            assert_eq!(
                generator.logits().unwrap(),
                expected,
                "model {index}, step {step}"
            );
            // Whatever it is, but for the end.
            let choice = generator.peek(1).unwrap().unwrap().candidates[0].id;
            let is_end = model.tokenizer.is_end_of_generation(choice);
            let id = if is_end { context[0] } else { choice };
            generator.accept(id).unwrap().unwrap();
            context.push(id);
        }
        assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
    }
}

#[test]
fn a_text_longer_than_its_context_can_be_gone_back_in() {
    let model = load(&random_model(TensorType::Q8_0));
    for (length, keep) in [(30, 0), (31, 5), (16, 15), (1, 0)] {
        let mut generator = generator(&model, length, CacheType::Q16);
        generator.start("o", endless(keep, 90)).unwrap();
        let tokens = rest(&mut generator);
        assert_eq!(tokens.len(), 90);
        assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
        for count in [1, 2, 7, 15, 16, 31, 62, 88, 90] {
            generator.rewind(count).unwrap();
            let fork = generator.fork().unwrap();
            // Before the model has run again, and after.
            assert_eq!(rest(&mut generator), tokens[90 - count..], "{count}");
            generator.rewind(count).unwrap();
            generator.prefill().unwrap();
            generator.peek(0).unwrap();
            for mut fork in [fork, generator.fork().unwrap()] {
                assert_eq!(rest(&mut fork), tokens[90 - count..], "{count}");
            }
            assert_eq!(rest(&mut generator), tokens[90 - count..], "{count}");
        }
        assert_eq!(generator.timings().prefill_tokens, 1);
    }
}

#[test]
fn a_prompt_after_a_shift_reuses_what_the_context_holds() {
    // Letters in a circle, which no merge joins.
    let circle = b"pqrstuvwxyz";
    let mut pairs = spell(circle);
    pairs.push((u32::from(b'z'), u32::from(b'p')));
    let model = load(&spelling_model(&pairs));
    let (mut used, mut fresh) = (
        generator(&model, 40, CacheType::Q16),
        generator(&model, 40, CacheType::Q16),
    );
    let options = Options {
        temperature: 0.0,
        max_tokens: Some(77),
        context_shift: true,
        n_keep: 5,
        top_logprobs: 3,
        ..Options::default()
    };
    let start = "pqrstu";
    let write = |generator: &mut Generator| {
        generator.start(start, options.clone()).unwrap();
        rest(generator);
        let text = format!("{start}{}", generator.text());
        assert_eq!(text.len(), 83);
        // The last token has not been run.
        let dropped = 82 - generator.context_used();
        assert_eq!(dropped, 3 * 18);
        format!("{}{}", &text[..5], &text[5 + dropped..82])
    };
    let held = write(&mut used);
    for (prompt, reused) in [
        (format!("{held}q"), held.len()),
        (held[..20].to_owned(), 19),
        // Of the prompt before only what stayed is held.
        ("pqrstuvw".to_owned(), 5),
    ] {
        write(&mut used);
        let shorter = Options {
            max_tokens: Some(9),
            ..options.clone()
        };
        used.start(&prompt, shorter.clone()).unwrap();
        assert_eq!(used.timings().reused_tokens, reused, "{prompt}");
        fresh.reset();
        fresh.start(&prompt, shorter).unwrap();
        assert_eq!(rest(&mut used), rest(&mut fresh));
    }
}

#[test]
fn a_shift_is_asked_for_at_the_start() {
    let model = load(&random_model(TensorType::Q8_0));
    let mut generator = generator(&model, 20, CacheType::Q16);
    // Unless asked for, the text ends with the context.
    let plain = Options {
        context_shift: false,
        max_tokens: None,
        ..endless(0, 1)
    };
    generator.start("once", plain.clone()).unwrap();
    let ended = rest(&mut generator);
    assert_eq!(generator.prompt_ids().len() + ended.len(), 21);
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
    // Up to there it makes no difference.
    generator.start("once", endless(19, 40)).unwrap();
    assert_eq!(
        rest(&mut generator)[..ended.len() - 1],
        ended[..ended.len() - 1]
    );

    assert_eq!(refused(generator.start("once", endless(20, 40))), "n_keep");
    let idle = Options {
        n_keep: 3,
        ..plain.clone()
    };
    assert_eq!(refused(generator.start("once", idle)), "n_keep");
    assert_eq!(refused(generator.configure(plain)), "context_shift");
    assert_eq!(refused(generator.configure(endless(18, 40))), "n_keep");
    generator.configure(endless(19, 41)).unwrap();
}
