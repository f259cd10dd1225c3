//! Properties of the chain and of the draw, on random and on hand-made logits.

use super::*;

/// Logits of a plausible shape: a few large ones, a long tail, some exact equals.
fn random_logits(count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha12Rng::from_seed([seed as u8; 32]);
    (0..count)
        .map(|_| {
            let u = unit_interval(random.next_u64()) as f32;
            let v = unit_interval(random.next_u64()) as f32;
            // A third of them land on a coarse grid, so that equals occur (+ 0: the oracle knows no −0).
            let logit = (u * u * u) * 18.0 - 6.0 + v;
            if v < 0.33 { logit.round() + 0.0 } else { logit }
        })
        .collect()
}

/// The model's distribution in double precision, best first, equals by id: the oracle.
fn ranked_distribution(logits: &[f32]) -> Vec<(TokenId, f64)> {
    let max = logits.iter().copied().fold(f32::MIN, f32::max);
    let weights: Vec<f64> = logits
        .iter()
        .map(|&l| libm::exp(f64::from(l) - f64::from(max)))
        .collect();
    let sum: f64 = weights.iter().sum();
    let mut ranked: Vec<(TokenId, f64)> = (0..).zip(weights.iter().map(|w| w / sum)).collect();
    ranked.sort_by(|a, b| {
        let (x, y) = (logits[a.0 as usize], logits[b.0 as usize]);
        y.total_cmp(&x).then(a.0.cmp(&b.0))
    });
    ranked
}

/// What the stages leave: ids best first, with their probabilities.
fn survivors(logits: &[f32], stages: &[Stage]) -> Vec<(TokenId, f64)> {
    let mut probabilities = logits.to_vec();
    kernels::softmax(&mut probabilities);
    let mut candidates = Candidates::default();
    candidates.fill(logits, &probabilities).unwrap();
    for stage in stages {
        stage.apply(&mut candidates);
    }
    let items = candidates.keep_best_in_order(usize::MAX);
    let mass: f64 = items.iter().map(|one| f64::from(one.weight)).sum();
    items
        .iter()
        .map(|one| (one.id, f64::from(one.weight) / mass))
        .collect()
}

fn ids(ranked: &[(TokenId, f64)]) -> Vec<TokenId> {
    ranked.iter().map(|one| one.0).collect()
}

#[test]
fn every_chain_leaves_a_distribution_best_first() {
    for (seed, count) in [(1, 1), (2, 7), (3, 300), (4, 5000)] {
        let logits = random_logits(count, seed);
        let oracle = ids(&ranked_distribution(&logits));
        for k in [0, 1, 5, 40, 100_000] {
            for p in [0.0, 0.3, 0.95, 1.0] {
                for m in [0.0, 0.05, 1.0] {
                    for t in [0.0, 0.2, 1.0, 5.0] {
                        let stages = [
                            Stage::TopK(k),
                            Stage::TopP(p),
                            Stage::MinP(m),
                            Stage::Temperature(t),
                        ];
                        let left = survivors(&logits, &stages);
                        assert!(!left.is_empty(), "{stages:?}");
                        let sum: f64 = left.iter().map(|one| one.1).sum();
                        assert!((sum - 1.0).abs() < 1e-9, "{stages:?}: {sum}");
                        let (mut kept, mut best) = (ids(&left), oracle[..left.len()].to_vec());
                        if t != 1.0 {
                            // Division may make neighbours equal, which then rank by id.
                            kept.sort_unstable();
                            best.sort_unstable();
                        }
                        assert_eq!(kept, best, "{stages:?}");
                        assert!(left.windows(2).all(|pair| pair[0].1 >= pair[1].1));
                    }
                }
            }
        }
    }
}

#[test]
fn top_k_keeps_exactly_k() {
    let logits = random_logits(3000, 5);
    for k in [1, 2, 31, 32, 33, 500, 2999, 3000, 3001] {
        let left = survivors(&logits, &[Stage::TopK(k)]);
        assert_eq!(left.len(), (k as usize).min(3000));
    }
    assert_eq!(survivors(&logits, &[Stage::TopK(0)]).len(), 3000);
}

#[test]
fn equals_survive_by_lowest_id() {
    let logits = vec![1.0; 1000];
    let left = survivors(&logits, &[Stage::TopK(3)]);
    assert_eq!(ids(&left), [0, 1, 2]);
    let left = survivors(&[0.0, -0.0, 0.0], &[Stage::TopK(2)]);
    assert_eq!(ids(&left), [0, 1]);
}

#[test]
fn top_p_keeps_the_smallest_set_that_reaches_p() {
    for seed in 6..12 {
        let logits = random_logits(2000, seed);
        let oracle = ranked_distribution(&logits);
        for p in [0.1f32, 0.5, 0.8, 0.95, 0.999] {
            let left = survivors(&logits, &[Stage::TopP(p)]).len();
            let mass = |count: usize| oracle[..count].iter().map(|one| one.1).sum::<f64>();
            let p = f64::from(p);
            assert!(mass(left) >= p - 1e-5, "{left} tokens weigh less than {p}");
            assert!(
                mass(left - 1) < p + 1e-5,
                "{left} tokens are not the fewest"
            );
        }
        assert_eq!(survivors(&logits, &[Stage::TopP(1.0)]).len(), 2000);
        assert_eq!(survivors(&logits, &[Stage::TopP(0.0)]).len(), 1);
    }
}

