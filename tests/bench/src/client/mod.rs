//! The subscribers and the publisher, in one thread, because the server is the subject of the measurement.

mod connect;
mod deliveries;
pub mod dialect;
mod inflate;
pub mod mark;
mod page;
pub mod receipts;
pub mod stopped;
pub mod storm;
mod subscriber;
mod tls;
mod transport;
mod trigger;

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConfig;

use crate::scenario::{EVENT_LEN, Pace, Scenario};
use crate::servers::{self, Server};
pub use deliveries::Deliveries;
use dialect::Publisher;
use mark::{Kind, Mark};
use page::Page;
use subscriber::{State, Subscriber};
use transport::Buffers;

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
    tls: Option<Arc<ClientConfig>>,
    poll: Poll,
    events: Events,
    buffers: Buffers,
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
            tls: server.kind.has_tls().then(tls::config).transpose()?,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffers: Buffers::new(),
            away: (0..scenario.connections()).map(page).collect(),
            topics,
            subscribers: Vec::with_capacity(scenario.connections()),
            start: Instant::now(),
            upgraded: 0,
            warm: 0,
            published: 0,
            deliveries: Deliveries::new()?,
        };
        client.open_all()?;
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
                let stream = &mut subscriber.transport.stream;
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
            let received = match subscriber.transport.read(&mut self.buffers) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                received => received.context("a connection broke")?,
            };
            self.deliveries.received_len += received.wire_len as u64;
            self.take(place, received.text_len)?;
            if received.is_drained {
                return Ok(());
            }
        }
    }

    /// Takes the first `len` bytes of the text.
    fn take(&mut self, place: usize, len: usize) -> Result<()> {
        let subscriber = &mut self.subscribers[place];
        let kind = self.server.kind;
        let joined;
        let bytes = match subscriber.unfinished.is_empty() {
            true => &self.buffers.text[..len],
            false => {
                subscriber
                    .unfinished
                    .extend_from_slice(&self.buffers.text[..len]);
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
