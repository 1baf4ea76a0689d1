//! Programs that watch a topic.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use crate::support::{TestServer, WAIT, start};

/// A client that watches a topic.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    /// Sends the request. Returns the status line and the watcher.
    fn begin(server: &TestServer, path: &str) -> (String, Self) {
        let mut stream = server.raw(server.publish);
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut watcher = Self(BufReader::new(stream));
        let status = watcher.line();
        while !watcher.line().is_empty() {}
        (status, watcher)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn lines<const COUNT: usize>(&mut self) -> [String; COUNT] {
        std::array::from_fn(|_| self.line())
    }
}

#[test]
fn watcher_receives_events_of_its_topic() {
    let mut server = start(|limits| limits.watchers_max = 1);
    let (status, mut watcher) = Watcher::begin(&server, "/watch/a%20%E7%8C%AB");
    assert!(status.contains(" 200 "), "{status}");
    assert_eq!(watcher.lines(), [": watching", ""]);
    server.hub.publish("other", "0").unwrap();
    let receipt = server.hub.publish("a 猫", "{\n\"a\":1}").unwrap();
    assert_eq!(receipt.subscribers, 0, "a watcher is not a subscriber");
    let id = format!("id: {}", receipt.sequence);
    assert_eq!(watcher.lines(), [&id, "data: {", "data: \"a\":1}", ""]);
    // The limit is reached.
    let (status, mut refused) = Watcher::begin(&server, "/watch/t");
    assert!(status.contains(" 503 "), "{status}");
    assert!(refused.line().contains("watchers-max"));
    // The stream ends at shutdown, and does not delay it.
    server.end();
    assert_eq!(watcher.line(), "");
}

#[test]
fn disconnected_watcher_frees_its_permit() {
    let server = start(|limits| limits.watchers_max = 1);
    let (_, watcher) = Watcher::begin(&server, "/watch/t");
    drop(watcher);
    let started = std::time::Instant::now();
    while !Watcher::begin(&server, "/watch/t").0.contains(" 200 ") {
        // A failed write tells the server that the watcher has disconnected.
        server.hub.publish("t", "1").unwrap();
        assert!(started.elapsed() < WAIT);
    }
}
