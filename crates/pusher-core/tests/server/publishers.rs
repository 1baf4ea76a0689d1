//! Raw JSON and the native protocol on the publish listener.

use std::io::Write;
use std::time::Duration;

use crate::support::{read_to_end, start};

#[test]
fn raw_json_may_be_split_anywhere() {
    let server = start(|_| {});
    let mut browser = server.subscriber("7");
    let objects = [
        "{\"category\":7,\"a\":{}}",
        "{\"b\":\"猫\",\"category\":\"7\"}",
    ];
    let text = format!("\u{feff}{}\n {}\0", objects[0], objects[1]);
    for chunk_len in [1, 5, text.len()] {
        let mut publisher = server.raw(server.publish);
        for chunk in text.as_bytes().chunks(chunk_len) {
            publisher.write_all(chunk).unwrap();
        }
        for object in objects {
            assert_eq!(browser.message(), format!("[8,\"7\",{object}]"));
        }
    }
}

#[test]
fn invalid_raw_json_closes_only_its_connection() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    for wrong in [
        "{}",
        "{\"category\":null}",
        "{\"category\":[]}",
        "{\"category\":\"\"}",
        "{\"category\":\"t\",}",
        "{\"category\":\"t\"",
        " [1,1]",
        "{]",
        "x",
        "get / HTTP/1.1\r\n\r\n",
    ] {
        let mut publisher = server.raw(server.publish);
        publisher.write_all(wrong.as_bytes()).unwrap();
        publisher.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&mut publisher), "", "{wrong}");
    }
    let mut publisher = server.raw(server.publish);
    publisher.write_all(b"{\"category\":\"t\"}{}").unwrap();
    assert_eq!(browser.message(), r#"[8,"t",{"category":"t"}]"#);
    assert_eq!(read_to_end(&mut publisher), "");
    browser.barrier();
}

#[test]
fn native_publishes_are_answered_in_order() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut publisher = server.publisher();
    publisher.send(
        "[3,1,\"t\",1][3,2,\"\",1] [3,3,\"t\",[ ]]\n[99,\"new\"][3,4,\"t\",2,{\"id\":\"x\"}]",
    );
    for expect in [
        "[4,1,1,1]",
        r#"[5,2,"bad_topic","the topic is empty"]"#,
        "[4,3,2,1]",
        r#"[5,null,"unknown_type","unknown message type 99"]"#,
        "[4,4,3,1]",
    ] {
        assert_eq!(publisher.line(), expect);
    }
    for event in ["1", "[ ]", "2"] {
        assert_eq!(browser.message(), format!("[8,\"t\",{event}]"));
    }
}

#[test]
fn native_errors_have_codes_and_close() {
    let server = start(|_| {});
    for (said, code) in [
        ("[3,1,\"t\",1]", "version"),
        ("[1,0]", "version"),
        ("[1]", "bad_message"),
        ("[]", "bad_message"),
        ("[1,1}", "bad_message"),
        ("[1,\"\u{7f}\",]", "bad_message"),
    ] {
        let mut publisher = server.raw(server.publish);
        publisher.write_all(said.as_bytes()).unwrap();
        let answer = read_to_end(&mut publisher);
        assert!(
            answer.starts_with(&format!("[5,null,\"{code}\",")),
            "{said}: {answer}"
        );
    }
    let mut publisher = server.raw(server.publish);
    publisher.write_all(b"[1,7][3,1,\"t\",tru]").unwrap();
    let answer = read_to_end(&mut publisher);
    assert!(
        answer.starts_with("[2,1,"),
        "a newer library gets version 1: {answer}"
    );
    assert!(answer.contains("[5,null,\"bad_message\","), "{answer}");
}

#[test]
fn message_timeout_restarts_with_each_message() {
    let server = start(|limits| {
        limits.unfinished_timeout = Duration::from_secs(2);
        limits.raw_idle_timeout = Duration::from_millis(1200);
    });
    let mut browser = server.subscriber("t");
    let (mut native, mut raw) = (server.publisher(), server.raw(server.publish));
    native.send("[3,1,");
    raw.write_all(b"{\"category\":").unwrap();
    for _ in 0..3 {
        // The server drops an idle publisher after this time.
        let mut idle = server.raw(server.publish);
        idle.write_all(b"{\"category\":\"other\"}").unwrap();
        assert_eq!(read_to_end(&mut idle), "");
        // Each write has the end of one message and the beginning of the next, so the stream is never idle.
        native.send("\"t\",1][3,1,");
        assert!(native.line().starts_with("[4,1,"));
        assert_eq!(browser.message(), "[8,\"t\",1]");
        raw.write_all(b"\"t\"}{\"category\":").unwrap();
        assert_eq!(browser.message(), r#"[8,"t",{"category":"t"}]"#);
    }
}
