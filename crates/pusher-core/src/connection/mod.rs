//! One browser's connection: its socket, its permit and its outbox.
//!
//! Several tasks write to a connection ([`Connection::send`]). The fan-out writes to the socket directly. Only bytes
//! that the socket does not accept go to the outbox, and the connection's own task sends them when the socket is
//! writable.

mod alive;
mod browser_permits;
mod common;
mod counted_bytes;
mod dialect;
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
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use pusher_proto::wamp::{close_frame, gap, gap_event, text_frame};
use pusher_proto::{Position, event_stream};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::stats::{OutboxTotals, SlowConsumer};
use outbox::{Full, Outbox, State};

pub(crate) use browser_permits::{BrowserPermit, BrowserPermits};
pub(crate) use common::Common;
use common::RETRY_MS_MIN;
pub(crate) use counted_bytes::counted_bytes;
pub(crate) use dialect::Dialect;
pub(crate) use outbox::{DropPolicy, KeptEvents};
pub(crate) use publisher_permits::{Busy, PublisherPermit, PublisherPermits};
pub use session::Session;
pub use session_id::SessionId;
#[cfg(test)]
pub(crate) use socket::faults;
pub(crate) use socket::{Socket, TLS_HANDSHAKE};
pub(crate) use topic::Topic;

/// Bytes of an outbox that are written before the task yields. An outbox may be large (`outbox-len-max`), and with TLS
/// each byte costs time.
const FLUSH_LEN: usize = 256 * 1024;

/// One browser's connection. The connection's task, the fan-out and the application share it.
#[derive(Debug)]
pub(crate) struct Connection {
    id: SessionId,
    permit: BrowserPermit,
    common: Arc<Common>,
    socket: Socket,
    outbox: Mutex<Outbox>,
    /// Time of the last bytes from the browser, in ms of the server's clock.
    heard_ms: AtomicU64,
    /// A ping was sent, and no bytes have arrived since.
    pinged: AtomicBool,
    /// The session reads events from the log.
    reads_log: AtomicBool,
    dialect: Dialect,
    /// Pings that were sent behind events, minus their pongs.
    pongs_expected: AtomicU32,
}

