//! Tests against a naive reference: the stages as their papers define them, in double precision, which sorts and copies
//! everything. The chain must agree with it.

use super::*;

/// Candidates in any order, and the smallest margin of any comparison so far. Where it is tiny, single precision may
/// rightly decide otherwise.
struct Naive {
    tokens: Vec<(TokenId, f64)>,
    margin: f64,
}

impl Naive {
    fn new(logits: &[f32]) -> Self {
        let tokens = (0..).zip(logits.iter().map(|&l| f64::from(l))).collect();
        Naive {
            tokens,
            margin: 1.0,
        }
    }

    fn probabilities(&self) -> Vec<f64> {
        let max = self.tokens.iter().fold(f64::MIN, |a, t| a.max(t.1));
        let weights: Vec<f64> = self.tokens.iter().map(|t| (t.1 - max).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    fn entropy(&self) -> f64 {
        let p = self.probabilities();
        -p.iter()
            .filter(|&&p| p > 0.0)
            .map(|p| p * p.ln())
            .sum::<f64>()
    }

    fn best_first(&mut self) {
        self.tokens
            .sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    }

    fn at_least(&mut self, value: f64, limit: f64) -> bool {
        self.margin = self.margin.min((value - limit).abs());
        value >= limit
    }

    /// Keeps the tokens in their order until their probabilities reach `share`.
    fn keep_share(&mut self, share: f64) {
        let p = self.probabilities();
        let mut sum = 0.0;
        for (index, p) in p.into_iter().enumerate() {
            sum += p;
            if self.at_least(sum, share) {
                self.tokens.truncate(index + 1);
            }
        }
    }

    fn keep(&mut self, mut keep: impl FnMut(&mut Self, usize) -> bool) {
        let kept: Vec<_> = (0..self.tokens.len()).filter(|&i| keep(self, i)).collect();
        self.tokens = kept.into_iter().map(|i| self.tokens[i]).collect();
    }

    fn apply(&mut self, stage: &Stage, history: &[TokenId], fires: bool) {
        if stage.is_neutral() {
            return;
        }
        self.best_first();
        let p = self.probabilities();
        match stage.clone() {
            Stage::LogitBias(LogitBias {
                logit_bias,
                banned_tokens,
            }) => {
                self.tokens.retain(|t| !banned_tokens.contains(&t.0));
                for (id, bias) in logit_bias {
                    for token in self.tokens.iter_mut().filter(|t| t.0 == id) {
                        token.1 += f64::from(bias);
                    }
                }
            }
            Stage::Penalties(Penalties {
                penalty_last_n,
                repetition_penalty,
                frequency_penalty,
                presence_penalty,
                no_repeat_ngram_size,
            }) => {
                let window = last(history, penalty_last_n);
                for token in &mut self.tokens {
                    let count = window.iter().filter(|&&id| id == token.0).count() as f64;
                    if count > 0.0 {
                        token.1 = if token.1 > 0.0 {
                            token.1 / f64::from(repetition_penalty)
                        } else {
                            token.1 * f64::from(repetition_penalty)
                        };
                        token.1 -= count * f64::from(frequency_penalty);
                        token.1 -= f64::from(presence_penalty);
                    }
                }
                let size = no_repeat_ngram_size as usize;
                let repeats = |id: TokenId| {
                    let mut with = window.to_vec();
                    with.push(id);
                    size > 0
                        && size <= window.len()
                        && window.windows(size).any(|ngram| with.ends_with(ngram))
                };
                if self.tokens.iter().any(|t| !repeats(t.0)) {
                    self.tokens.retain(|t| !repeats(t.0));
                }
            }
            Stage::Dry(Dry {
                dry_multiplier,
                dry_base,
                dry_allowed_length,
                dry_penalty_last_n,
                ..
            }) => {
                let window = last(history, dry_penalty_last_n);
                for token in &mut self.tokens {
                    let lengths = (0..window.len())
                        .filter(|&at| window[at] == token.0)
                        .map(|at| common_end(&window[..at], window));
                    if let Some(longest) = lengths.max()
                        && longest >= dry_allowed_length as usize
                    {
                        let excess = (longest - dry_allowed_length as usize) as i32;
                        token.1 -= f64::from(dry_multiplier) * f64::from(dry_base).powi(excess);
                    }
                }
            }
            Stage::TopNSigma(TopNSigma { top_n_sigma }) => {
                let n = self.tokens.len() as f64;
                let mean = self.tokens.iter().map(|t| t.1).sum::<f64>() / n;
                let square = |t: &(TokenId, f64)| (t.1 - mean).powi(2);
                let sigma = (self.tokens.iter().map(square).sum::<f64>() / n).sqrt();
                let least = self.tokens[0].1 - f64::from(top_n_sigma) * sigma;
                self.keep(|all, i| i == 0 || all.at_least(all.tokens[i].1, least));
            }
            Stage::TopK(TopK { top_k }) => self.tokens.truncate(top_k as usize),
            Stage::TypicalP(TypicalP { typical_p }) => {
                let entropy = self.entropy();
                let distance = |p: f64| (-p.ln() - entropy).abs();
                let mut order: Vec<_> = (0..p.len()).collect();
                order.sort_by(|&a, &b| distance(p[a]).total_cmp(&distance(p[b])));
                for pair in order.windows(2) {
                    let (a, b) = (distance(p[pair[0]]), distance(p[pair[1]]));
                    if a != b {
                        self.margin = self.margin.min(b - a);
                    }
                }
                self.tokens = order.into_iter().map(|i| self.tokens[i]).collect();
                self.keep_share(f64::from(typical_p));
            }
            Stage::TopP(TopP { top_p }) => self.keep_share(f64::from(top_p)),
            Stage::MinP(MinP { min_p }) => {
                let least = f64::from(min_p) * p[0];
                self.keep(|all, i| i == 0 || all.at_least(p[i], least));
            }
            Stage::Xtc(Xtc { xtc_threshold, .. }) => {
                let threshold = f64::from(xtc_threshold);
                let top = p.iter().filter(|&&p| self.at_least(p, threshold)).count();
                if fires && top >= 2 {
                    self.tokens.drain(..top - 1);
                }
            }
            Stage::Temperature(Temperature {
                temperature,
                dynatemp_range,
                dynatemp_exponent,
            }) => {
                let (t, range) = (f64::from(temperature), f64::from(dynatemp_range));
                let mut now = t;
                if range > 0.0 && self.tokens.len() > 1 {
                    let share = self.entropy() / (self.tokens.len() as f64).ln();
                    let low = (t - range).max(0.0);
                    now = low + (t + range - low) * share.powf(f64::from(dynatemp_exponent));
                }
                if now == 0.0 {
                    self.tokens.truncate(1);
                }
                self.tokens.iter_mut().for_each(|token| token.1 /= now);
            }
            Stage::MirostatV2(MirostatV2 { mirostat_tau, .. }) => {
                let mu = 2.0 * f64::from(mirostat_tau);
                self.keep(|all, i| i == 0 || all.at_least(mu, -p[i].log2()));
            }
        }
    }
}

fn last(history: &[TokenId], last_n: i32) -> &[TokenId] {
    match usize::try_from(last_n) {
        Ok(count) => &history[history.len().saturating_sub(count)..],
        Err(_) => history,
    }
}

/// How many tokens `a` and `b` have in common at the end.
fn common_end(a: &[TokenId], b: &[TokenId]) -> usize {
    let pairs = a.iter().rev().zip(b.iter().rev());
    pairs.take_while(|(a, b)| a == b).count()
}

/// A stage of each kind, with parameters that have an effect.
fn random_stages(dice: &mut Dice, vocabulary: usize) -> Vec<Stage> {
    let rates = [
        dice.one_of(&[1.0, 1.3, 0.8]),
        dice.one_of(&[0.0, 0.5, -0.3]),
        dice.one_of(&[0.0, 0.7]),
    ];
    let banned = dice.below(3);
    let window = dice.one_of(&[-1, 0, 5, 64]);
    let mut stages = vec![
        penalties(window, rates, dice.below(4) as u32),
        dry(dice.one_of(&[0.0, 0.8]), dice.below(4) as u32, window, &[]),
        top_n_sigma(dice.one_of(&[0.0, 1.0, 2.5])),
        top_k(dice.one_of(&[0, 1, 5, 40, 1500])),
        typical_p(dice.one_of(&[1.0, 0.3, 0.9])),
        top_p(dice.one_of(&[1.0, 0.0, 0.4, 0.95])),
        min_p(dice.one_of(&[0.0, 0.05, 0.3, 1.0])),
        xtc(dice.one_of(&[0.0, 1.0]), dice.one_of(&[0.0, 0.05, 0.2])),
        dynamic(
            dice.one_of(&[0.3, 1.0, 1.7]),
            dice.one_of(&[0.0, 0.5]),
            dice.one_of(&[0.5, 1.0, 2.0]),
        ),
    ];
    // A random order, of a random part.
    for index in (1..stages.len()).rev() {
        stages.swap(index, dice.below(index + 1));
    }
    stages.truncate(1 + dice.below(stages.len()));
    let bias = Stage::LogitBias(LogitBias {
        logit_bias: vec![(dice.below(vocabulary) as TokenId, dice.one_of(&[-3.0, 4.0]))],
        banned_tokens: dice.ids(banned, vocabulary),
    });
    stages.insert(0, bias);
    if dice.below(3) == 0 {
        stages.push(mirostat(dice.one_of(&[0.5, 2.0, 5.0]), 0.1));
    }
    stages
}

/// Compares the chain with the reference; false where a comparison was too close to tell.
fn agrees(logits: &[f32], stages: &[Stage], history: &[TokenId]) -> bool {
    let mut naive = Naive::new(logits);
    for stage in stages {
        naive.apply(stage, history, true);
    }
    if naive.margin < 2e-5 {
        return false;
    }
    naive.best_first();
    let p = naive.probabilities();
    let left = survivors_after(logits, stages, history);
    let sum: f64 = left.iter().map(|one| one.1).sum();
    assert!((sum - 1.0).abs() < 1e-4, "{stages:?}: {sum}");
    let (mut a, mut b) = (
        ids(&left),
        naive.tokens.iter().map(|t| t.0).collect::<Vec<_>>(),
    );
    a.sort_unstable();
    b.sort_unstable();
    assert_eq!(a, b, "{stages:?}");
    for (token, p) in naive.tokens.iter().zip(p) {
        let ours = left.iter().find(|one| one.0 == token.0).unwrap().1;
        assert!((ours - p).abs() < 5e-4, "{stages:?}: {token:?} {p} {ours}");
    }
    true
}

#[test]
fn each_stage_alone_agrees_with_its_definition() {
    let mut dice = Dice::new(1);
    let mut compared = [0; 11];
    for round in 0..1500 {
        let count = dice.one_of(&[1, 2, 30, 400, 3000]);
        let logits = random_logits(count, round);
        let history = dice.ids(60, count.min(8));
        for stage in random_stages(&mut dice, count) {
            if matches!(&stage, Stage::LogitBias(LogitBias { banned_tokens, .. }) if banned_tokens.len() >= count)
            {
                continue;
            }
            let kind = crate::generator::SAMPLERS
                .iter()
                .position(|name| *name == stage.name());
            compared[kind.unwrap()] += u32::from(agrees(&logits, &[stage], &history));
        }
    }
    assert!(compared.iter().all(|&count| count > 100), "{compared:?}");
}

#[test]
fn whole_chains_agree_with_the_reference() {
    let mut dice = Dice::new(2);
    let mut compared = 0;
    for round in 0..2000 {
        let count = dice.one_of(&[8, 30, 400, 3000]);
        let logits = random_logits(count, round);
        let history = dice.ids(60, 8);
        let stages = random_stages(&mut dice, count);
        compared += u32::from(agrees(&logits, &stages, &history));
    }
    assert!(compared > 1000, "{compared}");
}

/// With vocabularies of a real size, which are never sorted as a whole.
#[test]
fn large_vocabularies_agree_with_the_reference() {
    let flat: Vec<f32> = random_logits(262_144, 3).iter().map(|l| l / 6.0).collect();
    let peaked = random_logits(49_152, 4);
    let mut compared = 0;
    for logits in [&flat, &peaked] {
        for stages in [
            vec![top_p(0.9)],
            vec![top_p(0.37), temperature(1.5)],
            vec![top_k(5000), top_p(0.8)],
            vec![min_p(0.2), top_k(2000)],
            vec![top_n_sigma(1.5), top_p(0.7)],
            vec![temperature(0.6), mirostat(3.5, 0.1)],
        ] {
            compared += u32::from(agrees_on_cuts(logits, &stages));
        }
    }
    assert!(compared >= 9, "{compared}");
}

/// Like [`agrees`], but fast enough for large vocabularies.
fn agrees_on_cuts(logits: &[f32], stages: &[Stage]) -> bool {
    let mut naive = Naive::new(logits);
    for stage in stages {
        naive.apply(stage, &[], true);
    }
    naive.best_first();
    let left = survivors(logits, stages);
    let difference = left.len().abs_diff(naive.tokens.len());
    // Many tokens of nearly the same logit: single precision may move the end by a few.
    assert!(
        difference * 5000 <= left.len(),
        "{stages:?}: {difference} of {}",
        left.len()
    );
    difference == 0
}
