//! `pushd topics` and `pushd status`.

use std::fmt::Write;
use std::time::Duration;

use clap::{ArgMatches, Command};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Failed;
use super::private::Private;
use crate::output;
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
        let _reader = output::print(json.map_err(|error| error.to_string())?)?;
        return Ok(());
    }
    let mut lines = String::new();
    for Topic { topic, subscribers } in &status.largest_topics {
        let _written = writeln!(lines, "{subscribers:>8}  {}", plain(topic));
    }
    let rest = status
        .topics
        .saturating_sub(status.largest_topics.len() as u64);
    if rest > 0 {
        let _written = writeln!(lines, "     and  {rest} more");
    }
    let _reader = output::write(lines)?;
    Ok(())
}

pub(super) async fn status(matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    let private = Private::of(matches, settings)?;
    if matches.get_flag("json") {
        let status: Value = private.get("/status.json").await?;
        let _reader = output::print(status)?;
        return Ok(());
    }
    let status: Status = private.get("/status.json").await?;
    let _reader = output::print(lines(&status).join("\n"))?;
    Ok(())
}

/// Time in the two units that matter.
fn span(seconds: u64) -> String {
    let shown = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    let parts: Vec<&str> = shown.split(' ').take(2).collect();
    parts.join(" ")
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
        format!("{server} is {state}, for {}", span(*uptime_s)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_told_in_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (3_600, "1h"),
            (93_784, "1day 2h"),
            (7_784_000, "2months 29days"),
        ] {
            assert_eq!(span(seconds), shown);
        }
    }
}
