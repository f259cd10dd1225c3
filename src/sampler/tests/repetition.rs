//! Tests of penalties and DRY.

use super::*;

#[test]
fn penalties_look_at_the_last_tokens_alone() {
    let logits = [1.0, 1.0, 1.0, 1.0];
    let history = [3, 0, 1, 1];
    let left = survivors_after(&logits, &[penalties(3, [1.0, 0.5, 0.25], 0)], &history);
    let p = |id| left.iter().find(|one| one.0 == id).unwrap().1;
    assert!((p(3) - p(2)).abs() < 1e-6);
    assert!((p(0) / p(2) - (-0.75f64).exp()).abs() < 1e-5);
    assert!((p(1) / p(2) - (-1.25f64).exp()).abs() < 1e-5);
    let all = survivors_after(&logits, &[penalties(-1, [1.0, 0.5, 0.25], 0)], &history);
    assert_eq!(all[0].0, 2);
}

#[test]
fn the_repetition_penalty_lowers_logits_of_either_sign() {
    for logit in [2.0, -2.0] {
        let left = survivors_after(&[logit, logit], &[penalties(64, [1.5, 0.0, 0.0], 0)], &[1]);
        assert_eq!(left[0].0, 0, "{logit}");
        assert!(left[0].1 > 0.6);
    }
}

#[test]
fn no_ngram_comes_twice() {
    let logits = [0.0; 6];
    let history = [1, 2, 3, 1, 2, 4, 1, 2];
    let left = |size| {
        let mut left = ids(&survivors_after(
            &logits,
            &[penalties(-1, [1.0, 0.0, 0.0], size)],
            &history,
        ));
        left.sort_unstable();
        left
    };
    assert_eq!(left(1), [0, 5]);
    assert_eq!(left(2), [0, 1, 2, 5]);
    assert_eq!(left(3), [0, 1, 2, 5]);
    assert_eq!(left(4), [0, 1, 2, 3, 4, 5]);
    assert_eq!(left(u32::MAX).len(), 6);
    // Where every token would be forbidden, none is.
    let all = survivors_after(
        &logits[..5],
        &[penalties(-1, [1.0, 0.0, 0.0], 1)],
        &[0, 1, 2, 3, 4],
    );
    assert_eq!(all.len(), 5);
}

/// Tokens spelled by a list; none for those beyond it.
fn penalized(words: &[&str], history: &[TokenId], stage: &Stage) -> Vec<(TokenId, u32)> {
    let bytes = |id: TokenId| {
        words
            .get(id as usize)
            .map_or(&b""[..], |word| word.as_bytes())
    };
    let step = Step {
        index: 0,
        history,
        bytes: &bytes,
        allowed: None,
    };
    let logits = vec![0.0; words.len() + 1];
    let mut sampler = sampler(std::slice::from_ref(stage));
    sampler.run(&logits, &step).unwrap();
    let Stage::Dry(Dry {
        dry_multiplier,
        dry_base,
        ..
    }) = stage
    else {
        panic!()
    };
    let mut found = Vec::new();
    let mut ratio = vec![1.0; logits.len()];
    sampler
        .candidates
        .for_each(|id, p| ratio[id as usize] = f64::from(p))
        .unwrap();
    let most = ratio.iter().copied().fold(0.0, f64::max);
    for (id, ratio) in (0..).zip(ratio) {
        let penalty = (most / ratio).ln();
        if penalty > 1e-3 {
            let excess = (penalty / f64::from(*dry_multiplier)).ln() / f64::from(*dry_base).ln();
            found.push((id, excess.round() as u32));
        }
    }
    found
}

#[test]
fn dry_penalizes_what_would_continue_a_repetition() {
    let words = ["a", "b", "c", "d", "e"];
    let stage = dry(0.5, 2, -1, &[]);
    // "a b c … a b": c would continue a repetition of two.
    assert_eq!(penalized(&words, &[0, 1, 2, 3, 0, 1], &stage), [(2, 0)]);
    // One token more makes it grow by the base.
    assert_eq!(
        penalized(&words, &[4, 0, 1, 2, 3, 4, 0, 1], &stage),
        [(2, 1)]
    );
    // Two continuations; the longest repetition of each counts.
    let history = [0, 1, 2, 4, 0, 1, 3, 2, 0, 1, 3, 4, 0, 1];
    assert_eq!(penalized(&words, &history, &stage), [(2, 0), (3, 1)]);
    // A repetition may overlap itself.
    assert_eq!(penalized(&words, &[0, 0, 0, 0], &stage), [(0, 1)]);
    assert_eq!(penalized(&words, &[0, 1, 2, 3, 1], &stage), []);
    // Out of the window.
    let short = dry(0.5, 2, 5, &[]);
    assert_eq!(penalized(&words, &[0, 1, 2, 3, 0, 1], &short), []);
}

#[test]
fn dry_stops_at_breakers() {
    let history = [0, 1, 2, 3, 0, 1];
    for (words, breakers) in [
        // Within a token, as a token, and across two.
        (["a", "b:", "c", "d"], &[":"][..]),
        (["a", "\n", "c", "d"], &["x", "\n"]),
        (["ab", "cd", "c", "d"], &["bc"]),
        (["a", "b", "c", "d"], &["ab"]),
    ] {
        let stage = dry(0.5, 1, -1, breakers);
        assert_eq!(penalized(&words, &history, &stage), [], "{words:?}");
        let stage = dry(0.5, 1, -1, &["!"]);
        assert_eq!(penalized(&words, &history, &stage), [(2, 1)], "{words:?}");
    }
    // A breaker further back leaves the rest.
    let words = ["a", "b", "c", "!", "e"];
    let history = [3, 0, 1, 2, 4, 3, 0, 1];
    assert_eq!(
        penalized(&words, &history, &dry(0.5, 2, -1, &["!"])),
        [(2, 0)]
    );
    assert_eq!(penalized(&words, &history, &dry(0.5, 2, -1, &[])), [(2, 1)]);
    assert_eq!(penalized(&words, &history, &dry(0.5, 2, -1, &["!a"])), []);
    // A breaker is not penalised itself, nor is a control token (5: it has no bytes).
    let history = [0, 1, 3, 0, 1];
    assert_eq!(penalized(&words, &history, &dry(0.5, 2, -1, &["!"])), []);
    assert_eq!(
        penalized(&words, &[0, 1, 5, 0, 1], &dry(0.5, 1, -1, &[])),
        []
    );
    assert_eq!(
        penalized(&words, &[0, 1, 2, 5, 0, 1], &dry(0.5, 1, -1, &[])),
        [(2, 1)]
    );
}

#[test]
fn endless_repetitions_do_not_overflow() {
    let history = vec![0; 5000];
    let logits = [1.0, 0.0, -1.0];
    let left = survivors_after(&logits, &[dry(1e30, 0, -1, &[])], &history);
    assert_eq!((left[0].0, left.len()), (1, 3));
    let rates = [1e30, 2.0, 2.0];
    let left = survivors_after(&[-1e30, -1e31], &[penalties(-1, rates, 0)], &history);
    assert!(left.iter().all(|one| one.1.is_finite()));
}
