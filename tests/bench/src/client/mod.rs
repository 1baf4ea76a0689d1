//! The subscribers and the publisher, in one thread, because the server is the subject of the measurement.

mod deliveries;
pub mod dialect;
mod inflate;
pub mod mark;
mod page;
pub mod receipts;
pub mod stopped;
pub mod storm;
mod subscriber;
mod trigger;

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token};

use crate::scenario::{EVENT_LEN, Pace, Scenario};
use crate::servers::{self, Server};
pub use deliveries::Deliveries;
use dialect::Publisher;
use mark::{Kind, Mark};
use page::Page;
use subscriber::{State, Subscriber};

/// Largest number of concurrent handshakes of pages that do not come all at once.
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
/// Largest delay of a publish that the client may cause itself. Beyond it, the latency counts from the planned time.
const LATE: Duration = Duration::from_millis(2);

/// The subscribers of one server, and its publisher.
#[derive(Debug)]
pub struct Client<'a> {
    server: &'a Server,
    scenario: Scenario,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    topics: Vec<String>,
    /// Pages that are not connected.
    away: VecDeque<Page>,
    subscribers: Vec<Subscriber>,
    start: Instant,
    /// Connections with a finished handshake.
    upgraded: usize,
    /// Connections that received a warm-up event.
    warm: usize,
    /// Events that were published, without warm-up events.
    published: u64,
    deliveries: Deliveries,
}

impl<'a> Client<'a> {
    /// Connects and subscribes all subscribers.
    pub fn connect(server: &'a Server, scenario: Scenario) -> Result<Self> {
        Self::connect_to(server, scenario, "t")
    }

