//! The log: exact subscriptions, recovery of missed events, slow consumers that read from the log, and gaps.

mod positions;
mod replays;
mod slow_consumers;

use pusher_core::{Options, Recipe};
use serde_json::{Value, json};

use crate::support::{Browser, NEVER, TestServer, connect, on_any_ports, start_server};

/// A browser that speaks `pushd.1`.
pub(crate) struct Pushd1(pub(crate) Browser);

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

    /// Returns the sequence number of the next event.
    pub(crate) fn sequence(&mut self) -> u64 {
        self.message()[3].as_u64().unwrap()
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
