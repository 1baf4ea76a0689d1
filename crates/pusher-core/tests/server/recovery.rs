//! The log: exact subscriptions, recovery of missed events, slow consumers that read from the log, and gaps.

use std::time::Duration;

use pusher_core::{Gap, Options, Position, Recipe, Recipients, SlowConsumer};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Browser, TestServer, connect, on_any_ports, start, start_server};

const NEVER: Duration = Duration::from_secs(3600);

/// A browser that speaks `pushd.1`.
pub(crate) struct Pushd1(Browser);

/// The elements of SUBSCRIBED behind the topic.
#[derive(Debug, PartialEq)]
pub(crate) struct Subscribed {
    pub(crate) position: String,
    pub(crate) is_recovered: bool,
    pub(crate) replayed: u64,
}

impl Pushd1 {
    pub(crate) fn connect(server: &TestServer) -> Self {
        let url = format!("ws://{}/", server.public);
        let mut browser = Self(Browser::open_as(
            "pushd.1",
            connect(server.public),
            &url,
            &[],
        ));
        assert_eq!(browser.message()[0], 12, "KEEPALIVE");
        browser
    }

    fn message(&mut self) -> Value {
        serde_json::from_str(&self.0.message()).unwrap()
    }

    pub(crate) fn subscribe(&mut self, topic: &str, since: Option<&str>) -> Subscribed {
        let message = match since {
            None => json!([5, topic]),
            Some(since) => json!([5, topic, {"since": since}]),
        };
        self.0.send(&message.to_string());
        let answer = self.message();
        assert_eq!((&answer[0], &answer[1]), (&json!(9), &json!(topic)));
        Subscribed {
            position: answer[2].as_str().unwrap().to_owned(),
            is_recovered: answer[3].as_bool().unwrap(),
            replayed: answer[4].as_u64().unwrap(),
        }
    }

    /// Returns the next event, a number, and its sequence number.
    pub(crate) fn event(&mut self) -> (u64, u64) {
        let message = self.message();
        assert_eq!(message[0], 8, "{message}");
        (message[2].as_u64().unwrap(), message[3].as_u64().unwrap())
    }
}

fn start_options(change: impl FnOnce(&mut Options)) -> TestServer {
    let mut options = on_any_ports();
    options.live.limits.write_timeout = NEVER;
    change(&mut options);
    start_server(options, Recipe::default())
}

/// Publishes numbers. Returns the position behind the last one.
fn publish(server: &TestServer, topic: &str, numbers: impl IntoIterator<Item = u64>) -> String {
    for number in numbers {
        server.hub.publish(topic, &number.to_string()).unwrap();
    }
    server.hub.position().to_string()
}

#[test]
fn missed_events_arrive_once_and_in_order() {
    let server = start(|_| {});
    let before = publish(&server, "t", 1..=2);
    publish(&server, "u", 100..=101);
    let end = publish(&server, "t", 3..=5);
    let mut browser = Pushd1::connect(&server);
    let subscribed = Subscribed {
        position: end.clone(),
        is_recovered: true,
        replayed: 3,
    };
    assert_eq!(browser.subscribe("t", Some(&before)), subscribed);
    publish(&server, "t", [6]);
    let events: Vec<_> = (0..4).map(|_| browser.event()).collect();
    assert_eq!(events, [(3, 5), (4, 6), (5, 7), (6, 8)]);
    // The position of one topic is valid for every topic.
    let subscribed = browser.subscribe("u", Some(&before));
    assert_eq!(subscribed.replayed, 2);
    assert_eq!([browser.event(), browser.event()], [(100, 3), (101, 4)]);
    browser.0.barrier();
    let stats = server.hub.stats();
    assert_eq!((stats.recovered, stats.gaps.total()), (2, 0));
    // The sixth event may have come from the log, too.
    assert!((5..=6).contains(&stats.events_replayed), "{stats:?}");
    assert_eq!(stats.log_readers, 0);
}

#[test]
fn subscription_without_position_begins_with_next_event() {
    let server = start(|_| {});
    let end = publish(&server, "t", 1..=3);
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("t", None);
    assert_eq!(
        subscribed,
        Subscribed {
            position: end,
            is_recovered: true,
            replayed: 0
        }
    );
    // A second SUBSCRIBE has no answer.
    browser.0.send("[5,\"t\"]");
    browser.0.barrier();
    publish(&server, "t", [4]);
    assert_eq!(browser.event(), (4, 4));
    browser.0.barrier();
}

