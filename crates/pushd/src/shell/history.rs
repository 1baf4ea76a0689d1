//! `pushd position` and `pushd history`: the server's log of events.

use std::fmt::Write;

use clap::{Arg, ArgMatches, Command, value_parser};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pusher_proto::Position;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ShellError;
use super::publish_listener::PublishListener;
use crate::output::{self, escape, say};
use crate::settings::Settings;

pub(super) const POSITION: &str = "position";
pub(super) const HISTORY: &str = "history";

/// Most events of one request. The server has the same limit.
const LIMIT_MAX: u64 = 1_000;
const LIMIT_DEFAULT: u64 = 100;

/// The response to `GET /position`.
#[derive(Deserialize)]
pub(super) struct Current {
    pub(super) position: String,
}

/// The response to `GET /history/{topic}`.
#[derive(Deserialize)]
struct History {
    /// The position behind the last of the events.
    position: String,
    #[serde(rename = "complete")]
    is_complete: bool,
    events: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    sequence: u64,
    event: Value,
}

pub(super) fn position_command() -> Command {
    Command::new(POSITION).about("Prints the present position of the server's log")
}

pub(super) fn history_command() -> Command {
    Command::new(HISTORY)
        .about("Prints the events of a topic that the server's log has, oldest first")
        .arg(
            Arg::new("topic")
                .value_name("TOPIC")
                .required(true)
                .help("The topic"),
        )
        .arg(since().help("Print the events behind this position. Default: all"))
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("NUMBER")
                .value_parser(value_parser!(u64).range(1..=LIMIT_MAX))
                .help("Print at most this number of events, up to 1000. Default: 100"),
        )
}

/// The option `--since`.
pub(super) fn since() -> Arg {
    Arg::new("since")
        .long("since")
        .value_name("POSITION")
        .value_parser(value_parser!(Position))
}

pub(super) async fn position(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let listener = PublishListener::new(matches, settings)?;
    let Current { position } = listener.get("/position").await?;
    let line = match matches.get_flag("json") {
        true => json!({ "position": position }).to_string(),
        false => escape(&position),
    };
    let _reader = output::print(line)?;
    Ok(())
}

pub(super) async fn history(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let topic = matches.get_one::<String>("topic");
    let topic = utf8_percent_encode(topic.map_or("", String::as_str), NON_ALPHANUMERIC);
    let limit = matches.get_one::<u64>("limit").copied();
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    let mut path = format!("/history/{topic}?limit={limit}");
    if let Some(since) = matches.get_one::<Position>("since") {
        path.push_str(&format!("&since={since}"));
    }
    let listener = PublishListener::new(matches, settings)?;
    if matches.get_flag("json") {
        let response: Value = listener.get(&path).await?;
        let _reader = output::print(response)?;
        return Ok(());
    }
    let history: History = listener.get(&path).await?;
    if !history.is_complete {
        say("gap: events behind that position are missing in the log");
    }
    let _reader = output::write(lines(&history.events))?;
    if history.events.len() as u64 >= limit {
        let position = escape(&history.position);
        say(format_args!("there may be more: --since {position}"));
    }
    Ok(())
}

fn lines(events: &[Entry]) -> String {
    let mut lines = String::new();
    for Entry { sequence, event } in events {
        let _written = writeln!(lines, "{sequence}\t{}", escape(&event.to_string()));
    }
    lines
}
