//! The generator on small models: the loop, its ends, its errors.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::*;
use nexttoken::generator::{
    CacheType, Candidate, Context, FinishReason, Generator, Options, Token,
};
use nexttoken::gguf::{Value, read_header};
use nexttoken::model::{PREFILL_CHUNK, Session};
use nexttoken::quant::TensorType;
use nexttoken::score::{Scorer, score};
use nexttoken::{Error, Info, Inspection};
use std::sync::Arc;

fn random(kind: TensorType) -> Generator {
    Generator::new(load(&random_model(kind)), Context::default()).unwrap()
}

fn spelling(pairs: &[(u32, u32)]) -> Generator {
    Generator::new(load(&spelling_model(pairs)), Context::default()).unwrap()
}

fn greedy(max_tokens: usize) -> Options {
    Options {
        temperature: 0.0,
        max_tokens: Some(max_tokens),
        ..Options::default()
    }
}

fn all(generator: &mut Generator) -> Vec<Token> {
    generator.tokens().collect::<Result<_, _>>().unwrap()
}

fn run(generator: &mut Generator, prompt: &str, options: Options) -> Vec<u32> {
    generator.start(prompt, options).unwrap();
    let tokens = all(generator);
    let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(text, generator.text());
    tokens.iter().map(|token| token.id).collect()
}

#[test]
fn runs_until_max_tokens() {
    let mut generator = random(TensorType::Q8_0);
    generator.start("one two", greedy(5)).unwrap();
    let tokens = all(&mut generator);
    assert_eq!(tokens.len(), 5);
    let reasons: Vec<_> = tokens.iter().map(|token| token.finish_reason).collect();
    assert_eq!(reasons[..4], [None; 4]);
    assert_eq!(reasons[4], Some(FinishReason::Length));
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
    assert_eq!(generator.next_token(), Ok(None));
    let timings = generator.timings();
    assert_eq!(timings.prefill_tokens, generator.prompt_ids().len());
    assert_eq!(timings.decode_tokens, 4);
    assert!(timings.prefill_ms > 0.0 && timings.decode_tokens_per_second > 0.0);
    // The last token was not run: nothing will follow it.
    assert_eq!(generator.context_used(), generator.prompt_ids().len() + 4);
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    for kind in [TensorType::Q4_1, TensorType::F32] {
        let mut generator = random(kind);
        let seeded = |seed| Options {
            seed: Some(seed),
            temperature: 1.5,
            max_tokens: Some(20),
            ..Options::default()
        };
        let first = run(&mut generator, "once", seeded(1));
        assert_eq!(run(&mut generator, "once", seeded(1)), first);
        assert_ne!(run(&mut generator, "once", seeded(2)), first);
        assert_eq!(run(&mut random(kind), "once", seeded(1)), first);
    }
}

#[test]
fn a_missing_seed_is_drawn_and_can_be_read_back() {
    let mut generator = random(TensorType::Q8_0);
    let options = |seed| Options {
        seed,
        temperature: 2.0,
        max_tokens: Some(20),
        ..Options::default()
    };
    assert_eq!(generator.seed(), None);
    let first = run(&mut generator, "once", options(None));
    let seed = generator.seed();
    assert_eq!(run(&mut generator, "once", options(seed)), first);
}

/// The contract of the numbers: these tokens come out on every platform and with every backend.
#[test]
fn pinned_tokens() {
    let mut generator = random(TensorType::Q4_1);
    let ids = run(&mut generator, PINNED_PROMPT, pinned_options());
    assert_eq!(ids, PINNED_IDS);
}

#[test]
fn every_tensor_type_runs() {
    use TensorType::*;
    let mut texts = Vec::new();
    for kind in [F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0] {
        let mut generator = random(kind);
        generator.start("on the", greedy(8)).unwrap();
        let tokens = all(&mut generator);
        assert!(tokens.iter().all(|token| token.logprob.is_finite()));
        texts.push(generator.ids()[0]);
    }
    // The types with the most bits agree on the first token.
    assert_eq!(texts[0], texts[1]);
    assert_eq!(texts[0], texts[7]);
}

#[test]
fn prefill_in_steps_changes_nothing() {
    let prompt = "a long prompt ".repeat(12);
    let mut generator = random(TensorType::Q4_0);
    let expected = run(&mut generator, &prompt, greedy(6));
    let total = generator.prompt_ids().len();
    assert!(total > PREFILL_CHUNK);

    generator.reset();
    generator.start(&prompt, greedy(6)).unwrap();
    let mut last = 0;
    loop {
        let progress = generator.prefill().unwrap();
        assert_eq!(progress.total, total);
        assert!(progress.done > last && progress.done - last <= PREFILL_CHUNK);
        last = progress.done;
        if progress.is_complete() {
            break;
        }
    }
    assert_eq!(generator.prefill().unwrap().done, total);
    let ids: Vec<_> = all(&mut generator).iter().map(|token| token.id).collect();
    assert_eq!(ids, expected);
    // Called while tokens are generated, it runs nothing.
    let used = generator.context_used();
    generator.prefill().unwrap();
    assert_eq!(generator.context_used(), used);
}

