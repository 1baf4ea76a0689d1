//! The server: its sockets, its threads, its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::{self, Handle, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept;
use crate::address::PublishAddress;
use crate::admission::Admission;
use crate::application::Application;
use crate::certificate::Certificate;
use crate::complaints::Complaints;
use crate::control::Control;
use crate::handshake::{AllowedOrigin, RefusedOrigins};
use crate::heartbeat;
use crate::host::KnownHost;
use crate::hub::{Hub, Shard, run_flusher};
use crate::limits::Limits;
use crate::listen::{Doors, Listeners, PrivateListener, SocketAccess};
use crate::live::Live;
use crate::operator::{self, History, Snapshot};
use crate::proxy::{Proxies, TrustedProxy};
use crate::publishers::{KnownIds, Permits, PublishToken};
use crate::recipe::TopicPattern;
use crate::slow_policy::SlowPolicy;
use crate::stats::Counters;

/// How long publishers may take to get the answers to what they sent when the server ends.
const PUBLISHERS_END_TIMEOUT: Duration = Duration::from_secs(2);

/// What a server needs to know. `Options::default()` is what `pushd` without arguments does.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The public door: where browsers connect. Default `0.0.0.0:8080`.
    pub listen: Vec<SocketAddr>,
    /// With it the public door speaks TLS too: whoever begins with a TLS handshake gets https and wss,
    /// and others http and ws as before, at the same port. Default none.
    pub certificate: Option<Certificate>,
    /// The private door: where publishers connect. Default `127.0.0.1:5555`. Without a
    /// `publish_token` whoever can connect may publish, so only loopback addresses and unix sockets
    /// are possible then.
    pub publish_listen: Vec<PublishAddress>,
    /// Who may use the unix sockets of the private door.
    pub publish_socket: SocketAccess,
    /// The secret that publishers must show, on all addresses. Raw JSON and ZeroMQ can't, and are
    /// refused. Default none.
    pub publish_token: Option<PublishToken>,
    /// Names by which publishers reach the private door in HTTP, beside `localhost` and the IP
    /// address that they connect to. A request with another `Host` may come from a page whose name
    /// was pointed here, and is refused. Default none.
    pub publish_hosts: Vec<KnownHost>,
    /// Names by which browsers call this server, beside its addresses and `localhost`. With any of them
    /// a page of another name is one of another site, even if the name was pointed here (DNS
    /// rebinding). Default none: any name will do.
    pub public_hosts: Vec<KnownHost>,
    /// Sites whose pages may connect, beside those of the host that the browser calls this server
    /// by: by default a page of `http://example.com:8000` may connect to `ws://example.com:8080`,
    /// and a page of another host gets 403. Whoever sends no `Origin` is no page and may connect.
    /// Default none.
    pub allow_origins: Vec<AllowedOrigin>,
    /// Proxies that are believed when they say for whom they speak (`X-Forwarded-For`, `Forwarded`)
    /// and what the browser calls this server (`X-Forwarded-Host`): limits, log and
    /// [`Session::peer_addr`](crate::Session::peer_addr) go by that. Default none.
    pub trust_proxies: Vec<TrustedProxy>,
    /// What becomes of events for a browser that does not take them fast enough, by topic: the first
    /// pattern that matches counts. Default none, which is [`SlowPolicy::Disconnect`] for all.
    pub slow_policies: Vec<(TopicPattern, SlowPolicy)>,
    /// Threads that serve. Default: one for each processor that the process may use.
    pub shards: usize,
    /// What the server calls itself in WELCOME.
    pub server_ident: String,
    /// What is allowed.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            certificate: None,
            publish_listen: vec![SocketAddr::from(([127, 0, 0, 1], 5555)).into()],
            publish_socket: SocketAccess::default(),
            publish_token: None,
            publish_hosts: Vec::new(),
            public_hosts: Vec::new(),
            allow_origins: Vec::new(),
            trust_proxies: Vec::new(),
            slow_policies: Vec::new(),
            shards: thread::available_parallelism().map_or(1, usize::from),
            server_ident: concat!("pusher-core/", env!("CARGO_PKG_VERSION")).to_owned(),
            limits: Limits::default(),
        }
    }
}

/// A door could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The operating system says no.
    #[error("cannot listen for {whom} on {address}: {source}")]
    Listen {
        /// "browsers" or "publishers".
        whom: &'static str,
        /// The address that was asked for.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// Others than this machine could publish, without any secret.
    #[error("whoever can reach {address} could publish there: that needs a token")]
    TokenNeeded {
        /// The address that was asked for.
        address: SocketAddr,
    },
}

