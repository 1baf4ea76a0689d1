//! The simulator: publishers and subscribers of all three protocols against a real daemon, while connections and the
//! daemon fail. Or against several nodes with one log in Redis, which fails, too ([`Plan::with_nodes`]).
//!
//! The seed makes all decisions of a run ([`Plan`]). The scheduling of processes adds its own randomness, so a seed that
//! fails once may need several tries. What publishers and subscribers see goes into a [`Record`], and after the run
//! [`check`] compares it with what each subscriber must have seen:
//!
//! - A subscriber gets every event with a receipt, once (`pushd.1`, SSE) or at least once (`wamp` with a resume value), in
//!   the order of the sequence numbers, or is told of a gap. After a gap, events go on from the position in it.
//! - No gap is reported while the log must have the events.
//! - A position never stands for two events, and an event has one position in an epoch, also if it was sent twice with an
//!   id.
//! - An event that is published after the receipt of another has a greater number.
//!
//! If a check fails and the variable `SIMULATOR_RECORD` is set, the record is written to that file.
//!
//! A full or read-only disk needs a file system of its own, so it only happens if this process may mount one. Otherwise
//! these steps do nothing.
//!
//! The log of the daemon uses the machine's monotonic clock, which no process can set. So there are no steps of the clock.

mod check;
mod client;
mod director;
mod disaster;
mod event;
mod notebook;
mod plan;
mod position;
mod publish_connection;
mod publisher;
mod record;
mod run;
mod settings;
mod shared;
mod shrink;
mod state;
mod subscriber_plan;
mod timeout;
mod totals;
mod truth;
mod world;

use std::time::Duration;

pub(crate) use client::{Arrival, Lost, Received, WebClient, element};
pub use disaster::{Disaster, RedisDisaster, Step};
pub use event::EventId;
pub use plan::Plan;
pub use position::Position;
pub use record::{End, Fate, From, Note, Observations, Record, Sent, Tick};
pub use run::{Failure, run};
pub use settings::{HistoryBounds, Settings};
pub use shrink::{run_seeds, shrink};
pub use state::Damage;
pub use subscriber_plan::{Flaw, FlawKind, Kind, SubscriberPlan};
pub use totals::Totals;

/// Time limit for anything that must happen soon on a busy machine.
const WAIT: Duration = Duration::from_secs(30);

/// Longest wait of a read that may find nothing.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// The error of a thread that ended because of another one.
const STOPPED: &str = "stopped, because another thread failed";
