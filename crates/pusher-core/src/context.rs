//! The state that all tasks of a server share.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::application::Application;
use crate::config::Live;
use crate::connection::{BrowserPermits, PublisherPermits};
use crate::hub::{Hub, KnownIds};
use crate::nodes::Node;
use crate::spool::Spool;
use crate::stats::{Counters, PeerLog, RefusedOrigins};

/// The state of one server.
pub(crate) struct Context {
    pub(crate) application: Box<dyn Application>,
    pub(crate) hub: Hub,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) server_ident: String,
    pub(crate) known_ids: KnownIds,
    /// The spool that the server drains, if any.
    pub(crate) spool: Option<Arc<Spool>>,
    /// The other servers that share the log. `None` if the log is the server's own.
    pub(crate) node: Option<Arc<Node>>,
    pub(crate) publisher_log: PeerLog,
    /// Separate from `publisher_log`, so that strangers on port 8080 cannot use up the lines that report
    /// faults of the site's own publishers.
    pub(crate) browser_log: Arc<PeerLog>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) browser_permits: Arc<BrowserPermits>,
    pub(crate) publisher_permits: Arc<PublisherPermits>,
    /// Notified after each reload of the options.
    pub(crate) reloads: watch::Sender<()>,
    pub(crate) refused_origins: RefusedOrigins,
    /// An address of the publish listener that other machines can reach. If there is one, a token is required.
    pub(crate) open_to_others: Option<SocketAddr>,
    pub(crate) started: SystemTime,
    /// The number of log lines that the embedding program dropped. Unset if it does not count them.
    pub(crate) log_lines_dropped: OnceLock<Arc<AtomicU64>>,
    pub(crate) tasks: Tasks,
}

impl Context {
    /// Returns the longest time since a shard's last heartbeat. About a second is normal. Much more means that its
    /// thread hangs.
    pub(crate) fn silent_for(&self) -> Duration {
        let now_ms = self.clock.now_ms();
        let shards = self.hub.shards().iter();
        let silent_ms = shards.map(|shard| now_ms.saturating_sub(shard.beat_ms()));
        Duration::from_millis(silent_ms.max().unwrap_or(0))
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("hub", &self.hub)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

/// The server's tasks by kind, and the signals that end them, in the order of shutdown.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) browsers: TaskTracker,
    pub(crate) publishers: TaskTracker,
    /// Cancelled first: the server accepts no more browsers.
    pub(crate) closing: CancellationToken,
    /// Cancelled second: the server accepts no more publishers and reads no more publishes.
    pub(crate) stop_publishers: CancellationToken,
    /// Cancelled last, when all queued events have left: the shard threads end.
    pub(crate) ended: CancellationToken,
}

/// The server's clock, in milliseconds since the start. Monotonic: changes of the system time do not affect it.
#[derive(Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}
