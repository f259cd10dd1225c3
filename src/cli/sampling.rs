//! The options of the sampler as arguments.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use nexttoken::TokenId;
use nexttoken::generator::{Options, SAMPLERS, SamplerName, Value};

/// One argument for each option, spelled with hyphens.
pub struct Sampling {
    numbers: Options,
    /// The number of mirostat's version, which is checked with the other options.
    mirostat: Option<u32>,
    lists: Lists,
}

/// The options that are lists, whose arguments may be repeated.
#[derive(Args)]
struct Lists {
    /// A string across which nothing repeats; may be given more than once [default: line break, colon,
    /// quotation mark, asterisk]
    #[arg(long, allow_hyphen_values = true)]
    dry_sequence_breaker: Vec<String>,
    /// Add to the logit of a token; may be given more than once
    #[arg(long, value_name = "ID=BIAS", value_parser = bias, allow_hyphen_values = true)]
    logit_bias: Vec<(TokenId, f32)>,
    /// Never draw this token; may be given more than once
    #[arg(long, value_name = "ID")]
    ban_token: Vec<TokenId>,
    /// The stages in their order, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', long_help = stages())]
    samplers: Option<Vec<String>>,
}

impl Sampling {
    /// These options, and the defaults of all others.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](nexttoken::Error::InvalidOption) for a name of a stage or a version of mirostat that does
    /// not exist.
    pub fn options(&self) -> nexttoken::Result<Options> {
        let mut options = Options {
            logit_bias: self.lists.logit_bias.clone(),
            banned_tokens: self.lists.ban_token.clone(),
            ..self.numbers.clone()
        };
        if !self.lists.dry_sequence_breaker.is_empty() {
            options.dry_sequence_breakers = self.lists.dry_sequence_breaker.clone();
        }
        if let Some(version) = self.mirostat {
            options.mirostat = version.try_into()?;
        }
        if let Some(names) = &self.lists.samplers {
            let names = names.iter().map(|name| name.parse());
            options.samplers = Some(names.collect::<Result<_, _>>()?);
        }
        Ok(options)
    }
}

/// The numbers among the options are arguments by the table of all options.
impl Args for Sampling {
    fn augment_args(command: Command) -> Command {
        let mut command = command.next_help_heading("Sampling");
        for field in Options::default().fields() {
            let parser: ValueParser = match field.value {
                Value::F32(_) => value_parser!(f32).into(),
                Value::U32(_) | Value::Mirostat(_) => value_parser!(u32).into(),
                Value::I32(_) => value_parser!(i32).into(),
                _ => continue,
            };
            if is_here(field.name) {
                let argument = Arg::new(field.name)
                    .long(field.name.replace('_', "-"))
                    .value_name(field.name.to_uppercase())
                    .help(field.doc.trim().replace('`', ""))
                    .value_parser(parser)
                    .action(ArgAction::Set)
                    .allow_negative_numbers(true);
                command = command.arg(argument);
            }
        }
        Lists::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Sampling {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (mut numbers, mut mirostat) = (Options::default(), None);
        for field in numbers.fields() {
            match field.value {
                _ if !is_here(field.name) => {}
                Value::F32(number) => set(number, field.name, matches),
                Value::U32(number) => set(number, field.name, matches),
                Value::I32(number) => set(number, field.name, matches),
                Value::Mirostat(_) => mirostat = matches.get_one(field.name).copied(),
                _ => {}
            }
        }
        let lists = Lists::from_arg_matches(matches)?;
        Ok(Sampling {
            numbers,
            mirostat,
            lists,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Whether the option is among these arguments. `top_logprobs` is one of those that say what is printed.
fn is_here(name: &str) -> bool {
    name != "top_logprobs"
}

/// Takes the argument for this number, where there is one.
fn set<T: Copy + Send + Sync + 'static>(number: &mut T, name: &str, matches: &ArgMatches) {
    if let Some(given) = matches.get_one(name) {
        *number = *given;
    }
}

fn bias(text: &str) -> Result<(TokenId, f32), String> {
    let wrong = || "expected a token's id, \"=\" and a number".to_owned();
    let (id, bias) = text.split_once('=').ok_or_else(wrong)?;
    let id = id.parse().map_err(|_| wrong())?;
    Ok((id, bias.parse().map_err(|_| wrong())?))
}

fn stages() -> String {
    let names = SAMPLERS.map(SamplerName::as_str).join(",");
    format!(
        "The stages in their order, separated by commas; those left out do not run. All: {names}"
    )
}
