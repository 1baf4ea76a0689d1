//! `pushd revoke` and `pushd presence`: the users of tickets.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use clap::{Arg, ArgMatches, Command};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use super::error::ShellError;
use super::publish_listener::PublishListener;
use crate::output::{self, escape};
use crate::settings::Settings;

pub(super) const REVOKE: &str = "revoke";
pub(super) const PRESENCE: &str = "presence";

/// The response to `POST /revoke/{sub}`.
#[derive(Deserialize)]
struct Revoked {
    sub: String,
    before: u64,
    sessions: u64,
}

/// The response to `GET /presence/{topic}`.
#[derive(Deserialize)]
struct Presence {
    count: usize,
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    sub: String,
    info: Option<Value>,
}

pub(super) fn revoke_command() -> Command {
    Command::new(REVOKE)
        .about("Ends the tickets of a user, at all servers that share the log")
        .arg(
            Arg::new("sub")
                .value_name("SUB")
                .required(true)
                .help("The user, as in the claim sub of the tickets"),
        )
        .arg(
            Arg::new("before")
                .long("before")
                .value_name("TIME")
                .value_parser(parse_time)
                .help(
                    "End the tickets that were signed up to this time, as in 2026-11-03T12:00:00Z, or a Unix time in \
                     seconds. Default: now",
                ),
        )
}

pub(super) fn presence_command() -> Command {
    Command::new(PRESENCE)
        .about("Lists the users who are subscribed to a topic that has presence")
        .arg(
            Arg::new("topic")
                .value_name("TOPIC")
                .required(true)
                .help("The topic"),
        )
}

pub(super) async fn revoke(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let mut path = format!("/revoke/{}", escaped(matches, "sub"));
    if let Some(before_s) = matches.get_one::<u64>("before") {
        path.push_str(&format!("?before={before_s}"));
    }
    let listener = PublishListener::new(matches, settings)?;
    let response: Value = listener
        .open()
        .await?
        .post(&path, &[], Bytes::new())
        .await?;
    let line = match matches.get_flag("json") {
        true => response.to_string(),
        false => {
            let Revoked {
                sub,
                before,
                sessions,
            } = serde_json::from_value(response)?;
            let before = UNIX_EPOCH + Duration::from_secs(before);
            let before = humantime::format_rfc3339_seconds(before);
            let sub = escape(&sub);
            format!(
                "tickets of {sub} that were signed up to {before} are revoked, here in {sessions} sessions"
            )
        }
    };
    let _reader = output::print(line)?;
    Ok(())
}

pub(super) async fn presence(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let path = format!("/presence/{}", escaped(matches, "topic"));
    let response: Value = PublishListener::new(matches, settings)?.get(&path).await?;
    if matches.get_flag("json") {
        let _reader = output::print(response)?;
        return Ok(());
    }
    let _reader = output::write(lines(&serde_json::from_value(response)?))?;
    Ok(())
}

/// Returns an argument as a part of a path.
fn escaped(matches: &ArgMatches, name: &str) -> String {
    let text = matches.get_one::<String>(name);
    utf8_percent_encode(text.map_or("", String::as_str), NON_ALPHANUMERIC).to_string()
}

/// Large topics have fewer members in the list than they have.
fn lines(Presence { count, members }: &Presence) -> String {
    let mut lines = String::new();
    for Member { sub, info } in members {
        let info = info.as_ref().map(ToString::to_string).unwrap_or_default();
        let line = format!("{}\t{}", escape(sub), escape(&info));
        let _written = writeln!(lines, "{}", line.trim_end());
    }
    let rest = count.saturating_sub(members.len());
    if rest > 0 {
        let _written = writeln!(lines, "and {rest} more");
    }
    lines
}

/// Why a text is no time.
#[derive(Debug, thiserror::Error)]
#[error("a time is like 2026-11-03T12:00:00Z, or a number of seconds since 1970")]
struct TimeError;

fn parse_time(text: &str) -> Result<u64, TimeError> {
    let date = || {
        let time: SystemTime = humantime::parse_rfc3339_weak(text).ok()?;
        Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
    };
    text.parse().ok().or_else(date).ok_or(TimeError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_seconds() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("1800000000", Some(1_800_000_000)),
            ("2027-01-15T08:00:00Z", Some(1_800_000_000)),
            ("2027-01-15 08:00:00", Some(1_800_000_000)),
            ("yesterday", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text).ok(), seconds, "{text}");
        }
    }

    #[test]
    fn members_are_listed_with_what_is_known_of_them() {
        let presence = serde_json::from_str(
            r#"{"topic":"t","count":3,"members":[{"sub":"7","info":{"name":"Ann"}},{"sub":"a\n"}]}"#,
        );
        let lines = lines(&presence.unwrap());
        assert_eq!(lines, "7\t{\"name\":\"Ann\"}\na\\n\nand 1 more\n");
    }
}
