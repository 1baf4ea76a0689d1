//! The server: listeners, threads and shutdown.

mod accept;
mod bind_error;
mod control;
mod heartbeat;
mod listen;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;
use tokio::time::timeout;

use listen::{BoundListeners, PublishListener};

use crate::admin::Admin;
use crate::application::Application;
use crate::config::{Live, Options, Proxies, PublishAddress};
use crate::connection::{BrowserPermits, PublisherPermits};
use crate::context::{Clock, Context, Tasks};
use crate::hub::{Hub, KnownIds, LogStart, Shard, run_flusher};
use crate::nodes::{self, Node};
use crate::publishers::Drainer;
use crate::spool::Spool;
use crate::stats::{Counters, PeerLog, RefusedOrigins};

pub use bind_error::BindError;
pub use control::Control;
pub use listen::Listeners;

/// Time for publishers to receive their last answers during shutdown.
const PUBLISHERS_END_TIMEOUT: Duration = Duration::from_secs(2);

/// A server with open listeners. [`Server::run`] serves the connections.
#[derive(Debug)]
pub struct Server {
    pub(crate) context: Arc<Context>,
    pub(crate) admin: Arc<Admin>,
    listeners: BoundListeners,
}

/// The thread of one shard.
struct ShardThread {
    handle: Handle,
    thread: thread::JoinHandle<()>,
    /// Resolves when the thread ends, also after a panic.
    ended: oneshot::Receiver<()>,
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
        let listeners = BoundListeners::open(&options, given)?;
        let live = Arc::new(Live::new(options.live));
        let counters = Arc::new(Counters::default());
        let proxies = Proxies::new(options.trust_proxies.clone());
        let browser_permits = BrowserPermits::new(live.clone(), counters.clone(), proxies);
        let browser_log = Arc::new(PeerLog::new());
        let id_memory = options.id_limits.id_memory;
        let mut log = match &options.redis {
            Some(_) => LogStart::shared(),
            None => LogStart::open(
                options.state.as_ref(),
                &live.options(),
                id_memory,
                &counters,
            ),
        };
        let clock = Clock::start();
        let known_ids = KnownIds::new(&options.id_limits);
        known_ids.restore(std::mem::take(&mut log.ids), clock.now_ms());
        let hub = Hub::new(
            options.shards.max(1),
            live.clone(),
            counters.clone(),
            &browser_log,
            log,
        );
        let node = options.redis.map(|redis| {
            let (hub, live, counters) = (hub.clone(), live.clone(), counters.clone());
            Arc::new(Node::new(redis, id_memory, hub, live, counters))
        });
        let context = Context {
            application: Box::new(application),
            hub,
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
            counters,
            live,
            clock,
            server_ident: options.server_ident,
            refused_origins: RefusedOrigins::default(),
            open_to_others: listeners.open_to_others,
            started: SystemTime::now(),
            log_lines_dropped: OnceLock::new(),
            tasks: Tasks::default(),
        };
        let context = Arc::new(context);
        Ok(Self {
            admin: Arc::new(Admin::new(context.clone())),
            context,
            listeners,
        })
    }

    /// Returns the addresses of the public listener. A configured port 0 is replaced by the port that the system chose.
    pub fn public_addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.listeners.public.iter().map(TcpListener::local_addr);
        addrs.filter_map(Result::ok).collect()
    }

    /// Returns the addresses of the publish listener.
    pub fn publish_addrs(&self) -> Vec<PublishAddress> {
        let listeners = self.listeners.publish.iter();
        listeners.filter_map(PublishListener::address).collect()
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
        let Self {
            context,
            admin,
            listeners,
        } = self;
        let mut shards = start_shards(&context).await?;
        let handles: Vec<_> = shards.iter().map(|shard| shard.handle.clone()).collect();
        let first = handles[0].clone();
        first.spawn(admin.clone().record_history());
        if let Some(node) = &context.node {
            first.spawn(nodes::run(node.clone()));
        }
        first.spawn(accept_all(admin, handles, listeners));
        let first_ended = wait_for_first(shards.iter_mut().map(|shard| &mut shard.ended));
        let is_broken = until_either(shutdown, first_ended).await;
        context.tasks.closing.cancel();
        first.spawn(close(context.clone()));
        for shard in &mut shards {
            let _ended = (&mut shard.ended).await;
        }
        let panicked = shards
            .into_iter()
            .map(|shard| shard.thread.join())
            .any(|joined| joined.is_err());
        match is_broken || panicked {
            true => Err(io::Error::other("a server thread panicked")),
            false => Ok(()),
        }
    }
}

