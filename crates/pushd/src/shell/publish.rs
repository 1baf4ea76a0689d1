//! `pushd publish`.

use std::io::{self, Read};

use bytes::Bytes;
use clap::{Arg, ArgMatches, Command};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pusher_proto::{Receipt, check_id};

use super::error::ShellError;
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
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let event = match text("event") {
        Some("-") | None => read_input()?,
        Some(event) => Bytes::from(event.to_owned()),
    };
    let category = utf8_percent_encode(text("category").unwrap_or_default(), NON_ALPHANUMERIC);
    let id = text("id").map(|id| ("Idempotency-Key", id));
    let path = format!("/publish/{category}");
    let listener = PublishListener::new(matches, settings)?;
    let mut connection = listener.open().await?;
    let receipt: Receipt = connection.post(&path, id.as_slice(), event).await?;
    let line = match matches.get_flag("json") {
        true => serde_json::to_string(&receipt)?,
        false => receipt_line(&receipt, text("id")),
    };
    let _reader = output::print(line)?;
    Ok(())
}

/// With an id, the receipt may be that of an earlier publish: the server does not say which.
fn receipt_line(receipt: &Receipt, id: Option<&str>) -> String {
    let Receipt {
        sequence,
        subscribers,
        nodes,
        ..
    } = receipt;
    let browsers = counted(*subscribers, "browser");
    let servers = nodes.map_or_else(String::new, |nodes| {
        format!(" at {}", counted(nodes, "server"))
    });
    match id {
        None => format!("published as number {sequence}, queued to {browsers}{servers}"),
        Some(id) => format!(
            "published with id {id} as number {sequence}, now or earlier, queued to {browsers}{servers}"
        ),
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

fn read_input() -> Result<Bytes, ShellError> {
    let mut event = Vec::new();
    let read = io::stdin().take(INPUT_LEN_MAX).read_to_end(&mut event);
    read.map_err(ShellError::Input)?;
    Ok(event.into())
}
