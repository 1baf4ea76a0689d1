//! Accepts connections and hands them to the shards.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::listen::PublishListener;
#[cfg(unix)]
use super::listen::SocketFile;
use crate::admin::Admin;
use crate::browsers::{self, Arriving, Response};
use crate::config::Limits;
use crate::connection::BrowserPermit;
use crate::connection::Socket;
use crate::context::Context;
use crate::handover::{ListenerKind, Movable};
use crate::publishers;
use crate::publishers::{Peer, Stream, Transport};
use crate::stats::BrowserRefusal;
use crate::stats::PeerLog;

/// Maximum number of refused browsers whose connections stay open for a moment, so that they receive the answer. They
/// have no permit and are not counted in `connections-max`.
const LINGERING_MAX: u64 = 16;

/// Pause after a failed accept, for example when the process has no file descriptor left.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Accepts browsers until shutdown. The shards get them in turn.
pub(crate) async fn browsers(
    context: Arc<Context>,
    shards: Vec<Handle>,
    listener: std::net::TcpListener,
) {
    let Some(listener) = adopt(TcpListener::from_std(listener)) else {
        return;
    };
    let mut next = 0;
    let end = End::new(&context, &context.tasks.closing);
    while let Some((stream, peer)) = accept(&end, &context.browser_log, || listener.accept()).await
    {
        set_nodelay(&stream);
        let permit = match context.browser_permits.enter(peer) {
            Ok(permit) => permit,
            Err(why) => {
                refuse(&context, stream, peer, why);
                continue;
            }
        };
        serve_browser(&context, &shards, next, stream, permit);
        next = (next + 1) % shards.len();
    }
    bring(&context, ListenerKind::Public, listener);
}

/// Accepts publishers until shutdown.
pub(crate) async fn publishers(admin: Arc<Admin>, listener: PublishListener) {
    match listener {
        PublishListener::Tcp(listener) => {
            tcp_publishers(&admin, listener, ListenerKind::PublishTcp, Transport::tcp).await;
        }
        #[cfg(unix)]
        PublishListener::Unix(listener, file) => unix_publishers(&admin, listener, file).await,
    }
}

/// Accepts sites that send signed requests, until shutdown.
pub(crate) async fn signed_requests(admin: Arc<Admin>, listener: std::net::TcpListener) {
    tcp_publishers(&admin, listener, ListenerKind::Signed, |_| {
        Transport::Signed
    })
    .await;
}

async fn tcp_publishers(
    admin: &Arc<Admin>,
    listener: std::net::TcpListener,
    kind: ListenerKind,
    transport: impl Fn(&TcpStream) -> Transport,
) {
    let context = admin.context();
    let Some(listener) = adopt(TcpListener::from_std(listener)) else {
        return;
    };
    let end = End::new(context, &context.tasks.stop_publishers);
    let log = &context.publisher_log;
    while let Some((stream, peer)) = accept(&end, log, || listener.accept()).await {
        set_nodelay(&stream);
        set_keepalive(&stream);
        let peer = Peer {
            name: peer.to_string(),
            transport: transport(&stream),
        };
        serve_publisher(admin, stream, peer).await;
    }
    bring(context, kind, listener);
}

#[cfg(unix)]
async fn unix_publishers(
    admin: &Arc<Admin>,
    listener: std::os::unix::net::UnixListener,
    mut file: Option<SocketFile>,
) {
    let context = admin.context();
    let Some(mut listener) = adopt(tokio::net::UnixListener::from_std(listener)) else {
        return;
    };
    let mut reloads = context.reloads.subscribe();
    let end = End::new(context, &context.tasks.stop_publishers);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&end, &context.publisher_log, || listener.accept()) => accepted,
            Ok(()) = reloads.changed() => {
                if let Some(again) = listen_again(file.as_ref()) {
                    (listener, file) = (again.0, Some(again.1));
                }
                continue;
            }
        };
        let Some((stream, _)) = accepted else {
            let path = file.filter(|_| context.handover.has_begun());
            let path = path.map(SocketFile::keep);
            return bring(context, ListenerKind::PublishUnix(path), listener);
        };
        let name = match stream.peer_cred() {
            Ok(peer) => format!("uid {}, pid {}", peer.uid(), peer.pid().unwrap_or(0)),
            Err(_) => "unix".to_owned(),
        };
        let transport = Transport::Unix;
        let peer = Peer { name, transport };
        serve_publisher(admin, stream, peer).await;
    }
}

/// Creates the socket again if its file was removed.
#[cfg(unix)]
fn listen_again(file: Option<&SocketFile>) -> Option<(tokio::net::UnixListener, SocketFile)> {
    let path = file?.path().display();
    let again = file?.listen_again().and_then(|again| {
        let adopt = |(listener, file)| Ok((tokio::net::UnixListener::from_std(listener)?, file));
        again.map(adopt).transpose()
    });
    match again {
        Ok(None) => None,
        Ok(Some(again)) => {
            tracing::warn!(%path, "publish socket was removed, created it again");
            Some(again)
        }
        Err(error) => {
            tracing::error!(%path, %error, "publish socket was removed, cannot create it again");
            None
        }
    }
}

