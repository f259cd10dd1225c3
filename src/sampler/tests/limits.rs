//! Tests of each stage by itself: its limits, the order of the survivors, what it must never do.

use super::*;

#[test]
fn every_chain_leaves_a_distribution_best_first() {
    for (seed, count) in [(1, 1), (2, 7), (3, 300), (4, 5000)] {
        let logits = random_logits(count, seed);
        let oracle = ids(&distribution(&logits));
        for k in [0, 1, 5, 40, 2000, 100_000] {
            for p in [0.0, 0.3, 0.95, 1.0] {
                for m in [0.0, 0.05, 1.0] {
                    for t in [0.0, 0.2, 1.0, 5.0] {
                        let stages = [top_k(k), top_p(p), min_p(m), temperature(t)];
                        let left = survivors(&logits, &stages);
                        assert!(!left.is_empty(), "{stages:?}");
                        let sum: f64 = left.iter().map(|one| one.1).sum();
                        assert!((sum - 1.0).abs() < 1e-5, "{stages:?}: {sum}");
                        // These cuts keep the best tokens, whatever their probabilities have become.
                        let (mut kept, mut best) = (ids(&left), oracle[..left.len()].to_vec());
                        kept.sort_unstable();
                        best.sort_unstable();
                        assert_eq!(kept, best, "{stages:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn top_k_keeps_exactly_k() {
    let logits = random_logits(3000, 5);
    for k in [1, 2, 31, 32, 33, 500, 1023, 1024, 1025, 2999, 3000, 3001] {
        let left = survivors(&logits, &[top_k(k)]);
        assert_eq!(left.len(), (k as usize).min(3000));
    }
    assert_eq!(survivors(&logits, &[top_k(0)]).len(), 3000);
}

#[test]
fn equals_survive_by_lowest_id() {
    let equals = vec![1.0; 3000];
    for k in [3, 2000] {
        let expected: Vec<_> = (0..k).collect();
        assert_eq!(ids(&survivors(&equals, &[top_k(k)])), expected);
    }
    assert_eq!(survivors(&equals, &[top_p(0.5)]).len(), 1500);
    assert_eq!(ids(&survivors(&[0.0, -0.0, 0.0], &[top_k(2)])), [0, 1]);
}

#[test]
fn top_p_counts_shares_of_what_is_left() {
    // Of four equal tokens, two have half of the probability; of the two that top-k leaves, one has.
    let logits = [0.0; 4];
    assert_eq!(survivors(&logits, &[top_p(0.5)]).len(), 2);
    assert_eq!(survivors(&logits, &[top_k(2), top_p(0.5)]).len(), 1);
    assert_eq!(survivors(&logits, &[top_p(0.0)]).len(), 1);
    assert_eq!(survivors(&logits, &[top_p(1.0)]).len(), 4);
}

#[test]
fn min_p_has_its_limits() {
    let logits = [1.0, 3.0, 3.0, 2.0];
    assert_eq!(survivors(&logits, &[min_p(1.0)]).len(), 2);
    assert_eq!(survivors(&logits, &[min_p(0.0)]).len(), 4);
}

#[test]
fn typical_takes_what_is_as_surprising_as_expected() {
    // H = 1.03 bits; the best has 0.15 bits, each other 6.8: far from H on the other side.
    let mut p = vec![0.9];
    p.extend([0.1 / 10.0; 10]);
    let logits: Vec<f32> = p.iter().map(|p: &f32| p.ln()).collect();
    assert_eq!(ids(&survivors(&logits, &[typical_p(0.5)])), [0]);
    // The first token has half of the probability, two others a quarter each: those two are typical, and the best goes.
    let logits = [0.5f32, 0.25, 0.25].map(|p| p.ln() + 1.0);
    let with_tail: Vec<f32> = (logits.iter().copied())
        .chain((0..400).map(|_| -4.0))
        .collect();
    let left = ids(&survivors(&with_tail, &[typical_p(0.2)]));
    assert!(!left.contains(&0), "{left:?}");
    // The limits: nothing cut, and one left.
    assert_eq!(survivors(&with_tail, &[typical_p(1.0)]).len(), 403);
    assert_eq!(survivors(&with_tail, &[typical_p(0.0)]).len(), 1);
}

#[test]
fn top_n_sigma_ignores_the_temperature() {
    let logits = random_logits(2000, 8);
    let cold = [temperature(0.4), top_n_sigma(1.2)];
    let hot = [temperature(3.0), top_n_sigma(1.2)];
    let [mut a, mut b] = [cold, hot].map(|stages| ids(&survivors(&logits, &stages)));
    a.sort_unstable();
    b.sort_unstable();
    assert!(a.len() > 1 && a.len() < 2000);
    assert_eq!(a, b);
    assert_eq!(survivors(&[2.0; 9], &[top_n_sigma(1.0)]).len(), 9);
    assert_eq!(survivors(&[7.0], &[top_n_sigma(1.0)]).len(), 1);
}

#[test]
fn xtc_excludes_all_top_choices_but_the_last() {
    let logits = [0.4f32, 0.3, 0.2, 0.06, 0.04].map(f32::ln);
    assert_eq!(ids(&survivors(&logits, &[xtc(1.0, 0.1)])), [2, 3, 4]);
    assert_eq!(ids(&survivors(&logits, &[xtc(1.0, 0.25)])), [1, 2, 3, 4]);
    // A single top choice stays, and so does everything where the probability to exclude is 0.
    assert_eq!(survivors(&logits, &[xtc(1.0, 0.35)]).len(), 5);
    assert_eq!(survivors(&logits, &[xtc(0.0, 0.1)]).len(), 5);
    assert_eq!(ids(&survivors(&logits, &[xtc(1.0, 0.0)])), [4]);
    // It excludes as often as asked.
    let mut sampler = sampler(&[xtc(0.3, 0.1)]);
    let struck = (0..5000).filter(|&index| {
        sampler.run(&logits, &step(index, &[])).unwrap();
        sampler.candidates.len() == 3
    });
    let share = struck.count() as f64 / 5000.0;
    assert!((share - 0.3).abs() < 0.02, "{share}");
}

#[test]
fn temperature_towards_zero_approaches_greedy() {
    let logits = [1.0, 2.5, 2.0, -3.0];
    let mut last = 0.0;
    for t in [2.0, 1.0, 0.5, 0.1, 0.01, 1e-30, f32::MIN_POSITIVE, 0.0] {
        let left = survivors(&logits, &[temperature(t)]);
        assert_eq!(left[0].0, 1);
        assert!(left[0].1 >= last);
        last = left[0].1;
    }
    assert_eq!(last, 1.0);
    let even = survivors(&logits, &[temperature(f32::MAX)]);
    assert!(even.iter().all(|one| (one.1 - 0.25).abs() < 1e-6));
}

#[test]
fn dynamic_temperature_goes_from_low_to_high() {
    // A certain distribution, an even one, and one between.
    let level = |logits: &[f32], stage: Stage| {
        let mut sampler = sampler(&[stage]);
        let trace = sampler.trace(logits, &step(0, &[]), 1, None).unwrap();
        trace.stages[0].level.unwrap()
    };
    let stage = || dynamic(1.0, 0.5, 1.0);
    assert!((level(&[100.0, 0.0, 0.0], stage()) - 0.5).abs() < 1e-6);
    assert!((level(&[1.0, 1.0, 1.0], stage()) - 1.5).abs() < 1e-6);
    let between = level(&[2.0, 1.0, 0.0], stage());
    assert!(between > 0.5 && between < 1.5);
    // The temperature never goes below 0, where it is greedy; a single candidate has no entropy to follow.
    assert_eq!(survivors(&[100.0, 0.0], &[dynamic(1.0, 2.0, 1.0)]).len(), 1);
    assert_eq!(level(&[3.0], stage()), 1.0);
}

#[test]
fn mirostat_keeps_what_surprises_no_more_than_mu() {
    // 1, 2, 3 and 3 bits.
    let logits = [0.5f32, 0.25, 0.125, 0.125].map(f32::ln);
    for (tau, count) in [(0.0, 1), (0.51, 1), (1.01, 2), (1.6, 4), (100.0, 4)] {
        assert_eq!(
            survivors(&logits, &[mirostat(tau, 0.1)]).len(),
            count,
            "{tau}"
        );
    }
}

/// Algorithm 2 of the paper: μ ← μ − η (S − τ), S the surprisal before the cut.
#[test]
fn mirostat_learns_from_what_is_drawn() {
    // Zipf's law, of about 4 bits of entropy.
    let logits: Vec<f32> = (1..3000).map(|rank| -1.5 * (rank as f32).ln()).collect();
    let oracle = distribution(&logits);
    let mut sampler = sampler(&[mirostat(3.0, 0.2)]);
    let mut mu = 6.0;
    let (mut sum, total) = (0.0, 600);
    for index in 0..total {
        let choice = sampler.choose(&logits, &step(index, &[]), 0).unwrap();
        let p = oracle.iter().find(|one| one.0 == choice.id).unwrap().1;
        assert!(-p.log2() <= mu + 1e-3 || choice.id == oracle[0].0);
        sampler.accept(&choice);
        mu -= 0.2 * (-p.log2() - 3.0);
        assert!((sampler.state().mu.unwrap() - mu).abs() < 1e-3);
        sum += -p.log2();
    }
    let mean = sum / total as f64;
    assert!((mean - 3.0).abs() < 0.1, "{mean}");
    // Mirostat learns nothing from a forced token, and its state can be restored.
    let state = sampler.state();
    let forced = sampler.force(17, &logits, &step(0, &[]), 0).unwrap();
    sampler.accept(&forced);
    assert_eq!(sampler.state(), state);
    let drawn = sampler.choose(&logits, &step(0, &[]), 0).unwrap();
    sampler.accept(&drawn);
    assert_ne!(sampler.state(), state);
    sampler.restore(state);
    assert_eq!(sampler.choose(&logits, &step(0, &[]), 0).unwrap(), drawn);
}

#[test]
fn banned_tokens_are_never_drawn_and_biases_count() {
    let bias = |logit_bias: &[(TokenId, f32)], banned: &[TokenId]| {
        Stage::LogitBias(LogitBias {
            logit_bias: logit_bias.to_vec(),
            banned_tokens: banned.to_vec(),
        })
    };
    let logits = [5.0, 4.0, 3.0, 2.0];
    assert_eq!(ids(&survivors(&logits, &[bias(&[], &[0, 2])])), [1, 3]);
    let left = survivors(&logits, &[bias(&[(3, 100.0), (0, -1.0)], &[])]);
    assert_eq!((left[0].0, left[0].1), (3, 1.0));
    // After a ban, the others are weighed against their own best, though they were next to nothing before.
    let certain = [200.0, 1.0, 0.0];
    let left = survivors(&certain, &[bias(&[], &[0])]);
    assert!((left[0].1 - 1.0 / (1.0 + (-1f64).exp())).abs() < 1e-6);
    let greedy = [bias(&[], &[0]), temperature(0.0)];
    assert_eq!(ids(&survivors(&certain, &greedy)), [1]);
    // Where no token is left, the result is an error.
    let all = [bias(&[], &[0, 1, 2])];
    assert_eq!(
        sampler(&all).choose(&certain, &step(0, &[]), 0),
        Err(Error::NotFinite)
    );
}

#[test]
fn stages_without_effect_are_left_out() {
    let neutral = [
        Stage::LogitBias(LogitBias {
            logit_bias: vec![(1, 0.0)],
            banned_tokens: vec![],
        }),
        penalties(64, [1.0, 0.0, 0.0], 0),
        penalties(0, [2.0, 1.0, 1.0], 3),
        dry(0.0, 2, -1, &[]),
        top_n_sigma(-1.0),
        top_k(0),
        typical_p(1.0),
        top_p(1.0),
        min_p(0.0),
        xtc(0.0, 0.1),
        xtc(1.0, 0.6),
        temperature(1.0),
    ];
    assert!(sampler(&neutral).stages().is_empty());
    // At temperature 0 only what can change the best matters.
    let greedy = temperature(0.0);
    let chain = [
        top_k(40),
        typical_p(0.9),
        top_p(0.9),
        min_p(0.1),
        greedy.clone(),
        mirostat(5.0, 0.1),
    ];
    let left = [top_k(40), typical_p(0.9), greedy];
    assert_eq!(sampler(&chain).stages(), left);
}
