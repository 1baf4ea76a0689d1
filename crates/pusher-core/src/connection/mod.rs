//! One browser's connection: its socket, and what is to be written to it.
//!
//! Anybody may write ([`Connection::send`]): the fan-out writes straight to the socket, and only
//! what the socket does not take is queued in the outbox, for the connection's own task.

mod browser_permits;
mod counted_bytes;
mod outbox;
mod publisher_permits;
mod session;
mod session_id;
mod socket;
mod topic;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use pusher_proto::wamp::{Subprotocol, close_frame, keepalive, text_frame};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::config::Live;
use crate::stats::PeerLog;
use crate::stats::{Counters, OutboxTotals, SlowConsumer};
use outbox::{Full, Outbox, State};

pub(crate) use browser_permits::{BrowserPermit, BrowserPermits};
pub(crate) use counted_bytes::counted_bytes;
pub(crate) use outbox::DropPolicy;
pub(crate) use publisher_permits::{Busy, PublisherPermit, PublisherPermits};
pub use session::Session;
pub use session_id::SessionId;
#[cfg(test)]
pub(crate) use socket::faults;
pub(crate) use socket::{Socket, TLS_HANDSHAKE};
pub(crate) use topic::Topic;

/// Bytes of an outbox that are written before other tasks have their turn. An outbox may be as long as the operator
/// likes, and with TLS each byte costs time.
const FLUSH_LEN: usize = 256 * 1024;

/// Shared by the connection's task, the fan-out and the application.
#[derive(Debug)]
pub(crate) struct Connection {
    id: SessionId,
    permit: BrowserPermit,
    common: Arc<Common>,
    socket: Socket,
    outbox: Mutex<Outbox>,
    /// When the browser last said something, in milliseconds of the server's clock.
    heard_ms: AtomicU64,
    /// Pinged, and nothing was heard since.
    pinged: AtomicBool,
    subprotocol: Subprotocol,
}

/// What the connections of one shard have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) shard: usize,
    pub(crate) live: Arc<Live>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) browser_log: Arc<PeerLog>,
}

impl Common {
    /// Whether nothing more may wait, for anybody.
    fn is_memory_full(&self) -> bool {
        self.counters.events_len.get() > self.live.limits().events_len_max as u64
    }

    fn count_dropped(&self, events: u64) {
        if events > 0 {
            self.counters.deliveries_dropped.add(events);
        }
    }
}

/// What there is to do for a connection's task.
pub(crate) enum Ready {
    Read,
    Write,
    End,
}

impl Connection {
    pub(crate) fn new(
        id: SessionId,
        permit: BrowserPermit,
        common: Arc<Common>,
        socket: Socket,
        subprotocol: Subprotocol,
        now_ms: u64,
    ) -> Self {
        Self {
            id,
            permit,
            common,
            socket,
            outbox: Mutex::default(),
            heard_ms: AtomicU64::new(now_ms),
            pinged: AtomicBool::new(false),
            subprotocol,
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(crate) fn peer(&self) -> SocketAddr {
        self.permit.peer()
    }

    pub(crate) fn shard(&self) -> usize {
        self.common.shard
    }

    pub(crate) fn subprotocol(&self) -> Subprotocol {
        self.subprotocol
    }

    /// Has what [`send`](Self::send) needs fetched from memory.
    pub(crate) fn prefetch(&self) {
        std::hint::black_box((self.outbox.is_locked(), self.socket.is_tls()));
    }

    /// Writes whole WebSocket frames, or queues what the socket does not take now. A browser
    /// whose outbox is full is a slow consumer and is dropped.
    pub(crate) fn send(&self, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        let why = if self.common.is_memory_full() {
            SlowConsumer::Memory
        } else {
            let outbox_len_max = self.common.live.limits().outbox_len_max;
            match outbox.push(frames.slice(written..), outbox_len_max) {
                Ok(dropped) => return self.common.count_dropped(dropped),
                Err(Full) => SlowConsumer::Outbox,
            }
        };
        drop(outbox);
        self.drop_slow(why);
    }

    /// As [`send`](Self::send) for a topic whose events may be left out.
    pub(crate) fn send_droppable(&self, frames: &Bytes, drop_policy: &DropPolicy) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        let len_max = match self.common.is_memory_full() {
            true => 0,
            false => self.common.live.limits().outbox_len_max,
        };
        let dropped = outbox.push_droppable(frames, written, drop_policy, len_max);
        self.common.count_dropped(dropped);
    }

    /// Writes if nothing waits; how much the socket has taken. `None` if there is nothing left to
    /// do.
    fn try_write(&self, outbox: &mut Outbox, frames: &Bytes) -> Option<usize> {
        if outbox.state() != State::Open {
            return None;
        }
        let written = match outbox.is_empty() {
            false => 0,
            true => match self.socket.write_now(frames) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => {
                    outbox.drop_all();
                    return None;
                }
            },
        };
        if self.socket.has_unsent() {
            // The connection's task sends it when the socket is ready again.
            outbox.wake();
        }
        (written < frames.len()).then_some(written)
    }

    /// Drops a browser that does not take its events.
    pub(crate) fn drop_slow(&self, why: SlowConsumer) {
        self.drop_all();
        self.reset_on_close();
        let Common { live, counters, .. } = &*self.common;
        counters.slow_consumers.count(why);
        let limits = live.limits();
        let peer = self.peer().to_string();
        let complain = |what: fmt::Arguments<'_>| self.common.browser_log.about(&peer, what);
        match why {
            SlowConsumer::Outbox => complain(format_args!(
                "dropping a slow browser: more than {} bytes wait for it (outbox-len-max)",
                limits.outbox_len_max
            )),
            SlowConsumer::Stall => complain(format_args!(
                "dropping a slow browser: it has taken nothing for {:?}",
                limits.write_timeout
            )),
            SlowConsumer::Memory => complain(format_args!(
                "dropping a slow browser: all events that wait come to {} bytes, {} are allowed",
                counters.events_len.get(),
                limits.events_len_max
            )),
        }
    }

