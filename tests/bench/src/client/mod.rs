//! The subscribers and the publisher, in one thread, because the server is the subject of the measurement.

pub mod dialect;
pub mod mark;

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use crate::scenario::{Pace, Scenario};
use crate::servers::Server;
use dialect::Publisher;
use mark::{Kind, Mark};

/// Largest number of concurrent handshakes.
const HANDSHAKES: usize = 128;
/// Size of a read, in bytes.
const READ_LEN: usize = 256 * 1024;
/// Time limit for connecting all subscribers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Time limit for the start of all subscriptions.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(15);
/// Time between two warm-up events.
const WARM_UP_WAIT: Duration = Duration::from_millis(500);
/// A delivery that takes longer counts as lost.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest latency that the histogram distinguishes.
const LATENCY_MAX: Duration = Duration::from_secs(60);
/// Largest delay of a publish that the client may cause itself. Beyond it, the latency counts from the planned time.
const LATE: Duration = Duration::from_millis(2);

/// The deliveries of a run.
#[derive(Debug)]
pub struct Deliveries {
    /// Number of expected deliveries: publishes times subscribers.
    pub expected: u64,
    /// Number of delivered events, without duplicates.
    pub received: u64,
    /// Number of duplicates.
    pub duplicated: u64,
    /// Number of deliveries that came after a later event.
    pub reordered: u64,
    /// Time from the first publish to the last delivery.
    pub took: Duration,
    /// Latencies from publish to delivery, in nanoseconds.
    pub latency: Histogram<u32>,
}

impl Deliveries {
    /// Returns the number of missing deliveries.
    pub fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
    }

    fn new() -> Result<Self> {
        Ok(Self {
            expected: 0,
            received: 0,
            duplicated: 0,
            reordered: 0,
            took: Duration::ZERO,
            latency: Histogram::new_with_max(LATENCY_MAX.as_nanos() as u64, 3)?,
        })
    }
}

/// The subscribers of one server, and its publisher.
#[derive(Debug)]
pub struct Client<'a> {
    server: &'a Server,
    scenario: Scenario,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    subscribers: Vec<Subscriber>,
    start: Instant,
    /// Connections with a finished handshake.
    upgraded: usize,
    /// Connections that received a warm-up event.
    warm: usize,
    deliveries: Deliveries,
}

#[derive(Debug)]
struct Subscriber {
    stream: TcpStream,
    topic: usize,
    state: State,
    /// An incomplete mark or answer.
    unfinished: Vec<u8>,
    /// The number of the next event.
    next: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Handshake,
    /// It has sent its subscription.
    Subscribing,
    /// It has received a warm-up event.
    Subscribed,
}

