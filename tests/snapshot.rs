//! Texts that go on later from a snapshot.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::long::*;
use common::*;
use nexttoken::Error;
use nexttoken::generator::{CacheType, FinishReason, Generator, Mirostat, Options, Token};
use nexttoken::gguf::Value;
use nexttoken::model::Loader;
use nexttoken::quant::TensorType;
use std::sync::Arc;
use xxhash_rust::xxh64::xxh64;

#[test]
fn a_restored_text_goes_on_as_it_would_have() {
    for (kind, cache) in [TensorType::Q4_0, TensorType::Q8_0, TensorType::F32]
        .into_iter()
        .zip(ALL)
    {
        let model = load(&random_model(kind));
        let mut first = generator(&model, 30, cache);
        let mut second = generator(&model, 30, cache);
        first.start("once upon a time", endless(3, 80)).unwrap();
        let tokens = rest(&mut first);
        // Before the prompt has run, within the text, about to shift, past shifts, at the end.
        let prompt = first.prompt_ids().len();
        for taken in [0, 1, 30 - prompt, 31 - prompt, 32 - prompt, 50, 80] {
            first.rewind(80 - taken).unwrap();
            if taken == 80 {
                // A restored text has ended as well.
                assert_eq!(first.finish_reason(), Some(FinishReason::Length));
            }
            for looked in [false, true] {
                if looked {
                    first.peek(0).unwrap();
                }
                let snapshot = first.snapshot().unwrap();
                second.reset();
                second.restore(&snapshot).unwrap();
                assert_eq!(second.text(), first.text());
                assert_eq!(second.options(), first.options());
                assert_eq!(second.samplers(), first.samplers());
                assert_eq!(second.seed(), first.seed());
                assert_eq!(second.prompt_ids(), first.prompt_ids());
                assert_eq!(second.ids(), first.ids());
                assert_eq!(second.finish_reason(), first.finish_reason());
                assert!(second.context_used() <= first.context_used());
                assert!(second.logits().is_none());
                // A snapshot of what was restored is the same one.
                let again = second.snapshot().unwrap();
                second.restore(&again).unwrap();
                let mut fork = second.fork().unwrap();
                assert_eq!(rest(&mut second), tokens[taken..], "{cache:?} {taken}");
                assert_eq!(rest(&mut fork), tokens[taken..]);
                second.rewind(80).unwrap();
                assert_eq!(rest(&mut second), tokens);
            }
            rest(&mut first);
        }
        // All that the cache holds is there: only the last token is run again.
        second.start("once", endless(0, 9)).unwrap();
        take(&mut second, 4);
        let used = second.context_used();
        let again = second.snapshot().unwrap();
        second.restore(&again).unwrap();
        assert_eq!(second.context_used(), used);
        let prompt = second.prompt_ids().len();
        assert_eq!(second.timings().reused_tokens, prompt);
        assert_eq!(second.prefill().unwrap().done, prompt);
    }
}

fn take(generator: &mut Generator, count: usize) -> Vec<Token> {
    let tokens = (0..count).map(|_| generator.next_token());
    tokens.map(|token| token.unwrap().unwrap()).collect()
}

