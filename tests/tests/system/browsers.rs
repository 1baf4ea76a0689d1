//! The table "What is answered to what" of WAMP v1's reference, one case in each row, and the features that pages
//! use.

use serde_json::json;
use system_tests::daemon::Daemon;
use system_tests::publisher::{Publisher, publish_raw};
use system_tests::wamp::Wamp;
use system_tests::wire::{Wire, first, masked, text, unmasked};

/// The daemon's reaction to an input.
enum Answer {
    /// It closes with this code.
    Close(u16),
    /// It sends this message, then closes with this code.
    MessageAndClose(&'static str, u16),
    /// It continues without an answer.
    Nothing,
}
use Answer::{Close, MessageAndClose, Nothing};

/// Sends each row's input on its own connection, and checks that other clients are not affected.
#[track_caller]
fn check(rows: Vec<(&str, Vec<u8>, Answer)>) {
    let daemon = Daemon::start();
    let mut bystander = Wamp::subscribed(daemon.web, "t");
    for (case, input, answer) in rows {
        let mut browser = Wire::open(daemon.web);
        let len = input.len().min(100);
        let case = format!("{case}: {}", String::from_utf8_lossy(&input[..len]));
        browser.send(&input);
        match answer {
            Close(code) => assert_closes(&mut browser, code, &case),
            MessageAndClose(message, code) => {
                assert_eq!(browser.frame().text(), message, "{case}");
                assert_closes(&mut browser, code, &case);
            }
            Nothing => {
                browser.send(&masked(first::PING, b"go on"));
                let pong = browser.frame();
                assert_eq!(pong.first, first::PONG, "{case}: {pong:?}");
            }
        }
    }
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    assert_eq!(
        bystander.event("t"),
        json!({"category": "t", "n": 1}),
        "the bystander missed an event"
    );
}

#[track_caller]
fn assert_closes(browser: &mut Wire, code: u16, case: &str) {
    let Some(frame) = browser.next_frame() else {
        panic!("{case}: the connection was dropped without a close frame");
    };
    assert_eq!(frame.first, first::CLOSE, "{case}: {frame:?}");
    assert_eq!(frame.close_code(), code, "{case}: {frame:?}");
    assert_eq!(
        browser.next_frame(),
        None,
        "{case}: something came after the close frame"
    );
}

#[test]
fn invalid_messages() {
    let deep = "[".repeat(1000);
    check(vec![
        ("malformed JSON", text("{nope"), Close(1007)),
        ("malformed JSON", text("[5,\"t\""), Close(1007)),
        ("malformed JSON", text("[5,\"t\"]]"), Close(1007)),
        ("nothing at all", text(""), Close(1007)),
        ("nested without end", text(&deep), Close(1007)),
        ("not a list", text("{\"a\":1}"), Close(1007)),
        ("not a list", text("\"text\""), Close(1007)),
        ("not a list", text("5"), Close(1007)),
        ("empty list", text("[]"), Close(1007)),
        ("unknown type", text("[9,\"t\"]"), Close(1007)),
        ("unknown type", text("[-1]"), Close(1007)),
        ("unknown type", text("[99999999999999999999]"), Close(1007)),
        ("type that is no number", text("[\"5\",\"t\"]"), Close(1007)),
        ("type that is no number", text("[null]"), Close(1007)),
        (
            "only servers send WELCOME",
            text("[0,\"id\",1,\"me\"]"),
            Close(1007),
        ),
        (
            "only servers send CALLRESULT",
            text("[3,\"id\",1]"),
            Close(1007),
        ),
        (
            "only servers send CALLERROR",
            text("[4,\"id\",\"uri\",\"text\"]"),
            Close(1007),
        ),
        ("only servers send EVENT", text("[8,\"t\",{}]"), Close(1007)),
        (
            "invalid UTF-8",
            masked(first::TEXT, b"[5,\"\xff\"]"),
            Close(1007),
        ),
        (
            "invalid UTF-8 in pieces",
            [masked(0x01, b"[5,\"\xe7"), masked(0x80, b"\xff\"]")].concat(),
            Close(1007),
        ),
        (
            "more than a message may have",
            text(&format!("[5,\"{}\"]", "t".repeat(64 * 1024))),
            Close(1009),
        ),
    ]);
}

#[test]
fn topics() {
    check(vec![
        ("a list", text("[5,[\"t\"]]"), Close(1007)),
        ("an object", text("[5,{}]"), Close(1007)),
        ("a boolean", text("[5,true]"), Close(1007)),
        ("null", text("[5,null]"), Close(1007)),
        ("missing in SUBSCRIBE", text("[5]"), Close(1007)),
        ("a list in UNSUBSCRIBE", text("[6,[]]"), Close(1007)),
        ("missing in UNSUBSCRIBE", text("[6]"), Close(1007)),
        ("a number", text("[5,123]"), Nothing),
        (
            "text of the greatest length",
            text(&format!("[5,\"{}\"]", "t".repeat(1024))),
            Nothing,
        ),
        (
            "text that is too long",
            text(&format!("[5,\"{}\"]", "t".repeat(1025))),
            Close(1008),
        ),
        ("extra elements", text("[5,\"t\",1,{},\"x\"]"), Nothing),
        ("white space", text(" [ 5 , \"t\" ] "), Nothing),
        (
            "UNSUBSCRIBE of an unknown topic",
            text("[6,\"unknown\"]"),
            Nothing,
        ),
        (
            "in pieces",
            [masked(0x01, b"[5,"), masked(0x80, b"\"t\"]")].concat(),
            Nothing,
        ),
        (
            "in a binary frame",
            masked(first::BINARY, b"[5,\"t\"]"),
            Nothing,
        ),
    ]);
}

#[test]
fn calls() {
    check(vec![
        (
            "the recipe's application refuses",
            text("[2,\"id\",\"http://example.com/calc#add\",1,2]"),
            MessageAndClose(
                r#"[4,"id","http://example.com/calc#add","You are not allowed to make calls"]"#,
                1000,
            ),
        ),
        (
            "an id that is a number",
            text("[2,7,\"p\"]"),
            MessageAndClose(r#"[4,7,"p","You are not allowed to make calls"]"#, 1000),
        ),
        ("without id (kills Ratchet)", text("[2]"), Close(1007)),
        (
            "without procedure (kills Ratchet)",
            text("[2,\"id\"]"),
            Close(1007),
        ),
        (
            "a procedure that is a list (kills Ratchet)",
            text("[2,\"id\",[]]"),
            Close(1007),
        ),
        (
            "an id that is an object (kills Ratchet)",
            text("[2,{},\"p\"]"),
            Close(1007),
        ),
    ]);
}

#[test]
fn publishes_of_a_browser() {
    check(vec![
        (
            "the recipe's application refuses",
            text("[7,\"t\",{\"n\":9}]"),
            Close(1008),
        ),
        ("with excludeMe", text("[7,\"t\",1,true]"), Close(1008)),
        ("with lists", text("[7,\"t\",1,[],[\"id\"]]"), Close(1008)),
        ("without topic (kills Ratchet)", text("[7]"), Close(1007)),
        (
            "without event (kills Ratchet)",
            text("[7,\"t\"]"),
            Close(1007),
        ),
        (
            "wrong types (kills Ratchet)",
            text("[7,\"t\",1,[],\"x\"]"),
            Close(1007),
        ),
        (
            "wrong types (kills Ratchet)",
            text("[7,\"t\",1,\"x\"]"),
            Close(1007),
        ),
        (
            "wrong types (kills Ratchet)",
            text("[7,\"t\",1,[[]]]"),
            Close(1007),
        ),
        ("wrong types (kills Ratchet)", text("[7,{},1]"), Close(1007)),
    ]);
}

#[test]
fn prefixes() {
    check(vec![
        (
            "PREFIX",
            text("[1,\"cat\",\"http://example.com/\"]"),
            Nothing,
        ),
        ("without URI", text("[1,\"cat\"]"), Close(1007)),
        ("without anything", text("[1]"), Close(1007)),
        ("a URI that is a list", text("[1,\"cat\",[]]"), Close(1007)),
    ]);
}

#[test]
fn frames() {
    let close = |payload: &[u8]| masked(first::CLOSE, payload);
    check(vec![
        ("unmasked", unmasked(first::TEXT, b"[5,\"t\"]"), Close(1002)),
        ("a reserved bit", masked(0xc1, b"[5,\"t\"]"), Close(1002)),
        ("a reserved bit on a ping", masked(0xa9, b""), Close(1002)),
        ("an unknown opcode", masked(0x83, b""), Close(1002)),
        ("an unknown control opcode", masked(0x8b, b""), Close(1002)),
        (
            "a ping over 125 bytes",
            masked(first::PING, &[0; 126]),
            Close(1002),
        ),
        ("a ping in pieces", masked(0x09, b"x"), Close(1002)),
        ("a continuation first", masked(0x80, b"x"), Close(1002)),
        (
            "a text within a text",
            [masked(0x01, b"["), text("[]")].concat(),
            Close(1002),
        ),
        ("close with 1000", close(&[3, 232]), Close(1000)),
        (
            "close with 1001, as a page that is left",
            close(&[3, 233]),
            Close(1001),
        ),
        ("close with a reason", close(b"\x03\xe8bye"), Close(1000)),
        (
            "close with a code of an application",
            close(&4321_u16.to_be_bytes()),
            Close(4321),
        ),
        ("close without a code", close(b""), Close(1000)),
        ("close with one byte", close(&[3]), Close(1002)),
        (
            "close with a reserved code",
            close(&1005_u16.to_be_bytes()),
            Close(1002),
        ),
        (
            "close with a reserved code",
            close(&1006_u16.to_be_bytes()),
            Close(1002),
        ),
        (
            "close with a code that is none",
            close(&999_u16.to_be_bytes()),
            Close(1002),
        ),
        (
            "close with a reason that is not UTF-8",
            close(b"\x03\xe8\xff"),
            Close(1007),
        ),
        (
            "frames after a close",
            [close(&[3, 232]), text("{nope"), text("[2]")].concat(),
            Close(1000),
        ),
        ("an unsolicited pong", masked(first::PONG, b"x"), Nothing),
    ]);
}

#[test]
fn a_ping_is_answered_with_its_payload() {
    let daemon = Daemon::start();
    let mut browser = Wire::open(daemon.web);
    for payload in [b"".as_slice(), b"x", &[7; 125]] {
        browser.send(&masked(first::PING, payload));
        let pong = browser.frame();
        assert_eq!(
            (pong.first, pong.payload.as_slice()),
            (first::PONG, payload)
        );
    }
}

#[test]
fn an_event_is_a_text_frame_with_the_object_as_it_came() {
    let daemon = Daemon::start();
    let mut browser = Wire::open(daemon.web);
    browser.send(&text(r#"[5,"kittensCategory"]"#));
    browser.send(&masked(first::PING, b""));
    browser.frame();
    let object = r#"{"category":"kittensCategory","title":"新しい子猫 🐈","none":{},"list":[],"float":1.0,"big":123456789012345678901234567890,"slash":"\/\u65b0","separator":" "}"#;
    publish_raw(daemon.publish, object);
    let event = browser.frame();
    assert_eq!(event.first, first::TEXT);
    assert_eq!(event.text(), format!(r#"[8,"kittensCategory",{object}]"#));
}

#[test]
fn a_duplicate_subscribe_is_one_subscription() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "t");
    browser.subscribe("t");
    browser.subscribe("end");
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(br#"{"category":"t","n":1}{"category":"t","n":2}"#);
    assert_eq!(browser.event("t")["n"], 1);
    assert_eq!(browser.event("t")["n"], 2);
    browser.unsubscribe("t");
    publisher.send(br#"{"category":"t","n":3}{"category":"end"}"#);
    browser.event("end");
    browser.assert_nothing_waits();
}

#[test]
fn only_subscribers_of_a_topic_get_its_events_and_each_gets_them_in_order() {
    let daemon = Daemon::start();
    let mut browsers: Vec<Wamp> = (0..5).map(|_| Wamp::subscribed(daemon.web, "t")).collect();
    let mut other = Wamp::subscribed(daemon.web, "other");
    let mut publisher = Publisher::connect(daemon.publish);
    for n in 0..100 {
        publisher.send(format!(r#"{{"category":"t","n":{n}}}"#).as_bytes());
    }
    publisher.send(br#"{"category":"other"}"#);
    for browser in &mut browsers {
        for n in 0..100 {
            assert_eq!(browser.event("t")["n"], n);
        }
    }
    other.event("other");
    other.assert_nothing_waits();
}

#[test]
fn a_late_subscriber_gets_no_backlog() {
    let daemon = Daemon::start();
    let mut early = Wamp::subscribed(daemon.web, "t");
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    early.event("t");
    let mut late = Wamp::subscribed(daemon.web, "t");
    publish_raw(daemon.publish, r#"{"category":"t","n":2}"#);
    assert_eq!(late.event("t")["n"], 2);
}

#[test]
fn a_number_and_its_text_are_one_topic() {
    let daemon = Daemon::start();
    let mut browser = Wamp::connect(daemon.web);
    browser.send(&json!([5, 123]));
    browser.barrier();
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(br#"{"category":"123","n":1}{"category":123,"n":2}"#);
    assert_eq!(browser.event("123")["n"], 1);
    assert_eq!(browser.event("123")["n"], 2);
}

#[test]
fn a_prefix_is_resolved_by_plain_concatenation_and_the_event_has_the_full_uri() {
    let daemon = Daemon::start();
    let mut browser = Wamp::connect(daemon.web);
    browser.send(&json!([1, "event", "http://example.com/event#"]));
    browser.subscribe("event:a:b");
    browser.subscribe("unknown:c");
    publish_raw(
        daemon.publish,
        r#"{"category":"http://example.com/event#a:b"}"#,
    );
    browser.event("http://example.com/event#a:b");
    publish_raw(daemon.publish, r#"{"category":"unknown:c"}"#);
    browser.event("unknown:c");
    browser.unsubscribe("event:a:b");
    publish_raw(
        daemon.publish,
        r#"{"category":"http://example.com/event#a:b"}"#,
    );
    publish_raw(daemon.publish, r#"{"category":"unknown:c"}"#);
    browser.event("unknown:c");
    browser.assert_nothing_waits();
}

#[test]
fn a_prefix_is_its_connections_own() {
    let daemon = Daemon::start();
    let mut one = Wamp::connect(daemon.web);
    one.send(&json!([1, "p", "http://one.example/"]));
    one.subscribe("p:x");
    let mut other = Wamp::subscribed(daemon.web, "p:x");
    publish_raw(daemon.publish, r#"{"category":"p:x"}"#);
    other.event("p:x");
    publish_raw(daemon.publish, r#"{"category":"http://one.example/x"}"#);
    one.event("http://one.example/x");
    one.assert_nothing_waits();
}

#[test]
fn a_message_in_a_binary_frame_is_a_message() {
    let daemon = Daemon::start();
    let mut browser = Wire::open(daemon.web);
    browser.send(&masked(first::BINARY, br#"[5,"t"]"#));
    browser.send(&masked(first::PING, b""));
    assert_eq!(browser.frame().first, first::PONG);
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    assert_eq!(browser.frame().text(), r#"[8,"t",{"category":"t"}]"#);
}

#[test]
fn a_browser_that_disconnects_does_not_affect_others() {
    let daemon = Daemon::start();
    let mut stays = Wamp::subscribed(daemon.web, "t");
    for _ in 0..20 {
        drop(Wamp::subscribed(daemon.web, "t"));
    }
    let half = &text(r#"[5,"t"]"#)[..4];
    let mut unfinished = Wire::open(daemon.web);
    unfinished.send(half);
    drop(unfinished);
    publish_raw(daemon.publish, r#"{"category":"t"}"#);
    stays.event("t");
}
