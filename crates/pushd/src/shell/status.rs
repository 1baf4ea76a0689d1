//! `pushd topics` and `pushd status`.

use std::fmt::Write;

use clap::{ArgMatches, Command};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::duration::duration;
use super::error::ShellError;
use super::publish_listener::PublishListener;
use crate::output::{self, escape};
use crate::settings::Settings;
use crate::style::{BAD, HEADING, WARNING, paint};

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
    #[serde(default)]
    operators: u64,
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
    /// Ids of the keys of tickets. Empty without tickets, and in servers that are older than this command.
    #[serde(default)]
    ticket_keys: Vec<String>,
    #[serde(default)]
    tickets: u64,
    #[serde(default)]
    users_revoked: u64,
    #[serde(default)]
    presence_topics: u64,
    #[serde(default)]
    presence_members: u64,
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
    let mut lines = paint(HEADING, "subscribers  in log  topic") + "\n";
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
    let _reader = output::write_styled(lines)?;
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
    let _reader = output::write_styled(lines(&status).join("\n") + "\n")?;
    Ok(())
}

fn lines(status: &Status) -> Vec<String> {
    let Status {
        uptime_s,
        browsers,
        browsers_max,
        publishers,
        operators,
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
        format!("connections {browsers} of at most {browsers_max}"),
        format!("topics      {topics} with subscribers"),
        format!(
            "publishers  {} of at most {publishers_max}",
            publishers.saturating_sub(*operators)
        ),
        format!("events      {events} in, {deliveries} out"),
        format!("queued      {outboxes_len} bytes for {outboxes} connections"),
        format!("event log   {}", event_log(status)),
        recovery(status),
    ];
    if let Some(redis) = &status.redis {
        lines.extend(shared_log(redis));
    }
    if let Some(spool) = &status.spool {
        lines.extend(spool_lines(status, spool));
    }
    if !status.ticket_keys.is_empty() {
        lines.extend(ticket_lines(status));
    }
    for Refused { who, reason, count } in &status.refused {
        let (title, who, reason) = (paint(WARNING, "refused"), escape(who), escape(reason));
        lines.push(format!("{title}     {count} × {who}: {reason}"));
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
        lines.push(failure_line(failure));
    }
    lines
}

fn failure_line(failure: &str) -> String {
    format!("            {}", paint(BAD, escape(failure)))
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
        lines.push(failure_line(failure));
    }
    lines
}

fn ticket_lines(status: &Status) -> [String; 2] {
    let Status {
        ticket_keys,
        tickets,
        users_revoked,
        presence_topics,
        presence_members,
        ..
    } = status;
    let keys = escape(&ticket_keys.join(", "));
    [
        format!(
            "tickets     {tickets} connections have one, {users_revoked} users revoked, keys: {keys}"
        ),
        format!("presence    {presence_members} members of {presence_topics} topics"),
    ]
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
        assert_eq!(shared_log(&redis), [line, &failure_line("refused")]);
        redis.probe_age_ms = None;
        assert!(shared_log(&redis)[0].ends_with("no probe yet"));
    }
}