/// Every option and every way a text ends comes back.
#[test]
fn all_of_a_text_is_in_a_snapshot() {
    let mut pairs = spell("ab🙂cdef".as_bytes());
    pairs.push((u32::from(b'f'), END));
    let model = load(&spelling_model(&pairs));
    let mut first = generator(&model, 100, CacheType::Q16);
    let mut second = generator(&model, 100, CacheType::Q16);
    let all = Options {
        // A text with adapters has no snapshot.
        adapters: Vec::new(),
        constraint: None,
        temperature: 0.25,
        dynatemp_range: 0.125,
        dynatemp_exponent: 1.5,
        top_k: 3,
        top_p: 0.875,
        min_p: 0.0625,
        typical_p: 0.75,
        top_n_sigma: 2.5,
        xtc_probability: 0.001,
        xtc_threshold: 0.4,
        repetition_penalty: 1.01,
        frequency_penalty: -0.01,
        presence_penalty: 0.02,
        no_repeat_ngram_size: 9,
        penalty_last_n: -1,
        dry_multiplier: 0.01,
        dry_base: 1.25,
        dry_allowed_length: 4,
        dry_penalty_last_n: 70,
        dry_sequence_breakers: vec!["ö".into(), "\n".into()],
        mirostat: Mirostat::V2,
        mirostat_tau: 3.0,
        mirostat_eta: 0.2,
        logit_bias: vec![(5, -1.5), (9, f32::NEG_INFINITY)],
        banned_tokens: vec![7],
        samplers: Some(named(&[
            "temperature",
            "penalties",
            "dry",
            "xtc",
            "top_k",
            "top_p",
            "min_p",
            "typical_p",
            "top_n_sigma",
            "mirostat",
        ])),
        seed: Some(u64::MAX),
        stop: vec!["de".into(), "never".into()],
        max_tokens: Some(60),
        context_shift: true,
        n_keep: 2,
        // The only one that is not in a snapshot, since the text does not depend on it.
        speculation: true,
        logprobs: true,
        top_logprobs: 3,
        record: Some(2),
    };
    first.start("a", all.clone()).unwrap();
    take(&mut first, 3);
    second.restore(&first.snapshot().unwrap()).unwrap();
    assert_eq!(second.options(), Some(&all));
    assert_eq!(rest(&mut second), rest(&mut first));

    let greedy = |stop: &str, max_tokens| Options {
        temperature: 0.0,
        stop: Vec::from_iter((!stop.is_empty()).then(|| stop.to_owned())),
        max_tokens,
        ..Options::default()
    };
    for (options, text, reason) in [
        (greedy("de", None), "b🙂c", FinishReason::Stop),
        (greedy("", None), "b🙂cdef", FinishReason::Stop),
        // Half a character, and what might have been a stop string.
        (greedy("", Some(3)), "b\u{FFFD}", FinishReason::Length),
        (greedy("cdx", Some(7)), "b🙂cd", FinishReason::Length),
    ] {
        first.start("a", options).unwrap();
        rest(&mut first);
        assert_eq!((first.text(), first.finish_reason()), (text, Some(reason)));
        second.restore(&first.snapshot().unwrap()).unwrap();
        assert_eq!(
            (second.text(), second.finish_reason()),
            (text, Some(reason))
        );
        assert_eq!(second.next_token(), Ok(None));
        for generator in [&mut first, &mut second] {
            generator.rewind(1).unwrap();
        }
        assert_eq!(rest(&mut second), rest(&mut first));
    }
    // What an abort held back stays away.
    first.start("a", greedy("bx", None)).unwrap();
    take(&mut first, 1);
    first.abort();
    second.restore(&first.snapshot().unwrap()).unwrap();
    assert_eq!(second.finish_reason(), Some(FinishReason::Abort));
    assert_eq!(second.text(), "");
}