/// Serves a publisher on this shard. Waits until the connection is admitted. Until then this listener accepts no other connection.
async fn serve_publisher<S>(admin: &Arc<Admin>, stream: S, peer: Peer)
where
    S: Stream + Send + 'static,
{
    let context = admin.context();
    let permit = tokio::select! {
        biased;
        permit = peer.transport.permits(context).enter() => permit,
        () = context.tasks.publishers_end.cancelled() => {
            publishers::leave(context, stream, peer);
            return;
        }
    };
    context.counters.publishers_accepted.add(1);
    let publisher = publishers::serve(admin.clone(), stream, peer, permit);
    context.tasks.publishers.spawn(publisher);
}

/// Serves a browser on the shard with this index. The acceptors run on the first shard, so a stream for another shard
/// must be registered with that shard's runtime.
fn serve_browser(
    context: &Arc<Context>,
    shards: &[Handle],
    index: usize,
    stream: TcpStream,
    permit: BrowserPermit,
) {
    let shard = context.hub.shards()[index].clone();
    let tasks = &context.tasks.browsers;
    let counted = context.tasks.handshakes.token();
    let peer = permit.peer();
    let arriving = |stream| Arriving {
        stream,
        permit,
        received: Vec::new(),
        counted,
    };
    let context = context.clone();
    if index == 0 {
        tasks.spawn(browsers::serve(context, shard, arriving(stream)));
        return;
    }
    let moving = stream.into_std();
    let serve = async move {
        match moving.and_then(TcpStream::from_std) {
            Ok(stream) => browsers::serve(context, shard, arriving(stream)).await,
            Err(error) => {
                tracing::warn!(%peer, %error, "cannot move a connection to its shard");
            }
        }
    };
    tasks.spawn_on(serve, &shards[index]);
}

/// Answers 503 or 429, if that is possible without waiting.
fn refuse(context: &Arc<Context>, stream: TcpStream, peer: SocketAddr, why: BrowserRefusal) {
    let response = Response::no_permit(why, &context.live.limits());
    let text = format_args!("refusing a browser: {}", response.text());
    let refused = &context.counters.browsers_refused;
    refused.refuse(why, &context.browser_log, &peer.to_string(), text);
    if stream.try_write(&response.into_bytes()).is_err() {
        return;
    }
    // The request may have arrived already. A close with unread data is a reset, and the answer could get lost.
    let counters = context.counters.clone();
    if counters.lingering.get() < LINGERING_MAX {
        let (_, linger_timeout) = context.live.end_timeouts();
        let stream = Socket::Plain(stream);
        counters.lingering.add(1);
        context.tasks.browsers.spawn(async move {
            let _timed_out = timeout(linger_timeout, stream.hang_up()).await;
            counters.lingering.remove(1);
        });
    }
}

/// Gives the socket of a listener away if the server is handed over. What connects to it waits in the kernel.
fn bring(context: &Context, kind: ListenerKind, listener: impl Movable) {
    if context.handover.has_begun() {
        match listener.into_descriptor() {
            Ok(descriptor) => context.handover.bring_listener(kind, descriptor),
            Err(error) => tracing::error!(%error, "cannot hand a listener over"),
        }
    }
}

fn adopt<L>(listener: io::Result<L>) -> Option<L> {
    listener
        .inspect_err(|error| tracing::error!(%error, "cannot use the listening socket"))
        .ok()
}

/// Turns off Nagle's algorithm, which would delay events and answers by up to 40 ms.
fn set_nodelay(stream: &TcpStream) {
    let _gone = stream.set_nodelay(true);
}

/// Turns on TCP keep-alive, so that a publisher whose machine or network has failed is found and its permit released.
/// Publishers may be silent for hours, and the server sends them nothing on its own.
fn set_keepalive(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(Limits::PUBLISHER_KEEPALIVE_IDLE)
        .with_interval(Limits::PUBLISHER_KEEPALIVE_INTERVAL)
        .with_retries(Limits::PUBLISHER_KEEPALIVE_PROBES);
    if let Err(error) = SockRef::from(stream).set_tcp_keepalive(&keepalive) {
        tracing::debug!(%error, "cannot set TCP keep-alive");
    }
}

/// The two signals that end a listener.
struct End<'a> {
    shutdown: &'a CancellationToken,
    handover: &'a CancellationToken,
}

impl<'a> End<'a> {
    fn new(context: &'a Context, shutdown: &'a CancellationToken) -> Self {
        Self {
            shutdown,
            handover: context.handover.stop_reading(),
        }
    }
}

/// Accepts the next connection. `None` at the end of the listener.
async fn accept<T, F>(end: &End<'_>, log: &PeerLog, mut next: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        let accepted = tokio::select! {
            biased;
            () = end.shutdown.cancelled() => return None,
            () = end.handover.cancelled() => return None,
            accepted = next() => accepted,
        };
        match accepted {
            Ok(connection) => return Some(connection),
            Err(error) if is_peer_error(&error) => {}
            Err(error) => {
                let text = format!("cannot accept a connection, retrying: {error}");
                log.about("none", text);
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Whether the peer closed the connection before it was accepted.
fn is_peer_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
