//! The claims of a ticket in words.

use std::time::{Duration, UNIX_EPOCH};

use pusher_proto::limits::SUB_LEN_MAX;
use pusher_proto::ticket::is_valid_topic;
use serde_json::{Map, Value};

use crate::shell::duration::duration;

/// The claims that are times, and their labels.
const TIMES: [(&str, &str); 3] = [("iat", "signed"), ("nbf", "begins"), ("exp", "ends")];

/// Returns lines of a label and a text, which are not escaped. Nothing in the claims is trusted.
pub(super) fn lines(claims: &Map<String, Value>, now_s: u64) -> Vec<(&'static str, String)> {
    let mut lines = match claims.get("topics") {
        Some(Value::Array(topics)) => topics.iter().map(|topic| ("for", pattern(topic))).collect(),
        Some(other) => vec![("for", format!("{other}, which is not a list of topics"))],
        None => vec![("for", "nothing: the claim topics is missing".to_owned())],
    };
    lines.push(("user", user(claims.get("sub"))));
    let info = claims.get("info");
    lines.push(("info", info.map_or_else(|| "none".to_owned(), text)));
    for (claim, label) in TIMES {
        match claims.get(claim) {
            Some(value) => lines.push((label, time(value, now_s))),
            None if claim == "exp" => {
                let missing = "unknown: the claim exp is missing, so the ticket is refused";
                lines.push((label, missing.to_owned()));
            }
            None => {}
        }
    }
    let known = |claim: &str| {
        ["topics", "sub", "info"].contains(&claim) || TIMES.iter().any(|(time, _)| *time == claim)
    };
    let ignored = claims.iter().filter(|(claim, _)| !known(claim));
    lines.extend(ignored.map(|(claim, value)| ("ignored", format!("{claim}: {value}"))));
    lines
}

/// Returns a text without its quotes, and other values as JSON.
pub(super) fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn pattern(topic: &Value) -> String {
    let Some(topic) = topic.as_str() else {
        return format!("{topic}, which is not a text");
    };
    match topic.strip_suffix('*') {
        _ if !is_valid_topic(topic) => format!(
            "{topic}, which is refused: a topic is not empty, and a * is only its last character, behind . / : or -"
        ),
        Some(start) => format!("{topic}, all topics that begin with {start}"),
        None => topic.to_owned(),
    }
}

fn user(sub: Option<&Value>) -> String {
    match sub {
        None | Some(Value::Null) => "none: it cannot be revoked".to_owned(),
        Some(Value::String(sub)) if (1..=SUB_LEN_MAX).contains(&sub.len()) => sub.to_owned(),
        Some(other) => format!("{other}, which is not a text of 1 to {SUB_LEN_MAX} bytes"),
    }
}

/// Returns a time as a date, and as seen from now.
fn time(value: &Value, now_s: u64) -> String {
    let time_s = value.as_f64().filter(|time_s| (0.0..1e11).contains(time_s));
    let Some(time_s) = time_s.map(|time_s| time_s as u64) else {
        return format!("{value}, which is not a Unix time in seconds");
    };
    let date = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(time_s));
    match time_s.checked_sub(now_s) {
        Some(0) => format!("{date}, now"),
        Some(left_s) => format!("{date}, in {}", duration(left_s)),
        None => format!("{date}, {} ago", duration(now_s - time_s)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_is_a_text_of_limited_length() {
        let longest = "x".repeat(SUB_LEN_MAX);
        assert_eq!(user(Some(&json!(longest))), longest);
        let refused = ", which is not a text of 1 to 255 bytes";
        for sub in [json!(format!("{longest}x")), json!(""), json!(7)] {
            assert_eq!(user(Some(&sub)), format!("{sub}{refused}"));
        }
        for sub in [None, Some(&Value::Null)] {
            assert_eq!(user(sub), "none: it cannot be revoked");
        }
    }
}
