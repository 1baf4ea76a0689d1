//! `pushd topics` and `pushd status`.

use std::fmt::Write;
use std::time::Duration;

use clap::{ArgMatches, Command};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ShellError;
use super::publish_listener::PublishListener;
use crate::output::{self, escape};
use crate::settings::Settings;

pub(super) const TOPICS: &str = "topics";
pub(super) const STATUS: &str = "status";

#[derive(Debug, Serialize, Deserialize)]
struct Topic {
    topic: String,
    subscribers: u64,
    log_events: u64,
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
    log_events: u64,
    log_len: u64,
    log_age_ms: u64,
    history_len_max: u64,
    recovered: u64,
    gaps: u64,
    events_replayed: u64,
    log_readers: u64,
    topics: u64,
    largest_topics: Vec<Topic>,
    refused: Vec<Refused>,
    /// None without Redis, and in servers that are older than this command.
    redis: Option<Redis>,
    /// None without a spool, and in servers that are older than this command.
    spool: Option<Spool>,
    #[serde(default)]
    spool_drained: u64,
    #[serde(default)]
    spool_expired: u64,
    #[serde(default)]
    spool_refused: u64,
    #[serde(default)]
    spool_set_aside: u64,
}

/// Where publishers leave events while the server is away.
#[derive(Debug, Deserialize)]
struct Spool {
    directory: String,
    failure: Option<String>,
}

/// The log in Redis, and the servers that share it.
#[derive(Debug, Deserialize)]
struct Redis {
    address: String,
    failure: Option<String>,
    nodes: Vec<String>,
    probe_age_ms: Option<u64>,
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
    Command::new(STATUS).about("Prints the connections, the counters and the refused requests")
}

pub(super) async fn topics(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let status: Status = PublishListener::new(matches, settings)?
        .get("/status.json")
        .await?;
    if matches.get_flag("json") {
        let _reader = output::print(serde_json::to_string(&status.largest_topics)?)?;
        return Ok(());
    }
    let mut lines = "subscribers  in log  topic\n".to_owned();
    for Topic {
        topic,
        subscribers,
        log_events,
    } in &status.largest_topics
    {
        let topic = escape(topic);
        let _written = writeln!(lines, "{subscribers:>11}  {log_events:>6}  {topic}");
    }
    let rest = status
        .topics
        .saturating_sub(status.largest_topics.len() as u64);
    if rest > 0 {
        let _written = writeln!(lines, "        and          {rest} more");
    }
    let _reader = output::write(lines)?;
    Ok(())
}

pub(super) async fn status(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let listener = PublishListener::new(matches, settings)?;
    if matches.get_flag("json") {
        let status: Value = listener.get("/status.json").await?;
        let _reader = output::print(status)?;
        return Ok(());
    }
    let status: Status = listener.get("/status.json").await?;
    let _reader = output::print(lines(&status).join("\n"))?;
    Ok(())
}

/// Formats a duration in its two largest units.
fn duration(seconds: u64) -> String {
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
    let (server, state) = (escape(&status.server), escape(&status.state));
    let mut lines = vec![
        format!("{server} is {state}, for {}", duration(*uptime_s)),
        format!("browsers    {browsers} of at most {browsers_max}"),
        format!("topics      {topics} with subscribers"),
        format!("publishers  {publishers} of at most {publishers_max}"),
        format!("events      {events} in, {deliveries} out"),
        format!("waiting     {outboxes_len} bytes for {outboxes} browsers"),
        format!("event log   {}", event_log(status)),
        recovery(status),
    ];
    if let Some(redis) = &status.redis {
        lines.extend(shared_log(redis));
    }
    if let Some(spool) = &status.spool {
        lines.extend(spool_lines(status, spool));
    }
    for Refused { who, reason, count } in &status.refused {
        lines.push(format!(
            "refused     {count} × {}: {}",
            escape(who),
            escape(reason)
        ));
    }
    lines
}

fn event_log(status: &Status) -> String {
    let Status {
        log_events,
        log_len,
        log_age_ms,
        history_len_max,
        ..
    } = status;
    if *history_len_max == 0 {
        return "switched off".to_owned();
    }
    let age = duration(log_age_ms / 1000);
    format!("{log_events} events, {log_len} of at most {history_len_max} bytes, up to {age} old")
}

fn shared_log(redis: &Redis) -> Vec<String> {
    let Redis {
        address,
        failure,
        nodes,
        probe_age_ms,
    } = redis;
    let probe = match probe_age_ms {
        Some(age) => format!("last probe {} ago", duration(age / 1000)),
        None => "no probe yet".to_owned(),
    };
    let nodes = nodes.len();
    let mut lines = vec![format!(
        "redis       {}, nodes: {nodes}, {probe}",
        escape(address)
    )];
    if let Some(failure) = failure {
        lines.push(format!("            {}", escape(failure)));
    }
    lines
}

fn spool_lines(status: &Status, spool: &Spool) -> Vec<String> {
    let Status {
        spool_drained: drained,
        spool_expired: expired,
        spool_refused: refused,
        spool_set_aside: set_aside,
        ..
    } = status;
    let mut lines = vec![format!(
        "spool       {}: {drained} drained, {expired} expired, {refused} refused, {set_aside} set aside",
        escape(&spool.directory)
    )];
    if let Some(failure) = &spool.failure {
        lines.push(format!("            {}", escape(failure)));
    }
    lines
}

fn recovery(status: &Status) -> String {
    let Status {
        recovered,
        gaps,
        events_replayed,
        log_readers,
        ..
    } = status;
    format!(
        "recovery    {recovered} recovered, {gaps} gaps, {events_replayed} events replayed, {log_readers} reading"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_log_has_its_nodes_and_its_failure() {
        let mut redis = Redis {
            address: "redis://h".to_owned(),
            failure: None,
            nodes: vec!["a".to_owned(), "b".to_owned()],
            probe_age_ms: Some(3_500),
        };
        let line = "redis       redis://h, nodes: 2, last probe 3s ago";
        assert_eq!(shared_log(&redis), [line]);
        redis.failure = Some("refused".to_owned());
        assert_eq!(shared_log(&redis), [line, "            refused"]);
        redis.probe_age_ms = None;
        assert!(shared_log(&redis)[0].ends_with("no probe yet"));
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (59, "59s"),
            (3_600, "1h"),
            (93_784, "1day 2h"),
            (7_784_000, "2months 29days"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
    }
}
