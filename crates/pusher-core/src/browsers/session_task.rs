//! The task of a session, from its first message to the end of its connection.

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, ready};

use pusher_proto::wamp::{binary_frame, text_frame};
use tokio::task::yield_now;

use super::inbound::{Inbound, Incoming, MessageLimits};
use super::violation::Violation;
use super::wamp_session::WampSession;
use crate::connection::{Connection, Ready};
use crate::context::Context;
use crate::stats::ViolationKind;

/// Size of the read buffer, in bytes.
const READ_LEN: usize = 8 * 1024;

thread_local! {
    /// The read buffer of this thread. Its sessions use it in turn, so an idle session has none.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The future of a session, until both sides have closed. It is written by hand because there is one for every browser,
/// and the compiler's would be three times as large. The state is in a box, which keeps tokio's task at its minimum.
pub(super) enum SessionTask {
    Open(Box<Open>),
    Ending(Wait),
}

pub(super) struct Open {
    wamp: WampSession,
    inbound: Inbound,
    /// A wait for room in the hub. While it is set, the task reads nothing.
    room: Option<Wait>,
}

pub(super) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

impl SessionTask {
    pub(super) fn new(wamp: WampSession) -> Self {
        Self::Open(Box::new(Open {
            wamp,
            inbound: Inbound::default(),
            room: None,
        }))
    }

    /// Handles frames that arrived together with the handshake.
    pub(super) fn receive_early(&mut self, early: &[u8]) {
        if let Self::Open(open) = self
            && !early.is_empty()
            && !open.receive(early, open.wamp.context().clock.now_ms())
        {
            self.end();
        }
    }

    /// Makes the next poll end the session. The queued frames are still sent.
    pub(super) fn finish(&self) {
        if let Self::Open(open) = self {
            open.wamp.session().connection().finish(None);
        }
    }

    /// Ends the session. Removes its subscriptions at once, and closes the connection once the outbox is empty.
    fn end(&mut self) {
        if let Self::Open(open) = self {
            let (flush, linger) = open.wamp.context().live.end_timeouts();
            let session = open.wamp.session().clone();
            *self = Self::Ending(Box::pin(async move {
                session.connection().end(flush, linger).await;
            }));
        }
    }
}

impl Future for SessionTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            match &mut *self {
                Self::Ending(end) => return end.as_mut().poll(task),
                Self::Open(open) => ready!(open.poll(task)),
            }
            self.end();
        }
    }
}

impl Open {
    /// Ready when the session must end.
    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<()> {
        let mut has_acted = false;
        loop {
            if let Some(wait) = &mut self.room
                && wait.as_mut().poll(task).is_ready()
            {
                self.room = None;
            }
            let connection = self.wamp.session().connection();
            let continues = match ready!(connection.poll_ready(task, self.room.is_none())) {
                Ready::End => false,
                // One read or flush per poll, so that one busy browser does not delay the others.
                _ if has_acted => return yield_once(task),
                Ready::Read => self.read(),
                Ready::Write => self.flush(),
            };
            if !continues {
                return Poll::Ready(());
            }
            has_acted = true;
            if self.wamp.must_wait_for_room() {
                let hub = self.wamp.context().hub.clone();
                self.room = Some(Box::pin(async move { hub.room().await }));
            }
        }
    }

    /// Writes queued bytes. Returns false if the session must end.
    fn flush(&self) -> bool {
        let session = self.wamp.session();
        let connection = session.connection();
        let flushed = connection.flush_some();
        if connection.reads_log() && !connection.is_waiting() {
            self.wamp.context().hub.continue_reading(session);
        }
        flushed.is_ok()
    }

    /// Reads once and handles the bytes. Returns false if the session must end.
    fn read(&mut self) -> bool {
        let mut bytes = BUFFER.take();
        bytes.clear();
        bytes.reserve(READ_LEN);
        let wamp = &self.wamp;
        let connection = wamp.session().connection();
        let continues = match connection.read_some(&mut bytes) {
            Ok(1..) => {
                let now_ms = wamp.context().clock.now_ms();
                connection.heard(now_ms);
                self.receive(&bytes, now_ms)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Ok(0) | Err(_) => {
                connection.drop_all();
                false
            }
        };
        BUFFER.set(bytes);
        continues
    }

    /// Handles received bytes. Returns false if the session must end.
    fn receive(&mut self, bytes: &[u8], now_ms: u64) -> bool {
        let wamp = &mut self.wamp;
        let session = wamp.session().clone();
        let connection = session.connection();
        wamp.refill_rate_limit(now_ms);
        let limits = message_limits(wamp.context());
        let is_echo = wamp.context().application.is_echo();
        let mut is_closed = false;
        let received = self.inbound.feed(bytes, now_ms, limits, |incoming| {
            // The application may have ended the session: ignore the messages behind that.
            if connection.is_ending() {
                return Ok(());
            }
            match incoming {
                Incoming::Text(text) if is_echo => connection.send(&text_frame(&text).into()),
                Incoming::Binary(bytes) if is_echo => {
                    connection.send(&binary_frame(&bytes).into());
                }
                Incoming::Text(text) => {
                    wamp.count_message()?;
                    wamp.receive(&text)?;
                }
                Incoming::Binary(bytes) => {
                    wamp.count_message()?;
                    wamp.receive(utf8(&bytes)?)?;
                }
                Incoming::Ping => wamp.count_message()?,
                Incoming::Pong(payload) => wamp.receive_pong(&payload)?,
                Incoming::Reply(frame) => connection.send(&frame.into()),
                Incoming::Close(frame) => {
                    is_closed = true;
                    wamp.closed_by_client();
                    connection.finish(Some(frame.into()));
                }
            }
            Ok(())
        });
        if let Err(violation) = &received {
            // Clients do not come back after a close frame.
            wamp.closed_by_client();
            close_for(wamp.context(), connection, violation);
        }
        received.is_ok() && !is_closed
    }
}

/// Yields until the event loop has polled for I/O. After a plain `wake_by_ref` the task could run up to 61 times before
/// that.
pub(super) fn yield_once(task: &mut TaskContext<'_>) -> Poll<()> {
    pin!(yield_now()).poll(task)
}

fn message_limits(context: &Context) -> MessageLimits {
    let limits = context.live.limits();
    MessageLimits {
        len_max: limits.client_message_len_max,
        timeout_ms: limits.unfinished_timeout.as_millis() as u64,
    }
}

fn close_for(context: &Context, connection: &Connection, violation: &Violation) {
    let Violation { kind, reason } = violation;
    let code = kind.code();
    context.counters.violations.count(*kind);
    let text = format_args!("closing a session with code {code}: {reason}");
    let peer = connection.peer().to_string();
    context.browser_log.about(&peer, text);
    connection.close(code, reason);
}

/// Accepts WAMP in binary frames as if they were text frames.
fn utf8(bytes: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(bytes).map_err(|_| Violation {
        kind: ViolationKind::InvalidData,
        reason: "the message is not valid UTF-8".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tokio aligns its tasks to 128 bytes, and the allocator can use the gaps for blocks of up to 104 bytes. Measured
    /// with 10,000 idle browsers: 1,047 bytes each with 112, and 940 to 995 with 104 or less.
    #[test]
    fn session_state_fits_between_tasks() {
        assert!(size_of::<Open>() <= 104, "{} bytes", size_of::<Open>());
    }
}
