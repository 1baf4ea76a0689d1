//! Figures of the server, and the log of misbehaving peers.

mod counters;
mod counts;
mod figures;
mod labels;
mod outbox_totals;
mod peer_log;
mod refused_origins;
mod token_bucket;

pub(crate) use counters::{FanOut, Gauge};
pub use counts::Counts;
pub use figures::Stats;
pub(crate) use figures::{Counters, Figure, Gathered, Value};
pub use labels::{
    BrowserRefusal, Gap, Kind, PublishRefusal, PublisherRefusal, SlowConsumer, Source,
    ViolationKind,
};
pub(crate) use outbox_totals::OutboxTotals;
pub(crate) use peer_log::{PeerLog, PeerLogEntry};
pub(crate) use refused_origins::RefusedOrigins;
pub(crate) use token_bucket::TokenBucket;
