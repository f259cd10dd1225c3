//! Builds the sampler's chain of stages from the options.

use super::options::Options;
use crate::order::sort;
use crate::sampler::{SAMPLERS, Stage};
use crate::{Error, Result, TokenId};

/// The default stages with mirostat, which takes the place of those that cut candidates.
const WITH_MIROSTAT: [&str; 5] = ["logit_bias", "penalties", "dry", "temperature", "mirostat"];

impl Options {
    /// The sampler's chain of stages, including those that have no effect.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where `samplers` is not a valid chain.
    pub(super) fn stages(&self) -> Result<Vec<Stage>> {
        stages(self)
    }
}

fn stages(options: &Options) -> Result<Vec<Stage>> {
    let order = order(options)?;
    let mut stages = all(options)?;
    let defaults = all(&Options::default())?;
    for name in SAMPLERS {
        let unused = stages.iter().find(|stage| stage.name() == name);
        let unused = unused.filter(|_| !order.contains(&name));
        if unused.is_some_and(|stage| !stage.is_neutral() && !defaults.contains(stage)) {
            let reason = format!("it must name \"{name}\", whose options are set");
            return Err(refuse(reason));
        }
    }
    let mut take = |name: &&str| {
        let place = stages.iter().position(|stage| stage.name() == *name)?;
        Some(stages.swap_remove(place))
    };
    Ok(order.iter().filter_map(&mut take).collect())
}

/// All stages in any order, without mirostat where it is off.
fn all(options: &Options) -> Result<Vec<Stage>> {
    let bias = Stage::LogitBias {
        logit_bias: biases(options)?,
        banned_tokens: banned(options)?,
    };
    let mut stages = options.clone().into_stages();
    stages.push(bias);
    stages.retain(|stage| options.mirostat != 0 || !matches!(stage, Stage::Mirostat { .. }));
    Ok(stages)
}

/// The names of the stages in their order.
fn order(options: &Options) -> Result<Vec<&'static str>> {
    let on = options.mirostat != 0;
    let Some(given) = &options.samplers else {
        let all: &[&str] = if on { &WITH_MIROSTAT } else { &SAMPLERS };
        return Ok(all.to_vec());
    };
    let mut order = vec![SAMPLERS[0]];
    for (index, given) in given.iter().enumerate() {
        let found = SAMPLERS.into_iter().find(|name| name == given);
        let name = found.ok_or_else(|| {
            let names = SAMPLERS.join(", ");
            refuse(format!(
                "it must be a list of {names}; there is no \"{given}\""
            ))
        })?;
        match (name, order.contains(&name)) {
            ("logit_bias", _) if index == 0 => continue,
            ("logit_bias", _) => return Err(refuse("it must name \"logit_bias\" first".into())),
            (_, true) => {
                return Err(refuse(format!("it must name \"{name}\" only once")));
            }
            ("mirostat", _) if !on => {
                return Err(refuse(
                    "it must not name \"mirostat\" unless the option mirostat is 2".into(),
                ));
            }
            _ if order.last() == Some(&"mirostat") => {
                return Err(refuse("it must name \"mirostat\" last".into()));
            }
            _ => order.push(name),
        }
    }
    Ok(order)
}

/// The finite biases, sorted by id. Where a token has several, the last one given counts.
fn biases(options: &Options) -> Result<Vec<(TokenId, f32)>> {
    let mut biases = last_of_each(options)?;
    biases.retain(|pair| pair.1.is_finite());
    Ok(biases)
}

/// The banned tokens, sorted by id, each once.
pub(super) fn banned(options: &Options) -> Result<Vec<TokenId>> {
    let biases = last_of_each(options)?;
    let infinite = biases.iter().filter(|pair| !pair.1.is_finite());
    let mut banned: Vec<TokenId> = infinite.map(|pair| pair.0).collect();
    banned.extend(&options.banned_tokens);
    banned.sort_unstable();
    banned.dedup();
    Ok(banned)
}

fn last_of_each(options: &Options) -> Result<Vec<(TokenId, f32)>> {
    let mut biases: Vec<(TokenId, f32)> = options.logit_bias.iter().rev().copied().collect();
    // The biases are reversed, so of equal ids the one given last comes first and stays.
    sort(&mut biases, |a: &(TokenId, f32), b| a.0.cmp(&b.0))?;
    biases.dedup_by_key(|pair| pair.0);
    Ok(biases)
}

fn refuse(reason: String) -> Error {
    Error::InvalidOption {
        name: "samplers".into(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(samplers: &[&str]) -> Options {
        Options {
            samplers: Some(samplers.iter().map(|&name| name.into()).collect()),
            ..Options::default()
        }
    }

    fn names(options: &Options) -> Vec<&'static str> {
        let stages = stages(options).unwrap();
        stages.iter().map(Stage::name).collect()
    }

    fn reason(options: &Options) -> String {
        match options.validate() {
            Err(Error::InvalidOption { name, reason }) => {
                assert_eq!(name, "samplers");
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_name_has_a_stage() {
        let options = Options {
            mirostat: 2,
            ..Options::default()
        };
        let all = all(&options).unwrap();
        let mut names: Vec<_> = all.iter().map(Stage::name).collect();
        let mut expected = SAMPLERS;
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_order_is_the_callers() {
        assert_eq!(names(&Options::default()), SAMPLERS[..10]);
        let order = ["temperature", "min_p", "penalties"];
        assert_eq!(names(&with(&order))[1..], order);
        assert_eq!(
            names(&with(&["logit_bias", "top_k"])),
            ["logit_bias", "top_k"]
        );
        assert_eq!(names(&with(&[])), ["logit_bias"]);
        let mirostat = |samplers: &[&str]| Options {
            mirostat: 2,
            ..with(samplers)
        };
        assert_eq!(
            names(&mirostat(&["top_k", "mirostat"]))[1..],
            ["top_k", "mirostat"]
        );
        let absent = Options {
            samplers: None,
            ..mirostat(&[])
        };
        assert_eq!(names(&absent), WITH_MIROSTAT);
    }

    #[test]
    fn what_is_no_order_is_refused() {
        assert!(reason(&with(&["top_q"])).contains("top_n_sigma"));
        assert!(reason(&with(&["top_k", "top_k"])).contains("once"));
        assert!(reason(&with(&["top_k", "logit_bias"])).contains("first"));
        assert!(reason(&with(&["mirostat"])).contains("unless"));
        let mirostat = |samplers: &[&str]| Options {
            mirostat: 2,
            ..with(samplers)
        };
        assert!(reason(&mirostat(&["mirostat", "top_k"])).contains("last"));
        assert!(reason(&mirostat(&["top_k"])).contains("mirostat"));
        // An option whose stage does not run would be ignored.
        let ignored = Options {
            top_p: 0.5,
            ..with(&["top_k"])
        };
        assert!(reason(&ignored).contains("\"top_p\""));
        let neutral = Options {
            top_p: 1.0,
            ..with(&["top_k"])
        };
        neutral.validate().unwrap();
    }

    #[test]
    fn of_several_biases_the_last_counts() {
        let options = Options {
            logit_bias: vec![
                (5, 1.0),
                (3, f32::NEG_INFINITY),
                (5, 2.0),
                (7, f32::NEG_INFINITY),
                (7, 0.5),
            ],
            banned_tokens: vec![9, 3, 9],
            ..Options::default()
        };
        assert_eq!(biases(&options).unwrap(), [(5, 2.0), (7, 0.5)]);
        assert_eq!(banned(&options).unwrap(), [3, 9]);
    }
}