/// The next work of a connection's task.
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
        dialect: Dialect,
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
            reads_log: AtomicBool::new(false),
            dialect,
            pongs_expected: AtomicU32::new(0),
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

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Records that a ping was sent behind events.
    pub(crate) fn expect_pong(&self) {
        self.pongs_expected.fetch_add(1, Ordering::Relaxed);
    }

    /// Records a pong. Returns whether it answers a ping behind events.
    pub(crate) fn take_expected_pong(&self) -> bool {
        let less_one = |expected: u32| expected.checked_sub(1);
        let pongs = &self.pongs_expected;
        pongs
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less_one)
            .is_ok()
    }

    /// Whether the session reads events from the log.
    pub(crate) fn reads_log(&self) -> bool {
        self.reads_log.load(Ordering::Relaxed)
    }

    pub(crate) fn set_reads_log(&self, reads_log: bool) {
        self.reads_log.store(reads_log, Ordering::Relaxed);
    }

    /// Prefetches the cache lines that [`send`](Self::send) will touch.
    pub(crate) fn prefetch(&self) {
        // Without `black_box` the compiler would remove these reads.
        std::hint::black_box((self.outbox.is_locked(), self.socket.is_tls()));
    }

    /// Writes whole WebSocket frames, and queues the bytes that the socket does not accept. Drops the browser as a slow
    /// consumer if its outbox is full.
    pub(crate) fn send(&self, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        let reason = if self.common.is_memory_full() {
            SlowConsumer::Memory
        } else {
            let outbox_len_max = self.common.live.limits().outbox_len_max;
            match outbox.push(frames.slice(written..), outbox_len_max) {
                Ok(dropped) => return self.common.count_dropped(dropped),
                Err(Full) => SlowConsumer::Outbox,
            }
        };
        drop(outbox);
        self.drop_slow(reason);
    }

    /// Writes frames of a topic whose events may be dropped. Drops events instead of the browser if the outbox is full.
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

    /// Writes frames of events that the log has. If there is no room for them, returns the events that the browser has
    /// to read from the log: these, and queued ones, which it removes from the outbox.
    pub(crate) fn send_kept(
        &self,
        frames: &Bytes,
        topic: &Topic,
        first: u64,
    ) -> Result<(), Vec<KeptEvents>> {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return Ok(());
        };
        let rest = frames.slice(written..);
        if written > 0 {
            // The browser has the first bytes, so it must get the rest.
            outbox.push_unbounded(rest);
            return Ok(());
        }
        let len_max = match self.common.is_memory_full() {
            true => 0,
            false => self.common.live.limits().outbox_len_max,
        };
        let topic = topic.clone();
        let events = KeptEvents { topic, first };
        match outbox.push_kept(rest, events.clone(), len_max) {
            Ok(dropped) => self.common.count_dropped(dropped),
            Err(mut behind) => {
                behind.push(events);
                return Err(behind);
            }
        }
        Ok(())
    }

    /// Writes events from the log. The outbox must be empty: it takes the bytes that the socket does not accept. If
    /// queued events use all their memory, drops the browser instead: it can come back with its position.
    pub(crate) fn send_chunk(&self, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        if self.common.is_memory_full() {
            drop(outbox);
            self.drop_slow(SlowConsumer::Memory);
        } else {
            outbox.push_unbounded(frames.slice(written..));
        }
    }

    /// Writes a ping. It is short and rare, so it does not count against the limit of the outbox: a slow consumer that
    /// reads from the log must not be dropped for it.
    fn send_ping(&self, ping: &Bytes) {
        let mut outbox = self.outbox.lock();
        if let Some(written) = self.try_write(&mut outbox, ping) {
            outbox.push_unbounded(ping.slice(written..));
        }
    }

    /// Removes the queued events of a topic that the log has, except those that are being sent. The session has
    /// unsubscribed.
    pub(crate) fn remove_kept(&self, topic: &str) {
        self.outbox.lock().remove_kept(topic);
    }

    /// Whether the connection can send, and has nothing to send.
    pub(crate) fn is_open_and_empty(&self) -> bool {
        let outbox = self.outbox.lock();
        outbox.state() == State::Open && outbox.is_empty()
    }

    /// Closes the connection, after the message that events of a topic before `position` are missing. There is no close
    /// frame, so the page connects again.
    pub(crate) fn end_with_gap(&self, topic: &str, position: Position) {
        self.common
            .counters
            .slow_consumers
            .count(SlowConsumer::History);
        let peer = self.peer().to_string();
        let text = "dropped a slow browser: the log no longer has its next event (history-len-max)";
        self.common.browser_log.about(&peer, text);
        self.finish(match self.dialect {
            Dialect::Wamp => None,
            Dialect::WampResumed => Some(gap_event(topic, position).into()),
            Dialect::Pushd1 => Some(text_frame(&gap(topic, position)).into()),
            Dialect::EventStream => Some(event_stream::gap(position).into()),
        });
    }

    /// Writes to the socket if the outbox is empty. Returns the number of bytes that the socket accepted, or `None` if
    /// there is nothing to queue: all is written, or the connection is ending.
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

    /// Drops a slow consumer: closes the connection with a reset and discards its outbox.
    pub(crate) fn drop_slow(&self, reason: SlowConsumer) {
        self.drop_all();
        self.reset_on_close();
        let Common { live, counters, .. } = &*self.common;
        counters.slow_consumers.count(reason);
        let limits = live.limits();
        let peer = self.peer().to_string();
        let log = |text: fmt::Arguments<'_>| self.common.browser_log.about(&peer, text);
        match reason {
            SlowConsumer::Outbox => log(format_args!(
                "dropped a slow browser: its outbox has more than {} bytes (outbox-len-max)",
                limits.outbox_len_max
            )),
            SlowConsumer::Stall => log(format_args!(
                "dropped a slow browser: it has read nothing for {:?} (write-timeout)",
                limits.write_timeout
            )),
            // See `end_with_gap`.
            SlowConsumer::History => {}
            SlowConsumer::Memory => log(format_args!(
                "dropped a slow browser: all queued events have {} bytes, at most {} are allowed (events-len-max)",
                counters.events_len.get(),
                limits.events_len_max
            )),
        }
    }

    /// Whether the outbox has bytes.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.outbox.lock().is_empty()
    }

    /// Returns the time since the browser last read something, in ms. `None` if the outbox is empty. See
    /// [`Outbox::stalled_ms`] for its precision.
    pub(crate) fn stalled_ms(&self, now_ms: u64) -> Option<u64> {
        self.outbox.lock().stalled_ms(now_ms)
    }

    /// Returns a frame for this connection only, counted in the memory of all events.
    pub(crate) fn counted_frame(&self, frame: Vec<u8>) -> Bytes {
        let capacity = frame.capacity();
        counted_bytes(frame, capacity, &self.common.counters)
    }

    /// Returns the size of the outbox. `outboxes` is 1 if bytes are queued in the outbox or in TLS. `len` excludes the
    /// bytes in TLS.
    pub(crate) fn outbox_totals(&self) -> OutboxTotals {
        let outbox = self.outbox.lock();
        OutboxTotals {
            outboxes: u64::from(!outbox.is_empty() || self.socket.has_unsent()),
            len: outbox.len() as u64,
        }
    }

    /// Closes the session with a close frame, after the queued frames are sent.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.finish(match self.dialect {
            Dialect::EventStream => None,
            _ => Some(close_frame(code, reason).into()),
        });
    }

    /// Closes the connection without a close frame, so that the page connects again. If many pages will, they hear over
    /// which time to spread their reconnects.
    pub(crate) fn end_for_restart(&self) {
        let retry_ms = self.common.retry_ms();
        if retry_ms > RETRY_MS_MIN && self.dialect == Dialect::Pushd1 {
            self.send_keepalive();
        }
        self.finish(None);
    }

    /// Closes the connection after the queued frames and `last` are sent.
    pub(crate) fn finish(&self, last: Option<Bytes>) {
        self.outbox.lock().finish(last);
    }

    /// Closes the connection at once and discards the queued frames.
    pub(crate) fn drop_all(&self) {
        self.outbox.lock().drop_all();
    }

    fn reset_on_close(&self) {
        if let Err(error) = self.socket.reset_on_close() {
            tracing::debug!(session = %self.id, %error, "cannot set SO_LINGER");
        }
    }

    /// Waits for work. Returns [`Ready::Read`] only if `may_read`.
    pub(crate) fn poll_ready(&self, context: &mut TaskContext<'_>, may_read: bool) -> Poll<Ready> {
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

    /// Writes queued pieces until the socket is full or [`FLUSH_LEN`] bytes are written. The last piece may exceed it.
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

    /// Writes all queued bytes.
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

    /// Appends the bytes that have arrived to `buffer`. Returns 0 at the end of the stream. See
    /// [`Socket::try_read_buf`].
    pub(crate) fn read_some(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.socket.try_read_buf(buffer)
    }

    /// Sends the queued bytes within `flush_timeout`, then shuts the connection down within `linger_timeout`.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every idle browser has a `Connection`, so its size matters. A field that fits in the padding costs nothing.
    #[test]
    fn connection_is_small() {
        let len = size_of::<Connection>();
        assert!(len <= 160, "{len} bytes");
    }
}
