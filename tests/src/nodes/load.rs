//! Publishers at several daemons. Each publish has an id, and is sent again until it has a receipt.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use xtask::process::wait_until;

use crate::WAIT_MS;
use crate::daemon::Daemon;
use crate::publisher::Publisher;
use crate::simulator::{POLL, Position};

/// Publishes that wait for their receipts on one connection.
pub const WINDOW: usize = 8;

/// Payloads of one publisher.
const SHIFT: u32 = 32;

/// A publish with a receipt.
#[derive(Debug, Clone)]
pub struct Published {
    /// The topic.
    pub topic: String,
    /// The event, a number.
    pub payload: u64,
    /// The place behind the event.
    pub position: Position,
    /// The receipt.
    pub receipt: Value,
    /// Number of times that it was sent.
    pub attempts: usize,
}

/// Publishes until [`finish`](Load::finish).
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<Published>>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    /// Of each publisher.
    receipts: Vec<AtomicUsize>,
    refusals: AtomicUsize,
}

impl Load {
    /// Starts one publisher at each node. They publish to one topic.
    pub fn at_each(nodes: &[Daemon], topic: &str) -> Self {
        let addresses: Vec<_> = nodes.iter().map(|node| node.publish).collect();
        Self::start(&addresses, &[topic])
    }

    /// Starts one publisher for each address. They publish to all topics in turn.
    pub fn start(addresses: &[SocketAddr], topics: &[&str]) -> Self {
        let shared = Arc::new(Shared {
            receipts: addresses.iter().map(|_| AtomicUsize::new(0)).collect(),
            ..Shared::default()
        });
        let threads = addresses.iter().enumerate().map(|(index, &address)| {
            let its = Arc::clone(&shared);
            let topics = topics.iter().map(ToString::to_string).collect();
            thread::spawn(move || OnePublisher::new(address, index, topics, &its).run())
        });
        Self {
            threads: threads.collect(),
            shared,
        }
    }

    /// Returns the number of receipts so far.
    pub fn receipts(&self) -> usize {
        let publishers = 0..self.shared.receipts.len();
        publishers.map(|index| self.receipts_of(index)).sum()
    }

    /// Returns the number of receipts of one publisher so far.
    pub fn receipts_of(&self, publisher: usize) -> usize {
        self.shared.receipts[publisher].load(Ordering::SeqCst)
    }

    /// Returns the number of refusals so far.
    pub fn refusals(&self) -> usize {
        self.shared.refusals.load(Ordering::SeqCst)
    }

    /// Waits for this many more receipts.
    #[track_caller]
    pub fn wait_for_more(&self, count: usize) {
        wait_for_more(count, || self.receipts());
    }

    /// Waits until one publisher has this many more receipts.
    #[track_caller]
    pub fn wait_for_more_of(&self, publisher: usize, count: usize) {
        wait_for_more(count, || self.receipts_of(publisher));
    }

    /// Waits until all publishes have receipts. Returns them in the order of their positions.
    #[track_caller]
    pub fn finish(self) -> Vec<Published> {
        self.shared.is_over.store(true, Ordering::SeqCst);
        let threads = self.threads.into_iter();
        let all = threads.flat_map(|thread| thread.join().expect("a publisher failed"));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|published| published.position);
        all
    }
}

#[track_caller]
fn wait_for_more(count: usize, receipts: impl Fn() -> usize) {
    let target = receipts() + count;
    let enough = wait_until(4 * WAIT_MS, || receipts() >= target);
    assert!(enough, "{} of {target} receipts", receipts());
}

struct OnePublisher<'a> {
    address: SocketAddr,
    index: usize,
    shared: &'a Shared,
    topics: Vec<String>,
    next: u64,
    /// Publishes without a receipt, oldest first, with the numbers of their attempts. The first `sent` are sent.
    waiting: VecDeque<(u64, usize)>,
    sent: usize,
    published: Vec<Published>,
}

