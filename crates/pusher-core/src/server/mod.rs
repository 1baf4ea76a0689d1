//! The server: listeners, threads and shutdown.

mod accept;
mod bind_error;
mod control;
mod hand_over;
mod heartbeat;
mod listen;
mod shutdown;
mod take_over;
mod threads;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::runtime::Handle;
use tokio::sync::watch;

use listen::{BoundListeners, PublishListener, check_live};
use take_over::Clients;

use crate::admin::Admin;
use crate::application::Application;
use crate::config::{Live, Options, Proxies, PublishAddress};
use crate::connection::{BrowserPermits, PublisherPermits};
use crate::context::{Clock, Context, Tasks};
use crate::handover::{self, Collector, HandOver, State};
use crate::hub::{Hub, KnownId, KnownIds, LogStart};
use crate::nodes::{self, Node};
use crate::presence::Presence;
use crate::publishers::Drainer;
use crate::spool::Spool;
use crate::stats::{Counters, Gauge, PeerLog, RefusedOrigins};
use crate::tickets::Tickets;
use crate::webhooks::{Webhooks, WebhooksSignals};

pub use bind_error::BindError;
pub use control::Control;
pub use listen::Listeners;

/// A server with open listeners. [`Server::run`] serves the connections.
#[derive(Debug)]
pub struct Server {
    pub(crate) context: Arc<Context>,
    pub(crate) admin: Arc<Admin>,
    listeners: BoundListeners,
    /// The connections of a server that was handed over.
    clients: Clients,
    /// What the site knows of its channels.
    webhooks: handover::Webhooks,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All connections are closed, so that pages reconnect.
    End,
    /// Another process takes over the connections.
    HandOver,
}

impl Server {
    /// Opens the listeners. Until [`run`](Self::run), the kernel queues connections.
    pub fn bind(options: Options, application: impl Application) -> Result<Self, BindError> {
        Self::bind_with(options, Listeners::default(), application)
    }

    /// Like [`bind`](Self::bind), with listeners that are already open.
    pub fn bind_with(
        options: Options,
        given: Listeners,
        application: impl Application,
    ) -> Result<Self, BindError> {
        check_live(&options.live)?;
        let listeners = BoundListeners::open(&options, given)?;
        Ok(Self::build(
            options,
            listeners,
            State::default(),
            Clients::default(),
            application,
        ))
    }

    /// Continues a server that another process has handed over. Its listeners are used as far as the options name their
    /// addresses, or another program had opened them; the others are closed, and new ones opened.
    pub fn take_over(
        options: Options,
        handed_over: HandOver,
        application: impl Application,
    ) -> Result<Self, BindError> {
        check_live(&options.live)?;
        let HandOver { mut state, sockets } = handed_over;
        let mut sockets = sockets.into_iter();
        let kinds = std::mem::take(&mut state.listeners);
        let given = kinds.into_iter().zip(&mut sockets).collect();
        let listeners = BoundListeners::take_over(&options, given, state.has_inherited)?;
        let clients = Clients::new(&mut state, sockets);
        Ok(Self::build(options, listeners, state, clients, application))
    }