fn reason(result: nexttoken::Result<()>) -> &'static str {
    match result {
        Err(Error::Snapshot(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_snapshot_of_something_else_is_refused() {
    let model = load(&random_model(TensorType::Q4_0));
    let mut home = generator(&model, 30, CacheType::Q16);
    assert_eq!(home.snapshot(), Err(Error::NotStarted));
    home.start("once", endless(0, 20)).unwrap();
    take(&mut home, 5);
    let snapshot = home.snapshot().unwrap();
    let expected = rest(&mut home.fork().unwrap());

    // Other weights of the same shape, other metadata, another tokenizer alone.
    let renamed = [("general.name".to_owned(), Value::String("Other".into()))];
    for file in [
        spelling_model(&[]),
        random_model(TensorType::Q4_1),
        random_model_with(TensorType::Q4_0, &renamed),
    ] {
        let mut other = generator(&load(&file), 30, CacheType::Q16);
        assert!(reason(other.restore(&snapshot)).contains("another model"));
    }
    let mut trained = random_model(TensorType::Q4_0);
    let middle = trained.len() - 20_000;
    trained[middle..middle + 2000]
        .iter_mut()
        .for_each(|byte| *byte ^= 1);
    let mut other = generator(&load(&trained), 30, CacheType::Q16);
    assert!(reason(other.restore(&snapshot)).contains("another model"));
    // The same file read in other pieces is the same model.
    let file = random_model(TensorType::Q4_0);
    let mut loader = Loader::new();
    file.chunks(333)
        .for_each(|piece| loader.push(piece).unwrap());
    let same = Arc::new(loader.finish().unwrap());
    generator(&same, 30, CacheType::Q16)
        .restore(&snapshot)
        .unwrap();

    let mut other = generator(&model, 30, CacheType::Q8);
    assert!(reason(other.restore(&snapshot)).contains("type or length"));
    let mut other = generator(&model, 29, CacheType::Q16);
    assert!(reason(other.restore(&snapshot)).contains("type or length"));

    let refuse = |home: &mut Generator, snapshot: &[u8], words: &str| {
        let reason = reason(home.restore(snapshot));
        assert!(reason.contains(words), "{reason}");
    };
    refuse(&mut home, b"", "damaged");
    refuse(&mut home, &snapshot[..23], "damaged");
    refuse(&mut home, &file, "no snapshot");
    let mut newer = snapshot.clone();
    newer[4] += 1;
    refuse(&mut home, &newer, "another version");
    for at in [24, 40, 100, snapshot.len() / 2, snapshot.len() - 1] {
        let mut broken = snapshot.clone();
        broken[at] ^= 0x10;
        refuse(&mut home, &broken, "damaged");
        refuse(&mut home, &snapshot[..at], "damaged");
    }
    refuse(&mut home, &[&snapshot[..], b"\0"].concat(), "damaged");
    // Nothing of it all has changed the text.
    assert_eq!(rest(&mut home), expected);
}

/// Whoever makes a checksum fit still gets no more than an error, or another text.
#[test]
fn a_forged_snapshot_does_no_harm() {
    let model = load(&random_model(TensorType::Q4_0));
    for cache in ALL {
        let mut home = generator(&model, 30, cache);
        home.start("once", endless(0, 20)).unwrap();
        take(&mut home, 5);
        let snapshot = home.snapshot().unwrap();
        let mut other = generator(&model, 30, cache);
        let mut refused = 0;
        let mut attempt = |mut forged: Vec<u8>| {
            let checksum = xxh64(&forged[24..], 0);
            forged[16..24].copy_from_slice(&checksum.to_le_bytes());
            match other.restore(&forged) {
                Err(Error::Snapshot(_)) => refused += 1,
                Err(error) => panic!("{error:?}"),
                Ok(()) => {
                    let most = other.prompt_ids().len() + other.ids().len() + 4;
                    if let Err(error) = other.tokens().take(most).collect::<Result<Vec<_>, _>>() {
                        assert!(
                            matches!(error, Error::NotFinite | Error::PromptTooLong { .. }),
                            "{error:?}"
                        );
                    }
                }
            }
        };
        // Each number of the text in turn, and some of the cache.
        let numbers = 24..24 + 4 * 140;
        let cache_start = snapshot.len() - 400;
        for at in numbers
            .step_by(8)
            .chain((cache_start..snapshot.len() - 8).step_by(12))
        {
            for value in [
                0,
                1,
                255,
                1 << 31,
                f32::NAN.to_bits(),
                u32::MAX / 8,
                u32::MAX,
            ] {
                let mut forged = snapshot.clone();
                forged[at..at + 4].copy_from_slice(&value.to_le_bytes());
                attempt(forged);
            }
        }
        for len in (24..snapshot.len()).step_by(97) {
            attempt(snapshot[..len].to_vec());
        }
        assert!(refused > 200, "{refused}");
        // It still works.
        other.restore(&snapshot).unwrap();
        assert_eq!(rest(&mut other), rest(&mut home));
    }
}
