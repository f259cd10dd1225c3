//! Builds the sampler's chain of stages from the options.

use super::options::Options;
use crate::error::invalid_option;
use crate::order::sort;
use crate::sampler::{LogitBias, Mirostat, SAMPLERS, SamplerName, Stage};
use crate::{Error, Result, TokenId};

/// The default stages with mirostat, which takes the place of those that cut candidates.
const WITH_MIROSTAT: [SamplerName; 5] = [
    SamplerName::LogitBias,
    SamplerName::Penalties,
    SamplerName::Dry,
    SamplerName::Temperature,
    SamplerName::MirostatV2,
];

impl Options {
    /// The sampler's chain of stages, including those that have no effect.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where `samplers` is not a valid chain.
    pub(super) fn stages(&self) -> Result<Vec<Stage>> {
        let order = order(self)?;
        let mut stages = all(self)?;
        let defaults = all(&Options::default())?;
        for name in SAMPLERS {
            let unused = stages.iter().find(|stage| stage.name() == name);
            let unused = unused.filter(|_| !order.contains(&name));
            if unused.is_some_and(|stage| !stage.is_neutral() && !defaults.contains(stage)) {
                return Err(listing(&format!("\"{name}\", whose options are set")));
            }
        }
        let mut take = |name: &SamplerName| {
            let place = stages.iter().position(|stage| stage.name() == *name)?;
            Some(stages.swap_remove(place))
        };
        Ok(order.iter().filter_map(&mut take).collect())
    }
}

/// All stages in any order, without mirostat where it is off.
fn all(options: &Options) -> Result<Vec<Stage>> {
    let bias = Stage::LogitBias(LogitBias {
        logit_bias: biases(options)?,
        banned_tokens: banned(options)?,
    });
    let mut stages = options.clone().into_stages();
    stages.push(bias);
    stages.retain(|stage| {
        options.mirostat != Mirostat::Off || !matches!(stage, Stage::MirostatV2(_))
    });
    Ok(stages)
}

/// The names of the stages in their order.
fn order(options: &Options) -> Result<Vec<SamplerName>> {
    let on = options.mirostat != Mirostat::Off;
    let Some(given) = &options.samplers else {
        let all: &[SamplerName] = if on { &WITH_MIROSTAT } else { &SAMPLERS };
        return Ok(all.to_vec());
    };
    let mut order = vec![SAMPLERS[0]];
    for (index, &name) in given.iter().enumerate() {
        match (name, order.contains(&name)) {
            (SamplerName::LogitBias, _) if index == 0 => continue,
            (SamplerName::LogitBias, _) => return Err(listing("\"logit_bias\" first")),
            (_, true) => return Err(listing(&format!("\"{name}\" only once"))),
            (SamplerName::MirostatV2, _) if !on => {
                let allowed = "a list without \"mirostat\" unless the option mirostat is 2";
                return Err(invalid_option("samplers", allowed));
            }
            _ if order.last() == Some(&SamplerName::MirostatV2) => {
                return Err(listing("\"mirostat\" last"));
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
    sort(&mut banned, Ord::cmp)?;
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

/// The error that the list must name this.
fn listing(what: &str) -> Error {
    invalid_option("samplers", &format!("a list that names {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(samplers: &[&str]) -> Options {
        Options {
            samplers: Some(samplers.iter().map(|name| name.parse().unwrap()).collect()),
            ..Options::default()
        }
    }

    fn names(options: &Options) -> Vec<&'static str> {
        let stages = options.stages().unwrap();
        stages.iter().map(|stage| stage.name().as_str()).collect()
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
            mirostat: Mirostat::V2,
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
        assert_eq!(
            names(&Options::default()),
            SAMPLERS.map(SamplerName::as_str)[..10]
        );
        let order = ["temperature", "min_p", "penalties"];
        assert_eq!(names(&with(&order))[1..], order);
        assert_eq!(
            names(&with(&["logit_bias", "top_k"])),
            ["logit_bias", "top_k"]
        );
        assert_eq!(names(&with(&[])), ["logit_bias"]);
        let mirostat = |samplers: &[&str]| Options {
            mirostat: Mirostat::V2,
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
        assert_eq!(names(&absent), WITH_MIROSTAT.map(SamplerName::as_str));
    }

    #[test]
    fn what_is_no_order_is_refused() {
        let unknown = "top_q".parse::<SamplerName>().unwrap_err().to_string();
        assert!(unknown.contains("top_n_sigma") && unknown.contains("top_q"));
        assert!(reason(&with(&["top_k", "top_k"])).contains("once"));
        assert!(reason(&with(&["top_k", "logit_bias"])).contains("first"));
        assert!(reason(&with(&["mirostat"])).contains("unless"));
        let mirostat = |samplers: &[&str]| Options {
            mirostat: Mirostat::V2,
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