/// Accepts connections: when the log is there if it is in Redis, and publishers when the spool is drained.
async fn accept_all(admin: Arc<Admin>, shards: Vec<Handle>, listeners: BoundListeners) {
    let context = admin.context();
    if let Some(node) = &context.node {
        nodes::loaded(node).await;
    }
    for listener in listeners.public {
        tokio::spawn(accept::browsers(context.clone(), shards.clone(), listener));
    }
    if let Some(spool) = &context.spool {
        // Before new events, and while browsers can connect.
        let mut drainer = Drainer::new(context.clone(), spool.clone());
        drainer.start().await;
        context.tasks.publishers.spawn(drainer.run());
    }
    for listener in listeners.publish {
        tokio::spawn(accept::publishers(admin.clone(), listener));
    }
}

/// Shuts down in order: publishers, events, browsers, threads.
async fn close(context: Arc<Context>) {
    let tasks = &context.tasks;
    let closing_grace = context.live.limits().closing_grace;
    tokio::time::sleep(closing_grace).await;
    tasks.stop_publishers.cancel();
    tasks.publishers.close();
    let _late = timeout(PUBLISHERS_END_TIMEOUT, tasks.publishers.wait()).await;
    if let Some(node) = &context.node {
        nodes::caught_up(node).await;
    }
    // From here a publish gets an error, because its event could no longer reach the browsers.
    context.hub.close();
    let (flush_timeout, linger_timeout) = context.live.end_timeouts();
    let _late = timeout(flush_timeout, context.hub.flushed()).await;
    for session in context.hub.sessions() {
        session.connection().end_for_restart();
    }
    tasks.browsers.close();
    let end_timeout = flush_timeout + linger_timeout;
    if timeout(end_timeout, tasks.browsers.wait()).await.is_err() {
        let connections = tasks.browsers.len();
        tracing::warn!(
            connections,
            "shutdown timed out: some connections still had queued events"
        );
    }
    context.hub.end_log();
    if let Some(node) = &context.node {
        nodes::leave(node).await;
    }
    tasks.ended.cancel();
}

/// Starts the threads of all shards. If one cannot be started, stops the others.
async fn start_shards(context: &Arc<Context>) -> io::Result<Vec<ShardThread>> {
    let mut shards = Vec::new();
    for shard in context.hub.shards() {
        match start_shard(context, shard) {
            Ok(started) => shards.push(started),
            Err(error) => {
                context.tasks.ended.cancel();
                for started in shards {
                    let _ended = started.ended.await;
                    let _joined = started.thread.join();
                }
                let text = format!("cannot start a thread: {error}");
                return Err(io::Error::new(error.kind(), text));
            }
        }
    }
    Ok(shards)
}

fn start_shard(context: &Arc<Context>, shard: &Arc<Shard>) -> io::Result<ShardThread> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    let (ending, ended) = oneshot::channel::<()>();
    // Hand the runtime over only to a running thread. If the spawn fails, its closure is dropped in this task, and tokio
    // panics if a runtime is dropped there.
    let (give, take) = mpsc::channel::<Runtime>();
    let (context, shard) = (context.clone(), shard.clone());
    let started = thread::Builder::new()
        .name(format!("shard-{}", shard.index()))
        .spawn(move || {
            let _ending = ending;
            if let Ok(runtime) = take.recv() {
                serve_shard(&runtime, &context, shard);
            }
        });
    match started {
        Ok(thread) => {
            let _taken = give.send(runtime);
            Ok(ShardThread {
                handle,
                thread,
                ended,
            })
        }
        Err(error) => {
            runtime.shutdown_background();
            Err(error)
        }
    }
}

/// Runs the flusher and the heartbeat of a shard. Its browsers are other tasks of the same runtime.
fn serve_shard(runtime: &Runtime, context: &Arc<Context>, shard: Arc<Shard>) {
    runtime.block_on(async {
        tokio::select! {
            () = context.tasks.ended.cancelled() => {}
            Err(error) = runtime.spawn(run_flusher(context.hub.clone(), shard.clone())) => resume_panic(error),
            () = heartbeat::run(context.clone(), shard) => {}
        }
    });
}

/// Continues the flusher's panic on the shard's thread: a shard without a flusher must end.
fn resume_panic(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

/// Waits for the first of two futures. Returns whether it was `second`.
async fn until_either(first: impl Future<Output = ()>, second: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = first => false,
        () = second => true,
    }
}

/// Waits until one of the threads has ended.
async fn wait_for_first<'a>(threads: impl Iterator<Item = &'a mut oneshot::Receiver<()>>) {
    let mut threads: Vec<_> = threads.collect();
    std::future::poll_fn(|task| {
        let mut threads = threads.iter_mut();
        let ended = threads.any(|ended| std::pin::Pin::new(&mut **ended).poll(task).is_ready());
        match ended {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