#[test]
fn top_p_after_top_k_counts_shares_of_what_is_left() {
    // Four equals: half of the mass is two of them; of the two that top-k leaves, one.
    let logits = [0.0; 4];
    assert_eq!(survivors(&logits, &[Stage::TopP(0.5)]).len(), 2);
    let both = [Stage::TopK(2), Stage::TopP(0.5)];
    assert_eq!(survivors(&logits, &both).len(), 1);
}

#[test]
fn min_p_keeps_what_reaches_its_share_of_the_best() {
    let logits = random_logits(2000, 13);
    let oracle = ranked_distribution(&logits);
    for p in [0.001f32, 0.05, 0.5] {
        let expected = oracle
            .iter()
            .filter(|one| one.1 >= f64::from(p) * oracle[0].1)
            .count();
        assert_eq!(survivors(&logits, &[Stage::MinP(p)]).len(), expected);
    }
    assert_eq!(survivors(&logits, &[Stage::MinP(0.0)]).len(), 2000);
    assert_eq!(
        survivors(&[1.0, 3.0, 3.0, 2.0], &[Stage::MinP(1.0)]).len(),
        2
    );
}

#[test]
fn temperature_reshapes_as_its_formula_says() {
    let logits = random_logits(500, 14);
    for t in [0.5f32, 2.0] {
        let hot: Vec<f32> = logits.iter().map(|l| l / t).collect();
        let expected = ranked_distribution(&hot);
        let left = survivors(&logits, &[Stage::Temperature(t)]);
        for (a, b) in left.iter().zip(&expected) {
            assert!((a.1 - b.1).abs() < 1e-5, "{a:?} {b:?}");
        }
    }
}

#[test]
fn temperature_towards_zero_approaches_greedy() {
    let logits = [1.0, 2.5, 2.0, -3.0];
    let mut last = 0.0;
    for t in [2.0, 1.0, 0.5, 0.1, 0.01, 1e-30, f32::MIN_POSITIVE] {
        let left = survivors(&logits, &[Stage::Temperature(t)]);
        assert_eq!(left[0].0, 1);
        assert!(left[0].1 >= last);
        last = left[0].1;
    }
    assert_eq!(last, 1.0);
    let even = survivors(&logits, &[Stage::Temperature(f32::MAX)]);
    assert!(even.iter().all(|one| (one.1 - 0.25).abs() < 1e-6));
}

#[test]
fn greedy_takes_the_first_of_the_best() {
    let mut sampler = Sampler::new(vec![Stage::TopK(2), Stage::Temperature(0.0)], 1);
    let choice = sampler.sample(&[0.0, 3.0, 3.0, 1.0], 3).unwrap();
    assert_eq!((choice.id, choice.probability), (1, 1.0));
    let listed: Vec<_> = choice
        .alternatives
        .iter()
        .map(|a| (a.id, a.probability))
        .collect();
    assert_eq!(listed, [(1, 1.0), (2, 0.0), (3, 0.0)]);
}

#[test]
fn reports_the_models_distribution_and_the_one_drawn_from() {
    let logits = random_logits(1000, 15);
    let oracle = ranked_distribution(&logits);
    let stages = vec![Stage::TopK(5), Stage::TopP(0.9), Stage::Temperature(0.7)];
    let drawn_from = survivors(&logits, &stages);
    let mut sampler = Sampler::new(stages, 3);
    for _ in 0..20 {
        let choice = sampler.sample(&logits, 8).unwrap();
        let own = oracle.iter().find(|one| one.0 == choice.id).unwrap().1;
        assert!((libm::exp(f64::from(choice.logprob)) - own).abs() < 1e-5);
        let drawn = drawn_from.iter().find(|one| one.0 == choice.id).unwrap().1;
        assert!((f64::from(choice.probability) - drawn).abs() < 1e-6);
        assert_eq!(choice.alternatives.len(), 8);
        for (entry, expected) in choice.alternatives.iter().zip(&oracle) {
            assert_eq!(entry.id, expected.0);
            assert!((libm::exp(f64::from(entry.logprob)) - expected.1).abs() < 1e-5);
            let drawn = drawn_from.iter().find(|one| one.0 == entry.id);
            let drawn = drawn.map_or(0.0, |one| one.1);
            assert!((f64::from(entry.probability) - drawn).abs() < 1e-6);
        }
    }
}

#[test]
fn alternatives_of_an_uncut_distribution_carry_its_probabilities() {
    let logits = random_logits(3000, 16);
    let mut sampler = Sampler::new(vec![], 3);
    let choice = sampler.sample(&logits, 100).unwrap();
    for entry in &choice.alternatives {
        let own = libm::exp(f64::from(entry.logprob));
        assert!((f64::from(entry.probability) - own).abs() < 1e-5);
    }
    // More than there are: all of them.
    let choice = sampler.sample(&logits[..3], 100).unwrap();
    assert_eq!(choice.alternatives.len(), 3);
}