#[test]
fn the_models_end_is_the_last_token() {
    let mut pairs = spell(b"abc");
    pairs.push((u32::from(b'c'), END));
    let mut generator = spelling(&pairs);
    generator.start("a", greedy(100)).unwrap();
    let tokens = all(&mut generator);
    assert_eq!(generator.text(), "bc");
    let last = tokens.last().unwrap();
    assert_eq!((last.id, last.text.as_str()), (END, ""));
    assert_eq!(last.finish_reason, Some(FinishReason::Stop));
    assert_eq!(generator.next_token(), Ok(None));
}

#[test]
fn a_stop_string_ends_the_text_across_tokens() {
    let mut generator = spelling(&spell(b"abcdefgh"));
    let options = |stop: &[&str]| Options {
        stop: stop.iter().map(|&stop| stop.into()).collect(),
        ..greedy(100)
    };
    generator.start("a", options(&["zz", "efg"])).unwrap();
    let tokens = all(&mut generator);
    assert_eq!(generator.text(), "bcd");
    let texts: Vec<_> = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(texts, ["b", "c", "d", "", "", ""]);
    assert_eq!(generator.finish_reason(), Some(FinishReason::Stop));

    // What only looked like one appears in the end.
    generator
        .start(
            "a",
            Options {
                max_tokens: Some(5),
                ..options(&["efX"])
            },
        )
        .unwrap();
    let tokens = all(&mut generator);
    assert_eq!(generator.text(), "bcdef");
    assert_eq!(tokens[4].text, "ef");
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
}

/// Control tokens are no text, but a stop string may spell them; they end the text where it does.
#[test]
fn a_stop_string_may_spell_control_tokens() {
    let [a, b, c, d] = [b'a', b'b', b'c', b'd'].map(u32::from);
    let mut generator = spelling(&[(a, b), (b, USER), (USER, c), (c, d), (d, END)]);
    for (stop, text, tokens) in [
        (&["<|user|>"][..], "b", 2),
        (&["b<|user|>"], "", 2),
        (&["<|user|>c"], "b", 3),
        (&["zz", "b<|user|>cd"], "", 4),
        (&["d<|end|>"], "bc", 5),
        // Of a token that is not seen no part counts, nor does it part what stands on its sides.
        (&["user"], "bcd", 5),
        (&["|>c"], "bcd", 5),
        (&["bc"], "", 3),
        // What only looked like one.
        (&["b<|user|>x", "<|begin|>"], "bcd", 5),
    ] {
        let options = Options {
            stop: stop.iter().map(|&stop| stop.into()).collect(),
            ..greedy(100)
        };
        let ids = run(&mut generator, "a", options);
        assert_eq!((generator.text(), ids.len()), (text, tokens), "{stop:?}");
        assert_eq!(generator.finish_reason(), Some(FinishReason::Stop));
        generator.rewind(1).unwrap();
        all(&mut generator);
        assert_eq!((generator.text(), generator.ids()), (text, &ids[..]));
    }
}

#[test]
fn what_is_passed_over_is_told() {
    let key = "tokenizer.ggml.eot_token_id";
    let changes = [(key.to_owned(), Value::U32(32_000))];
    let file = random_model_with(TensorType::Q8_0, &changes);
    let warnings = Info::new(&load(&file), 0).warnings;
    let header = read_header(&file).unwrap().unwrap();
    let inspection = Inspection::new(header, 1, Context::default(), None).unwrap();
    assert_eq!(inspection.warnings, warnings);
    let expected = format!("{key} is 32000, and the vocabulary has no such token");
    assert_eq!(warnings, [expected]);
    let none = random(TensorType::Q8_0);
    assert!(Info::new(none.model(), 0).warnings.is_empty());
}

#[test]
fn a_text_never_holds_half_a_character() {
    let mut pairs = spell("x🙂é".as_bytes());
    pairs.push((0xA9, END));
    let mut generator = spelling(&pairs);
    generator.start("x", greedy(100)).unwrap();
    let tokens = all(&mut generator);
    let texts: Vec<_> = tokens.iter().map(|token| token.text.as_str()).collect();
    assert_eq!(texts, ["", "", "", "🙂", "", "é", ""]);
    // Cut off within the character.
    generator.start("x", greedy(2)).unwrap();
    let tokens = all(&mut generator);
    assert_eq!(tokens[1].text, "\u{FFFD}");
    assert_eq!(generator.text(), "\u{FFFD}");
}

