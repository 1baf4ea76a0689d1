//! Publishers in every protocol. Some are cut off in the middle of a write.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::run::{END, Run};
use crate::history::{Fate, Id, Publish};
use crate::publisher::Publisher;
use crate::random::Random;

/// Largest number of bursts on one connection.
const BURSTS_MAX: usize = 12;
/// Largest number of messages in one write.
const BURST_MAX: usize = 8;
/// One connection in three is cut off.
const CUT_EVERY: usize = 3;

/// Publishes at least `count` events, on one connection after another.
pub(super) fn publish(run: &Run, seed: u64, count: usize) -> Vec<Publish> {
    let mut random = Random::new(seed);
    let mut publishes = Vec::new();
    while publishes.len() < count {
        let before = publishes.len();
        let ways = [native, native_with_ids, raw, zeromq, http];
        let mut connection = Connection::open(run, &mut random);
        random.one_of(&ways)(&mut connection, &mut random);
        publishes.append(&mut connection.publishes);
        let more = publishes.len() - before;
        run.published.fetch_add(more, Ordering::Relaxed);
    }
    publishes
}

/// Publishes the last event of each topic.
#[track_caller]
pub(super) fn publish_ends(run: &Run) -> Vec<Publish> {
    let mut connection = Connection::open(run, &mut Random::new(0));
    connection.greet();
    for topic in &run.topics {
        let id = connection.new_publish(topic.clone());
        let event = json!({"id": id, "at": run.now_us(), END: true});
        connection.send(json!([3, id, topic, event]).to_string().as_bytes());
        connection.hear_receipt();
    }
    connection.publishes
}

/// A connection and its publishes.
struct Connection<'a> {
    run: &'a Run,
    number: u64,
    publisher: Publisher,
    publishes: Vec<Publish>,
    bursts: usize,
    /// The burst in which the connection is cut off, if there is one.
    cut_in: usize,
}

/// A publish: its id and its bytes.
type Message = (Id, Vec<u8>);

