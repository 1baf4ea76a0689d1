//! `Control`: options that change at run time, and health.

use std::io::Write;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;
use pusher_core::{Application, Call, LiveOptions, NoUpgrade, Options, Recipe};

use crate::support::{WAIT, on_any_ports, read_to_end, start_server, start_with, until};

/// Returns live options with changes.
fn options(change: impl FnOnce(&mut Options)) -> LiveOptions {
    let mut options = on_any_ports();
    change(&mut options);
    options.live
}

#[test]
fn new_limits_apply_to_open_connections() {
    let server = start_server(on_any_ports(), Recipe::default());
    let mut browser = server.subscriber("t");
    let mut publisher = server.publisher();
    assert_eq!(publisher.publish("t", "\"12345678\"").1, 1);
    browser.message();
    server
        .control
        .reload(options(|options| {
            options.live.limits.event_len_max = 9;
            options.live.limits.client_message_len_max = 20;
        }))
        .unwrap();
    publisher.send("[3,7,\"t\",\"12345678\"]\n");
    assert!(
        publisher.line().contains("at most 9"),
        "the event is too long"
    );
    assert_eq!(publisher.publish("t", "\"1234567\"").1, 1);
    assert_eq!(browser.message(), "[8,\"t\",\"1234567\"]");
    browser.send(&format!("[5,\"{}\"]", "x".repeat(20)));
    assert_eq!(browser.close_code(), 1009);
}

#[test]
fn new_ping_interval_applies_to_open_sessions() {
    let server = start_server(on_any_ports(), Recipe::default());
    let mut browser = server.browser();
    server
        .control
        .reload(options(|options| {
            options.live.limits.ping_interval = Duration::from_millis(20);
        }))
        .unwrap();
    let message = browser.read().unwrap();
    assert!(message.is_ping(), "{message:?}");
}

#[test]
fn new_token_applies_to_next_publisher() {
    let server = start_server(on_any_ports(), Recipe::default());
    let _known = server.publisher();
    server
        .control
        .reload(options(|options| {
            options.live.publish_token = Some("s3cret".parse().unwrap());
        }))
        .unwrap();
    let mut stranger = crate::support::Publisher(server.raw(server.publish));
    stranger.send("[1,1]");
    assert!(stranger.line().contains("denied"));
}

#[test]
fn reload_cannot_remove_required_token() {
    let with_token = |options: &mut Options| {
        options.publish_listen = vec!["0.0.0.0:0".parse().unwrap()];
        options.live.publish_token = Some("s3cret".parse().unwrap());
    };
    let mut open = on_any_ports();
    with_token(&mut open);
    let server = start_server(open, Recipe::default());
    let refused = server.control.reload(on_any_ports().live).unwrap_err();
    assert!(refused.to_string().contains("needs a token"), "{refused}");
    server.control.reload(options(with_token)).unwrap();
}

#[test]
fn new_open_topics_apply_to_open_sessions() {
    let recipe = Recipe::default();
    let server = start_with(pusher_core::Limits::default(), recipe.clone());
    let mut browser = server.subscriber("chat/1");
    recipe.set_client_publish(vec!["chat/*".parse().unwrap()]);
    browser.send("[7,\"chat/1\",1]");
    assert_eq!(browser.message(), "[8,\"chat/1\",1]");
    recipe.set_client_publish(Vec::new());
    browser.send("[7,\"chat/1\",2]");
    assert_eq!(browser.close_code(), 1008);
}

/// An application that blocks in each call until the test releases it.
struct Hanging {
    hangs: Sender<()>,
    let_go: Mutex<Receiver<()>>,
}

impl Application for Hanging {
    fn call(&self, _: Call) {
        self.hangs.send(()).unwrap();
        let _let_go = self.let_go.lock().recv_timeout(WAIT);
    }
}

#[test]
fn hanging_thread_is_reported_until_it_recovers() {
    let (hangs, is_hanging) = channel();
    let (go, let_go) = channel();
    let let_go = Mutex::new(let_go);
    let server = start_server(on_any_ports(), Hanging { hangs, let_go });
    let silent_for = || server.control.silent_for();
    let mut browser = server.browser();
    browser.send("[2,\"id\",\"hang\"]");
    is_hanging.recv_timeout(WAIT).unwrap();
    until("the thread is reported", || {
        silent_for() > Duration::from_secs(3)
    });
    go.send(()).unwrap();
    until("the thread has recovered", || {
        silent_for() < Duration::from_secs(2)
    });
    assert!(browser.message().starts_with("[4,\"id\","));
}

#[test]
fn a_refused_upgrade_has_a_status_for_its_reason() {
    let reasons = [
        (NoUpgrade::Ending, "503 Service Unavailable", "ending"),
        (
            NoUpgrade::NotRun("it is missing".to_owned()),
            "500 Internal Server Error",
            "program",
        ),
        (
            NoUpgrade::Silent("it hangs".to_owned()),
            "504 Gateway Timeout",
            "timeout",
        ),
        (
            NoUpgrade::Refused("it does not know the format".to_owned()),
            "409 Conflict",
            "conflict",
        ),
    ];
    let request = "POST /upgrade HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for (reason, status, code) in reasons {
        let server = start_server(on_any_ports(), Recipe::default());
        let text = reason.to_string();
        server.control.on_upgrade(move || {
            let reason = reason.clone();
            async { Err(reason) }
        });
        let mut stream = server.raw(server.publish);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        let body = format!("{{\"error\":\"{text}\",\"code\":\"{code}\"}}\n");
        assert!(answer.ends_with(&body), "{answer}");
    }
}

#[test]
fn a_reload_answers_with_the_changes_or_what_is_wrong() {
    let request = "POST /reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    for (outcome, status, body) in [
        (None, "501 Not Implemented", "reads no settings again"),
        (Some(Ok(3)), "200 OK", "{\"changed\":3}\n"),
        (
            Some(Err("line 2 is wrong".to_owned())),
            "409 Conflict",
            "line 2 is wrong",
        ),
    ] {
        let server = start_server(on_any_ports(), Recipe::default());
        if let Some(outcome) = outcome {
            server.control.on_reload(move || {
                let outcome = outcome.clone();
                async { outcome }
            });
        }
        let mut stream = server.raw(server.publish);
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_to_end(&mut stream);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{answer}"
        );
        assert!(answer.contains(body), "{answer}");
    }
}