fn short(length: usize) -> Context {
    Context {
        length: Some(length),
        ..Context::default()
    }
}

#[test]
fn a_full_context_ends_with_length() {
    let model = load(&random_model(TensorType::Q8_0));
    let mut generator = Generator::new(Arc::clone(&model), short(8)).unwrap();
    assert_eq!(generator.context_length(), 8);
    let options = Options {
        max_tokens: None,
        ..greedy(1)
    };
    generator.start("abcde", options.clone()).unwrap();
    let tokens = all(&mut generator);
    // Five of the prompt and three more have room; a fourth needs none, since it is not run.
    assert_eq!(tokens.len(), 4);
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
    assert_eq!(generator.context_used(), 8);

    generator.start("abcdefgh", options.clone()).unwrap();
    assert_eq!(all(&mut generator).len(), 1);
    let too_long = Error::PromptTooLong {
        tokens: 9,
        context: 8,
    };
    assert_eq!(generator.start("abcdefghi", options), Err(too_long));
}

#[test]
fn errors_change_nothing() {
    let mut generator = random(TensorType::Q8_0);
    assert_eq!(generator.next_token(), Err(Error::NotStarted));
    assert_eq!(generator.prefill(), Err(Error::NotStarted));
    let expected = run(&mut generator, "once", greedy(6));

    generator.start("once", greedy(6)).unwrap();
    let mut ids = vec![generator.next_token().unwrap().unwrap().id];
    assert_eq!(generator.start("", greedy(6)), Err(Error::EmptyPrompt));
    let long = "x".repeat(CONTEXT as usize + 1);
    assert!(matches!(
        generator.start(&long, greedy(6)),
        Err(Error::PromptTooLong { .. })
    ));
    let bad = Options {
        top_p: 2.0,
        ..greedy(6)
    };
    assert!(matches!(
        generator.start("x", bad),
        Err(Error::InvalidOption { .. })
    ));
    // The text before goes on as if nothing had been.
    ids.extend(all(&mut generator).iter().map(|token| token.id));
    assert_eq!(ids, expected);
}

#[test]
fn the_context_length_has_limits() {
    let model = load(&random_model(TensorType::Q8_0));
    for bad in [0, CONTEXT as usize + 1] {
        let error = Generator::new(Arc::clone(&model), short(bad)).err();
        assert!(
            matches!(error, Some(Error::InvalidOption { name, .. }) if name == "context_length")
        );
    }
    let generator = Generator::new(model, Context::default()).unwrap();
    assert_eq!(generator.context_length(), CONTEXT as usize);
}

#[test]
fn abort_and_reset() {
    let mut generator = random(TensorType::Q8_0);
    generator.abort();
    assert_eq!(generator.finish_reason(), None);
    generator.start("once", greedy(10)).unwrap();
    generator.next_token().unwrap();
    let text = generator.text().to_owned();
    generator.abort();
    assert_eq!(generator.next_token(), Ok(None));
    assert_eq!(generator.finish_reason(), Some(FinishReason::Abort));
    assert_eq!(generator.text(), text);
    generator.reset();
    assert_eq!((generator.text(), generator.context_used()), ("", 0));
    assert_eq!(generator.next_token(), Err(Error::NotStarted));
    // Who waits for the end of a prompt does not wait for that of one that ended before.
    generator.start(&"x".repeat(200), greedy(10)).unwrap();
    assert!(!generator.prefill().unwrap().is_complete());
    generator.abort();
    let progress = generator.prefill().unwrap();
    assert!(progress.is_complete() && progress.done > 0);
    assert_eq!(generator.next_token(), Ok(None));
    // A text that has ended is not aborted any more.
    run(&mut generator, "once", greedy(2));
    generator.abort();
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
}

#[test]
fn alternatives_come_with_their_texts() {
    let mut generator = spelling(&[(u32::from(b'a'), USER)]);
    let options = Options {
        top_logprobs: 3,
        ..greedy(1)
    };
    generator.start("a", options).unwrap();
    let token = generator.next_token().unwrap().unwrap();
    assert_eq!(token.top_logprobs.len(), 3);
    let best = &token.top_logprobs[0];
    assert_eq!((best.id, best.text.as_str()), (USER, "<|user|>"));
    assert_eq!((best.logprob, best.probability), (token.logprob, 1.0));
    assert_eq!(token.text, "");
    let falling = |pair: &[Candidate]| pair[0].logprob >= pair[1].logprob;
    assert!(token.top_logprobs.windows(2).all(falling));
}

