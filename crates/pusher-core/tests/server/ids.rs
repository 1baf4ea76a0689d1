//! Publishes with an id. A repeated publish is not published again.

use std::io::Write;

use pusher_core::Recipe;

use crate::support::{TestServer, on_any_ports, read_to_end, start, start_server};

/// Publishes over HTTP. Returns the receipt as JSON.
pub(crate) fn post(server: &TestServer, headers: &str, event: &str) -> String {
    let len = event.len();
    let mut stream = server.raw(server.publish);
    write!(
        stream,
        "POST /publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         {headers}Connection: close\r\nContent-Length: {len}\r\n\r\n{event}"
    )
    .unwrap();
    let answer = read_to_end(&mut stream);
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn repeated_id_returns_first_receipt_in_any_protocol() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    let mut first = server.publisher();
    first.send(r#"[3,7,"t",1,{"id":"猫"}]"#);
    assert_eq!(first.line(), "[4,7,1,1]");
    let mut other_browser = server.subscriber("t");
    let mut second = server.publisher();
    second.send(r#"[3,8,"t",2,{"id":"猫"}][3,9,"t",3,{"id":"other"}]"#);
    assert_eq!(second.line(), "[4,8,1,1]", "the first receipt");
    assert_eq!(second.line(), "[4,9,2,2]");
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
    assert_eq!(browser.message(), r#"[8,"t",3]"#);
    assert_eq!(other_browser.message(), r#"[8,"t",3]"#);

    let receipt = post(&server, "Idempotency-Key: 猫\r\n", "4");
    assert!(receipt.starts_with("{\"sequence\":1,\"subscribers\":1,"));
    let header = "Idempotency-Key: other\r\n";
    let receipt = post(&server, header, "4");
    assert!(receipt.starts_with("{\"sequence\":2,\"subscribers\":2,"));
    let receipt = post(&server, "idempotency-key: \"new\"\r\n", "5");
    assert!(receipt.starts_with("{\"sequence\":3,\"subscribers\":2,"));
    second.send(r#"[3,10,"t",6,{"id":"\"new\""}][3,11,"u",7,{"id":"other"}]"#);
    assert_eq!(second.line(), "[4,10,3,2]");
    assert!(second.line().ends_with(",0]"), "another topic, another id");
    assert_eq!(browser.message(), r#"[8,"t",5]"#);
    browser.barrier();
}

/// Several publishers send the same id at once.
#[test]
fn concurrent_publishes_with_one_id_run_once() {
    let server = start(|_| {});
    let mut browser = server.subscriber("t");
    std::thread::scope(|scope| {
        for publisher in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut publishing = server.publisher();
                for id in 0..200 {
                    publishing.send(&format!("[3,{id},\"t\",{publisher},{{\"id\":\"{id}\"}}]"));
                }
                for id in 0..200 {
                    assert!(publishing.line().starts_with(&format!("[4,{id},")));
                }
            });
        }
    });
    for _ in 0..200 {
        browser.message();
    }
    browser.barrier();
    assert!(server.publisher().publish("t", "1").0 == 201);
}

#[test]
fn refused_publish_keeps_its_id_free() {
    let server = start(|limits| limits.event_len_max = 10);
    let mut publisher = server.publisher();
    publisher.send(r#"[3,1,"t","too long by much",{"id":"x"}][3,2,"t",1,{"id":"x"}]"#);
    assert!(publisher.line().starts_with(r#"[5,1,"event_too_large","#));
    assert_eq!(publisher.line(), "[4,2,1,0]");
    let long = "i".repeat(255);
    publisher.send(&format!("[3,3,\"t\",1,{{\"id\":\"{long}\"}}]"));
    assert_eq!(publisher.line(), "[4,3,2,0]");
    publisher.send(&format!(
        "[3,4,\"t\",1,{{\"id\":\"{long}i\"}}][3,5,\"t\",1,{{\"id\":\"\"}}]"
    ));
    assert!(
        publisher
            .line()
            .starts_with(r#"[5,4,"bad_id","the id is 256 bytes"#)
    );
    assert_eq!(publisher.line(), r#"[5,5,"bad_id","the id is empty"]"#);
    publisher.publish("t", "1");
    let receipt = post(&server, &format!("Idempotency-Key: {long}\r\n"), "1");
    assert!(receipt.starts_with("{\"sequence\":2,\"subscribers\":0,"));
    for wrong in [
        "Idempotency-Key: \r\n",
        "Idempotency-Key: a\r\nIdempotency-Key: b\r\n",
        &format!("Idempotency-Key: {long}i\r\n"),
    ] {
        let answer = post(&server, wrong, "1");
        assert!(answer.starts_with("{\"error\":\""), "{wrong}: {answer}");
    }
}

#[test]
fn oldest_ids_are_forgotten_at_limit() {
    let mut options = on_any_ports();
    options.id_limits.ids_max = 3;
    let server = start_server(options, Recipe::default());
    let mut publisher = server.publisher();
    for (id, sequence) in [
        ("a", 1),
        ("b", 2),
        ("c", 3),
        ("a", 1),
        ("d", 4),
        ("a", 5),
        ("d", 4),
    ] {
        publisher.send(&format!("[3,0,\"t\",1,{{\"id\":\"{id}\"}}]"));
        assert_eq!(publisher.line(), format!("[4,0,{sequence},0]"), "{id}");
    }
}
