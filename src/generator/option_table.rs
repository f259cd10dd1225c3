//! The table that describes an option once. Each row gives its documentation, name, type, default and allowed values;
//! [`Options`](super::Options) with its defaults and checks, the stages of the sampler, and the list of fields that
//! snapshots, JavaScript and the command line go by all come from it.

use crate::constraint::Constraint;
use crate::error::check_option;
use crate::sampler::{Mirostat, SamplerName};
use crate::{Result, TokenId};

/// An option of a generation, to be read or set.
#[derive(Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: &'static str,
    /// Its documentation.
    #[cfg(not(target_arch = "wasm32"))]
    pub doc: &'static str,
    /// Its value.
    pub value: Value<'a>,
}

/// Defines [`Value`], which has a variant for each type that an option can have.
macro_rules! values {
    ($($variant:ident($type:ty),)*) => {
        /// The value of an option, by its type.
        #[derive(Debug)]
        #[allow(missing_docs, reason = "the variants are named like their types")]
        pub enum Value<'a> {
            $($variant(&'a mut $type),)*
        }

        $(impl<'a> From<&'a mut $type> for Value<'a> {
            fn from(value: &'a mut $type) -> Self {
                Value::$variant(value)
            }
        })*
    };
}

values! {
    F32(f32),
    U32(u32),
    I32(i32),
    Bool(bool),
    Usize(usize),
    OptionalU32(Option<u32>),
    OptionalU64(Option<u64>),
    OptionalUsize(Option<usize>),
    Biases(Vec<(TokenId, f32)>),
    Tokens(Vec<TokenId>),
    Strings(Vec<String>),
    Adapters(Vec<(String, f32)>),
    Mirostat(Mirostat),
    Samplers(Option<Vec<SamplerName>>),
    Constraint(Option<Constraint>),
}

