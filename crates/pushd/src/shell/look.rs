//! `pushd topics` and `pushd status`.

use std::io;

use clap::{ArgMatches, Command};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failed;
use super::private::Private;
use crate::plain::plain;
use crate::settings::Settings;

pub(super) const TOPICS: &str = "topics";
pub(super) const STATUS: &str = "status";

#[derive(Debug, Serialize, Deserialize)]
struct Topic {
    topic: String,
    subscribers: u64,
}

#[derive(Debug, Deserialize)]
struct Status {
    server: String,
    state: String,
    uptime_s: u64,
    browsers: u64,
    browsers_max: u64,
    publishers: u64,
    publishers_max: u64,
    events: u64,
    deliveries: u64,
    outboxes: u64,
    outboxes_len: u64,
    topics: u64,
    largest_topics: Vec<Topic>,
    refused: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    who: String,
    reason: String,
    count: u64,
}

pub(super) fn topics_command() -> Command {
    Command::new(TOPICS).about("Lists the topics that have the most subscribers")
}

pub(super) fn status_command() -> Command {
    Command::new(STATUS).about("Prints who is connected and what has happened")
}

pub(super) async fn topics(matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    let status: Status = Private::of(matches, settings)?.get("/status.json").await?;
    if matches.get_flag("json") {
        let json = serde_json::to_string(&status.largest_topics);
        crate::say(io::stdout(), json.map_err(|error| error.to_string())?);
        return Ok(());
    }
    for Topic { topic, subscribers } in &status.largest_topics {
        let topic = plain(topic);
        crate::say(io::stdout(), format_args!("{subscribers:>8}  {topic}"));
    }
    let rest = status
        .topics
        .saturating_sub(status.largest_topics.len() as u64);
    if rest > 0 {
        crate::say(io::stdout(), format_args!("     and  {rest} more"));
    }
    Ok(())
}

pub(super) async fn status(matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    let private = Private::of(matches, settings)?;
    if matches.get_flag("json") {
        let status: Value = private.get("/status.json").await?;
        crate::say(io::stdout(), status);
        return Ok(());
    }
    let status: Status = private.get("/status.json").await?;
    crate::say(io::stdout(), lines(&status).join("\n"));
    Ok(())
}

fn lines(status: &Status) -> Vec<String> {
    let Status {
        uptime_s,
        browsers,
        browsers_max,
        publishers,
        publishers_max,
        events,
        deliveries,
        outboxes,
        outboxes_len,
        topics,
        ..
    } = status;
    let (server, state) = (plain(&status.server), plain(&status.state));
    let mut lines = vec![
        format!("{server} is {state}, for {uptime_s} s"),
        format!("browsers    {browsers} of at most {browsers_max}"),
        format!("topics      {topics} with subscribers"),
        format!("publishers  {publishers} of at most {publishers_max}"),
        format!("events      {events} in, {deliveries} out"),
        format!("waiting     {outboxes_len} bytes for {outboxes} browsers"),
    ];
    for Refused { who, reason, count } in &status.refused {
        lines.push(format!(
            "refused     {count} × {}: {}",
            plain(who),
            plain(reason)
        ));
    }
    lines
}