    /// Builds a server that continues with the state of another one. The default state is that of a new server.
    fn build(
        options: Options,
        listeners: BoundListeners,
        state: State,
        mut clients: Clients,
        application: impl Application,
    ) -> Self {
        let handed = state;
        let live = Arc::new(Live::new(options.live));
        let counters = Arc::new(Counters::default());
        let proxies = Proxies::new(options.trust_proxies.clone());
        let browser_permits = BrowserPermits::new(live.clone(), counters.clone(), proxies);
        let browser_log = Arc::new(PeerLog::new());
        let id_memory = options.id_limits.id_memory;
        let mut log = match (&options.redis, handed.log) {
            (Some(_), _) => LogStart::shared(),
            (None, Some(log)) if options.state.is_none() => {
                LogStart::take_over(handed.position, log)
            }
            (None, _) => LogStart::open(
                options.state.as_ref(),
                &live.options(),
                id_memory,
                &counters,
            ),
        };
        // A shared log comes later: see `begin`.
        let is_shared = options.redis.is_some();
        let is_other_log =
            clients.end_sessions_unless(|before| is_shared || before == log.position());
        let clock = Clock::start();
        let known_ids = KnownIds::new(&options.id_limits);
        let ids = match handed.ids.is_empty() {
            true => std::mem::take(&mut log.ids),
            false if is_other_log => {
                let ids = handed.ids.into_iter().map(KnownId::from);
                ids.map(KnownId::without_event).collect()
            }
            false => handed.ids.into_iter().map(Into::into).collect(),
        };
        known_ids.restore(ids, clock.now_ms());
        // Only a log on disk has its directory for itself.
        let state = options.state.as_ref().filter(|_| log.is_on_disk());
        let tickets = Tickets::new(live.clone(), counters.clone(), browser_log.clone(), state);
        let hub = Hub::new(
            options.shards.max(1),
            live.clone(),
            counters.clone(),
            &browser_log,
            log,
            tickets,
        );
        let presence = Arc::new(Presence::new(hub.clone(), live.clone(), counters.clone()));
        presence.take_over(handed.members, clock.now_ms());
        if !is_other_log {
            hub.resumes().take_over(handed.resumes, clock.now_ms());
        }
        hub.tickets().take_over_revocations(handed.revocations);
        let node = options.redis.map(|redis| {
            let (live, counters) = (live.clone(), counters.clone());
            let (hub, presence) = (hub.clone(), presence.clone());
            let id = handed.node;
            Arc::new(Node::new(
                id, redis, id_memory, hub, presence, live, counters,
            ))
        });
        let context = Context {
            application: Box::new(application),
            hub,
            presence,
            known_ids,
            spool: options
                .spool_dir
                .as_deref()
                .map(|path| Arc::new(Spool::new(path))),
            node,
            publisher_log: PeerLog::new(),
            browser_log,
            browser_permits: Arc::new(browser_permits),
            reloads: watch::Sender::default(),
            publisher_permits: Arc::new(PublisherPermits::new(live.clone(), counters.clone())),
            signed_permits: Arc::new(PublisherPermits::new(live.clone(), counters.clone())),
            counters,
            live,
            clock,
            server_ident: options.server_ident,
            io_uring: options.io_uring,
            refused_origins: RefusedOrigins::default(),
            open_to_others: listeners.open_to_others,
            public_addrs: listeners.public_addrs(),
            inherited: listeners.inherited,
            started: SystemTime::now(),
            log_lines_dropped: OnceLock::new(),
            upgrade: OnceLock::new(),
            reload: OnceLock::new(),
            handover: Collector::default(),
            kept_len: Gauge::default(),
            tasks: Tasks::default(),
        };
        let context = Arc::new(context);
        Self {
            admin: Arc::new(Admin::new(context.clone())),
            context,
            listeners,
            clients,
            webhooks: handed.webhooks,
        }
    }

