//! Tests that what is cut or sampled without sorting the vocabulary is, token for token, what a full sort gives.

use super::*;
use crate::kernels;
use crate::sampler::selection::rank;
use crate::sampler::sums::FixedPoint;

/// All candidates sorted by `key`, with the cumulative sums of their units.
struct Sorted {
    tokens: Vec<TokenData>,
    sums: Vec<u64>,
}

impl Sorted {
    fn new(logits: &[f32], key: impl Fn(f32) -> f32) -> Self {
        let mut weights = logits.to_vec();
        kernels::softmax(&mut weights);
        let unit = FixedPoint::new(kernels::max(&weights), weights.len());
        let all = (0..).zip(logits.iter().zip(weights));
        let mut tokens: Vec<_> = all
            .map(|(id, (&logit, weight))| TokenData { id, logit, weight })
            .collect();
        tokens.retain(|token| token.logit > f32::NEG_INFINITY);
        tokens.sort_by(|a, b| {
            let keys = key(a.logit).total_cmp(&key(b.logit));
            keys.then_with(|| rank(a, b))
        });
        let mut sum = 0;
        let sums = tokens.iter().map(|token| {
            sum += unit.count(token.weight);
            sum
        });
        let sums = sums.collect();
        Sorted { tokens, sums }
    }

    fn mass(&self) -> f64 {
        *self.sums.last().unwrap() as f64
    }

    /// The ids of the fewest first tokens that weigh at least `share`.
    fn leading(&self, share: f64) -> Vec<TokenId> {
        let reached = |&sum: &u64| sum as f64 >= share * self.mass();
        let count = self.sums.iter().position(reached).unwrap() + 1;
        let mut ids: Vec<_> = self.tokens[..count].iter().map(|token| token.id).collect();
        ids.sort_unstable();
        ids
    }

    /// The token at `point` of the mass.
    fn at(&self, point: f64) -> TokenId {
        let passed = |&sum: &u64| sum as f64 > point * self.mass();
        self.tokens[self.sums.iter().position(passed).unwrap()].id
    }
}

/// Distributions of every shape, including those with equal logits, among which only the ids decide.
fn distributions() -> Vec<(&'static str, Vec<f32>)> {
    let count = 6000;
    let from = |shape: fn(usize) -> f32| (0..count).map(shape).collect::<Vec<f32>>();
    let mut dice = Dice::new(9);
    let mut masked = random_logits(count, 5);
    for id in dice.ids(4000, count) {
        masked[id as usize] = f32::NEG_INFINITY;
    }
    vec![
        ("random", random_logits(count, 1)),
        ("few", random_logits(300, 2)),
        ("large", random_logits(50_000, 3)),
        ("masked", masked),
        ("all equal", vec![1.5; count]),
        ("flat", from(|i| (i % 97) as f32 * 1e-6)),
        ("one-hot", from(|i| if i == 4321 { 90.0 } else { 0.0 })),
        ("one and a tail", from(|i| if i == 17 { 9.0 } else { 0.0 })),
        ("ties", from(|i| (i % 5) as f32)),
        ("two", from(|i| if i % 2 == 0 { 0.0 } else { -8.0 })),
        ("steep", from(|i| -(i as f32))),
        ("ramp", from(|i| i as f32 * -0.005)),
        ("huge", from(|i| (i % 7) as f32 * 1e30)),
    ]
}

const SHARES: [f32; 12] = [
    0.0,
    1e-9,
    1e-4,
    0.1,
    0.25,
    0.5,
    0.75,
    0.9,
    0.95,
    0.999,
    0.999_999_9,
    1.0,
];

fn begin(logits: &[f32]) -> Candidates {
    let mut candidates = Candidates::default();
    candidates.begin(logits).unwrap();
    candidates
}

fn left(stage: &Stage, candidates: &mut Candidates) -> Vec<TokenId> {
    let mut context = Sampler::new(Vec::new(), 0).context;
    stage
        .apply(candidates, &step(0, &[]), &mut context)
        .unwrap();
    let mut ids = Vec::new();
    candidates.for_each(|id, _| ids.push(id)).unwrap();
    ids
}

#[test]
fn top_p_is_that_of_a_full_sort() {
    for (name, logits) in distributions() {
        let best = kernels::max(&logits);
        let sorted = Sorted::new(&logits, |logit| best - logit);
        for share in SHARES {
            let found = left(&top_p(share), &mut begin(&logits));
            assert_eq!(found, sorted.leading(share.into()), "{name}, {share}");
        }
    }
}

#[test]
fn typical_p_is_that_of_a_full_sort() {
    for (name, logits) in distributions() {
        let mut candidates = begin(&logits);
        let (entropy, _) = candidates.entropy_and_max_entropy().unwrap();
        let total = candidates.total().unwrap().unwrap();
        let expected = total.surprisal.logit(entropy);
        let distance = |logit| (expected - f64::from(logit)).abs() as f32;
        let sorted = Sorted::new(&logits, distance);
        for share in SHARES {
            let found = left(&typical_p(share), &mut begin(&logits));
            assert_eq!(found, sorted.leading(share.into()), "{name}, {share}");
        }
    }
}

#[test]
fn a_draw_is_that_of_a_full_sort() {
    let mut dice = Dice::new(3);
    for (name, logits) in distributions() {
        let best = kernels::max(&logits);
        let sorted = Sorted::new(&logits, |logit| best - logit);
        let mut candidates = begin(&logits);
        let random = (0..30).map(|_| f64::from(dice.unit()));
        for point in random.chain([0.0, 0.25, 0.5, 0.75, 1.0 - f64::EPSILON]) {
            let drawn = candidates.draw(point).unwrap().unwrap();
            assert_eq!(drawn.token.id, sorted.at(point), "{name}, {point}");
            assert!(drawn.from <= point && point < drawn.to, "{name}, {drawn:?}");
        }
    }
}

/// The least probable token, once it is the only one left, has the probability 1, though its weight was 0 before.
#[test]
fn what_is_left_alone_is_certain() {
    let left = survivors(&[200.0, 1.0, 0.0], &[xtc(1.0, 0.0)]);
    assert_eq!(left, [(2, 1.0)]);
    let few = [top_k(3), xtc(1.0, 0.0)];
    assert_eq!(survivors(&[200.0, 1.0, 0.0, -1.0], &few), [(2, 1.0)]);
}