/// A server that listens and does not serve yet: see [`Server::run`].
#[derive(Debug)]
pub struct Server {
    pub(crate) context: Arc<Context>,
    doors: Doors,
}

/// What every task of a server knows.
pub(crate) struct Context {
    pub(crate) application: Box<dyn Application>,
    pub(crate) hub: Hub,
    pub(crate) live: Arc<Live>,
    pub(crate) clock: Clock,
    pub(crate) server_ident: String,
    pub(crate) known_ids: KnownIds,
    /// About publishers.
    pub(crate) complaints: Complaints,
    /// Of their own, so that the world outside can't hide what publishers do wrong.
    pub(crate) browser_complaints: Arc<Complaints>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) publisher_permits: Arc<Permits>,
    /// Tells that options were put in force.
    pub(crate) reloads: watch::Sender<()>,
    pub(crate) refused_origins: RefusedOrigins,
    /// An address of the private door that needs a token.
    pub(crate) open_to_others: Option<SocketAddr>,
    pub(crate) started: SystemTime,
    pub(crate) history: History,
    pub(crate) snapshot: Snapshot,
    /// Counted by the program's log, if it counts them.
    pub(crate) log_lines_dropped: OnceLock<Arc<AtomicU64>>,
    pub(crate) tasks: Tasks,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("hub", &self.hub)
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

/// The tasks of the server by kind, and the signals that end them in turn.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) browsers: TaskTracker,
    pub(crate) publishers: TaskTracker,
    /// No new browsers.
    pub(crate) closing: CancellationToken,
    /// No new publishers, and nothing more from those that are here.
    pub(crate) last_orders: CancellationToken,
    /// Everything has left: the threads end.
    ended: CancellationToken,
}

/// Milliseconds since the server began; not touched by changes of the time of day.
#[derive(Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn now_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}

/// One shard's thread.
struct ShardThread {
    handle: Handle,
    thread: thread::JoinHandle<()>,
    /// Dropped when the thread ends, for whatever reason.
    ended: oneshot::Receiver<()>,
}

impl Server {
    /// Opens the doors. From then on connections queue up in the kernel, until [`run`](Self::run).
    pub fn bind(options: Options, application: impl Application) -> Result<Self, BindError> {
        Self::bind_with(options, Listeners::default(), application)
    }

    /// The same with doors that are open already.
    pub fn bind_with(
        options: Options,
        listeners: Listeners,
        application: impl Application,
    ) -> Result<Self, BindError> {
        let doors = Doors::open(&options, listeners)?;
        let live = Arc::new(Live::new(options.clone()));
        let counters = Arc::new(Counters::default());
        let proxies = Proxies::new(options.trust_proxies.clone());
        let admission = Admission::new(live.clone(), counters.clone(), proxies);
        let browser_complaints = Arc::new(Complaints::new());
        let hub = Hub::new(
            options.shards.max(1),
            live.clone(),
            counters.clone(),
            &browser_complaints,
        );
        let context = Context {
            application: Box::new(application),
            hub,
            known_ids: KnownIds::new(&options.limits),
            complaints: Complaints::new(),
            browser_complaints,
            admission: Arc::new(admission),
            reloads: watch::Sender::default(),
            publisher_permits: Arc::new(Permits::new(live.clone(), counters.clone())),
            counters,
            live,
            clock: Clock(Instant::now()),
            server_ident: options.server_ident,
            refused_origins: RefusedOrigins::default(),
            open_to_others: doors.open_to_others,
            started: SystemTime::now(),
            history: History::default(),
            snapshot: Snapshot::default(),
            log_lines_dropped: OnceLock::new(),
            tasks: Tasks::default(),
        };
        Ok(Self {
            context: Arc::new(context),
            doors,
        })
    }

    /// The addresses of the public door, with the ports that the system chose where 0 was asked.
    pub fn public_addrs(&self) -> Vec<SocketAddr> {
        let addrs = self.doors.public.iter().map(TcpListener::local_addr);
        addrs.filter_map(Result::ok).collect()
    }

    /// The addresses of the private door.
    pub fn publish_addrs(&self) -> Vec<PublishAddress> {
        let listeners = self.doors.private.iter();
        listeners.filter_map(PrivateListener::address).collect()
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
        let Self { context, doors } = self;
        let mut shards = start_shards(&context).await?;
        let handles: Vec<_> = shards.iter().map(|shard| shard.handle.clone()).collect();
        let first = handles[0].clone();
        first.spawn(operator::record(context.clone()));
        for listener in doors.public {
            first.spawn(accept::browsers(context.clone(), handles.clone(), listener));
        }
        for listener in doors.private {
            first.spawn(accept::publishers(context.clone(), listener));
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
    tasks.last_orders.cancel();
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
