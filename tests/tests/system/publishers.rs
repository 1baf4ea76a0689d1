//! The publish listener: raw JSON as the recipe's `entry.php` writes it, and the native protocol.

use serde_json::{Value, json};
use system_tests::daemon::Daemon;
use system_tests::publisher::{Publisher, publish_raw};
use system_tests::wamp::Wamp;

/// The largest event, and the allowance for the rest of a message.
const EVENT_LEN_MAX: usize = 3 * 1024 * 1024;
const PUBLISH_LEN_MAX: usize = EVENT_LEN_MAX + 4 * 1024;

fn daemon_and_browser() -> (Daemon, Wamp) {
    let daemon = Daemon::start();
    let browser = Wamp::subscribed(daemon.web, "t");
    (daemon, browser)
}

/// Returns a raw object of exactly `len` bytes.
fn object_of_len(len: usize) -> String {
    let around = r#"{"category":"t","x":""}"#.len();
    format!(r#"{{"category":"t","x":"{}"}}"#, "x".repeat(len - around))
}

#[test]
fn several_objects_in_a_row_are_several_events_in_order() {
    let (daemon, mut browser) = daemon_and_browser();
    let rows = [
        r#"{"category":"t","n":0}{"category":"t","n":1}"#,
        "{\"category\":\"t\",\"n\":0}\n{\"category\":\"t\",\"n\":1}\n",
        "  {\"category\":\"t\",\"n\":0}\r\n\t {\"category\":\"t\",\"n\":1} ",
        "\u{feff}{\"category\":\"t\",\"n\":0}{\"category\":\"t\",\"n\":1}",
        "{\"category\":\"t\",\"n\":0}\n{\"category\":\"t\",\"n\":1}\0",
    ];
    for row in rows {
        publish_raw(daemon.publish, row);
        for n in 0..2 {
            assert_eq!(browser.event("t")["n"], n, "{row:?}");
        }
    }
}

#[test]
fn an_object_may_come_in_any_chunks() {
    let (daemon, mut browser) = daemon_and_browser();
    let object = "{\"category\":\"t\",\"title\":\"新しい子猫 🐈 \\\"}{\\\\\",\"n\":[{}]} {\"category\":\"t\"}";
    for len in [1, 2, 3, 7, 50] {
        let mut publisher = Publisher::connect(daemon.publish);
        for chunk in object.as_bytes().chunks(len) {
            publisher.send(chunk);
        }
        assert_eq!(
            browser.event("t")["title"],
            "新しい子猫 🐈 \"}{\\",
            "chunks of {len}"
        );
        assert_eq!(browser.event("t"), json!({"category": "t"}));
    }
}

#[test]
fn an_object_may_have_any_size_up_to_the_limit() {
    let (daemon, mut browser) = daemon_and_browser();
    for len in [100, 65_535, 65_536, 65_537, EVENT_LEN_MAX] {
        let object = object_of_len(len);
        publish_raw(daemon.publish, &object);
        assert_eq!(
            browser.message_text().len(),
            object.len() + r#"[8,"t",]"#.len()
        );
    }
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.try_send(object_of_len(EVENT_LEN_MAX + 1).as_bytes());
    publisher.until_closed();
    daemon.wait_for_log("3145729 bytes long, at most 3145728 are allowed (event-len-max)");
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    assert_eq!(browser.event("t")["n"], 1);
}

#[test]
fn a_category_that_is_a_number_is_its_text() {
    let daemon = Daemon::start();
    let mut browser = Wamp::subscribed(daemon.web, "7");
    publish_raw(daemon.publish, r#"{"category":7}"#);
    browser.event("7");
}

#[test]
fn an_invalid_publish_is_logged_and_ends_only_its_own_connection() {
    let (daemon, mut browser) = daemon_and_browser();
    let rows = [
        "{nope}",
        "{}",
        r#"{"title":"no category"}"#,
        r#"{"category":["t"]}"#,
        r#"{"category":{}}"#,
        r#"{"category":true}"#,
        r#"{"category":null}"#,
        r#"{"category":""}"#,
        r#"{"category":"t","x":01}"#,
        "{\"category\":\"t\",\"x\":\"\u{1}\"}",
        "hello",
        "\u{1}\u{2}",
    ];
    for row in rows {
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.send(row.as_bytes());
        assert_eq!(publisher.until_closed(), "", "{row}");
    }
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"{\"category\":\"t\",\"x\":\"\xff\"}");
    assert_eq!(publisher.until_closed(), "", "invalid UTF-8");
    daemon.wait_for_log("not valid UTF-8");
    let warnings = daemon.log().matches("WARN").count();
    assert_eq!(warnings, rows.len() + 1, "a line for each");
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    assert_eq!(browser.event("t")["n"], 1);
}

#[test]
fn objects_before_an_error_are_published() {
    let (daemon, mut browser) = daemon_and_browser();
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(br#"{"category":"t","n":1}{"category":"t","n":2}nope{"category":"t","n":3}"#);
    publisher.until_closed();
    assert_eq!(browser.event("t")["n"], 1);
    assert_eq!(browser.event("t")["n"], 2);
    publish_raw(daemon.publish, r#"{"category":"t","n":4}"#);
    assert_eq!(browser.event("t")["n"], 4);
}

#[test]
fn an_incomplete_object_is_logged() {
    let (daemon, _browser) = daemon_and_browser();
    publish_raw(daemon.publish, r#"{"category":"t","n"#);
    daemon.wait_for_log("in the middle of an object");
}

#[test]
fn a_publisher_that_waits_for_the_end_is_closed() {
    let (daemon, mut browser) = daemon_and_browser();
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(br#"{"category":"t"}"#);
    browser.event("t");
    assert_eq!(publisher.until_closed(), "");
}

#[test]
fn each_native_publish_gets_its_receipt() {
    let (daemon, mut browser) = daemon_and_browser();
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"[1,1]\n");
    let welcome = publisher.answer();
    assert_eq!((&welcome[0], &welcome[1]), (&json!(2), &json!(1)));
    assert!(
        welcome[2].as_str().unwrap().starts_with("pushd/"),
        "{welcome}"
    );
    assert_eq!(welcome[3]["publish_len_max"], PUBLISH_LEN_MAX);
    publisher.send("[3,17,\"t\",{\"title\":\"新しい子猫\",\"f\":1.0,\"o\":{}}]\n".as_bytes());
    let first = publisher.answer();
    assert_eq!(
        (&first[0], &first[1], &first[3]),
        (&json!(4), &json!(17), &json!(1)),
        "{first}"
    );
    assert_eq!(
        browser.message_text(),
        "[8,\"t\",{\"title\":\"新しい子猫\",\"f\":1.0,\"o\":{}}]"
    );
    let _second_browser = Wamp::subscribed(daemon.web, "t");
    publisher.send(b"[3,18,\"t\",null]\n[3,19,\"nobody\",1]\n");
    let second = publisher.answer();
    assert_eq!((&second[1], &second[3]), (&json!(18), &json!(2)));
    assert_eq!(
        second[2].as_u64(),
        first[2].as_u64().map(|sequence| sequence + 1),
        "{first} {second}"
    );
    let nobody = publisher.answer();
    assert_eq!((&nobody[1], &nobody[3]), (&json!(19), &json!(0)));
}

#[test]
fn native_messages_may_come_in_any_chunks_and_the_answers_keep_their_order() {
    let (daemon, mut browser) = daemon_and_browser();
    let mut conversation = String::from("[1,1]\n");
    for request in 0..50 {
        conversation += &format!("[3,{request},\"t\",{{\"n\":{request},\"s\":\"]新[\"}}]\n");
    }
    for len in [1, 5, conversation.len()] {
        let mut publisher = Publisher::connect(daemon.publish);
        for chunk in conversation.as_bytes().chunks(len) {
            publisher.send(chunk);
        }
        assert_eq!(publisher.answer()[0], 2);
        for request in 0..50 {
            let receipt = publisher.answer();
            assert_eq!(
                (&receipt[0], &receipt[1]),
                (&json!(4), &json!(request)),
                "chunks of {len}"
            );
            assert_eq!(browser.event("t")["n"], request);
        }
    }
}

#[test]
fn native_errors_that_keep_the_connection() {
    let daemon = Daemon::start();
    let mut publisher = Publisher::connect(daemon.publish);
    publisher.send(b"[1,1]");
    publisher.answer();
    let long_topic = "t".repeat(1025);
    let long_event = format!("\"{}\"", "x".repeat(EVENT_LEN_MAX - 1));
    let rows = [
        (r#"[3,1,"",{}]"#.to_owned(), json!(1), "bad_topic"),
        (
            format!(r#"[3,2,"{long_topic}",{{}}]"#),
            json!(2),
            "bad_topic",
        ),
        (
            format!(r#"[3,3,"t",{long_event}]"#),
            json!(3),
            "event_too_large",
        ),
        (
            r#"[99,"what is this"]"#.to_owned(),
            Value::Null,
            "unknown_type",
        ),
    ];
    for (message, request, code) in rows {
        publisher.send(message.as_bytes());
        let error = publisher.answer();
        assert_eq!(
            (&error[0], &error[1], &error[2]),
            (&json!(5), &request, &json!(code)),
            "{error}"
        );
        assert!(!error[3].as_str().unwrap().is_empty(), "{error}");
    }
    publisher.send(br#"[3,4,7,{},{"unknown":"option"},"and more"]"#);
    assert_eq!(publisher.answer()[0], 4, "the conversation goes on");
}

#[test]
fn native_errors_that_close_the_connection() {
    let (daemon, mut browser) = daemon_and_browser();
    let too_long = format!(r#"[1,1][3,1,"t","{}"]"#, "x".repeat(PUBLISH_LEN_MAX));
    let too_deep = format!("[1,1][3,1,\"t\",{}", "[".repeat(200));
    let rows = [
        (r#"[3,1,"t",{}]"#, "version"),
        (r#"[1,0]"#, "version"),
        (r#"[1,1][1,1,"#, ""),
        (r#"[1,1][3,1,"t",{nope}]"#, "bad_message"),
        (r#"[1,1][3,1]"#, "bad_message"),
        (r#"[1,1][3,"1","t",{}]"#, "bad_message"),
        (r#"[1,1][3,1,["t"],{}]"#, "bad_message"),
        (r#"[1,1]{"category":"t"}"#, "bad_message"),
        (r#"[1,1]nope"#, "bad_message"),
        (&too_long, "too_large"),
        (&too_deep, "too_large"),
    ];
    for (conversation, code) in rows {
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.try_send(conversation.as_bytes());
        if code.is_empty() {
            publisher.end_of_file();
        }
        let answers = publisher.until_closed();
        let shown = &conversation[..conversation.len().min(60)];
        let last: Value = serde_json::from_str(answers.lines().last().unwrap()).unwrap();
        match code {
            "" => assert_eq!(last[0], 2, "{shown}: {answers}"),
            code => assert_eq!(
                (&last[0], &last[2]),
                (&json!(5), &json!(code)),
                "{shown}: {answers}"
            ),
        }
    }
    publish_raw(daemon.publish, r#"{"category":"t","n":1}"#);
    assert_eq!(browser.event("t")["n"], 1, "nothing came before it");
}

// The version rule: both sides use the lower of their highest versions.
#[test]
fn a_newer_library_uses_the_daemons_version() {
    let daemon = Daemon::start();
    for hello in ["[1,99]", r#"[1,1,{"future":true},"more"]"#] {
        let mut publisher = Publisher::connect(daemon.publish);
        publisher.send(format!("{hello}[3,1,\"t\",1]").as_bytes());
        assert_eq!(publisher.answer()[1], 1, "{hello}");
        assert_eq!(publisher.answer()[0], 4, "{hello}");
    }
}