impl<'a> Connection<'a> {
    fn open(run: &'a Run, random: &mut Random) -> Self {
        let bursts = 1 + random.below(BURSTS_MAX);
        Self {
            run,
            number: run.new_connection(),
            publisher: Publisher::connect(run.publish),
            publishes: Vec::new(),
            bursts,
            cut_in: match random.once_in(CUT_EVERY) {
                true => random.below(bursts),
                false => usize::MAX,
            },
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.publisher.send(bytes);
    }

    #[track_caller]
    fn greet(&mut self) {
        self.send(b"[1,1]");
        let welcome = self.publisher.answer();
        assert_eq!(welcome[0], 2, "{welcome}");
    }

    /// Records a publish before any of it is sent.
    fn new_publish(&mut self, topic: String) -> Id {
        let id = (self.number << 20) + self.publishes.len() as u64;
        self.publishes.push(Publish {
            id,
            topic,
            connection: self.number,
            fate: Fate::Broken,
        });
        id
    }

    fn new_event(&mut self, random: &mut Random) -> (Id, String, String) {
        let topic = random.one_of(&self.run.topics).clone();
        let padding = match random.below(40) {
            0 => random.below(100_000),
            _ => random.below(200),
        };
        let id = self.new_publish(topic.clone());
        let event = self.run.event(id, &topic, padding);
        (id, topic, event)
    }

    fn decide(&mut self, id: Id, fate: Fate) {
        let mut publishes = self.publishes.iter_mut();
        let publish = publishes.find(|publish| publish.id == id);
        publish.expect("its own publish").fate = fate;
    }

    /// Sends the messages. In the chosen burst, it sends only a part and disconnects. Returns whether it
    /// disconnected.
    fn send_all(&mut self, burst: usize, messages: &[Message], random: &mut Random) -> bool {
        let bytes: Vec<u8> = messages
            .iter()
            .flat_map(|(_, bytes)| bytes)
            .copied()
            .collect();
        if burst != self.cut_in {
            self.send(&bytes);
            return false;
        }
        let cut = random.below(bytes.len() + 1);
        self.publisher.try_send(&bytes[..cut]);
        let mut end = 0;
        for (id, bytes) in messages {
            end += bytes.len();
            if end <= cut {
                self.decide(*id, Fate::Unknown);
            }
        }
        if random.once_in(2) {
            self.publisher.reset();
        }
        true
    }

    /// Reads the receipt of a publish whose request number is its id.
    #[track_caller]
    fn hear_receipt(&mut self) {
        let answer = self.publisher.answer();
        let [Some(4), Some(id), Some(sequence), Some(subscribers)] =
            [0, 1, 2, 3].map(|element: usize| answer[element].as_u64())
        else {
            panic!("not a receipt: {answer}");
        };
        let fate = Fate::Receipt {
            sequence,
            subscribers,
        };
        self.decide(id, fate);
    }
}

fn native(connection: &mut Connection<'_>, random: &mut Random) {
    connection.greet();
    for burst in 0..connection.bursts {
        let messages: Vec<Message> = (0..=random.below(BURST_MAX))
            .map(|_| {
                let (id, topic, event) = connection.new_event(random);
                (
                    id,
                    format!("[3,{id},{},{event}]", json!(topic)).into_bytes(),
                )
            })
            .collect();
        if connection.send_all(burst, &messages, random) {
            return;
        }
        messages.iter().for_each(|_| connection.hear_receipt());
    }
}

/// After a cut, it publishes the same ids again. Each event is delivered once.
fn native_with_ids(connection: &mut Connection<'_>, random: &mut Random) {
    connection.greet();
    for burst in 0..connection.bursts {
        let messages: Vec<Message> = (0..=random.below(BURST_MAX))
            .map(|_| {
                let (id, topic, event) = connection.new_event(random);
                let options = json!({"id": id.to_string()});
                let publish = format!("[3,{id},{},{event},{options}]", json!(topic));
                (id, publish.into_bytes())
            })
            .collect();
        if connection.send_all(burst, &messages, random) {
            connection.publisher = Publisher::connect(connection.run.publish);
            connection.cut_in = usize::MAX;
            connection.greet();
            connection.send_all(burst, &messages, random);
        }
        messages.iter().for_each(|_| connection.hear_receipt());
    }
}

fn raw(connection: &mut Connection<'_>, random: &mut Random) {
    if publish_unanswered(connection, random, String::into_bytes) {
        assert_eq!(connection.publisher.until_closed(), "");
    }
}

/// Publishes like php-zmq's and pyzmq's PUSH sockets (ZMTP 3.1, https://rfc.zeromq.org/spec/37).
fn zeromq(connection: &mut Connection<'_>, random: &mut Random) {
    let mut hello = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL".to_vec();
    hello.resize(64, 0);
    hello.extend_from_slice(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
    connection.send(&hello);
    let frame = |event: String| {
        let is_long = 0x02;
        let len = (event.len() as u64).to_be_bytes();
        [&[is_long], &len[..], event.as_bytes()].concat()
    };
    if publish_unanswered(connection, random, frame) {
        connection.publisher.until_closed();
    }
}

/// Publishes without answers. Returns whether everything was sent; the daemon then reads it all and closes.
fn publish_unanswered(
    connection: &mut Connection<'_>,
    random: &mut Random,
    encode: impl Fn(String) -> Vec<u8>,
) -> bool {
    for burst in 0..connection.bursts {
        let messages: Vec<Message> = (0..=random.below(BURST_MAX))
            .map(|_| {
                let (id, _, event) = connection.new_event(random);
                (id, encode(event))
            })
            .collect();
        let is_gone = connection.send_all(burst, &messages, random);
        if is_gone {
            // A reset discards earlier data too.
            for publish in &mut connection.publishes {
                if publish.fate == Fate::Taken {
                    publish.fate = Fate::Unknown;
                }
            }
            return false;
        }
        messages
            .iter()
            .for_each(|&(id, _)| connection.decide(id, Fate::Taken));
    }
    connection.publisher.end_of_file();
    true
}

fn http(connection: &mut Connection<'_>, random: &mut Random) {
    for burst in 0..connection.bursts {
        let (id, topic, event) = connection.new_event(random);
        let request = format!(
            "POST /publish/{topic} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{event}",
            event.len()
        );
        if connection.send_all(burst, &[(id, request.into_bytes())], random) {
            return;
        }
        let (status, body) = connection.publisher.http_answer();
        assert_eq!(status, 200, "{body}");
        let receipt: Value = serde_json::from_str(&body).expect("a receipt is JSON");
        let number = |name: &str| receipt[name].as_u64().expect("a number in a receipt");
        let fate = Fate::Receipt {
            sequence: number("sequence"),
            subscribers: number("subscribers"),
        };
        connection.decide(id, fate);
    }
}
