//! The state that all tasks of a server share.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::application::Application;
use crate::config::{IoUring, Live};
use crate::connection::{BrowserPermits, PublisherPermits};
use crate::handover::{Collector, Inherited, NoUpgrade};
use crate::hub::{Hub, KnownIds};
use crate::nodes::Node;
use crate::presence::Presence;
use crate::spool::Spool;
use crate::stats::{Counters, Gauge, PeerLog, RefusedOrigins};

/// The state of one server.
pub(crate) struct Context {
    pub(crate) application: Box<dyn Application>,
    pub(crate) hub: Hub,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) server_ident: String,
    pub(crate) io_uring: IoUring,
    pub(crate) presence: Arc<Presence>,
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
    /// Those of the listener for signed requests, to which strangers may connect.
    pub(crate) signed_permits: Arc<PublisherPermits>,
    /// Notified after each reload of the options.
    pub(crate) reloads: watch::Sender<()>,
    pub(crate) refused_origins: RefusedOrigins,
    /// An address of the publish listener that other machines can reach. If there is one, a token is required.
    pub(crate) open_to_others: Option<SocketAddr>,
    /// The addresses of the public listener.
    pub(crate) public_addrs: Vec<SocketAddr>,
    /// Which listeners another program has opened.
    pub(crate) inherited: Inherited,
    pub(crate) started: SystemTime,
    /// The number of log lines that the embedding program dropped. Unset if it does not count them.
    pub(crate) log_lines_dropped: OnceLock<Arc<AtomicU64>>,
    /// Begins an upgrade of the program. Unset if the embedding program has none.
    pub(crate) upgrade: OnceLock<Upgrade>,
    /// Reads the settings of the program again. Unset if the embedding program has none.
    pub(crate) reload: OnceLock<Reload>,
    /// Collects the connections if the server is handed over.
    pub(crate) handover: Collector,
    /// Bytes of incomplete HTTP requests that are kept for a hand-over. At most `unfinished_len_max`.
    pub(crate) kept_len: Gauge,
    pub(crate) tasks: Tasks,
}

/// A function that reads the settings of the program again. Returns the number of changes, or what is wrong.
pub(crate) type Reload =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<usize, String>> + Send>> + Send + Sync>;

/// A function that begins an upgrade of the program.
pub(crate) type Upgrade =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), NoUpgrade>> + Send>> + Send + Sync>;

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
#[derive(Debug)]
pub(crate) struct Tasks {
    pub(crate) browsers: TaskTracker,
    pub(crate) publishers: TaskTracker,
    pub(crate) webhooks: TaskTracker,
    /// Not tasks, but requests of browsers that are not answered yet.
    pub(crate) handshakes: TaskTracker,
    /// Those that accept connections.
    pub(crate) listeners: TaskTracker,
    /// Cancelled when the browsers of the process before are subscribed again.
    pub(crate) resumed: CancellationToken,
    /// Cancelled when the server accepts connections.
    pub(crate) begun: CancellationToken,
    /// Cancelled first: the server accepts no more browsers.
    pub(crate) closing: CancellationToken,
    /// Cancelled second: the server accepts no more publishers and reads no more publishes.
    pub(crate) stop_publishers: CancellationToken,
    /// Cancelled with it, and at the beginning of a hand-over: publishers end, or give their sockets away.
    pub(crate) publishers_end: CancellationToken,
    /// Cancelled last, when all queued events have left: the shard threads end.
    pub(crate) ended: CancellationToken,
}

impl Default for Tasks {
    fn default() -> Self {
        let stop_publishers = CancellationToken::new();
        Self {
            browsers: TaskTracker::new(),
            publishers: TaskTracker::new(),
            webhooks: TaskTracker::new(),
            handshakes: TaskTracker::new(),
            listeners: TaskTracker::new(),
            resumed: CancellationToken::new(),
            begun: CancellationToken::new(),
            closing: CancellationToken::new(),
            publishers_end: stop_publishers.child_token(),
            stop_publishers,
            ended: CancellationToken::new(),
        }
    }
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
