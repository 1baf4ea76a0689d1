//! `pushd publish`.

use std::io::{self, Read};

use bytes::Bytes;
use clap::{Arg, ArgMatches, Command};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pusher_proto::{Position, Receipt, SessionName, SessionNameError, check_id};
use serde::de::IgnoredAny;

use super::error::ShellError;
use super::history::Current;
use super::publish_listener::PublishListener;
use crate::output;
use crate::settings::Settings;

pub(super) const NAME: &str = "publish";

/// Longest event that is read from standard input, in bytes. The server's own limit is lower by default.
const INPUT_LEN_MAX: u64 = 64 * 1024 * 1024;

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Publishes an event, and prints its receipt")
        .arg(
            Arg::new("category")
                .value_name("TOPIC")
                .required(true)
                .help("The topic"),
        )
        .arg(
            Arg::new("event")
                .value_name("JSON")
                .help("The event. If it is missing or -, the event is read from standard input"),
        )
        .arg(
            Arg::new("id")
                .long("id")
                .value_name("ID")
                .value_parser(parse_id)
                .help("Publish only if the server does not remember a publish with this id (id-memory)"),
        )
        .arg(
            Arg::new("exclude")
                .long("exclude")
                .value_name("SESSION")
                .value_parser(parse_session)
                .help("Publish to all subscribers but this session: sessionId of pusher.js, socket_id of Pusher Channels, or the number of a WAMP v2 session"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let event = match text("event") {
        Some("-") | None => read_input()?,
        Some(event) => Bytes::from(event.to_owned()),
    };
    let category = utf8_percent_encode(text("category").unwrap_or_default(), NON_ALPHANUMERIC);
    let id = text("id").map(|id| ("Idempotency-Key", id));
    let exclude = text("exclude").map(|session| ("Pushd-Exclude", session));
    let headers: Vec<_> = id.into_iter().chain(exclude).collect();
    let path = format!("/publish/{category}");
    let listener = PublishListener::new(matches, settings)?;
    let mut connection = listener.open().await?;
    let before = match id {
        Some(_) => {
            let Current { position } = connection.get("/position").await?;
            position.parse().ok()
        }
        None => None,
    };
    let receipt: Receipt = connection
        .post(&path, &headers, event.clone())
        .await
        .map_err(|error| explain(error, &event))?;
    let line = match matches.get_flag("json") {
        true => serde_json::to_string(&receipt)?,
        false => receipt_line(&receipt, text("id"), before),
    };
    let _reader = output::print(line)?;
    Ok(())
}

/// The event may be no JSON, as a text without quotes is not.
fn explain(error: ShellError, event: &[u8]) -> ShellError {
    match error {
        ShellError::Refused { address, reason }
            if serde_json::from_slice::<IgnoredAny>(event).is_err() =>
        {
            ShellError::NotJson { address, reason }
        }
        other => other,
    }
}

/// Describes a receipt. `before` is the position before the publish, if it has an id: a receipt that is not behind it is
/// that of an earlier publish.
fn receipt_line(receipt: &Receipt, id: Option<&str>, before: Option<Position>) -> String {
    let Receipt {
        sequence,
        subscribers,
        nodes,
        position,
        ..
    } = receipt;
    let browsers = counted(*subscribers, "browser");
    let servers = nodes.map_or_else(String::new, |nodes| {
        format!(" at {}", counted(nodes, "server"))
    });
    let queued = format!("number {sequence}, queued to {browsers}{servers}");
    let is_earlier = position.zip(before).is_some_and(|(position, before)| {
        position.epoch != before.epoch || position.sequence <= before.sequence
    });
    match id {
        None => format!("published as {queued}"),
        Some(id) if is_earlier => {
            format!("not published again: the id {id} is known, from {queued}")
        }
        Some(id) => format!("published with id {id} as {queued}"),
    }
}

fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        more => format!("{more} {noun}s"),
    }
}

/// Why a text is not an id.
#[derive(Debug, thiserror::Error)]
enum IdArgumentError {
    #[error(transparent)]
    Id(#[from] pusher_proto::IdError),
    #[error("an id consists of ASCII letters, digits and signs, without blanks")]
    NotAscii,
}

/// Parses an id that fits in a header.
fn parse_id(text: &str) -> Result<String, IdArgumentError> {
    check_id(text)?;
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(IdArgumentError::NotAscii),
    }
}

/// Checks the name of a session.
fn parse_session(text: &str) -> Result<String, SessionNameError> {
    text.parse::<SessionName>().map(|_| text.to_owned())
}

fn read_input() -> Result<Bytes, ShellError> {
    let mut event = Vec::new();
    let read = io::stdin().take(INPUT_LEN_MAX).read_to_end(&mut event);
    read.map_err(ShellError::Input)?;
    Ok(event.into())
}