impl<'a> Client<'a> {
    /// Connects and subscribes all subscribers.
    pub fn connect(server: &'a Server, scenario: Scenario) -> Result<Self> {
        let mut client = Self {
            server,
            scenario,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; READ_LEN],
            subscribers: Vec::with_capacity(scenario.connections()),
            start: Instant::now(),
            upgraded: 0,
            warm: 0,
            deliveries: Deliveries::new()?,
        };
        let end = Instant::now() + CONNECT_TIMEOUT;
        while client.upgraded < scenario.connections() {
            if Instant::now() > end {
                bail!(
                    "only {} connections after {CONNECT_TIMEOUT:?}",
                    client.upgraded
                );
            }
            client.open_some()?;
            client.receive(Duration::from_millis(100))?;
        }
        Ok(client)
    }

    /// Publishes until every subscriber has received an event, because not every server confirms a subscription.
    pub fn warm_up(&mut self, publisher: &mut Publisher) -> Result<()> {
        let end = Instant::now() + WARM_UP_TIMEOUT;
        let mut event = Vec::new();
        while self.warm < self.subscribers.len() {
            if Instant::now() > end {
                let (warm, all) = (self.warm, self.subscribers.len());
                bail!("only {warm} of {all} connections get events");
            }
            for topic in 0..self.scenario.topics {
                let mark = self.mark(Kind::WarmUp, 0);
                mark::put_event(&mut event, &topic_name(topic), mark);
                publisher.publish(&topic_name(topic), &event)?;
                self.receive(Duration::ZERO)?;
            }
            let wait_end = Instant::now() + WARM_UP_WAIT;
            while self.warm < self.subscribers.len() && Instant::now() < wait_end {
                self.receive(Duration::from_millis(20))?;
            }
        }
        // Wait for warm-up events that are still on their way to other subscribers.
        while self.receive(WARM_UP_WAIT)? {}
        Ok(())
    }

    /// Publishes for `duration` according to the scenario, and waits for the last delivery.
    pub fn measure(mut self, publisher: &mut Publisher, duration: Duration) -> Result<Deliveries> {
        let begin = Instant::now();
        let mut published = 0;
        let mut event = Vec::new();
        while begin.elapsed() < duration {
            let now = Instant::now();
            let due = match self.scenario.pace {
                Pace::Rate(rate) => begin + Duration::from_secs(published) / rate,
                Pace::Window(window) if self.under_way(published) < window as u64 => now,
                Pace::Window(_) => {
                    if !self.receive(DELIVERY_TIMEOUT)? {
                        break; // Something is lost.
                    }
                    continue;
                }
                Pace::Idle => bail!("nothing is published to idle connections"),
            };
            if due > now {
                self.receive(due - now)?;
                continue;
            }
            let topic = published as usize % self.scenario.topics;
            let mut mark = self.mark(Kind::Measured, published / self.scenario.topics as u64);
            if now - due > LATE {
                mark.at_ns = (due - self.start).as_nanos() as u64;
            }
            let topic = topic_name(topic);
            mark::put_event(&mut event, &topic, mark);
            publisher.publish(&topic, &event)?;
            published += 1;
            self.deliveries.expected += self.scenario.subscribers as u64;
        }
        while self.deliveries.lost() > 0 && self.receive(DELIVERY_TIMEOUT)? {}
        self.deliveries.took = begin.elapsed();
        Ok(self.deliveries)
    }

    /// Returns the number of publishes that have not reached every subscriber.
    fn under_way(&self, published: u64) -> u64 {
        published - self.deliveries.received / self.scenario.subscribers as u64
    }

    fn mark(&self, kind: Kind, sequence: u64) -> Mark {
        Mark {
            kind,
            sequence,
            at_ns: self.start.elapsed().as_nanos() as u64,
        }
    }

    fn open_some(&mut self) -> Result<()> {
        while self.subscribers.len() < self.scenario.connections()
            && self.subscribers.len() - self.upgraded < HANDSHAKES
        {
            let place = self.subscribers.len();
            self.subscribers.push(Subscriber::open(
                self.server.web,
                place % self.scenario.topics,
            )?);
            let stream = &mut self.subscribers[place].stream;
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll
                .registry()
                .register(stream, Token(place), interest)?;
        }
        Ok(())
    }

    /// Waits for data and processes it. Returns false if none arrives in time.
    fn receive(&mut self, patience: Duration) -> Result<bool> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(patience)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            polled => polled.context("can't wait for events")?,
        }
        for event in &events {
            let Token(place) = event.token();
            if self.subscribers[place].state == State::Connecting {
                let topic = topic_name(self.subscribers[place].topic);
                let request = dialect::request(self.server.kind, self.server.web, &topic);
                self.subscribers[place].say(&request)?;
                self.subscribers[place].state = State::Handshake;
                self.poll.registry().reregister(
                    &mut self.subscribers[place].stream,
                    Token(place),
                    Interest::READABLE,
                )?;
            } else {
                self.read(place)?;
            }
        }
        let is_any = !events.is_empty();
        self.events = events;
        Ok(is_any)
    }

    fn read(&mut self, place: usize) -> Result<()> {
        loop {
            let subscriber = &mut self.subscribers[place];
            match subscriber.stream.read(&mut self.buffer) {
                Ok(0) => bail!("the server has closed a connection"),
                Ok(len) => {
                    self.take(place, len)?;
                    if len < self.buffer.len() {
                        return Ok(()); // All of it; a further read would only say so.
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("a connection broke"),
            }
        }
    }

    /// Removes the first `len` bytes of the buffer.
    fn take(&mut self, place: usize, len: usize) -> Result<()> {
        let subscriber = &mut self.subscribers[place];
        let kind = self.server.kind;
        let joined;
        let bytes = match subscriber.unfinished.is_empty() {
            true => &self.buffer[..len],
            false => {
                subscriber.unfinished.extend_from_slice(&self.buffer[..len]);
                joined = std::mem::take(&mut subscriber.unfinished);
                &joined[..]
            }
        };
        let mut done = 0;
        if subscriber.state == State::Handshake {
            done = subscriber.answered(kind, bytes)?;
            self.upgraded += usize::from(done > 0);
        }
        if subscriber.state != State::Handshake {
            let now_ns = self.start.elapsed().as_nanos() as u64;
            done += mark::find_all(&bytes[done..], |mark| {
                if mark.kind == Kind::Measured {
                    subscriber.count(mark, now_ns, &mut self.deliveries);
                } else if subscriber.state == State::Subscribing {
                    subscriber.state = State::Subscribed;
                    self.warm += 1;
                }
            });
        }
        subscriber.unfinished = bytes[done..].to_vec();
        Ok(())
    }
}

impl Subscriber {
    fn open(web: SocketAddr, topic: usize) -> Result<Self> {
        let stream = TcpStream::connect(web).context("can't connect a subscriber")?;
        // Closes with a reset. Otherwise thousands of ports would stay in TIME_WAIT for a minute.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        Ok(Self {
            stream,
            topic,
            state: State::Connecting,
            unfinished: Vec::new(),
            next: 0,
        })
    }

    fn say(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.write(bytes);
        if written.context("can't write to the server")? < bytes.len() {
            bail!("the server does not read");
        }
        Ok(())
    }

    /// Sends the subscription after the server's answer. Returns the length of that answer.
    fn answered(&mut self, kind: crate::servers::Kind, bytes: &[u8]) -> Result<usize> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(0);
        };
        if !bytes.starts_with(b"HTTP/1.1 101 ") {
            bail!("no WebSocket: {}", String::from_utf8_lossy(bytes));
        }
        if let Some(message) = dialect::subscribe(kind, &topic_name(self.topic)) {
            self.say(&message)?;
        }
        self.state = State::Subscribing;
        Ok(end + 4)
    }

    fn count(&mut self, mark: Mark, now_ns: u64, deliveries: &mut Deliveries) {
        if mark.sequence + 1 == self.next {
            deliveries.duplicated += 1;
        } else if mark.sequence < self.next {
            // The delivery was missing until now.
            deliveries.reordered += 1;
            deliveries.received += 1;
        } else {
            self.next = mark.sequence + 1;
            deliveries.received += 1;
            deliveries
                .latency
                .saturating_record(now_ns.saturating_sub(mark.at_ns));
        }
    }
}

fn topic_name(index: usize) -> String {
    format!("t{index}")
}