    /// Whether something waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.outbox.lock().is_empty()
    }

    /// For how long the browser has taken nothing although something waits, as far as those who
    /// asked before could see.
    pub(crate) fn stalled_ms(&self, now_ms: u64) -> Option<u64> {
        self.outbox.lock().stalled_ms(now_ms)
    }

    /// A frame for this connection alone.
    pub(crate) fn counted_frame(&self, frame: Vec<u8>) -> Bytes {
        let capacity = frame.capacity();
        counted_bytes(frame, capacity, &self.common.counters)
    }

    /// What waits now, in the outbox or, without being counted in bytes, in TLS.
    pub(crate) fn outbox_totals(&self) -> OutboxTotals {
        let outbox = self.outbox.lock();
        OutboxTotals {
            outboxes: u64::from(!outbox.is_empty() || self.socket.has_unsent()),
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
    pub(crate) fn drop_all(&self) {
        self.outbox.lock().drop_all();
    }

    /// Notes that the browser is alive.
    pub(crate) fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms, Ordering::Relaxed);
        self.pinged.store(false, Ordering::Relaxed);
    }

    /// For how long nothing was heard of the browser.
    pub(crate) fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms.load(Ordering::Relaxed))
    }

    /// Tells a browser that speaks `pushd.1` the ping interval. Its script sees this message, and does not see pings.
    pub(crate) fn send_keepalive(&self) {
        let interval = self.common.live.limits().ping_interval;
        self.send(&Bytes::from(keepalive_frame(interval)));
    }

    /// Pings a browser that was silent for `ping_ms` with `ping`; drops one that did not answer in `pong_ms`.
    pub(crate) fn check_alive(&self, now_ms: u64, ping_ms: u64, pong_ms: u64, ping: &Bytes) {
        let silent_ms = self.silent_ms(now_ms);
        let pinged = self.pinged.load(Ordering::Relaxed);
        if !pinged && silent_ms >= ping_ms {
            self.pinged.store(true, Ordering::Relaxed);
            self.send(ping);
        } else if pinged && silent_ms >= ping_ms + pong_ms {
            self.common.counters.pings_unanswered.add(1);
            let what = format_args!(
                "dropping a browser that answers no ping: nothing was heard of it for {:?}",
                Duration::from_millis(silent_ms)
            );
            self.common
                .browser_log
                .about(&self.peer().to_string(), what);
            self.drop_all();
            self.reset_on_close();
        }
    }

    fn reset_on_close(&self) {
        if let Err(error) = self.socket.reset_on_close() {
            tracing::debug!(session = %self.id, %error, "cannot set SO_LINGER");
        }
    }

    /// What there is to do; reading only if `may_read`.
    pub(crate) fn poll_ready(&self, context: &mut Context<'_>, may_read: bool) -> Poll<Ready> {
        let mut outbox = self.outbox.lock();
        if outbox.state() != State::Open {
            return Poll::Ready(Ready::End);
        }
        outbox.set_waker(context.waker());
        let is_waiting = !outbox.is_empty() || self.socket.has_unsent();
        if is_waiting && self.socket.poll_write_ready(context).is_ready() {
            return Poll::Ready(Ready::Write);
        }
        drop(outbox);
        if !may_read {
            return Poll::Pending;
        }
        self.socket.poll_read_ready(context).map(|_| Ready::Read)
    }

    /// Writes the outbox until the socket is full, at most [`FLUSH_LEN`] bytes and one frame.
    pub(crate) fn flush_some(&self) -> io::Result<()> {
        let mut outbox = self.outbox.lock();
        self.socket.try_send()?;
        let mut flushed = 0;
        while flushed < FLUSH_LEN
            && let Some(front) = outbox.front()
        {
            match self.socket.try_write(front) {
                Ok(written) => {
                    outbox.advance(written);
                    flushed += written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes everything that is queued.
    async fn flush_all(&self) -> io::Result<()> {
        while !self.outbox.lock().is_empty() || self.socket.has_unsent() {
            self.socket.writable().await?;
            self.flush_some()?;
            yield_now().await;
        }
        Ok(())
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.outbox.lock().state() != State::Open
    }

    fn is_dropped(&self) -> bool {
        self.outbox.lock().state() == State::Dropped
    }

    /// Reads what has arrived, at most `buffer`'s spare capacity; 0 is the end.
    pub(crate) fn read_some(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.socket.try_read_buf(buffer)
    }

    /// Sends what is queued and hangs up, each for as long as its limit allows.
    pub(crate) async fn end(&self, flush_timeout: Duration, linger_timeout: Duration) {
        if self.is_dropped() {
            return;
        }
        let flushed = timeout(flush_timeout, self.flush_all()).await;
        if let Ok(Ok(())) = flushed {
            let _timed_out = timeout(linger_timeout, self.socket.hang_up()).await;
        }
    }
}

/// KEEPALIVE as the server sends it.
pub(crate) fn keepalive_frame(ping_interval: Duration) -> Vec<u8> {
    let interval_ms = u64::try_from(ping_interval.as_millis()).unwrap_or(u64::MAX);
    text_frame(&keepalive(interval_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every idle browser has one. A field that fits the gaps costs nothing.
    #[test]
    fn what_fan_out_and_task_share_is_small() {
        let len = size_of::<Connection>();
        assert!(len <= 160, "{len} bytes");
    }
}
