//! The options that constrain the generated text by a grammar.

use clap::Args;
use nexttoken::Error;
use nexttoken::constraint::{Constraint, Kind, Vocabulary, token_table};
use nexttoken::tokenizer::Tokenizer;
use std::fs;
use std::path::{Path, PathBuf};

/// The options that constrain the text, of which one may be given.
#[derive(Args)]
#[group(multiple = false)]
#[command(next_help_heading = "Constraint")]
pub struct Constrained {
    /// Write JSON that the schema in this file describes
    #[arg(long, value_name = "FILE")]
    json_schema: Option<PathBuf>,
    /// Write a text that matches this regular expression as a whole
    #[arg(long, allow_hyphen_values = true)]
    regex: Option<String>,
    /// Write a sentence of the grammar in this file, in GBNF or Lark
    #[arg(long, value_name = "FILE")]
    grammar: Option<PathBuf>,
}

/// The source of a constraint.
pub struct Source {
    kind: Kind,
    text: String,
}

impl Constrained {
    /// The source of the constraint that the options ask for, if any.
    pub fn source(&self) -> Result<Option<Source>, Error> {
        let source = |kind, text| Ok(Some(Source { kind, text }));
        match (&self.json_schema, &self.regex, &self.grammar) {
            (Some(path), _, _) => source(Kind::JsonSchema, read(path)?),
            (_, Some(regex), _) => source(Kind::Regex, regex.clone()),
            (_, _, Some(path)) => source(Kind::Grammar, read(path)?),
            _ => Ok(None),
        }
    }
}

impl Source {
    /// Compiles the source for a model's vocabulary.
    pub fn compile(&self, tokenizer: &Tokenizer) -> Result<Constraint, Error> {
        let vocabulary = Vocabulary::new(&token_table(tokenizer)?)?;
        vocabulary.compile(self.kind, &self.text)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(path);
    text.map_err(|error| Error::Io(format!("{}: {error}", path.display())))
}
