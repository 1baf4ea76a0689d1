//! The server: its sockets, its threads, its shutdown.

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
use crate::hub::{Hub, KnownIds, Shard, run_flusher};
use crate::stats::{Counters, PeerLog, RefusedOrigins};

pub use bind_error::BindError;
pub use control::Control;
pub use listen::Listeners;

/// How long publishers may take to get the answers to what they sent when the server ends.
const PUBLISHERS_END_TIMEOUT: Duration = Duration::from_secs(2);

/// A server that listens and does not serve yet: see [`Server::run`].
#[derive(Debug)]
pub struct Server {
    pub(crate) context: Arc<Context>,
    pub(crate) admin: Arc<Admin>,
    listeners: BoundListeners,
}

/// One shard's thread.
struct ShardThread {
    handle: Handle,
    thread: thread::JoinHandle<()>,
    /// Dropped when the thread ends, for whatever reason.
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Opens the listeners. From then on connections queue up in the kernel, until [`run`](Self::run).
    pub fn bind(options: Options, application: impl Application) -> Result<Self, BindError> {
        Self::bind_with(options, Listeners::default(), application)
    }

    /// The same with listeners that are open already.
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
        let hub = Hub::new(
            options.shards.max(1),
            live.clone(),
            counters.clone(),
            &browser_log,
        );
        let context = Context {
            application: Box::new(application),
            hub,
            known_ids: KnownIds::new(&options.id_limits),
            publisher_log: PeerLog::new(),
            browser_log,
            browser_permits: Arc::new(browser_permits),
            reloads: watch::Sender::default(),
            publisher_permits: Arc::new(PublisherPermits::new(live.clone(), counters.clone())),
            counters,
            live,
            clock: Clock::start(),
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

    /// The addresses of the public door, with the ports that the system chose where 0 was asked.
    pub fn public_addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.listeners.public.iter().map(TcpListener::local_addr);
        addrs.filter_map(Result::ok).collect()
    }

    /// The addresses of the private door.
    pub fn publish_addrs(&self) -> Vec<PublishAddress> {
        let listeners = self.listeners.publish.iter();
        listeners.filter_map(PublishListener::address).collect()
    }

    /// To publish from this program, and to see who is there.
    pub fn hub(&self) -> Hub {
        self.context.hub.clone()
    }

    /// To change what may change while it runs, and to ask whether it is well.
    pub fn control(&self) -> Control {
        Control::new(self.context.clone())
    }

    /// Serves until `shutdown` is ready, then takes in what publishers have sent by then, sends what
    /// is queued and ends the connections without a close frame, so that pages reconnect. Returns
    /// when every task and thread of the server has ended.
    ///
    /// The server brings its own threads and runtimes; this future runs on any executor.
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
        for listener in listeners.public {
            first.spawn(accept::browsers(context.clone(), handles.clone(), listener));
        }
        for listener in listeners.publish {
            first.spawn(accept::publishers(admin.clone(), listener));
        }
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
            true => Err(io::Error::other("a thread of the server ended by a panic")),
            false => Ok(()),
        }
    }
}

/// The end, in order: publishers, events, browsers, threads.
async fn close(context: Arc<Context>) {
    let tasks = &context.tasks;
    let closing_grace = context.live.limits().closing_grace;
    tokio::time::sleep(closing_grace).await;
    tasks.stop_publishers.cancel();
    tasks.publishers.close();
    let _late = timeout(PUBLISHERS_END_TIMEOUT, tasks.publishers.wait()).await;
    // A publisher that is late by now gets an error: the browsers would not get its event.
    context.hub.close();
    let (flush_timeout, linger_timeout) = context.live.end_timeouts();
    let _late = timeout(flush_timeout, context.hub.flushed()).await;
    for session in context.hub.sessions() {
        session.connection().finish(None);
    }
    tasks.browsers.close();
    let patience = flush_timeout + linger_timeout;
    if timeout(patience, tasks.browsers.wait()).await.is_err() {
        let left = tasks.browsers.len();
        tracing::warn!(
            left,
            "ending although some browsers did not take their events"
        );
    }
    tasks.ended.cancel();
}

/// Starts every shard's thread. If one can't be started, those that have been end.
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
    // The thread gets its runtime when it runs: one that is never started would drop it here, in a task, which
    // tokio answers by a panic.
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

/// The fan-out and the heartbeat of a shard; its browsers are tasks beside them.
fn serve_shard(runtime: &Runtime, context: &Arc<Context>, shard: Arc<Shard>) {
    runtime.block_on(async {
        tokio::select! {
            () = context.tasks.ended.cancelled() => {}
            Err(error) = runtime.spawn(run_flusher(shard.clone())) => resume_panic(error),
            () = heartbeat::run(context.clone(), shard) => {}
        }
    });
}

/// A shard without its fan-out must end, as if the panic had been the thread's own.
fn resume_panic(error: JoinError) {
    if let Ok(panic) = error.try_into_panic() {
        std::panic::resume_unwind(panic);
    }
}

/// Waits for either; whether it was the second.
async fn until_either(first: impl Future<Output = ()>, second: impl Future<Output = ()>) -> bool {
    tokio::select! {
        () = first => false,
        () = second => true,
    }
}

/// Waits until any of the threads has ended.
async fn wait_for_first<'a>(threads: impl Iterator<Item = &'a mut oneshot::Receiver<()>>) {
    let mut threads: Vec<_> = threads.collect();
    std::future::poll_fn(|context| {
        let mut threads = threads.iter_mut();
        let ended = threads.any(|ended| std::pin::Pin::new(&mut **ended).poll(context).is_ready());
        match ended {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}