    /// Does the same, with topics whose names begin with `prefix`.
    pub fn connect_to(server: &'a Server, scenario: Scenario, prefix: &str) -> Result<Self> {
        let topics = 0..scenario.topics;
        let topics: Vec<_> = topics.map(|index| format!("{prefix}{index}")).collect();
        let page = |number| Page {
            number,
            topic: topics[number % topics.len()].clone(),
            since: None,
            next: 0,
        };
        let mut client = Self {
            server,
            scenario,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; READ_LEN],
            away: (0..scenario.connections()).map(page).collect(),
            topics,
            subscribers: Vec::with_capacity(scenario.connections()),
            start: Instant::now(),
            upgraded: 0,
            warm: 0,
            published: 0,
            deliveries: Deliveries::new()?,
        };
        client.open_all(HANDSHAKES)?;
        Ok(client)
    }

    /// Publishes until every subscriber has received an event, because not every server confirms a subscription.
    pub fn warm_up(&mut self, publisher: &mut Publisher) -> Result<()> {
        let end = Instant::now() + WARM_UP_TIMEOUT;
        while self.warm < self.subscribers.len() {
            if Instant::now() > end {
                let (warm, all) = (self.warm, self.subscribers.len());
                bail!("only {warm} of {all} connections get events");
            }
            for topic in 0..self.scenario.topics {
                let mark = self.mark(Kind::WarmUp, 0);
                publisher.publish(&self.topics[topic], mark, EVENT_LEN)?;
                self.receive(Duration::ZERO)?;
            }
            let wait_end = Instant::now() + WARM_UP_WAIT;
            while self.warm < self.subscribers.len() && Instant::now() < wait_end {
                self.receive(Duration::from_millis(20))?;
            }
        }
        self.settle()
    }

    /// Receives until nothing has arrived for a while.
    fn settle(&mut self) -> Result<()> {
        while self.receive(WARM_UP_WAIT)? {}
        Ok(())
    }

    /// Publishes according to the scenario until `is_over`, and waits for the last delivery.
    pub fn measure(
        &mut self,
        publisher: &mut Publisher,
        is_over: impl Fn() -> bool,
    ) -> Result<Deliveries> {
        self.deliveries.received_len = 0;
        let begin = Instant::now();
        let mut published = 0;
        while !is_over() {
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
                other => bail!("{other:?} says nothing about the next publish"),
            };
            if due > now {
                self.receive(due - now)?;
                continue;
            }
            let late_since = (now - due > LATE).then_some(due);
            self.publish_next(publisher, late_since)?;
            published += 1;
        }
        while self.deliveries.lost() > 0 && self.receive(DELIVERY_TIMEOUT)? {}
        self.deliveries.took = begin.elapsed();
        Ok(std::mem::replace(&mut self.deliveries, Deliveries::new()?))
    }

    /// Publishes an event to the next topic. If the client is late, the latency begins at the planned time.
    fn publish_next(
        &mut self,
        publisher: &mut Publisher,
        late_since: Option<Instant>,
    ) -> Result<()> {
        let topics = self.scenario.topics as u64;
        let mut mark = self.mark(Kind::Measured, self.published / topics);
        if let Some(due) = late_since {
            mark.at_ns = (due - self.start).as_nanos() as u64;
        }
        let topic = &self.topics[(self.published % topics) as usize];
        publisher.publish(topic, mark, self.scenario.event_len)?;
        self.published += 1;
        self.deliveries.expected += self.scenario.subscribers as u64;
        Ok(())
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

    /// Connects all pages, with at most `handshakes` concurrent handshakes.
    fn open_all(&mut self, handshakes: usize) -> Result<()> {
        let end = Instant::now() + CONNECT_TIMEOUT;
        while self.upgraded < self.scenario.connections() {
            if Instant::now() > end {
                let upgraded = self.upgraded;
                bail!("only {upgraded} connections after {CONNECT_TIMEOUT:?}");
            }
            let room = handshakes - (self.subscribers.len() - self.upgraded).min(handshakes);
            self.open_some(room.min(HANDSHAKES))?;
            let patience = match self.away.is_empty() || room <= HANDSHAKES {
                true => Duration::from_millis(100),
                false => Duration::ZERO,
            };
            self.receive(patience)?;
        }
        Ok(())
    }

    fn open_some(&mut self, count: usize) -> Result<()> {
        for page in self.away.drain(..count.min(self.away.len())) {
            let place = self.subscribers.len();
            let mut subscriber = Subscriber::open(self.server.web, page)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(&mut subscriber.stream, Token(place), interest)?;
            self.subscribers.push(subscriber);
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
            let subscriber = &mut self.subscribers[place];
            if subscriber.state == State::Connecting {
                subscriber.request(self.server.kind, self.server.web)?;
                let registry = self.poll.registry();
                let stream = &mut subscriber.stream;
                registry.reregister(stream, Token(place), Interest::READABLE)?;
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
        self.deliveries.received_len += len as u64;
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
        let page = &mut subscriber.page;
        let mut is_ready = subscriber.state != State::Handshake;
        if is_ready && page.since.is_none() && dialect::has_positions(kind) {
            page.since = dialect::position(kind, &bytes[done..]);
            is_ready = page.since.is_some();
        }
        let inflated;
        let (texts, mut taken) = match kind {
            servers::Kind::Compressed if is_ready => {
                inflated = inflate::frames(&bytes[done..], self.scenario.event_len)?;
                (&inflated.texts[..], inflated.taken)
            }
            _ => (&bytes[done..], 0),
        };
        if is_ready {
            let now_ns = self.start.elapsed().as_nanos() as u64;
            let found = mark::find_all(texts, |mark| {
                if mark.kind == Kind::Measured {
                    self.deliveries.count(&mut page.next, mark, now_ns);
                } else if subscriber.state == State::Subscribing {
                    subscriber.state = State::Subscribed;
                    self.warm += 1;
                }
            });
            if kind != servers::Kind::Compressed {
                taken = found;
            }
        }
        subscriber.unfinished = bytes[done + taken..].to_vec();
        Ok(())
    }
}
