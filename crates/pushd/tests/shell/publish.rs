//! The receipt of a publish.

use crate::support::{Ended, publish_listener, pushd};

/// Publishes an event to a server with this response.
#[track_caller]
fn publish(status: &'static str, body: &'static str, flags: &[&str]) -> Ended {
    let (address, requests) = publish_listener(status, body);
    let address = format!("--publish-address={address}");
    let ended = pushd(&[&["publish", "t", "{\"n\":1}", &address], flags].concat());
    let (line, event) = requests.recv().unwrap();
    assert_eq!(line, "POST /publish/t HTTP/1.1");
    assert_eq!(event, "{\"n\":1}");
    ended
}

#[test]
fn servers_that_share_the_log_are_counted() {
    for (body, printed) in [
        (
            r#"{"sequence":12,"subscribers":231,"stored":"memory","nodes":3}"#,
            "published as number 12, queued to 231 browsers at 3 servers\n",
        ),
        (
            r#"{"sequence":12,"subscribers":1,"stored":"memory","nodes":1}"#,
            "published as number 12, queued to 1 browser at 1 server\n",
        ),
        (
            r#"{"sequence":12,"subscribers":231,"stored":"memory"}"#,
            "published as number 12, queued to 231 browsers\n",
        ),
    ] {
        let ended = publish("200 OK", body, &[]);
        assert_eq!((ended.code, &*ended.stderr), (0, ""));
        assert_eq!(ended.stdout, printed);
    }
}

#[test]
fn json_has_the_servers_that_share_the_log() {
    for body in [
        r#"{"sequence":12,"subscribers":231,"position":null,"stored":"memory","nodes":3}"#,
        r#"{"sequence":12,"subscribers":231,"position":null,"stored":"memory"}"#,
    ] {
        let ended = publish("200 OK", body, &["--json"]);
        assert_eq!((ended.code, &*ended.stderr), (0, ""));
        assert_eq!(ended.stdout, format!("{body}\n"));
    }
}

#[test]
fn a_refusal_has_its_reason() {
    let body = r#"{"error":"Redis does not answer","code":"log_unavailable"}"#;
    let ended = publish("503 Service Unavailable", body, &[]);
    assert_eq!((ended.code, &*ended.stdout), (1, ""));
    let part = "refused the request: Redis does not answer";
    assert!(ended.stderr.contains(part), "{}", ended.stderr);
}