/// Against the definition, token by token in double precision.
#[test]
fn a_score_judges_each_token_by_the_prediction_before_it() {
    let model = load(&random_model(TensorType::Q4_1));
    // More tokens than one chunk, so that chunk ends are crossed.
    let text = "on the inner ring ".repeat(7);
    let score = score(&model, &text).unwrap();
    assert_eq!(score.ids, model.tokenizer.encode_prompt(&text));
    assert_eq!(score.nll.len(), score.ids.len() - 1);
    assert!(score.nll.len() > PREFILL_CHUNK);

    let mut session = Session::new(&model, score.ids.len(), CacheType::default()).unwrap();
    let mut logits = Vec::new();
    for (pair, &nll) in score.ids.windows(2).zip(&score.nll) {
        model.forward(&pair[..1], &mut session).unwrap();
        model
            .head
            .logits(session.hidden().row(0), &mut logits)
            .unwrap();
        let target = f64::from(logits[pair[1] as usize]);
        let sum: f64 = logits
            .iter()
            .map(|&logit| (f64::from(logit) - target).exp())
            .sum();
        assert!(
            (sum.ln() - f64::from(nll)).abs() < 1e-4,
            "{} {nll}",
            sum.ln()
        );
    }
    let mean = score.nll.iter().map(|&nll| f64::from(nll)).sum::<f64>() / score.nll.len() as f64;
    assert!((score.mean_nll - mean).abs() < 1e-9);
    assert!((score.perplexity - mean.exp()).abs() < 1e-6 * score.perplexity);
}

#[test]
fn a_score_of_spelling_is_known() {
    let model = load(&spelling_model(&spell(b"abcdef")));
    let expected = score(&model, "abcdef").unwrap();
    let surprised = score(&model, "abcfed").unwrap();
    assert_eq!(expected.ids, [97, 98, 99, 100, 101, 102]);
    assert!(expected.nll.iter().all(|&nll| (0.0..0.01).contains(&nll)));
    assert!(surprised.nll[..2].iter().all(|&nll| nll < 0.01));
    assert!(surprised.nll[2..].iter().all(|&nll| nll > 5.0));
}

#[test]
fn a_score_in_steps_and_its_errors() {
    let model = load(&random_model(TensorType::Q8_0));
    let text = "on and on ".repeat(15);
    let mut scorer = Scorer::new(Arc::clone(&model), &text, CacheType::default()).unwrap();
    let first = scorer.step().unwrap();
    assert_eq!(first.done, PREFILL_CHUNK);
    while !scorer.step().unwrap().is_complete() {}
    assert_eq!(scorer.finish(), score(&model, &text));

    let plain = score(&model, &text).unwrap();
    assert_eq!(plain.texts.concat(), text);
    assert!(plain.top_logprobs.is_empty());
    let scorer = Scorer::new(Arc::clone(&model), &text, CacheType::default()).unwrap();
    let mut scorer = scorer.with_top(3);
    while !scorer.step().unwrap().is_complete() {}
    let listed = scorer.finish().unwrap();
    assert_eq!(listed.nll, plain.nll);
    assert_eq!(listed.top_logprobs.len(), plain.nll.len());
    for ((best, nll), target) in listed
        .top_logprobs
        .iter()
        .zip(&plain.nll)
        .zip(&plain.ids[1..])
    {
        assert_eq!(best.len(), 3);
        assert!(best.is_sorted_by(|a, b| a.logprob >= b.logprob));
        match best.iter().find(|expected| expected.id == *target) {
            Some(expected) => assert_eq!(-expected.logprob, *nll),
            None => assert!(-best[2].logprob <= *nll),
        }
    }

    assert_eq!(score(&model, ""), Err(Error::TextTooShort(0)));
    assert_eq!(score(&model, "a"), Err(Error::TextTooShort(1)));
    let long = "x".repeat(CONTEXT as usize + 1);
    assert!(matches!(
        score(&model, &long),
        Err(Error::PromptTooLong { .. })
    ));
}

#[test]
fn a_smaller_cache_type_takes_less_memory_and_writes_too() {
    let model = load(&random_model(TensorType::F32));
    let run = |cache_type: &str| {
        let context = Context {
            cache_type: cache_type.parse().unwrap(),
            ..Context::default()
        };
        let mut session = Session::new(&model, 64, context.cache_type).unwrap();
        model.forward(&[1, 2, 3], &mut session).unwrap();
        let mut generator = Generator::new(Arc::clone(&model), context).unwrap();
        generator.start("abc", greedy(8)).unwrap();
        assert_eq!(all(&mut generator).len(), 8);
        session.cache_bytes()
    };
    let [f32, q16, q8] = ["f32", "q16", "q8"].map(run);
    assert!(q8 < q16 && q16 < f32, "{q8} {q16} {f32}");
    let error = "f16".parse::<CacheType>().unwrap_err();
    assert!(matches!(error, Error::InvalidOption { name, .. } if name == "cache_type"));
}
