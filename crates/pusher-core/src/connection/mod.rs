//! One browser's connection: its socket, and what is to be written to it.
//!
//! Anybody may write ([`Connection::send`]): the fan-out writes straight to the socket, and only
//! what the socket does not take is queued in the outbox, for the connection's own task.

mod boundary;
mod inbound;
mod outbox;
mod task;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use pusher_proto::wamp::{close_frame, ping_frame};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::admission::Place;
use crate::live::Live;
use crate::session::SessionId;
use crate::stats::{Counters, SlowConsumer, Waiting};
use outbox::{Outbox, State};

pub(crate) use inbound::Violation;
#[cfg(any(test, fuzzing))]
pub(crate) use inbound::heard_of;
pub(crate) use task::serve;

/// Shared by the connection's task, the fan-out and the application.
#[derive(Debug)]
pub(crate) struct Connection {
    id: SessionId,
    place: Place,
    common: Arc<Common>,
    stream: TcpStream,
    outbox: Mutex<Outbox>,
    /// When the browser last said something, in milliseconds of the server's clock.
    heard_ms: AtomicU64,
    /// Pinged, and nothing was heard since.
    pinged: AtomicBool,
}

/// What the connections of one shard have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) shard: usize,
    pub(crate) live: Arc<Live>,
    pub(crate) counters: Arc<Counters>,
}

/// What there is to do for a connection's task.
enum Ready {
    Read,
    Write,
    End,
}

impl Connection {
    pub(crate) fn new(
        id: SessionId,
        place: Place,
        common: Arc<Common>,
        stream: TcpStream,
        now_ms: u64,
    ) -> Self {
        Self {
            id,
            place,
            common,
            stream,
            outbox: Mutex::default(),
            heard_ms: AtomicU64::new(now_ms),
            pinged: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.place.peer()
    }

    pub(crate) fn shard(&self) -> usize {
        self.common.shard
    }

    /// Writes whole WebSocket frames, or queues what the socket does not take now. A browser
    /// whose outbox is full is a slow consumer and is dropped.
    pub(crate) fn send(&self, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        if outbox.state() != State::Open {
            return;
        }
        let written = match outbox.is_empty() {
            false => 0,
            true => match self.stream.try_write(frames) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => return outbox.drop_all(),
            },
        };
        if written == frames.len() {
            return;
        }
        let rest = frames.slice(written..);
        let outbox_len_max = self.common.live.limits().outbox_len_max;
        if outbox.push(rest, outbox_len_max).is_err() {
            outbox.drop_all();
            drop(outbox);
            tracing::debug!(session = %self.id, peer = %self.peer(), outbox_len_max,
                "dropping a slow consumer: its outbox is full");
            let counters = &self.common.counters;
            counters.slow_consumers.count(SlowConsumer::Outbox);
            self.reset_on_close();
        }
    }

    /// What waits in the outbox now.
    pub(crate) fn waiting(&self) -> Waiting {
        let outbox = self.outbox.lock();
        Waiting {
            outboxes: u64::from(!outbox.is_empty()),
            len: outbox.len() as u64,
        }
    }

    /// Ends the session with a close frame, behind what is queued.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.finish(Some(Bytes::from(close_frame(code, reason))));
    }

    /// Ends the connection once everything queued has left; `last` goes out behind it.
    pub(crate) fn finish(&self, last: Option<Bytes>) {
        self.outbox.lock().finish(last);
    }

    /// Ends the connection at once; what is queued is thrown away.
    fn drop_all(&self) {
        self.outbox.lock().drop_all();
    }

    /// Notes that the browser is alive.
    fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms, Ordering::Relaxed);
        self.pinged.store(false, Ordering::Relaxed);
    }

    /// For how long nothing was heard of the browser.
    pub(crate) fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms.load(Ordering::Relaxed))
    }

    /// Pings a browser that was silent for `ping_ms`, drops one that did not answer in `pong_ms`.
    pub(crate) fn check_alive(&self, now_ms: u64, ping_ms: u64, pong_ms: u64) {
        let silent_ms = self.silent_ms(now_ms);
        let pinged = self.pinged.load(Ordering::Relaxed);
        if !pinged && silent_ms >= ping_ms {
            self.pinged.store(true, Ordering::Relaxed);
            self.send(&Bytes::from_static(ping_frame()));
        } else if pinged && silent_ms >= ping_ms + pong_ms {
            tracing::debug!(session = %self.id, peer = %self.peer(), silent_ms,
                "dropping a connection that does not answer pings");
            self.common.counters.pings_unanswered.add(1);
            self.drop_all();
            self.reset_on_close();
        }
    }

    /// What the browser did not take is thrown away by the kernel too.
    fn reset_on_close(&self) {
        let linger = Some(Duration::ZERO);
        if let Err(error) = SockRef::from(&self.stream).set_linger(linger) {
            tracing::debug!(session = %self.id, %error, "cannot set SO_LINGER");
        }
    }

    /// What there is to do; reading only if `may_read`.
    fn poll_ready(&self, context: &mut Context<'_>, may_read: bool) -> Poll<Ready> {
        let mut outbox = self.outbox.lock();
        if outbox.state() != State::Open {
            return Poll::Ready(Ready::End);
        }
        outbox.set_waker(context.waker());
        if !outbox.is_empty() && self.stream.poll_write_ready(context).is_ready() {
            return Poll::Ready(Ready::Write);
        }
        drop(outbox);
        if !may_read {
            return Poll::Pending;
        }
        self.stream.poll_read_ready(context).map(|_| Ready::Read)
    }

    /// Writes what is queued, as far as the socket takes it.
    fn flush_some(&self) -> io::Result<()> {
        let mut outbox = self.outbox.lock();
        while let Some(front) = outbox.front() {
            match self.stream.try_write(front) {
                Ok(written) => outbox.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes everything that is queued.
    async fn flush_all(&self) -> io::Result<()> {
        while !self.outbox.lock().is_empty() {
            self.stream.writable().await?;
            self.flush_some()?;
        }
        Ok(())
    }

    fn is_ending(&self) -> bool {
        self.outbox.lock().state() != State::Open
    }

    fn is_dropped(&self) -> bool {
        self.outbox.lock().state() == State::Dropped
    }

    /// Reads what has arrived, at most `buffer`'s spare capacity; 0 is the end.
    fn read_some(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.stream.try_read_buf(buffer)
    }

    /// Sends what is queued and hangs up, each for as long as its limit allows.
    async fn end(&self, flush_timeout: Duration, linger_timeout: Duration) {
        if self.is_dropped() {
            return;
        }
        let flushed = timeout(flush_timeout, self.flush_all()).await;
        if let Ok(Ok(())) = flushed {
            let _timed_out = timeout(linger_timeout, hang_up(&self.stream)).await;
        }
    }
}

/// Hangs up in a way that lets the last bytes arrive: a close with unread input would make the
/// kernel send RST, which can destroy them on their way.
pub(crate) async fn hang_up(stream: &TcpStream) {
    let closed = SockRef::from(stream).shutdown(std::net::Shutdown::Write);
    if closed.is_err() {
        return;
    }
    let mut discarded = Vec::with_capacity(1024);
    while stream.readable().await.is_ok() {
        discarded.clear();
        match stream.try_read_buf(&mut discarded) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}