#[test]
fn other_positions_are_gaps() {
    let server = start(|limits| limits.history_topic_events_max = 2);
    let old = publish(&server, "t", [1]);
    let oldest = publish(&server, "t", [2]);
    publish(&server, "t", 3..=4);
    let epoch = server.hub.position().epoch;
    let at = |epoch, sequence| Position { epoch, sequence }.to_string();
    for (since, replayed) in [
        (at(epoch ^ 1, 4), None),
        (at(epoch, 5), None),
        (at(epoch, u64::MAX >> 11), None),
        (at(epoch, 0), None),
        (old, None),
        (oldest, Some(2)),
        (at(epoch, 4), Some(0)),
        ("".to_owned(), None),
        ("x".repeat(10_000), None),
        (format!("{}-+4", &at(epoch, 4)[..16]), None),
    ] {
        let mut browser = Pushd1::connect(&server);
        let subscribed = browser.subscribe("t", Some(&since));
        let expected = (replayed.is_some(), replayed.unwrap_or(0));
        assert_eq!(
            (subscribed.is_recovered, subscribed.replayed),
            expected,
            "{since}"
        );
        browser.0.send("[6,\"t\"]");
    }
    let gaps = server.hub.stats().gaps;
    let counts = [Gap::Epoch, Gap::Ahead, Gap::Forgotten, Gap::Malformed];
    assert_eq!(counts.map(|gap| gaps.get(gap)), [1, 2, 2, 3]);
}

#[test]
fn position_of_a_megabyte_ends_the_session() {
    let server = start(|_| {});
    let mut browser = Pushd1::connect(&server);
    let since = "x".repeat(1 << 20);
    browser
        .0
        .send(&json!([5, "t", {"since": since}]).to_string());
    assert_eq!(browser.0.close_code(), 1009);
}

#[test]
fn quiet_topic_has_no_gap_when_the_log_forgets_others() {
    let server = start(|limits| limits.history_len_max = 10_000);
    let before = publish(&server, "quiet", [1]);
    publish(&server, "busy", 1..=1000);
    let mut browser = Pushd1::connect(&server);
    let subscribed = browser.subscribe("quiet", Some(&before));
    assert_eq!((subscribed.is_recovered, subscribed.replayed), (true, 0));
    let subscribed = browser.subscribe("busy", Some(&before));
    assert!(!subscribed.is_recovered);
    let stats = server.hub.stats();
    assert!(
        stats.log_len <= 10_000 && stats.log_events > 10,
        "{stats:?}"
    );
}

#[test]
fn topic_without_history_is_a_gap() {
    let server = start_options(|options| options.live.history = vec!["a*".parse().unwrap()]);
    let before = publish(&server, "a", [1]);
    publish(&server, "b", [2]);
    let mut browser = Pushd1::connect(&server);
    assert_eq!(browser.subscribe("a", Some(&before)).replayed, 0);
    assert!(!browser.subscribe("b", Some(&before)).is_recovered);
    let end = server.hub.position().to_string();
    assert!(browser.subscribe("b2", Some(&end)).is_recovered);
    publish(&server, "b", [3]);
    assert_eq!(browser.event(), (3, 3));
    let mut options = on_any_ports();
    options.live.limits.history_len_max = 0;
    server.control.reload(options.live).unwrap();
    publish(&server, "a", [4]);
    let mut late = Pushd1::connect(&server);
    assert!(!late.subscribe("a", Some(&before)).is_recovered);
}