#[test]
fn a_seed_gives_the_same_tokens_again() {
    let logits = random_logits(4000, 17);
    let stages = || vec![Stage::TopK(200), Stage::TopP(0.95), Stage::Temperature(1.5)];
    let draws = |seed| -> Vec<TokenId> {
        let mut sampler = Sampler::new(stages(), seed);
        (0..50)
            .map(|_| sampler.sample(&logits, 0).unwrap().id)
            .collect()
    };
    assert_eq!(draws(42), draws(42));
    assert_ne!(draws(42), draws(43));
    // Asking for alternatives changes nothing of what is drawn.
    let mut sampler = Sampler::new(stages(), 42);
    let watched: Vec<_> = (0..50)
        .map(|_| sampler.sample(&logits, 10).unwrap().id)
        .collect();
    assert_eq!(watched, draws(42));
}

/// The draws a seed gives are part of the interface: these values must hold on every platform and release.
#[test]
fn the_draws_of_a_seed_never_change() {
    let logits: Vec<f32> = (0..64).map(|i| (i * 37 % 64) as f32 / 16.0).collect();
    let mut sampler = Sampler::new(vec![Stage::TopK(40), Stage::Temperature(0.8)], 42);
    let drawn: Vec<_> = (0..12)
        .map(|_| sampler.sample(&logits, 0).unwrap().id)
        .collect();
    assert_eq!(drawn, [5, 57, 10, 10, 19, 38, 12, 19, 48, 38, 8, 12]);
}

#[test]
fn draws_follow_the_distribution() {
    let logits = [2.0, 1.0, 0.0, 1.5, -1.0, 0.5];
    for stages in [
        vec![],
        vec![Stage::Temperature(0.7)],
        vec![Stage::TopK(4), Stage::TopP(0.95), Stage::Temperature(1.3)],
    ] {
        let expected = survivors(&logits, &stages);
        let mut sampler = Sampler::new(stages, 7);
        let total = 20_000;
        let mut counts = [0u32; 6];
        for _ in 0..total {
            counts[sampler.sample(&logits, 0).unwrap().id as usize] += 1;
        }
        let drawn: u32 = expected.iter().map(|one| counts[one.0 as usize]).sum();
        assert_eq!(drawn, total, "a token that was cut has been drawn");
        let chi_square: f64 = expected
            .iter()
            .map(|&(id, p)| {
                let mean = p * f64::from(total);
                (f64::from(counts[id as usize]) - mean).powi(2) / mean
            })
            .sum();
        // 5 degrees of freedom: above 20.5 once in a thousand; the seed is fixed, so this never flakes.
        assert!(chi_square < 20.5, "{chi_square}");
    }
}

#[test]
fn logits_that_are_no_numbers_are_never_chosen() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let logits = [nan, 1.0, -inf, 2.0, nan];
    for stages in [
        vec![],
        vec![Stage::Temperature(0.0)],
        vec![Stage::TopP(0.9)],
    ] {
        let mut sampler = Sampler::new(stages, 1);
        for _ in 0..50 {
            let choice = sampler.sample(&logits, 5).unwrap();
            assert!([1, 3].contains(&choice.id));
            assert_eq!(choice.alternatives.len(), 2);
            assert!(choice.logprob.is_finite());
        }
    }
    let mut sampler = Sampler::new(vec![], 1);
    let choice = sampler.sample(&[0.0, inf, 3.0], 3).unwrap();
    assert_eq!((choice.id, choice.probability), (1, 1.0));
    for nothing in [&[][..], &[nan], &[-inf, nan, -inf]] {
        for stages in [vec![], vec![Stage::Temperature(0.0)]] {
            let mut sampler = Sampler::new(stages, 1);
            assert_eq!(sampler.sample(nothing, 2), Err(Error::NotFinite));
        }
    }
}

#[test]
fn an_error_leaves_the_random_numbers_where_they_were() {
    let logits = random_logits(100, 18);
    let mut one = Sampler::new(vec![], 5);
    let mut other = Sampler::new(vec![], 5);
    assert!(one.sample(&[f32::NAN], 0).is_err());
    assert_eq!(one.sample(&logits, 0), other.sample(&logits, 0));
}

#[test]
fn buffers_are_used_again() {
    let logits = random_logits(5000, 19);
    let mut sampler = Sampler::new(vec![Stage::TopK(40), Stage::TopP(0.9)], 1);
    sampler.sample(&logits, 10).unwrap();
    let before = (
        sampler.probabilities.as_ptr(),
        sampler.candidates.items().as_ptr(),
        sampler.ranking.items().as_ptr(),
    );
    for _ in 0..5 {
        sampler.sample(&logits, 10).unwrap();
    }
    let after = (
        sampler.probabilities.as_ptr(),
        sampler.candidates.items().as_ptr(),
        sampler.ranking.items().as_ptr(),
    );
    assert_eq!(before, after);
}
