//! Rendering a template with minijinja, set up as Hugging Face's transformers library sets up Jinja2.
//!
//! The other modules of this directory make minijinja behave as Jinja2: `source` adapts the text of the template,
//! `rewrite` its syntax tree, and the rest are Python's operators, methods and types.

use super::value::{MAX_TEXT, text};
use super::{Request, filters, globals, jinja_tests, methods, rewrite, source};
use crate::error::invalid_option;
use crate::{Error, Result};
use chrono::format::{Item, Numeric, StrftimeItems};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use minijinja::machinery::{CodeGenerator, eval, make_string_output, parse};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, escape_formatter};
use serde::Deserialize;
use std::fmt::Write as _;

/// The most bytes of a template. The longest known ones have 60,000.
const MAX_TEMPLATE: usize = 1 << 20;
/// How deep blocks and calls may be nested.
const RECURSION: usize = 100;
/// The name of the template in error messages.
const NAME: &str = "chat_template";

/// The budget of instructions for a template; every 64 bytes that it makes or reads count as one instruction. Templates
/// in use need less than 200 instructions for each message and less than 100 for each value within the tools and
/// documents, and read the messages' text less than ten times.
///
/// At the upper limit a template takes a second or two, and cannot make values nested so deep that dropping them
/// overflows the stack.
fn fuel(request: &Request, rendering: &Rendering) -> u64 {
    let texts = request.messages.iter();
    let bytes: usize = texts.map(|message| message.content.len()).sum();
    let mut wanted = 50_000 + 500 * request.messages.len() + bytes / 4;
    let mut values: Vec<&serde_json::Value> = rendering.variables.values().collect();
    while let Some(value) = values.pop() {
        wanted += 100;
        match value {
            serde_json::Value::String(text) => wanted += text.len() / 4,
            serde_json::Value::Array(items) => values.extend(items),
            serde_json::Value::Object(map) => values.extend(map.values()),
            _ => (),
        }
    }
    (wanted as u64).min(2_000_000)
}

/// How a conversation is rendered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
pub struct Rendering {
    /// The name of a template, or the source of one: see [`Request::new`].
    #[serde(skip)]
    pub template: Option<String>,
    /// Whether the text ends with the beginning of the model's answer. True by default.
    pub add_generation_prompt: bool,
    /// The date (`2026-11-24`) or date and time (`2026-11-24T12:30:00`) that the template takes as the current one.
    /// Where it is absent, the local time of the machine is used; WebAssembly has none, and the template has no
    /// `strftime_now` then.
    pub date: Option<String>,
    /// Further variables of the template (`enable_thinking`, `tools`, …).
    pub variables: serde_json::Map<String, serde_json::Value>,
}

impl Default for Rendering {
    fn default() -> Self {
        Rendering {
            template: None,
            add_generation_prompt: true,
            date: None,
            variables: serde_json::Map::new(),
        }
    }
}

/// Renders the conversation of `request` with its template.
///
/// # Errors
/// [`Error::ChatTemplate`] where the template refuses the messages, cannot be parsed or run, or exceeds a limit;
/// [`Error::InvalidOption`] for a date that cannot be parsed; [`Error::OutOfMemory`] where there is no memory for a
/// thread.
pub fn render(request: &Request, rendering: &Rendering) -> Result<String> {
    if request.template.len() > MAX_TEMPLATE {
        let size = request.template.len();
        return Err(Error::ChatTemplate(format!(
            "the chat template has {size} bytes (at most {MAX_TEMPLATE})"
        )));
    }
    let now = now(rendering.date.as_deref())?;
    let conversation = in_time(request, rendering, move |request, rendering| {
        let source = source::prepare(&request.template).map_err(unusable)?;
        let mut environment = environment(now)?;
        environment.set_fuel(Some(fuel(request, rendering)));
        run(&environment, &source, variables(request, rendering))
            .map_err(|error| engine_error(&error))
    })?;
    if conversation.len() > MAX_TEXT {
        return Err(too_much());
    }
    Ok(conversation)
}

/// Parses `source`, rewrites the syntax tree to Jinja2's semantics, and runs it.
fn run<'a>(
    environment: &'a Environment<'a>,
    source: &'a str,
    variables: Value,
) -> std::result::Result<String, minijinja::Error> {
    let parsed = parse(source, NAME, environment.syntax().clone())?;
    let template = rewrite::template(&parsed)?;
    let mut generator = CodeGenerator::new(NAME, source);
    generator.compile_stmt(&template);
    let (instructions, blocks) = generator.finish();
    let mut text = String::new();
    let mut out = make_string_output(&mut text);
    eval(
        environment,
        &instructions,
        variables,
        &blocks,
        &mut out,
        AutoEscape::None,
    )?;
    Ok(text)
}

/// Runs `work` on a thread whose stack is large enough for the deepest values a template can make, and waits for it for
/// a limited time. A thread cannot be ended from outside: one that takes longer runs on, and its result is dropped.
#[cfg(not(target_arch = "wasm32"))]
fn in_time<T: Send + 'static>(
    request: &Request,
    rendering: &Rendering,
    work: impl FnOnce(&Request, &Rendering) -> Result<T> + Send + 'static,
) -> Result<T> {
    const STACK: usize = 256 << 20;
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);
    let (request, rendering) = (request.clone(), rendering.clone());
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    let work = move || sender.send(work(&request, &rendering));
    let builder = std::thread::Builder::new().stack_size(STACK);
    let thread = builder.spawn(work);
    thread.map_err(|_| Error::OutOfMemory(STACK))?;
    let result = receiver.recv_timeout(PATIENCE);
    result.unwrap_or_else(|_| Err(too_much()))
}

