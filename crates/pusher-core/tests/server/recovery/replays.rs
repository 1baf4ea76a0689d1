//! Replays: while events arrive, to new subscribers, to chosen sessions, in a loop.

use pusher_core::{Position, Recipients};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{Pushd1, publish, start_options};
use crate::support::{NEVER, TestServer, start};

/// Browsers come and go while events are published from several threads. Every browser sees consecutive numbers.
#[test]
fn subscriptions_are_exact_while_events_arrive() {
    const EVENTS: u64 = 3000;
    let server = start(|limits| limits.history_topic_events_max = 100_000);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| follow(&server, EVENTS)))
            .collect();
        scope.spawn(|| publish(&server, "noise", 0..EVENTS));
        scope.spawn(|| {
            for number in 1..=EVENTS {
                publish(&server, "t", [number]);
                if number % 100 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

/// Reads all events of a topic over many subscriptions and connections.
fn follow(server: &TestServer, last: u64) {
    let mut since = Position {
        epoch: server.hub.position().epoch,
        sequence: 0,
    };
    let mut seen = 0;
    let mut reads = 0;
    while seen < last {
        let mut browser = Pushd1::connect(server);
        for _ in 0..4 {
            let subscribed = browser.subscribe("t", Some(&since.to_string()));
            assert!(subscribed.is_recovered);
            for _ in 0..reads % 50 {
                if seen == last {
                    return;
                }
                let (number, sequence) = browser.event();
                assert_eq!(number, seen + 1, "after {since}");
                (seen, since.sequence) = (number, sequence);
            }
            reads += 7;
            // Events that are on their way are read and ignored: the next subscription asks for them again.
            browser.0.send("[6,\"t\"]");
            drain(&mut browser);
        }
    }
}

/// Reads until the answer to a ping.
fn drain(browser: &mut Pushd1) {
    browser.0.socket.send(Message::Ping("x".into())).unwrap();
    while !matches!(browser.0.read().unwrap(), Message::Pong(_)) {}
}

#[test]
fn new_subscribers_get_last_events() {
    let server = start_options(|options| {
        options.live.replay_on_subscribe = vec![
            ("chat/*".parse().unwrap(), 3),
            ("price".parse().unwrap(), 1),
        ];
    });
    publish(&server, "chat/1", 1..=5);
    publish(&server, "price", 1..=5);
    publish(&server, "news", 1..=5);
    let mut browser = server.browser();
    for topic in ["chat/1", "price", "news"] {
        browser.send(&format!("[5,\"{topic}\"]"));
    }
    let mut seen: Vec<_> = (0..4).map(|_| browser.message()).collect();
    seen.sort();
    let event = |topic: &str, number: u64| format!("[8,\"{topic}\",{number}]");
    assert_eq!(
        seen,
        [
            event("chat/1", 3),
            event("chat/1", 4),
            event("chat/1", 5),
            event("price", 5)
        ]
    );
    browser.barrier();
    let mut pushd1 = Pushd1::connect(&server);
    assert_eq!(pushd1.subscribe("price", None).replayed, 1);
    assert_eq!(pushd1.event().0, 5);
    // A position says exactly what the client has.
    let end = server.hub.position().to_string();
    assert_eq!(pushd1.subscribe("chat/1", Some(&end)).replayed, 0);
}

#[test]
fn events_for_chosen_sessions_are_replayed_to_no_other() {
    let server = start(|_| {});
    let before = server.hub.position().to_string();
    let browser = Pushd1::connect(&server);
    server.until("it has a session", |hub| hub.session_count() == 1);
    let id = server.hub.sessions()[0].id();
    let only = Recipients {
        eligible: Some(vec![id]),
        ..Recipients::default()
    };
    server.hub.publish_to("t", "1", only).unwrap();
    publish(&server, "t", [2]);
    let mut other = Pushd1::connect(&server);
    other.subscribe("t", Some(&before));
    assert_eq!(other.event().0, 2);
    let mut browser = browser;
    browser.subscribe("t", Some(&before));
    assert_eq!([browser.event().0, browser.event().0], [1, 2]);
}

/// A client asks for the same replay again and again, and reads nothing.
#[test]
fn replays_in_a_loop_harm_nobody() {
    let server = start(|limits| limits.write_timeout = NEVER);
    let begin = server.hub.position().to_string();
    let filling = format!("\"{}\"", "x".repeat(10_000));
    for _ in 0..100 {
        server.hub.publish("t", &filling).unwrap();
    }
    let mut greedy = Pushd1::connect(&server);
    let mut quick = server.subscriber("u");
    let subscribe = json!([5, "t", {"since": begin}]).to_string();
    for number in 0..500 {
        for _ in 0..10 {
            greedy.0.send(&subscribe);
            greedy.0.send("[6,\"t\"]");
        }
        publish(&server, "u", [number]);
        assert_eq!(quick.message(), format!("[8,\"u\",{number}]"));
        let stats = server.hub.stats();
        assert!(stats.outboxes_len < 2 << 20, "{stats:?}");
    }
}
