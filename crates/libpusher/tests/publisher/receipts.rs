//! A publish that works.

use crate::fake_server::FakeServer;
use pusher::{Options, Publisher, Stored};

#[test]
fn a_receipt_has_sequence_and_subscribers() {
    let server = FakeServer::tcp(|_, peer| {
        peer.welcome()?;
        let request = peer.read_publish()?.request;
        peer.write(format!("[4,{request},9007199254740993,231]\n"))
    });
    let receipt = server.publisher().publish("t", "{}").unwrap();
    assert_eq!(receipt.sequence, 9007199254740993);
    assert_eq!(receipt.subscribers, 231);
}

#[test]
fn a_receipt_says_where_and_how_safely_the_event_is_kept() {
    for (options, position, stored) in [
        ("", None, Stored::No),
        (",{}", None, Stored::No),
        (
            ",{\"position\":\"6d1f3c5a9be02478-12\",\"stored\":\"synced\"}",
            Some("6d1f3c5a9be02478-12"),
            Stored::Synced,
        ),
        (
            ",{\"position\":\"of a later version\",\"stored\":\"on the moon\"}",
            None,
            Stored::No,
        ),
    ] {
        let server = FakeServer::tcp(move |_, peer| {
            peer.welcome()?;
            let request = peer.read_publish()?.request;
            peer.write(format!("[4,{request},12,3{options}]\n"))
        });
        let receipt = server.publisher().publish("t", "{}").unwrap();
        let shown = receipt.position.map(|position| position.to_string());
        assert_eq!(shown.as_deref(), position, "{options}");
        assert_eq!(receipt.stored, stored, "{options}");
    }
}

#[test]
fn a_receipt_has_the_number_of_servers_that_share_the_log() {
    for (options, nodes) in [
        (",{\"stored\":\"memory\",\"nodes\":2}", Some(2)),
        (",{\"stored\":\"memory\"}", None),
        (",{\"nodes\":0}", None),
        (",{\"nodes\":\"two\"}", None),
        (",{\"nodes\":[{}]}", None),
        ("", None),
    ] {
        let server = FakeServer::tcp(move |_, peer| {
            peer.welcome()?;
            let request = peer.read_publish()?.request;
            peer.write(format!("[4,{request},12,3{options}]\n"))
        });
        let receipt = server.publisher().publish("t", "{}").unwrap();
        assert_eq!(
            (receipt.subscribers, receipt.nodes),
            (3, nodes),
            "{options}"
        );
    }
}

#[test]
fn one_connection_serves_every_publish() {
    for server in [
        FakeServer::tcp(|_, peer| peer.serve()),
        FakeServer::unix(|_, peer| peer.serve()),
    ] {
        let mut publisher = server.publisher();
        assert!(!publisher.is_connected());
        for number in 1..=100 {
            let receipt = publisher.publish("t", &number.to_string()).unwrap();
            assert_eq!((receipt.sequence, receipt.subscribers), (number, 3));
            assert!(publisher.is_connected());
        }
        assert_eq!(server.connection_count(), 1);
        assert_eq!(server.events().len(), 100);
    }
}

#[test]
fn topic_and_event_arrive_unchanged() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        loop {
            let received = peer.read_publish()?;
            assert_eq!(received.topic, "\"新しい\"\\ \n\u{1}🐈");
            peer.write(format!("[4,{},1,1]\n", received.request))?;
        }
    });
    let mut publisher = server.publisher();
    let events = [
        r#"{"a": 1.0, "a":"\u732b\/"}"#,
        " null ",
        "\"]\"",
        "1e999",
        "[[\"猫🐈\"]]",
    ];
    for event in events {
        publisher.publish("\"新しい\"\\ \n\u{1}🐈", event).unwrap();
    }
    assert_eq!(server.events(), events.map(str::trim));
}

#[test]
fn answers_may_come_in_any_chunks() {
    let server = FakeServer::tcp(|_, peer| {
        peer.socket().set_tcp_nodelay(true)?;
        peer.read_hello()?;
        let request = peer.read_publish()?.request;
        for byte in format!("[2,1,\"fake\",{{}}]\n[4,{request},1,1]\n").bytes() {
            peer.write([byte])?;
        }
        loop {
            peer.serve_one()?;
        }
    });
    let mut publisher = server.publisher();
    for _ in 0..3 {
        publisher.publish("t", "{}").unwrap();
    }
    // The line end that comes after the answer is no reason to connect again.
    assert_eq!(server.connection_count(), 1);
}

#[test]
fn additions_of_later_versions_are_ignored() {
    let server = FakeServer::tcp(|_, peer| {
        peer.read_hello()?;
        peer.write("[2,1,\"pushd/9\",{\"publish_len_max\":1,\"new\":[]},\"more\"]\n[98,{}]\n")?;
        let request = peer.read_publish()?.request;
        peer.write(format!("[99]\n[4,{request},5,6,{{\"new\":1}}]\n"))?;
        peer.wait_for_close()
    });
    let receipt = server.publisher().publish("t", "{}").unwrap();
    assert_eq!((receipt.sequence, receipt.subscribers), (5, 6));
}

#[test]
fn localhost_needs_no_lookup() {
    let server = FakeServer::tcp(|_, peer| peer.serve());
    let address = server.address().to_string();
    let address = address.replace("127.0.0.1", "localhost").parse().unwrap();
    let mut publisher = Publisher::new(Options::new(address));
    assert_eq!(publisher.publish("t", "{}").unwrap().subscribers, 3);
}

#[test]
fn the_longest_topic_and_event_pass() {
    let server = FakeServer::unix(|_, peer| peer.serve());
    let event = format!("\"{}\"", "x".repeat(3 * 1024 * 1024 - 2));
    let mut publisher = server.publisher();
    publisher.publish(&"t".repeat(1024), &event).unwrap();
    assert_eq!(server.events(), [event]);
}
