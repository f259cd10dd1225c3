//! Links that the page made in a browser (`www/link.js`), written again natively: the same tokens, branch by branch.
//!
//! `tests/browser/links.test.mjs` opens the same links in each browser.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use nexttoken::TokenId;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;

const LINKS: &str = include_str!("data/links.txt");

/// What a link tells of one way that the text goes on.
struct Branch {
    /// The branch that it leaves, and the index of its first own token.
    from: Option<(usize, usize)>,
    /// Temperature, top-k, top-p and min-p, by the index of the first token drawn with them.
    sampler: BTreeMap<usize, [f32; 4]>,
    /// The tokens that the reader chose, by their index.
    forced: BTreeMap<usize, TokenId>,
    /// The number of tokens, those of the branch that it leaves included.
    tokens: usize,
    /// The checksum of the tokens.
    check: String,
}

struct Link {
    model: String,
    prompt: String,
    seed: u64,
    branches: Vec<Branch>,
}

impl Link {
    fn read(fragment: &str) -> Self {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(fragment.as_bytes())
            .into_owned()
            .collect();
        let all = |name: &str| -> Vec<&str> {
            let named = pairs.iter().filter(|pair| pair.0 == name);
            named.map(|pair| pair.1.as_str()).collect()
        };
        let (from, sampler, forced) = (all("from"), all("sampler"), all("forced"));
        let (tokens, check) = (all("tokens"), all("check"));
        let branch = |index: usize| Branch {
            from: index.checked_sub(1).map(|before| pair(from[before])),
            sampler: entries(sampler[index])
                .map(|(at, values)| (at, settings(values)))
                .collect(),
            forced: entries(forced.get(index).unwrap_or(&""))
                .map(|(at, id)| (at, parse(id)))
                .collect(),
            tokens: parse(tokens[index]),
            check: check[index].to_owned(),
        };
        Link {
            model: all("model")[0].to_owned(),
            prompt: all("prompt")[0].to_owned(),
            seed: parse(all("seed")[0]),
            branches: (0..sampler.len()).map(branch).collect(),
        }
    }

    /// Writes the text again, and returns the tokens of each branch.
    fn write(&self, model: Arc<Model>) -> Vec<Vec<TokenId>> {
        let mut written: Vec<Generator> = Vec::new();
        for branch in &self.branches {
            let (mut generator, at) = match branch.from {
                Some((parent, at)) => {
                    let mut fork = written[parent].fork().unwrap();
                    fork.rewind(fork.ids().len() - at).unwrap();
                    (fork, at)
                }
                None => {
                    let model = Arc::clone(&model);
                    let mut generator = Generator::new(model, Context::default()).unwrap();
                    let options = self.options(branch.sampler[&0]);
                    generator.start(&self.prompt, options).unwrap();
                    (generator, 0)
                }
            };
            for index in at..branch.tokens {
                if let Some(&settings) = branch.sampler.get(&index) {
                    generator.configure(self.options(settings)).unwrap();
                }
                let token = match branch.forced.get(&index) {
                    Some(&id) => generator.accept(id),
                    None => generator.next_token(),
                };
                token.unwrap().expect("the text is as long as it was");
            }
            written.push(generator);
        }
        written.iter().map(|text| text.ids().to_vec()).collect()
    }

    fn options(&self, [temperature, top_k, top_p, min_p]: [f32; 4]) -> Options {
        Options {
            temperature,
            top_k: top_k as u32,
            top_p,
            min_p,
            seed: Some(self.seed),
            ..Options::default()
        }
    }
}

fn parse<T: FromStr>(text: &str) -> T {
    let parsed = text.parse().ok();
    parsed.unwrap_or_else(|| panic!("{text} in a link"))
}

/// Two numbers with a colon between them.
fn pair(text: &str) -> (usize, usize) {
    let (one, other) = text.split_once(':').unwrap();
    (parse(one), parse(other))
}

/// What follows the colon of each entry, by the number before it.
fn entries(list: &str) -> impl Iterator<Item = (usize, &str)> {
    list.split_whitespace().map(|entry| {
        let (at, value) = entry.split_once(':').unwrap();
        (parse(at), value)
    })
}

fn settings(values: &str) -> [f32; 4] {
    let values: Vec<f32> = values.split(',').map(parse).collect();
    values.try_into().unwrap()
}

/// FNV-1a of the ids, as `www/link.js` has it.
fn checksum(ids: &[TokenId]) -> String {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:08x}")
}

#[test]
fn links_of_a_browser_give_the_same_tokens() {
    let stories = concat!(env!("CARGO_MANIFEST_DIR"), "/www/stories.gguf");
    let mut branches = 0;
    for fragment in LINKS.lines() {
        let link = Link::read(fragment);
        let model = match link.model.as_str() {
            "stories" => Some(Arc::new(Model::open(stories).unwrap())),
            "sample" => {
                common::cache::model("SmolLM2-135M-Instruct.Q4_1.gguf", "NEXTTOKEN_REQUIRE_MODEL")
            }
            other => panic!("no model {other}"),
        };
        let Some(model) = model else { continue };
        for (ids, branch) in link.write(model).iter().zip(&link.branches) {
            assert_eq!(ids.len(), branch.tokens);
            assert_eq!(checksum(ids), branch.check, "{fragment}\n{ids:?}");
            branches += 1;
        }
    }
    assert!(branches >= 3, "{branches}");
}
