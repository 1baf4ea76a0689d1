//! What a server has done and what it holds, in figures.

mod counters;
mod labels;
mod peer_log;
mod refused_origins;

use std::marker::PhantomData;
use std::ops::AddAssign;

pub(crate) use counters::{Counters, FanOut};
pub use labels::{
    BrowserRefusal, Kind, PublishRefusal, PublisherRefusal, SlowConsumer, Source, ViolationKind,
};
pub(crate) use peer_log::{PeerLog, PeerLogEntry};
pub(crate) use refused_origins::RefusedOrigins;

/// A server's figures at one moment. Those that count (`_total` in Prometheus' names) only grow
/// while the server runs; each is right by itself, but they are not read in one instant.
///
/// From [`Hub::stats`](crate::Hub::stats). Reading it goes over every session once: some hundred
/// microseconds for 10,000.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections of the public door now: browsers with a session, and those that shake hands.
    pub browsers: u64,
    /// Counts connections that the public door took in; those that got 503 or 429 at once are not
    /// among them.
    pub browsers_accepted: u64,
    /// Counts browsers that got no session, by reason.
    pub browsers_refused: Counts<BrowserRefusal>,
    /// Sessions now.
    pub sessions: u64,
    /// Counts sessions that have begun.
    pub sessions_opened: u64,
    /// Topics that have a subscriber now.
    pub topics: u64,
    /// Counts sessions that were closed for what they said, by reason; its
    /// [`code`](ViolationKind::code) is the close code.
    pub violations: Counts<ViolationKind>,
    /// Counts browsers that were dropped because they did not take their events, by reason.
    pub slow_consumers: Counts<SlowConsumer>,
    /// Counts browsers that were dropped because they did not answer a ping.
    pub pings_unanswered: u64,

    /// Connections of the private door now.
    pub publishers: u64,
    /// Counts connections that the private door took in.
    pub publishers_accepted: u64,
    /// Counts idle publishers whose connection was closed to make room for others.
    pub publishers_gave_way: u64,
    /// Counts publishers that were refused, or whose connection the server ended, by reason.
    pub publishers_refused: Counts<PublisherRefusal>,
    /// Counts messages of publishers that nobody got, by reason.
    pub publishes_refused: Counts<PublishRefusal>,

    /// Counts events that were taken in, by how they came. An event that nobody is subscribed to
    /// counts, one that is repeated with the same id does not.
    pub events: Counts<Source>,
    /// Counts the bytes of these events, as JSON.
    pub event_bytes: u64,
    /// Counts events times the browsers that each went to: to the socket, or to the outbox.
    pub deliveries: u64,
    /// Counts the bytes of these deliveries: WebSocket frames with all that is around the event.
    pub delivery_bytes: u64,
    /// Counts events that waited for a slow consumer and were replaced by later ones, where the
    /// topic's [`SlowPolicy`](crate::SlowPolicy) says so.
    pub deliveries_dropped: u64,

    /// Bytes of events that are accepted and not yet on their way: the most of any shard, since
    /// that is what [`Limits::backlog_len_max`](crate::Limits::backlog_len_max) limits.
    pub backlog_len: u64,
    /// Browsers for which something waits now, in the outbox or in TLS.
    pub outboxes: u64,
    /// Bytes in all outboxes. What waits for several browsers counts for each of them.
    pub outboxes_len: u64,
    /// Bytes of events in memory, in backlog and outboxes: what waits for several browsers is there
    /// once. Limited by [`Limits::events_len_max`](crate::Limits::events_len_max).
    pub events_len: u64,
    /// Bytes of messages that publishers have begun and not finished, limited by
    /// [`Limits::unfinished_len_max`](crate::Limits::unfinished_len_max).
    pub unfinished_len: u64,
}

/// A count for each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts<K> {
    counts: Box<[u64]>,
    kinds: PhantomData<K>,
}

impl<K: Kind> Counts<K> {
    fn new(count: impl Fn(K) -> u64) -> Self {
        Self {
            counts: K::ALL.iter().map(|&kind| count(kind)).collect(),
            kinds: PhantomData,
        }
    }

    /// The count of one kind.
    pub fn get(&self, kind: K) -> u64 {
        self.counts[kind.position()]
    }

    /// Every kind, those that are 0 too.
    pub fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        K::ALL.iter().copied().zip(self.counts.iter().copied())
    }

    /// All kinds together.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What waits in some outboxes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waiting {
    pub(crate) outboxes: u64,
    pub(crate) len: u64,
}

impl AddAssign for Waiting {
    fn add_assign(&mut self, more: Self) {
        self.outboxes += more.outboxes;
        self.len += more.len;
    }
}
