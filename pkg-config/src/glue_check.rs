//! Checks the glue that several modules share.

use anyhow::{Result, bail, ensure};

use crate::wasm::{BuiltModule, Variant};

/// Fails unless the modules that share a glue have the same, and it works under a strict Content-Security-Policy.
pub fn check(modules: &[(Variant, BuiltModule)]) -> Result<()> {
    let Some(((first, model), rest)) = modules.split_first() else {
        bail!("there is no module");
    };
    let stem = first.stem();
    for (variant, bound) in rest {
        for (ending, one, other) in [
            ("js", &model.glue, &bound.glue),
            ("d.ts", &model.types, &bound.types),
        ] {
            if let Some((one, other)) = first_difference(one, other) {
                bail!(
                    "{stem}.{ending} differs between the variants, so one cannot serve both: is an \
                     export or an import behind a target feature?\n  {}: {one}\n  {}: {other}",
                    first.name(),
                    variant.name()
                );
            }
        }
    }
    for forbidden in ["new Function", "eval("] {
        ensure!(
            !model.glue.contains(forbidden),
            "{stem}.js contains `{forbidden}`, which a strict Content-Security-Policy refuses \
             (a feature of js-sys or serde-wasm-bindgen?)"
        );
    }
    Ok(())
}

/// The first pair of lines that differ.
fn first_difference<'a>(one: &'a str, other: &'a str) -> Option<(&'a str, &'a str)> {
    if one == other {
        return None;
    }
    let mut pairs = one.lines().zip(other.lines());
    Some(
        pairs
            .find(|(one, other)| one != other)
            .unwrap_or(("ends", "goes on, or the reverse")),
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn bound(glue: &str) -> BuiltModule {
        BuiltModule {
            module: PathBuf::new(),
            glue: glue.to_owned(),
            types: String::new(),
        }
    }

    #[test]
    fn one_glue_must_fit_all() {
        let check = |one: &str, other: &str| {
            check(&[
                (Variant::Simd128, bound(one)),
                (Variant::Relaxed, bound(other)),
            ])
        };
        assert!(check("a\nb\n", "a\nb\n").is_ok());
        let error = check("a\nb\n", "a\nc\n").unwrap_err().to_string();
        assert!(
            error.contains("simd128: b") && error.contains("relaxed: c"),
            "{error}"
        );
        assert!(check("a\n", "a\nb\n").is_err());
    }

    #[test]
    fn glue_that_a_strict_policy_refuses_is_refused() {
        for glue in ["const f = new Function(text)", "eval(text)"] {
            assert!(check(&[(Variant::Simd128, bound(glue))]).is_err(), "{glue}");
        }
    }
}