/// Runs `work` at once. In WebAssembly a stack overflow ends the module, and the caller starts a new one; the caller
/// also ends a worker that takes too long.
#[cfg(target_arch = "wasm32")]
fn in_time<T>(
    request: &Request,
    rendering: &Rendering,
    work: impl FnOnce(&Request, &Rendering) -> Result<T>,
) -> Result<T> {
    work(request, rendering)
}

/// The environment of a template: its syntax, functions, filters, tests and limits.
fn environment<'a>(now: Option<NaiveDateTime>) -> Result<Environment<'a>> {
    let mut environment = Environment::empty();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.map_err(|error| engine_error(&error))?);
    environment.set_recursion_limit(RECURSION);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(write_value);
    environment.add_function("raise_exception", raise_exception);
    filters::add(&mut environment);
    jinja_tests::add(&mut environment);
    globals::add(&mut environment);
    if let Some(now) = now {
        let format = move |format: &str| strftime(now, format);
        environment.add_function("strftime_now", format);
    }
    Ok(environment)
}

/// The variables of a template: those of `apply_chat_template`, and those of the caller.
fn variables(request: &Request, rendering: &Rendering) -> Value {
    let null = || Value::from(());
    let mut pairs = vec![
        ("messages", Value::from(Serde(&request.messages))),
        ("tools", null()),
        ("documents", null()),
        (
            "add_generation_prompt",
            rendering.add_generation_prompt.into(),
        ),
    ];
    let tokens = [
        ("bos_token", &request.bos_token),
        ("eos_token", &request.eos_token),
    ];
    for (name, token) in tokens {
        pairs.extend(token.as_ref().map(|token| (name, Value::from(token))));
    }
    let given = rendering.variables.iter();
    pairs.extend(given.map(|(name, value)| (name.as_str(), Value::from(Serde(value)))));
    Value::from_pairs(pairs)
}

/// The message with which a template refused its input.
#[derive(Debug)]
struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// `raise_exception(message)`: how a template refuses what it is given.
fn raise_exception(message: Value) -> std::result::Result<Value, minijinja::Error> {
    let error = minijinja::Error::new(ErrorKind::InvalidOperation, "raise_exception was called");
    Err(error.with_source(Refusal(text(&message)?)))
}

/// Writes the value of `{{ … }}`, as Python's `str` gives it.
fn write_value(
    out: &mut Output,
    state: &mut State,
    value: &Value,
) -> std::result::Result<(), minijinja::Error> {
    match value.kind() {
        ValueKind::String => escape_formatter(out, state, value),
        _ => out.write_str(&text(value)?).map_err(Into::into),
    }
}

/// `strftime_now(format)`: the date as templates of Llama 3 and its like write it.
fn strftime(now: NaiveDateTime, format: &str) -> std::result::Result<String, minijinja::Error> {
    let mut text = String::new();
    // Python's `%f` is the fraction of a second in microseconds, chrono's in nanoseconds.
    let fraction = format!("{:06}", now.and_utc().timestamp_subsec_micros());
    let items = StrftimeItems::new(format).map(|item| match item {
        Item::Numeric(Numeric::Nanosecond, _) => Item::Literal(&fraction),
        item => item,
    });
    write!(text, "{}", now.format_with_items(items)).map_err(|_| {
        let detail = format!("{format:?} is no format of a date");
        minijinja::Error::new(ErrorKind::InvalidOperation, detail)
    })?;
    Ok(text)
}

/// The time that the template takes as the current one: `date`, or the machine's clock.
fn now(date: Option<&str>) -> Result<Option<NaiveDateTime>> {
    let Some(date) = date else {
        #[cfg(not(target_arch = "wasm32"))]
        return Ok(Some(chrono::Local::now().naive_local()));
        #[cfg(target_arch = "wasm32")]
        return Ok(None);
    };
    let day = || {
        date.parse::<NaiveDate>()
            .map(|day| day.and_time(NaiveTime::MIN))
    };
    let moment = date.parse::<NaiveDateTime>().or_else(|_| day());
    let allowed = "a date (2026-11-24) or a date and time (2026-11-24T12:30:00)";
    moment
        .map(Some)
        .map_err(|_| invalid_option("date", allowed))
}

/// The engine's error as one of this crate, with a message for the user.
fn engine_error(error: &minijinja::Error) -> Error {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = source {
        if let Some(Refusal(text)) = cause.downcast_ref() {
            let message = format!("the chat template refuses these messages: {text}");
            return Error::ChatTemplate(message);
        }
        let kind = cause.downcast_ref().map(minijinja::Error::kind);
        if kind == Some(ErrorKind::OutOfFuel) {
            return too_much();
        }
        source = cause.source();
    }
    unusable(error.to_string())
}

fn unusable(why: String) -> Error {
    Error::ChatTemplate(format!("the chat template is not usable: {why}"))
}

fn too_much() -> Error {
    Error::ChatTemplate("the chat template does too much: it was stopped".into())
}
