//! The position and the history of a topic, from port 5555.

use crate::support::{Ended, publish_listener, pushd};

/// Runs a command, whose request must have this target.
#[track_caller]
fn ask(status: &'static str, body: &'static str, words: &[&str], target: &str) -> Ended {
    let (address, requests) = publish_listener(status, body);
    let address = format!("--publish-address={address}");
    let ended = pushd(&[words, &[&address]].concat());
    let (line, _) = requests.recv().unwrap();
    assert_eq!(line, format!("GET {target} HTTP/1.1"));
    ended
}

const HISTORY: &str = r#"{"position":"6d1f3c5a9be02478-17","complete":true,"events":[
    {"sequence":14,"event":{"title":"a"}},{"sequence":17,"event":"\u001b[2J猫"}]}"#;

#[test]
fn position_is_printed() {
    let body = r#"{"position":"6d1f3c5a9be02478-12","new":1}"#;
    let ended = ask("200 OK", body, &["position"], "/position");
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    assert_eq!(ended.stdout, "6d1f3c5a9be02478-12\n");
    let ended = ask("200 OK", body, &["position", "--json"], "/position");
    assert_eq!(ended.stdout, "{\"position\":\"6d1f3c5a9be02478-12\"}\n");
}

#[test]
fn history_is_printed_line_by_line() {
    let ended = ask(
        "200 OK",
        HISTORY,
        &["history", "a b/猫?"],
        "/history/a%20b%2F%E7%8C%AB%3F?limit=100",
    );
    assert_eq!((ended.code, &*ended.stderr), (0, ""));
    // JSON escapes the control character.
    assert_eq!(
        ended.stdout,
        "14\t{\"title\":\"a\"}\n17\t\"\\u001b[2J猫\"\n"
    );
}

#[test]
fn history_in_json_is_the_response() {
    let ended = ask(
        "200 OK",
        HISTORY,
        &["history", "t", "--json"],
        "/history/t?limit=100",
    );
    let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        printed,
        serde_json::from_str::<serde_json::Value>(HISTORY).unwrap()
    );
    assert_eq!(ended.stdout.lines().count(), 1);
}

#[test]
fn history_has_a_start_and_a_limit() {
    let words = ["history", "t", "--since=6d1f3c5a9be02478-12", "--limit=2"];
    let target = "/history/t?limit=2&since=6d1f3c5a9be02478-12";
    let ended = ask("200 OK", HISTORY, &words, target);
    let more = "pushd: there may be more: --since 6d1f3c5a9be02478-17\n";
    assert_eq!((ended.code, &*ended.stderr), (0, more));
}

#[test]
fn missing_history_is_reported() {
    let body = r#"{"position":"6d1f3c5a9be02478-17","complete":false,"events":[]}"#;
    let words = ["history", "t", "--since=0000000000000000-12"];
    let target = "/history/t?limit=100&since=0000000000000000-12";
    let ended = ask("200 OK", body, &words, target);
    assert_eq!((ended.code, &*ended.stdout), (0, ""));
    assert!(ended.stderr.starts_with("pushd: gap: "), "{}", ended.stderr);
}

#[test]
fn an_older_server_is_named() {
    let body = r#"{"error":"there is no such path"}"#;
    for (words, target) in [
        (&["position"][..], "/position"),
        (&["history", "t"], "/history/t?limit=100"),
    ] {
        let ended = ask("404 Not Found", body, words, target);
        assert_eq!(ended.code, 1);
        for part in ["there is no such path", "older than this command"] {
            assert!(ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
}

/// The server knows the path of this request.
#[test]
fn a_topic_without_presence_is_no_sign_of_an_older_server() {
    let body = r#"{"error":"topic \"t\" has no presence","code":"presence_off"}"#;
    let ended = ask("404 Not Found", body, &["presence", "t"], "/presence/t");
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("has no presence"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("older"), "{}", ended.stderr);
}

#[test]
fn another_response_is_an_error() {
    let ended = ask("200 OK", "{}", &["position"], "/position");
    assert_eq!(ended.code, 1);
    let part = "does not answer as pushd's publish listener";
    assert!(ended.stderr.contains(part), "{}", ended.stderr);
}

/// A topic's history may be longer than the page of a web site.
#[test]
fn history_may_be_long() {
    let event = format!("\"{}\"", "x".repeat(3 << 20));
    let body = format!(
        r#"{{"position":"6d1f3c5a9be02478-1","complete":true,"events":[{{"sequence":1,"event":{event}}}]}}"#
    );
    let ended = ask(
        "200 OK",
        body.leak(),
        &["history", "t"],
        "/history/t?limit=100",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout == format!("1\t{event}\n"));
}

#[test]
fn mistakes_in_the_arguments_are_reported() {
    for (words, part) in [
        (&["history"][..], "<TOPIC>"),
        (&["history", "t", "--since=12"], "EPOCH-SEQUENCE"),
        (&["history", "t", "--limit=0"], "1..=1000"),
        (&["history", "t", "--limit=1001"], "1..=1000"),
        (&["subscribe", "t", "--since="], "--since"),
    ] {
        let ended = pushd(words);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}
