//! Upgrades of a daemon with thousands of browsers, under load.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use system_tests::WAIT_MS;
use system_tests::daemon::{Daemon, metric};
use system_tests::publisher::Publisher;
use xtask::process::wait_until;

const BROWSERS_MAX: u64 = 10_000;
const TOPICS: usize = 1_000;
const UPGRADES: u64 = 10;

/// A browser of which this process keeps nothing but the socket.
struct Browser {
    stream: TcpStream,
    topic: usize,
}

impl Browser {
    fn subscribe(address: SocketAddr, topic: usize) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        let wait = Duration::from_millis(WAIT_MS);
        stream.set_read_timeout(Some(wait)).unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: wamp\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let message = format!("[5,\"t{topic}\"]");
        let mut frame = vec![
            0x81,
            0x80 | u8::try_from(message.len()).unwrap(),
            0,
            0,
            0,
            0,
        ];
        frame.extend_from_slice(message.as_bytes());
        stream.write_all(&frame).unwrap();
        let mut browser = Self { stream, topic };
        browser.read_until("[0,");
        browser
    }

    /// Reads until a text has arrived. Returns everything that was read.
    fn read_until(&mut self, text: &str) -> String {
        let mut read = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while !read
            .windows(text.len())
            .any(|window| window == text.as_bytes())
        {
            let len = self.stream.read(&mut chunk).unwrap();
            assert_ne!(len, 0, "a connection was closed");
            read.extend_from_slice(&chunk[..len]);
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Checks that all events of the topic have arrived, each once and in order.
    fn check(&mut self, events: u64) {
        let topic = self.topic;
        let event = |number: u64| format!("[8,\"t{topic}\",{number}]");
        let read = self.read_until(&event(events));
        let mut expected = String::new();
        for number in 1..=events {
            let _written = write!(expected, "{}", event(number));
        }
        let arrived: String = read.split_inclusive(']').filter_map(frame_text).collect();
        assert_eq!(arrived, expected);
    }
}

/// Returns the text of a frame that ends here.
fn frame_text(frame: &str) -> Option<&str> {
    frame.find("[8,").map(|start| &frame[start..])
}

/// Publishes to all topics in turn, each event with a receipt. Returns the number of events of each topic.
fn publish_until(stop: &AtomicBool, address: SocketAddr) -> Vec<u64> {
    let mut events = vec![0; TOPICS];
    let mut publisher = Publisher::connect(address);
    publisher.send(b"[1,1]");
    publisher.answer();
    while !stop.load(Ordering::Relaxed) || events[TOPICS - 1] == 0 {
        for (topic, events) in events.iter_mut().enumerate() {
            *events += 1;
            publisher.send(format!("[3,1,\"t{topic}\",{events}]").as_bytes());
            let answer = publisher.answer();
            assert_eq!(answer[0], 4, "{answer}");
        }
    }
    events
}

#[test]
fn an_upgrade_keeps_ten_thousand_browsers() {
    let (_, open_files) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, open_files, open_files).unwrap();
    let browsers = BROWSERS_MAX.min(open_files / 2);
    let mut daemon = Daemon::start();
    let (web, publish) = (daemon.web, daemon.publish);
    let mut browsers: Vec<_> = (0..browsers as usize)
        .map(|number| Browser::subscribe(web, number % TOPICS))
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let publishing = std::thread::spawn(move || publish_until(&stopped, publish));
    for number in 1..=UPGRADES {
        daemon.process.signal(Signal::SIGUSR2);
        let is_done = wait_until(WAIT_MS, || {
            metric(publish, "pushd_handovers_total") == Some(number)
        });
        assert!(is_done, "upgrade {number}");
        let pause = metric(publish, "pushd_handover_pause_milliseconds").unwrap();
        eprintln!("upgrade {number}: pause {pause} ms");
        let closed = metric(publish, "pushd_handover_connections_closed");
        assert_eq!(closed, Some(0));
    }
    stop.store(true, Ordering::Relaxed);
    let events = publishing.join().unwrap();
    for browser in &mut browsers {
        browser.check(events[browser.topic]);
    }
}
