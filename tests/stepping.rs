//! The loop by hand: looking ahead, forcing, going back, branching off, records.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::*;
use nexttoken::Error;
use nexttoken::generator::{
    Context, FinishReason, Generator, Mirostat, Options, SamplerName, Token,
};
use nexttoken::quant::TensorType;
use nexttoken::sampler::{Stage, TopK};

fn random() -> Generator {
    Generator::new(load(&random_model(TensorType::Q8_0)), Context::default()).unwrap()
}

fn spelling(pairs: &[(u32, u32)]) -> Generator {
    Generator::new(load(&spelling_model(pairs)), Context::default()).unwrap()
}

/// Everything that remembers something: penalties, DRY, mirostat, XTC.
fn lively() -> Options {
    Options {
        temperature: 1.2,
        repetition_penalty: 1.2,
        frequency_penalty: 0.3,
        no_repeat_ngram_size: 3,
        dry_multiplier: 0.8,
        xtc_probability: 0.5,
        xtc_threshold: 0.05,
        mirostat: Mirostat::V2,
        mirostat_tau: 4.0,
        samplers: Some(vec![
            SamplerName::Penalties,
            SamplerName::Dry,
            SamplerName::Xtc,
            SamplerName::Temperature,
            SamplerName::MirostatV2,
        ]),
        seed: Some(11),
        max_tokens: Some(30),
        top_logprobs: 2,
        ..Options::default()
    }
}