    /// Returns the addresses of the public listener. A configured port 0 is replaced by the port that the system chose.
    pub fn public_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.public_addrs()
    }

    /// Returns the addresses of the publish listener.
    pub fn publish_addrs(&self) -> Vec<PublishAddress> {
        let listeners = self.listeners.publish.iter();
        listeners.filter_map(PublishListener::address).collect()
    }

    /// Returns the addresses of the listener that serves only the signed requests of the Pusher Channels protocol.
    pub fn signed_addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.listeners.signed.iter().map(TcpListener::local_addr);
        addrs.filter_map(Result::ok).collect()
    }

    /// Returns a handle to publish from this program and to inspect sessions and topics.
    pub fn hub(&self) -> Hub {
        self.context.hub.clone()
    }

    /// Returns a handle to change options at run time and to check the server's health.
    pub fn control(&self) -> Control {
        Control::new(self.context.clone())
    }

    /// Serves until `shutdown` is ready. Then accepts the publishes that have arrived, sends all queued events, and closes
    /// the connections without a close frame, so that pages reconnect. Returns when every task and thread of the server
    /// has ended.
    ///
    /// The server has its own threads and runtimes, so this future runs on any executor.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let stop = async {
            shutdown.await;
            Stop::End
        };
        self.run_until(stop).await.map(|_none| ())
    }

    /// Like [`run`](Self::run), with a choice of the end. With [`Stop::HandOver`], returns the connections and the state of
    /// the server for [`take_over`](Self::take_over), in this process or in another. That takes a few hundred milliseconds
    /// with 10,000 connections. Slow browsers lengthen it by at most [`Limits::flush_timeout`](crate::Limits::flush_timeout),
    /// and a disk that does not answer by 10 s. Connections with TLS are closed.
    pub async fn run_until(self, stop: impl Future<Output = Stop>) -> io::Result<Option<HandOver>> {
        let Self {
            context,
            admin,
            listeners,
            clients,
            webhooks,
        } = self;
        let mut shards = threads::start_shards(&context).await?;
        let handles: Vec<_> = shards.iter().map(|shard| shard.handle.clone()).collect();
        let first = handles[0].clone();
        first.spawn(admin.clone().record_history());
        if let Some(node) = &context.node {
            first.spawn(nodes::run(node.clone()));
        }
        let reloads = context.reloads.subscribe();
        let signals = WebhooksSignals {
            resumed: context.tasks.resumed.clone(),
            closing: context.tasks.closing.clone(),
            handover: context.handover.stop_reading().clone(),
        };
        let webhooks = webhooks_of(&context).run(webhooks, reloads, signals);
        let collector = context.clone();
        let webhooks = async move {
            let webhooks = webhooks.await;
            collector.handover.bring_webhooks(webhooks);
        };
        first.spawn(context.tasks.webhooks.track_future(webhooks));
        first.spawn(begin(admin, handles, listeners, clients));
        let first_ended = threads::wait_for_first(shards.iter_mut().map(|shard| &mut shard.ended));
        let stop = tokio::select! {
            stop = stop => Some(stop),
            () = first_ended => None,
        };
        let ended = match stop {
            Some(Stop::HandOver) => {
                let handed_over = hand_over::hand_over(context.clone());
                first.spawn(async { Some(handed_over.await) })
            }
            Some(Stop::End) | None => {
                context.tasks.closing.cancel();
                let closed = shutdown::close(context.clone());
                first.spawn(async {
                    closed.await;
                    None
                })
            }
        };
        for shard in &mut shards {
            let _ended = (&mut shard.ended).await;
        }
        let panicked = shards
            .into_iter()
            .map(|shard| shard.thread.join())
            .any(|joined| joined.is_err());
        match (stop, ended.await) {
            (Some(_), Ok(handed_over)) if !panicked => Ok(handed_over),
            _ => Err(io::Error::other("a server thread panicked")),
        }
    }
}

fn webhooks_of(context: &Context) -> Webhooks {
    Webhooks {
        hub: context.hub.clone(),
        presence: context.presence.clone(),
        live: context.live.clone(),
        counters: context.counters.clone(),
    }
}

/// Continues with the connections that were handed over, and accepts others: when the log is there if it is in Redis, and
/// publishers when the spool is drained.
async fn begin(
    admin: Arc<Admin>,
    shards: Vec<Handle>,
    listeners: BoundListeners,
    mut clients: Clients,
) {
    let context = admin.context();
    // If the log is not there yet, the sessions go on. If it comes and is another one, the hub tells them of a gap.
    if let Some(node) = &context.node
        && nodes::loaded(node).await
    {
        let end = context.hub.position();
        // Other servers may have published since.
        clients.end_sessions_unless(|before| {
            before.epoch == end.epoch && before.sequence <= end.sequence
        });
    }
    clients.resume(&admin, &shards).await;
    context.tasks.resumed.cancel();
    let tasks = &context.tasks.listeners;
    for listener in listeners.public {
        tasks.spawn(accept::browsers(context.clone(), shards.clone(), listener));
    }
    if let Some(spool) = &context.spool {
        // Before new events, and while browsers can connect.
        let mut drainer = Drainer::new(context.clone(), spool.clone());
        drainer.start().await;
        context.tasks.publishers.spawn(drainer.run());
    }
    for listener in listeners.publish {
        tasks.spawn(accept::publishers(admin.clone(), listener));
    }
    for listener in listeners.signed {
        tasks.spawn(accept::signed_requests(admin.clone(), listener));
    }
    context.tasks.begun.cancel();
}
