//! Rendering a template with minijinja, set up as Hugging Face's transformers set up Jinja2.

use super::value::{MAX_TEXT, text};
use super::{Request, checks, filters, globals, methods, rewrite, source};
use crate::{Error, Result};
use chrono::format::{Item, Numeric, StrftimeItems};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use minijinja::machinery::{CodeGenerator, eval, make_string_output, parse};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{AutoEscape, Environment, ErrorKind, Output, State, escape_formatter};
use serde::Deserialize;
use std::fmt::Write as _;

/// Bytes of a template. The longest ones known have 60,000.
const MAX_TEMPLATE: usize = 1 << 20;
/// Blocks and calls within each other.
const RECURSION: usize = 100;
/// What errors call the template.
const NAME: &str = "chat_template";

/// Instructions a template may run; 64 bytes that it makes or reads count as one. Templates in use run
/// under 200 for each message, read its text under ten times, and run under 100 for each value within the tools and
/// documents. The most there is takes a second or two, and makes values nested no deeper than the stack can bear when
/// they are dropped.
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
    /// Which template, or a template itself: see [`Request::new`].
    #[serde(skip)]
    pub template: Option<String>,
    /// Whether the text ends where the model's answer begins. True unless set.
    pub add_generation_prompt: bool,
    /// The day (`2026-11-24`), or the day and time (`2026-11-24T12:30:00`), that the template takes for
    /// now. The machine's own where absent; in WebAssembly, which has none, the template sees no clock.
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

/// Writes the conversation of `request` out as its template says.
///
/// # Errors
/// [`Error::ChatTemplate`] where the template refuses the messages, is broken, or does too much;
/// [`Error::InvalidOption`] for a date that is none.
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
        run(&environment, &source, variables(request, rendering)).map_err(|error| explain(&error))
    })?;
    if conversation.len() > MAX_TEXT {
        return Err(too_much());
    }
    Ok(conversation)
}

/// Parses `source`, makes it what Jinja2 takes it for, and runs it.
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

/// Runs `work` where the stack is as deep as a template can make its values, and waits so long for it. A thread
/// cannot be ended: one that takes longer is left to itself.
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

/// In WebAssembly a stack that overflows ends the module, which the caller then starts anew; a worker that takes
/// too long it ends.
#[cfg(target_arch = "wasm32")]
fn in_time<T>(
    request: &Request,
    rendering: &Rendering,
    work: impl FnOnce(&Request, &Rendering) -> Result<T>,
) -> Result<T> {
    work(request, rendering)
}

/// The language as templates expect it, with limits.
fn environment<'a>(now: Option<NaiveDateTime>) -> Result<Environment<'a>> {
    let mut environment = Environment::empty();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.map_err(|error| explain(&error))?);
    environment.set_recursion_limit(RECURSION);
    environment.set_unknown_method_callback(methods::call);
    environment.set_formatter(write_value);
    environment.add_function("raise_exception", raise_exception);
    filters::add(&mut environment);
    checks::add(&mut environment);
    globals::add(&mut environment);
    if let Some(now) = now {
        let format = move |format: &str| strftime(now, format);
        environment.add_function("strftime_now", format);
    }
    Ok(environment)
}

/// What the template sees: the names of `apply_chat_template`, and those of the caller.
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

/// What a template said when it refused.
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

/// Writes what `{{ … }}` holds.
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
    // Python counts the fraction of a second in millionths.
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

/// The moment the template takes for now.
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
        .map_err(|_| super::invalid("date", allowed))
}

/// The engine's error as a sentence.
fn explain(error: &minijinja::Error) -> Error {
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