/// The values that an option may have: in words, and as a test.
pub(super) struct Allowed<T>(pub &'static str, pub fn(&T) -> bool);

impl<T> Allowed<T> {
    /// Fails with [`Error::InvalidOption`](crate::Error::InvalidOption) unless the option `name` may have this value.
    pub fn check(self, name: &str, value: &T) -> Result<()> {
        check_option(self.1(value), name, self.0)
    }
}

/// Defines the struct `Options`. Its rows stand in braces, one pair of braces for each stage of the sampler, whose
/// fields have the names of its options, and some without a stage:
///
/// ```text
/// TopK {
///     /// Documentation.
///     top_k: u32 = 40, ALLOWED;
/// }
/// ```
macro_rules! option_table {
    ($(#[$meta:meta])* $(
        $($stage:ident)? { $(
            $(#[doc = $doc:literal])+
            $name:ident: $type:ty = $default:expr $(, $allowed:expr)?;
        )* }
    )*) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct Options {
            $($($(#[doc = $doc])+ pub $name: $type,)*)*
        }

        impl Default for Options {
            fn default() -> Self {
                Options { $($($name: $default,)*)* }
            }
        }

        impl Options {
            /// All options, in the order of the table.
            #[doc(hidden)]
            pub fn fields(&mut self) -> [Field<'_>; [$($(stringify!($name),)*)*].len()] {
                [$($(Field {
                    name: stringify!($name),
                    #[cfg(not(target_arch = "wasm32"))]
                    doc: concat!($($doc,)+),
                    value: Value::from(&mut self.$name),
                },)*)*]
            }

            /// Checks each option by itself.
            pub(super) fn check_ranges(&self) -> Result<()> {
                $($($($allowed.check(stringify!($name), &self.$name)?;)?)*)*
                Ok(())
            }

            /// The stages of the table with their options.
            pub(super) fn into_stages(self) -> Vec<Stage> {
                let stages = [$(option_table!(@stage self $($stage)? { $($name)* }),)*];
                stages.into_iter().flatten().collect()
            }
        }
    };
    (@stage $options:ident { $($name:ident)* }) => { None };
    (@stage $options:ident $stage:ident { $($name:ident)* }) => {
        Some(Stage::$stage($crate::sampler::$stage { $($name: $options.$name),* }))
    };
}
pub(super) use option_table;

// The documentation of the options is only kept natively, for the command line.
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::generator::{Options, SAMPLERS};

    const TYPES: &str = include_str!("../wasm/engine/types.rs");

    /// What follows `start` in the TypeScript declarations, up to `end`.
    fn declaration<'a>(start: &str, end: &str) -> &'a str {
        let (_, rest) = TYPES.split_once(start).expect("it is declared");
        rest.split_once(end).expect("it ends").0
    }

    /// The properties of an interface: name, type and documentation.
    fn properties(interface: &str) -> Vec<(&str, &str, String)> {
        let (mut properties, mut doc) = (Vec::new(), String::new());
        for line in interface.lines().map(str::trim) {
            match line.trim_end_matches(';').split_once("?: ") {
                Some((name, kind)) if !line.starts_with(['/', '*']) => {
                    properties.push((name, kind, std::mem::take(&mut doc)));
                }
                _ => doc = doc + line + " ",
            }
        }
        properties
    }

    fn typescript(field: &Field) -> &'static [&'static str] {
        match (field.name, &field.value) {
            (_, Value::Mirostat(_)) => &["0 | 2"],
            (_, Value::Samplers(_)) => &["SamplerName[]"],
            (_, Value::F32(_) | Value::U32(_) | Value::I32(_)) => &["number"],
            (_, Value::Usize(_) | Value::OptionalUsize(_)) => &["number"],
            (_, Value::Bool(_)) => &["boolean"],
            (_, Value::OptionalU32(_)) => &["boolean | { top?: number }"],
            (_, Value::OptionalU64(_)) => &["number | bigint"],
            (_, Value::Biases(_)) => {
                &["Record<number, number | false> | [id: number, bias: number | false][]"]
            }
            (_, Value::Adapters(_)) => &["Record<string, number>"],
            (_, Value::Tokens(_)) => &["Uint32Array | number[]"],
            (_, Value::Strings(_)) => &["string | string[]"],
            (_, Value::Constraint(_)) => &[
                "object | boolean | string | null",
                "string | null",
                "string | null",
            ],
        }
    }

    /// The default as the documentation spells it; `None` for what is absent or empty.
    fn default(value: &Value) -> Option<String> {
        match value {
            Value::F32(number) => Some(number.to_string()),
            Value::U32(number) => Some(number.to_string()),
            Value::Mirostat(version) => Some(version.number().to_string()),
            Value::I32(number) => Some(number.to_string()),
            Value::Usize(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    #[test]
    fn typescript_declares_the_options_of_the_table() {
        let interface = declaration("export interface GenerateOptions {\n", "\n}\n");
        let mut properties = properties(interface);
        for field in Options::default().fields() {
            let names = match field.value {
                Value::Constraint(_) => vec!["json_schema", "regex", "grammar"],
                _ => vec![field.name],
            };
            for (name, expected) in names.into_iter().zip(typescript(&field)) {
                let place = properties.iter().position(|property| property.0 == name);
                let place = place.unwrap_or_else(|| panic!("TypeScript has no {name}"));
                let (_, kind, doc) = properties.swap_remove(place);
                assert_eq!(kind, *expected, "{name}");
                if let Some(default) = default(&field.value) {
                    let doc = doc.to_lowercase();
                    let said = doc.split(" unless set").next().unwrap_or_default();
                    assert!(
                        doc != said && said.ends_with(&format!(" {default}")),
                        "{name}: {doc}"
                    );
                }
            }
        }
        assert_eq!(properties, [], "the table has no such options");
    }

    #[test]
    fn typescript_names_the_stages_in_their_order() {
        let names = declaration("export type SamplerName =\n", ";");
        let names: Vec<_> = names.split('"').skip(1).step_by(2).collect();
        assert_eq!(names, SAMPLERS.map(SamplerName::as_str));
    }

    #[test]
    fn the_documentation_names_the_defaults() {
        for field in Options::default().fields() {
            let doc = field.doc.to_lowercase().replace('−', "-");
            if let Some(default) = default(&field.value) {
                let (_, said) = doc.split_once("default ").expect(field.name);
                let said = said.split([' ', ',', ';', ':']).next().unwrap_or_default();
                assert_eq!(said.trim_end_matches('.'), default, "{}", field.name);
            }
        }
    }

    #[test]
    fn both_languages_name_the_default_strings() {
        let names = [
            ("\n", "line break"),
            (":", "colon"),
            ("\"", "quotation mark"),
            ("*", "asterisk"),
        ];
        assert_eq!(
            Options::default().dry_sequence_breakers,
            names.map(|pair| pair.0)
        );
        let interface = declaration("export interface GenerateOptions {\n", "\n}\n");
        let properties = properties(interface);
        let mut options = Options::default();
        let fields = options.fields();
        let in_rust = fields
            .iter()
            .find(|field| field.name == "dry_sequence_breakers");
        let in_typescript = properties
            .iter()
            .find(|property| property.0 == "dry_sequence_breakers");
        for (_, name) in names {
            assert!(in_rust.is_some_and(|field| field.doc.contains(name)));
            assert!(in_typescript.is_some_and(|property| property.2.contains(name)));
        }
    }
}
