//! Long sessions: texts that outgrow their context, and texts that go on later.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::*;
use fnv::FnvHasher;
use nexttoken::Error;
use nexttoken::generator::{CacheType, Context, FinishReason, Generator, Options, Token};
use nexttoken::gguf::Value;
use nexttoken::model::{Loader, Model, Session};
use nexttoken::quant::TensorType;
use std::hash::Hasher;
use std::path::Path;
use std::sync::Arc;

const ALL: [CacheType; 3] = [CacheType::Q16, CacheType::Q8, CacheType::F32];

fn generator(model: &Arc<Model>, length: usize, cache_type: CacheType) -> Generator {
    let context = Context {
        length: Some(length),
        cache_type,
    };
    Generator::new(Arc::clone(model), context).unwrap()
}

/// Options with which the whole of a text counts, and that do not end it.
fn endless(n_keep: usize, max_tokens: usize) -> Options {
    Options {
        temperature: 1.1,
        frequency_penalty: 0.2,
        no_repeat_ngram_size: 4,
        penalty_last_n: -1,
        dry_multiplier: 0.5,
        mirostat: 2,
        samplers: Some(
            ["penalties", "dry", "temperature", "mirostat"]
                .map(String::from)
                .to_vec(),
        ),
        seed: Some(3),
        max_tokens: Some(max_tokens),
        top_logprobs: 2,
        banned_tokens: vec![END],
        context_shift: true,
        n_keep,
        ..Options::default()
    }
}

fn rest(generator: &mut Generator) -> Vec<Token> {
    generator.tokens().collect::<Result<_, _>>().unwrap()
}

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
        "llama-yarn",
        "phi2",
        "phi3-long",
        "olmo3",
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
        mirostat: 2,
        mirostat_tau: 3.0,
        mirostat_eta: 0.2,
        logit_bias: vec![(5, -1.5), (9, f32::NEG_INFINITY)],
        banned_tokens: vec![7],
        samplers: Some(
            [
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
            ]
            .map(String::from)
            .to_vec(),
        ),
        seed: Some(u64::MAX),
        stop: vec!["de".into(), "never".into()],
        max_tokens: Some(60),
        context_shift: true,
        n_keep: 2,
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
    refuse(&mut home, &file, "none");
    let mut newer = snapshot.clone();
    newer[4] = 2;
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
            let mut hasher = FnvHasher::default();
            hasher.write(&forged[24..]);
            forged[16..24].copy_from_slice(&hasher.finish().to_le_bytes());
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
