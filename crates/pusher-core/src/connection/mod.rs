//! One browser's connection: its socket, its permit and its outbox.
//!
//! Several tasks write to a connection ([`Connection::send`]). The fan-out writes to the socket directly. Only bytes
//! that the socket does not accept go to the outbox, and the connection's own task sends them when the socket is
//! writable.

mod alive;
mod browser_permits;
mod channels_frame;
mod common;
mod counted_bytes;
mod deflate;
mod dialect;
mod handed_over;
mod origins;
mod outbox;
#[cfg(target_os = "linux")]
mod pending_send;
mod permit_state;
mod publisher_permits;
mod send;
mod session;
mod session_id;
mod socket;
mod topic;
mod wamp2_frame;

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
use outbox::{Outbox, State};

pub(crate) use browser_permits::{BrowserPermit, BrowserPermits};
pub(crate) use channels_frame::append_channels_frame;
pub(crate) use common::Common;
use common::RETRY_MS_MIN;
pub(crate) use counted_bytes::counted_bytes;
pub(crate) use deflate::{InflateError, deflate_frames, inflate};
pub(crate) use dialect::{Dialect, Encoding};
pub(crate) use origins::{OriginId, Origins};
pub(crate) use outbox::{DropPolicy, KeptEvents};
#[cfg(target_os = "linux")]
pub(crate) use pending_send::{CompleteSend, PendingSend};
pub(crate) use publisher_permits::{Busy, PublisherPermit, PublisherPermits};
pub(crate) use send::{Behind, OverflowRule};
pub use session::Session;
pub use session_id::SessionId;
#[cfg(test)]
pub(crate) use socket::faults;
pub(crate) use socket::{Socket, TLS_HANDSHAKE};
pub(crate) use topic::Topic;
pub(crate) use wamp2_frame::{append_wamp2_frame, wamp2_subscription};

/// Bytes of an outbox that are written before the task yields. An outbox may be large (`outbox-len-max`), and with TLS
/// each byte costs time.
const FLUSH_LEN: usize = 256 * 1024;

/// Value of `opened_s` of a connection that another process has opened at an unknown time.
const OPENED_UNKNOWN: i32 = i32::MIN;

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
    encoding: Encoding,
    /// The page's origin, if it is known.
    origin: Option<OriginId>,
    /// When the session was opened, in seconds of the server's clock, or [`OPENED_UNKNOWN`].
    opened_s: i32,
    /// The session's subscriptions must be checked: its ticket, or the rules, have changed.
    must_recheck: AtomicBool,
    /// Pings that were sent behind events, minus their pongs.
    pongs_expected: AtomicU32,
}

/// The next work of a connection's task.
pub(crate) enum Ready {
    Read,
    Write,
    /// Check the session's subscriptions.
    Recheck,
    End,
}

impl Connection {
    pub(crate) fn new(
        id: SessionId,
        permit: BrowserPermit,
        common: Arc<Common>,
        socket: Socket,
        encoding: Encoding,
        origin: Option<&str>,
        now_ms: u64,
    ) -> Self {
        Self {
            id,
            permit,
            origin: common.origins.enter(origin),
            opened_s: i32::try_from(now_ms / 1000).unwrap_or(i32::MAX),
            common,
            socket,
            outbox: Mutex::default(),
            heard_ms: AtomicU64::new(now_ms),
            pinged: AtomicBool::new(false),
            reads_log: AtomicBool::new(false),
            encoding,
            must_recheck: AtomicBool::new(false),
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
        self.encoding.dialect
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns the origin of the page. `None` if it is unknown, or the client sends none.
    pub(crate) fn origin(&self) -> Option<OriginId> {
        self.origin
    }

    /// Returns the text of the page's origin. `None` if it is unknown.
    pub(crate) fn origin_text(&self) -> Option<Arc<str>> {
        self.origin.map(|origin| self.common.origins.text(origin))
    }

    /// Returns how long the session is open, in seconds. `None` if another process has opened it at an unknown time.
    pub(crate) fn age_s(&self, now_ms: u64) -> Option<u64> {
        let now_s = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
        let age_s = now_s.saturating_sub(self.opened_s.into());
        (self.opened_s != OPENED_UNKNOWN).then_some(u64::try_from(age_s).unwrap_or(0))
    }

    /// Sets the age of a connection that another process has opened.
    pub(crate) fn set_age_s(&mut self, age_s: Option<u64>) {
        let age_s = age_s.map(|age_s| i32::try_from(age_s).unwrap_or(i32::MAX));
        self.opened_s = age_s.map_or(OPENED_UNKNOWN, |age_s| self.opened_s.saturating_sub(age_s));
    }

    /// Makes the connection's task check the session's subscriptions.
    pub(crate) fn recheck(&self) {
        // Under the lock, so that the task either sees it or has set its waker.
        let mut outbox = self.outbox.lock();
        self.must_recheck.store(true, Ordering::Relaxed);
        outbox.wake();
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

    /// Removes the queued events of a topic that the log has, except those that are being sent. The session has
    /// unsubscribed.
    pub(crate) fn remove_kept(&self, topic: &str) {
        self.outbox.lock().remove_kept(topic);
    }

    /// Whether the connection can send.
    pub(crate) fn is_open(&self) -> bool {
        self.outbox.lock().state() == State::Open
    }

    /// Whether the connection can send, and has nothing to send.
    pub(crate) fn is_open_and_empty(&self) -> bool {
        let outbox = self.outbox.lock();
        outbox.state() == State::Open && outbox.is_empty()
    }

    /// Counts and logs a browser that is dropped because it read the log too slowly.
    pub(crate) fn count_slow_reader(&self) {
        let peer = self.peer().to_string();
        let text = "dropped a slow browser: the log no longer has its next event (history-len-max)";
        let refused = &self.common.counters.slow_consumers;
        refused.refuse(SlowConsumer::History, &self.common.browser_log, &peer, text);
    }

    /// Closes the connection, after the message that events of a topic before `position` are missing. There is no close
    /// frame, so the page connects again.
    pub(crate) fn end_with_gap(&self, topic: &str, position: Position) {
        self.finish(match self.dialect() {
            Dialect::Wamp | Dialect::Channels | Dialect::Wamp2 => None,
            Dialect::WampResumed => Some(gap_event(topic, position).into()),
            Dialect::Pushd1 => Some(text_frame(&gap(topic, position)).into()),
            Dialect::EventStream => Some(event_stream::gap(position).into()),
        });
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

    /// Sends a text message to this connection only.
    pub(crate) fn send_text(&self, text: &str) {
        self.send(&self.counted_frame(text_frame(text)));
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
        self.finish(match self.dialect() {
            Dialect::EventStream => None,
            _ => Some(close_frame(code, reason).into()),
        });
    }

    /// Closes the connection without a close frame, so that the page connects again. If many pages will, they hear over
    /// which time to spread their reconnects.
    pub(crate) fn end_for_restart(&self) {
        let retry_ms = self.common.retry_ms();
        if retry_ms > RETRY_MS_MIN && self.dialect() == Dialect::Pushd1 {
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
        if self.must_recheck.load(Ordering::Relaxed) {
            self.must_recheck.store(false, Ordering::Relaxed);
            return Poll::Ready(Ready::Recheck);
        }
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

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(origin) = self.origin {
            self.common.origins.leave(origin);
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
