//! The state of this node: its failures, the end of the log, and the other nodes.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pusher_proto::Position;
use redis::RedisError;
use tokio::sync::watch;

use super::connect::Connector;

/// Time without a connection after which the node is not ready. Shorter breaks are mended without anybody noticing.
const AWAY_MAX: Duration = Duration::from_secs(3);

/// A way in which a node uses Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Appending,
    Reading,
    /// The probes that were appended come back.
    Probing,
}

impl Use {
    const ALL: [Self; 3] = [Self::Appending, Self::Reading, Self::Probing];

    fn fails(self) -> &'static str {
        match self {
            Self::Appending => "cannot append to the log in Redis: publishers are refused",
            Self::Reading => "cannot read the log in Redis: browsers get no events",
            Self::Probing => "the log in Redis loses entries, or this node does not read them",
        }
    }

    fn works(self) -> &'static str {
        match self {
            Self::Appending => "appending to the log in Redis",
            Self::Reading => "reading the log in Redis",
            Self::Probing => "entries of the log in Redis arrive",
        }
    }
}

#[derive(Debug)]
pub(super) struct Status {
    inner: Mutex<Inner>,
    is_loaded: watch::Sender<bool>,
    has_revocations: watch::Sender<bool>,
}

#[derive(Debug)]
struct Inner {
    known_end: Position,
    failures: [Option<Failure>; Use::ALL.len()],
    /// Whether it worked before.
    has_worked: [bool; Use::ALL.len()],
    nodes: Vec<String>,
    probe_at: Option<Instant>,
}

#[derive(Debug)]
struct Failure {
    since: Instant,
    text: String,
    is_logged: bool,
}

/// The state of a node, for operators.
#[derive(Debug, Clone)]
pub(crate) struct NodesState {
    /// The address of Redis, without the password.
    pub(crate) address: String,
    /// The server that the node used last.
    pub(crate) server: String,
    /// Why the node does not work now.
    pub(crate) failure: Option<String>,
    /// The name of this node.
    pub(crate) id: String,
    /// The names of the nodes that share the log, this one included.
    pub(crate) nodes: Vec<String>,
    /// Time since the last probe came back.
    pub(crate) probe_age: Option<Duration>,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                known_end: Position {
                    epoch: 0,
                    sequence: 0,
                },
                failures: Default::default(),
                has_worked: Default::default(),
                nodes: Vec::new(),
                probe_at: None,
            }),
            is_loaded: watch::Sender::new(false),
            has_revocations: watch::Sender::new(false),
        }
    }
}

impl Status {
    pub(super) fn known_end(&self) -> Position {
        self.inner.lock().known_end
    }

    /// Records a position of the log. One of another epoch replaces the known one.
    pub(super) fn note_end(&self, end: Position) {
        let known = &mut self.inner.lock().known_end;
        if known.epoch != end.epoch || known.sequence < end.sequence {
            *known = end;
        }
    }

    /// Records that the hub has the log.
    pub(super) fn set_loaded(&self) {
        self.is_loaded
            .send_if_modified(|is_loaded| !std::mem::replace(is_loaded, true));
    }

    pub(super) fn set_revocations_loaded(&self) {
        self.has_revocations.send_replace(true);
    }

    /// Whether this node knows the revoked users.
    pub(super) fn has_revocations(&self) -> bool {
        *self.has_revocations.borrow()
    }

    /// Waits until this node knows the revoked users.
    pub(super) async fn revocations_loaded(&self) {
        let mut loaded = self.has_revocations.subscribe();
        // The sender lives as long as this.
        let _loaded = loaded.wait_for(|loaded| *loaded).await;
    }

    pub(super) fn is_loaded(&self) -> bool {
        *self.is_loaded.borrow()
    }

    /// Waits until the hub has the log.
    pub(super) async fn loaded(&self) {
        let mut loaded = self.is_loaded.subscribe();
        // The sender lives as long as this.
        let _loaded = loaded.wait_for(|loaded| *loaded).await;
    }

    pub(super) fn set_nodes(&self, nodes: Vec<String>) {
        self.inner.lock().nodes = nodes;
    }

    pub(super) fn probe_arrived(&self) {
        self.inner.lock().probe_at = Some(Instant::now());
        self.works(Use::Probing);
    }

    /// Records that something works. Logs it if that is news.
    pub(super) fn works(&self, usage: Use) {
        let mut inner = self.inner.lock();
        let failure = inner.failures[usage as usize].take();
        let had_worked = std::mem::replace(&mut inner.has_worked[usage as usize], true);
        drop(inner);
        if failure.is_some_and(|failure| failure.is_logged)
            || (!had_worked && usage != Use::Probing)
        {
            tracing::info!("{}", usage.works());
        }
    }

    /// Records that something does not work. Logs it once, when it lasts.
    pub(super) fn fails(&self, usage: Use, error: &RedisError) {
        let mut inner = self.inner.lock();
        let failure = inner.failures[usage as usize].get_or_insert_with(|| Failure {
            since: Instant::now(),
            text: String::new(),
            is_logged: false,
        });
        failure.text = error.to_string();
        if !failure.is_logged && (failure.since.elapsed() >= AWAY_MAX || usage == Use::Probing) {
            failure.is_logged = true;
            tracing::error!(%error, "{}", usage.fails());
        }
    }

    pub(super) fn state(&self, id: &str, connector: &Connector) -> NodesState {
        let inner = self.inner.lock();
        let failed = Use::ALL.into_iter().find_map(|usage| {
            let failure = inner.failures[usage as usize].as_ref()?;
            let lasts = usage == Use::Probing || failure.since.elapsed() >= AWAY_MAX;
            lasts.then(|| format!("{}: {}", usage.fails(), failure.text))
        });
        let loads = (!self.is_loaded()).then(|| "the log in Redis is not read yet".to_owned());
        NodesState {
            address: connector.address(),
            server: connector.last_server(),
            failure: failed.or(loads),
            id: id.to_owned(),
            nodes: inner.nodes.clone(),
            probe_age: inner.probe_at.map(|at| at.elapsed()),
        }
    }
}