#[test]
fn old_events_are_forgotten() {
    let server = start(|limits| {
        limits.history_age_max = Duration::from_millis(50);
        limits.ping_interval = Duration::from_millis(50);
    });
    let before = server.hub.position().to_string();
    publish(&server, "t", [1]);
    server.until("the event is forgotten", |hub| hub.stats().log_events == 0);
    let mut browser = Pushd1::connect(&server);
    assert!(!browser.subscribe("t", Some(&before)).is_recovered);
}

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
fn slow_consumer_reads_from_the_log() {
    let server = start_options(|options| {
        options.live.limits.outbox_len_max = 100_000;
        options.live.limits.history_len_max = 512 << 20;
        options.live.limits.history_topic_len_max = 512 << 20;
        options.live.limits.history_topic_events_max = 100_000;
    });
    let mut slow = server.subscriber("t");
    slow.subscribe("u");
    let mut slow_pushd1 = Pushd1::connect(&server);
    slow_pushd1.subscribe("t", None);
    let filling = "x".repeat(50_000);
    let mut published = 0;
    while server.hub.stats().log_readers < 2 {
        published += 1;
        let event = format!("[{published},\"{filling}\"]");
        server.hub.publish("t", &event).unwrap();
        server.hub.publish("u", &event).unwrap();
        assert!(published < 2000, "the kernel buffers everything");
    }
    let stats = server.hub.stats();
    assert!(stats.outboxes_len < 500_000, "{stats:?}");
    for _ in 0..100 {
        published += 1;
        let event = format!("[{published},\"{filling}\"]");
        server.hub.publish("t", &event).unwrap();
        server.hub.publish("u", &event).unwrap();
    }
    let stats = server.hub.stats();
    assert!(stats.outboxes_len < 500_000, "{stats:?}");
    let (mut t, mut u) = (0, 0);
    while t < published || u < published {
        let message: Value = serde_json::from_str(&slow.message()).unwrap();
        let seen = if message[1] == "t" { &mut t } else { &mut u };
        assert_eq!(message[2][0], *seen + 1);
        *seen += 1;
    }
    for number in 1..=published {
        assert_eq!(slow_pushd1.message()[2][0], number);
    }
    server.until("both have caught up", |hub| hub.stats().log_readers == 0);
    server.hub.publish("t", "[0]").unwrap();
    assert_eq!(slow.message(), "[8,\"t\",[0]]");
    assert_eq!(slow_pushd1.message()[2][0], 0);
    assert_eq!(server.hub.stats().slow_consumers.total(), 0);
}

#[test]
fn slow_consumer_behind_the_log_gets_gap() {
    let server = start_options(|options| {
        options.live.limits.outbox_len_max = 100_000;
        options.live.limits.history_len_max = 500_000;
    });
    let mut slow = Pushd1::connect(&server);
    slow.subscribe("t", None);
    let filling = "x".repeat(50_000);
    let mut published = 0;
    while server.hub.stats().log_readers < 1 {
        published += 1;
        let event = format!("[{published},\"{filling}\"]");
        server.hub.publish("t", &event).unwrap();
    }
    for _ in 0..20 {
        server
            .hub
            .publish("t", &format!("[0,\"{filling}\"]"))
            .unwrap();
    }
    let end = server.hub.position().to_string();
    let mut seen = 0;
    let gap = loop {
        let message = slow.message();
        if message[0] != 8 {
            break message;
        }
        assert_eq!(message[2][0], seen + 1);
        seen += 1;
    };
    assert_eq!(gap, json!([10, "t", end]));
    assert!(slow.0.read().is_err(), "the connection ends without close");
    let slow = server.hub.stats().slow_consumers;
    assert_eq!((slow.get(SlowConsumer::History), slow.total()), (1, 1));
}

/// An event that is too long for the log goes to the outbox like others. It must not overtake those in front of it that
/// leave the outbox.
#[test]
fn slow_consumer_gets_no_event_behind_a_hole() {
    let server = start_options(|options| {
        options.live.limits.outbox_len_max = 300_000;
        options.live.limits.history_topic_len_max = 100_000;
    });
    let mut slow = Pushd1::connect(&server);
    slow.subscribe("t", None);
    let mut published = 0;
    let mut publish = |len: usize| {
        published += 1;
        assert!(published < 2000, "the kernel buffers everything");
        let event = format!("[{published},\"{}\"]", "x".repeat(len));
        server.hub.publish("t", &event).unwrap();
        server.until("it is queued", |hub| hub.backlog_len() == 0);
        server.hub.stats()
    };
    while publish(50_000).outboxes_len < 100_000 {}
    publish(150_000);
    while publish(50_000).log_readers == 0 {}
    let mut seen = 0;
    let gap = loop {
        let message = slow.message();
        if message[0] != 8 {
            break message;
        }
        assert_eq!(message[2][0], seen + 1);
        seen += 1;
    };
    assert_eq!(gap[0], 10);
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
    let server = start(|_| {});
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

#[test]
fn publishers_can_ask_for_the_position() {
    let server = start(|_| {});
    let mut publisher = server.publisher();
    let epoch = server.hub.position().epoch;
    publisher.send("[6,1][3,2,\"t\",1][6,3,\"from a later version\"]");
    assert_eq!(publisher.line(), format!("[7,1,\"{epoch:016x}-0\"]"));
    assert_eq!(
        publisher.whole_line(),
        format!("[4,2,1,0,{{\"position\":\"{epoch:016x}-1\",\"stored\":\"memory\"}}]")
    );
    assert_eq!(publisher.line(), format!("[7,3,\"{epoch:016x}-1\"]"));
}