impl<'a> OnePublisher<'a> {
    fn new(address: SocketAddr, index: usize, topics: Vec<String>, shared: &'a Shared) -> Self {
        Self {
            address,
            index,
            shared,
            topics,
            next: (index as u64 + 1) << SHIFT,
            waiting: VecDeque::new(),
            sent: 0,
            published: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<Published> {
        while !self.is_done() {
            // The daemon may be down.
            if let Some(stream) = self.connect() {
                let _lost = self.use_connection(stream);
            }
            self.sent = 0;
            thread::sleep(POLL);
        }
        self.published
    }

    fn is_done(&self) -> bool {
        self.shared.is_over.load(Ordering::SeqCst) && self.waiting.is_empty()
    }

    fn connect(&self) -> Option<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        let wait = Some(Duration::from_millis(WAIT_MS));
        stream.set_read_timeout(wait).ok()?;
        stream.write_all(b"[1,1]\n").ok()?;
        let mut stream = BufReader::new(stream);
        stream.read_line(&mut String::new()).ok()?;
        Some(stream)
    }

    /// Publishes until the connection is lost.
    fn use_connection(&mut self, mut stream: BufReader<TcpStream>) -> Option<()> {
        while !self.is_done() {
            while self.sent < WINDOW && self.has_next() {
                let message = self.message();
                stream.get_mut().write_all(message.as_bytes()).ok()?;
                self.sent += 1;
            }
            let mut line = String::new();
            stream.read_line(&mut line).ok().filter(|len| *len > 0)?;
            self.take(&serde_json::from_str(&line).expect("an answer is JSON"));
        }
        Some(())
    }

    /// Whether there is something to send. Makes a new event if it is time for one.
    fn has_next(&mut self) -> bool {
        if self.sent == self.waiting.len() && !self.shared.is_over.load(Ordering::SeqCst) {
            self.next += 1;
            self.waiting.push_back((self.next, 0));
        }
        self.sent < self.waiting.len()
    }

    fn topic(&self, payload: u64) -> String {
        let index = payload % self.topics.len() as u64;
        self.topics[usize::try_from(index).expect("an index")].clone()
    }

    fn message(&mut self) -> String {
        let (payload, attempts) = &mut self.waiting[self.sent];
        *attempts += 1;
        let (payload, topic) = (*payload, self.topic(self.waiting[self.sent].0));
        let message = json!([3, payload, topic, payload, {"id": payload.to_string()}]);
        format!("{message}\n")
    }

    fn take(&mut self, answer: &Value) {
        let (payload, attempts) = self.waiting.pop_front().expect("a publish");
        self.sent -= 1;
        assert_eq!(answer[1], payload, "answers have the order of publishes");
        if answer[0] == 4 {
            self.shared.receipts[self.index].fetch_add(1, Ordering::SeqCst);
            self.published.push(Published {
                topic: self.topic(payload),
                payload,
                position: position(answer),
                receipt: answer.clone(),
                attempts,
            });
            return;
        }
        let can_retry = answer[2] == "log_unavailable" || answer[2] == "overloaded";
        assert!(can_retry, "{answer}");
        self.shared.refusals.fetch_add(1, Ordering::SeqCst);
        self.waiting.push_back((payload, attempts));
    }
}

fn position(receipt: &Value) -> Position {
    let text = receipt[4]["position"].as_str().expect("a position");
    let position = Position::parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(receipt[2], position.sequence, "{receipt}");
    position
}

/// Publishes one event, and returns the answer: a receipt or an error.
#[track_caller]
pub fn answer_to(publish: SocketAddr, topic: &str, payload: u64, id: Option<&str>) -> Value {
    let mut publisher = Publisher::connect(publish);
    let options = match id {
        Some(id) => json!({"id": id}),
        None => json!({}),
    };
    let message = json!([3, 1, topic, payload, options]);
    publisher.send(format!("[1,1]\n{message}\n").as_bytes());
    publisher.answer();
    publisher.answer()
}

/// Publishes one event, which must get a receipt.
#[track_caller]
pub fn publish(publish: SocketAddr, topic: &str, payload: u64) -> Published {
    let receipt = answer_to(publish, topic, payload, None);
    assert_eq!(receipt[0], 4, "{receipt}");
    Published {
        topic: topic.to_owned(),
        payload,
        position: position(&receipt),
        receipt,
        attempts: 1,
    }
}

/// Publishes these events, which must get receipts.
#[track_caller]
pub fn publish_all(
    address: SocketAddr,
    topic: &str,
    payloads: impl IntoIterator<Item = u64>,
) -> Vec<Published> {
    let payloads = payloads.into_iter();
    payloads
        .map(|payload| publish(address, topic, payload))
        .collect()
}