fn take(generator: &mut Generator, count: usize) -> Vec<Token> {
    (0..count)
        .map(|_| generator.next_token().unwrap().unwrap())
        .collect()
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

#[test]
fn a_rewound_text_goes_on_as_it_did() {
    let mut generator = random();
    generator.start("once upon", lively()).unwrap();
    let mut texts = vec![String::new()];
    let mut tokens = Vec::new();
    for _ in 0..30 {
        tokens.extend(take(&mut generator, 1));
        texts.push(generator.text().to_owned());
    }
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
    for count in [1, 2, 17, 30] {
        generator.rewind(count).unwrap();
        let left = 30 - count;
        assert_eq!(generator.ids().len(), left);
        assert_eq!(generator.text(), texts[left]);
        assert_eq!(generator.finish_reason(), None);
        assert!(generator.context_used() <= generator.prompt_ids().len() + left);
        assert_eq!(rest(&mut generator), tokens[left..]);
        assert_eq!(generator.text(), texts[30]);
    }
    // In several goes, and in the middle of the text.
    generator.rewind(20).unwrap();
    take(&mut generator, 3);
    generator.rewind(2).unwrap();
    generator.rewind(0).unwrap();
    generator.rewind(3).unwrap();
    assert_eq!(rest(&mut generator), tokens[8..]);
    assert_eq!(refused(generator.rewind(31)), "count");
    assert_eq!(generator.ids().len(), 30);
    generator.reset();
    assert_eq!(generator.rewind(0), Err(Error::NotStarted));
}

#[test]
fn rewinding_reopens_a_stopped_text() {
    let mut generator = spelling(&spell("ab🙂cdef".as_bytes()));
    let options = Options {
        temperature: 0.0,
        stop: vec!["cde".into()],
        ..Options::default()
    };
    generator.start("a", options).unwrap();
    let tokens = rest(&mut generator);
    assert_eq!(generator.text(), "b🙂");
    assert_eq!(generator.finish_reason(), Some(FinishReason::Stop));
    // Into the middle of what looked like the stop string, and of a character.
    for count in 1..=tokens.len() {
        generator.rewind(count).unwrap();
        let left = &tokens[..tokens.len() - count];
        let text: String = left.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(generator.text(), text);
        assert_eq!(rest(&mut generator), tokens[tokens.len() - count..]);
    }
    // Another way: what was held back appears.
    generator.rewind(1).unwrap();
    let forced = generator.accept(u32::from(b'!')).unwrap().unwrap();
    assert_eq!(forced.text, "cd!");
    assert_eq!(generator.text(), "b🙂cd!");
    // An aborted text, too.
    generator.abort();
    generator.rewind(1).unwrap();
    assert_eq!(generator.finish_reason(), None);
    assert_eq!(generator.next_token().unwrap().unwrap().text, "");
}

#[test]
fn looking_changes_nothing() {
    let mut generator = random();
    let expected: Vec<_> = {
        generator.start("once upon", lively()).unwrap();
        rest(&mut generator)
    };
    generator.start("once upon", lively()).unwrap();
    for token in &expected {
        let seen = generator.peek(3).unwrap().unwrap();
        let used = generator.context_used();
        assert_eq!(generator.peek(3).unwrap().unwrap(), seen);
        assert!(seen.chosen.is_none());
        assert_eq!(seen.candidates.len(), 3);
        let logits = generator.logits().unwrap().to_vec();
        assert_eq!(
            logits[seen.candidates[0].id as usize],
            seen.candidates[0].logit
        );
        assert_eq!(&generator.next_token().unwrap().unwrap(), token);
        // The token needed no further run of the model.
        assert_eq!(generator.context_used(), used);
        assert_eq!(generator.logits().unwrap(), logits);
        for (seen, reported) in seen.candidates.iter().zip(&token.top_logprobs) {
            assert_eq!((seen.id, &seen.text), (reported.id, &reported.text));
            assert_eq!(
                (seen.logprob, seen.probability),
                (reported.logprob, reported.probability)
            );
        }
    }
    assert_eq!(generator.peek(3), Ok(None));
    assert_eq!(random().peek(3), Err(Error::NotStarted));
}

#[test]
fn a_forced_token_is_continued_from() {
    let mut generator = spelling(&spell(b"abcdefxyz"));
    let options = Options {
        temperature: 0.0,
        max_tokens: Some(4),
        ..Options::default()
    };
    generator.start("a", options).unwrap();
    take(&mut generator, 1);
    let forced = generator.accept(u32::from(b'x')).unwrap().unwrap();
    assert_eq!((forced.text.as_str(), forced.probability), ("x", 0.0));
    assert!(forced.logprob < -5.0);
    take(&mut generator, 2);
    assert_eq!(generator.text(), "bxyz");
    assert_eq!(generator.accept(0), Ok(None));
    assert_eq!(generator.finish_reason(), Some(FinishReason::Length));
    generator.rewind(2).unwrap();
    let end = generator.accept(END).unwrap().unwrap();
    assert_eq!(end.finish_reason, Some(FinishReason::Stop));
    assert_eq!(refused(generator.accept(VOCABULARY as u32)), "id");
    assert_eq!(random().accept(0), Err(Error::NotStarted));
}

#[test]
fn forcing_what_would_be_drawn_is_drawing_it() {
    let mut generator = random();
    let options = Options {
        mirostat: Mirostat::Off,
        samplers: None,
        ..lively()
    };
    generator.start("once", options.clone()).unwrap();
    let drawn = rest(&mut generator);
    generator.start("once", options).unwrap();
    for token in &drawn {
        let forced = generator.accept(token.id).unwrap().unwrap();
        assert_eq!(&forced, token);
    }
}

#[test]
fn a_fork_goes_its_own_way() {
    let mut generator = random();
    generator.start("once upon a time", lively()).unwrap();
    let expected = rest(&mut generator);
    // Before the prompt has run, within the text, after a look, after its end.
    for taken in [0, 1, 12, 30] {
        for looked in [false, true] {
            generator.start("once upon a time", lively()).unwrap();
            take(&mut generator, taken);
            if looked {
                generator.peek(0).unwrap();
            }
            let mut fork = generator.fork().unwrap();
            assert_eq!(fork.logits(), generator.logits());
            assert_eq!(fork.text(), generator.text());
            assert_eq!(rest(&mut fork), expected[taken..]);
            assert_eq!(fork.finish_reason(), Some(FinishReason::Length));
            assert_eq!(generator.ids().len(), taken);
            // Each has its own cache: another branch does not show in the first.
            let mut other = generator.fork().unwrap();
            if taken < 30 {
                other.accept(USER).unwrap();
                rest(&mut other);
            }
            assert_eq!(rest(&mut generator), expected[taken..]);
        }
    }
    // In the middle of the prompt, and of nothing.
    generator.start(&"once upon ".repeat(20), lively()).unwrap();
    generator.prefill().unwrap();
    let mut fork = generator.fork().unwrap();
    assert_eq!(fork.context_used(), generator.context_used());
    assert_eq!(rest(&mut fork), rest(&mut generator));
    generator.reset();
    assert_eq!(
        generator.fork().unwrap().next_token(),
        Err(Error::NotStarted)
    );
}

#[test]
fn options_change_between_steps_without_a_run() {
    let mut generator = random();
    let hot = Options {
        temperature: 3.0,
        top_k: 0,
        top_p: 1.0,
        min_p: 0.0,
        seed: Some(5),
        ..Options::default()
    };
    generator.start("once", hot.clone()).unwrap();
    take(&mut generator, 4);
    let before = generator.peek(1).unwrap().unwrap();
    let used = generator.context_used();
    let greedy = Options {
        temperature: 0.0,
        ..generator.options().unwrap().clone()
    };
    generator.configure(greedy).unwrap();
    let after = generator.peek(1).unwrap().unwrap();
    assert_eq!(generator.context_used(), used);
    assert_eq!(after.candidates[0].logprob, before.candidates[0].logprob);
    assert!(before.candidates[0].probability < 1.0);
    assert_eq!(after.candidates[0].probability, 1.0);
    let token = take(&mut generator, 1).remove(0);
    assert_eq!(token.id, after.candidates[0].id);
    // Back and forth: as if nothing had been.
    generator.rewind(1).unwrap();
    generator.configure(hot.clone()).unwrap();
    assert_eq!(generator.peek(1).unwrap().unwrap(), before);
    // An absent seed stays; another one draws anew.
    generator
        .configure(Options {
            seed: None,
            ..hot.clone()
        })
        .unwrap();
    assert_eq!(generator.seed(), Some(5));
    generator
        .configure(Options {
            seed: Some(6),
            ..hot.clone()
        })
        .unwrap();
    assert_eq!(generator.options().unwrap().seed, Some(6));
    // Errors change nothing.
    let bad = Options {
        top_p: 7.0,
        ..hot.clone()
    };
    assert_eq!(refused(generator.configure(bad)), "top_p");
    let stop = Options {
        stop: vec!["x".into()],
        ..hot.clone()
    };
    assert_eq!(refused(generator.configure(stop)), "stop");
    let unknown = Options {
        banned_tokens: vec![VOCABULARY as u32],
        ..hot.clone()
    };
    assert_eq!(
        refused(generator.configure(unknown.clone())),
        "banned_tokens"
    );
    assert_eq!(refused(generator.start("x", unknown)), "banned_tokens");
    assert_eq!(generator.options().unwrap().top_p, 1.0);
    assert_eq!(random().configure(hot), Err(Error::NotStarted));
}

#[test]
fn the_chain_can_be_read_back() {
    let mut generator = random();
    assert!(generator.samplers().is_empty());
    generator.start("x", Options::default()).unwrap();
    let names = |generator: &Generator| -> Vec<_> {
        for stage in generator.samplers() {
            let json = serde_json::to_value(stage).unwrap();
            assert_eq!(json["name"], stage.name().as_str());
        }
        let stages = generator.samplers().iter();
        stages.map(|stage| stage.name().as_str()).collect()
    };
    assert_eq!(
        names(&generator),
        ["top_k", "top_p", "min_p", "temperature"]
    );
    assert_eq!(generator.samplers()[0], Stage::TopK(TopK { top_k: 40 }));
    generator.start("x", lively()).unwrap();
    let all = ["penalties", "dry", "xtc", "temperature", "mirostat"];
    assert_eq!(names(&generator), all);
    let others = Options {
        banned_tokens: vec![1],
        top_n_sigma: 2.0,
        typical_p: 0.9,
        ..Options::default()
    };
    generator.start("x", others).unwrap();
    assert_eq!(
        names(&generator)[..3],
        ["logit_bias", "top_n_sigma", "top_k"]
    );
    assert_eq!(names(&generator)[3], "typical_p");
    generator
        .start(
            "x",
            Options {
                temperature: 0.0,
                ..Options::default()
            },
        )
        .unwrap();
    assert_eq!(names(&generator), ["temperature"]);
}

#[test]
fn a_record_tells_what_happened() {
    let mut generator = spelling(&[(u32::from(b'a'), 0xC3)]);
    let options = Options {
        temperature: 0.7,
        top_k: 3,
        record: Some(5),
        seed: Some(1),
        ..Options::default()
    };
    generator.start("a", options.clone()).unwrap();
    let token = take(&mut generator, 1).remove(0);
    let record = token.record.unwrap();
    assert_eq!(record.step, 0);
    let chosen = record.chosen.unwrap();
    assert_eq!((chosen.id, chosen.rank), (0xC3, 1));
    assert_eq!(chosen.surprisal, -token.logprob);
    assert_eq!(chosen.probability, token.probability);
    assert_eq!(record.candidates.len(), 5);
    let best = &record.candidates[0];
    assert_eq!(
        (best.id, best.text.as_str(), &best.bytes[..]),
        (0xC3, "\u{FFFD}", &[0xC3][..])
    );
    assert_eq!(best.logit, generator.logits().unwrap()[0xC3]);
    let names: Vec<_> = record.stages.iter().map(|stage| stage.name).collect();
    assert_eq!(names, ["top_k", "top_p", "min_p", "temperature"]);
    let cut = &record.stages[0];
    assert_eq!((cut.kept, cut.removed), (3, VOCABULARY - 3));
    assert_eq!(cut.removed_tokens.len(), 5);
    assert!(cut.removed_tokens[0].probability > 0.0);
    // A token that was forced from far behind is listed, last.
    generator.start("a", options.clone()).unwrap();
    let forced = generator.accept(USER).unwrap().unwrap();
    let record = forced.record.unwrap();
    assert_eq!(record.candidates.len(), 6);
    assert_eq!(
        (record.candidates[5].id, record.candidates[5].text.as_str()),
        (USER, "<|user|>")
    );
    assert!(record.candidates[5].bytes.is_empty());
    assert_eq!(record.chosen.unwrap().probability, 0.0);
    assert!(record.chosen.unwrap().rank > 5);
    // Recorded or not, the text is the same, and nobody pays who did not ask.
    let plain = Options {
        record: None,
        ..lively()
    };
    generator.start("once", plain).unwrap();
    let expected = rest(&mut generator);
    generator
        .start(
            "once",
            Options {
                record: Some(2),
                ..lively()
            },
        )
        .unwrap();
    for (mut token, expected) in rest(&mut generator).into_iter().zip(expected) {
        assert!(token.record.take().is_some());
        assert_eq!(token, expected);
    }
}

#[test]
fn logits_are_there_when_predicted() {
    let mut generator = random();
    assert!(generator.logits().is_none());
    generator.start("once", lively()).unwrap();
    assert!(generator.logits().is_none());
    take(&mut generator, 3);
    let seen = generator.logits().unwrap().to_vec();
    assert_eq!(seen.len(), VOCABULARY);
    // One back they are still the next token's; two back they are gone until it is predicted anew.
    generator.rewind(1).unwrap();
    assert_eq!(generator.logits().unwrap(), seen);
    generator.rewind(1).unwrap();
    assert!(generator.logits().is_none());
    generator.peek(0).unwrap();
    assert_ne!(generator.logits().unwrap(), seen);
    take(&mut generator, 1);
    generator.peek(0).unwrap();
    assert_eq!(generator.logits().unwrap(), seen);
}
