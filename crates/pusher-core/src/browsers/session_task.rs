//! The task of a session, from its first message to the end of its connection.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, ready};

use pusher_proto::channels::{self, ErrorCode};
use pusher_proto::wamp::binary_frame;
use pusher_proto::wamp2::{self, ErrorUri};
use tokio::task::yield_now;

use super::inbound::{Inbound, Incoming, MessageLimits};
use super::protocol::Protocol;
use super::read_buffer;
use super::session_state::SessionState;
use super::violation::Violation;
use crate::connection::{Connection, Dialect, Ready};
use crate::context::Context;
use crate::handover::{self, Browser, Stage};
use crate::stats::ViolationKind;

/// The future of a session, until both sides have closed. It is written by hand because there is one for every browser,
/// and the compiler's would be three times as large. The state is in a box, which keeps tokio's task at its minimum.
pub(super) enum SessionTask {
    Open(Box<Open>),
    Ending(Wait),
}

pub(super) struct Open {
    state: SessionState,
    protocol: Protocol,
    inbound: Inbound,
    /// A wait for room in the hub. While it is set, the task reads nothing.
    room: Option<Wait>,
}

pub(super) type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

impl SessionTask {
    pub(super) fn new(state: SessionState, protocol: Protocol) -> Self {
        Self::Open(Box::new(Open {
            state,
            protocol,
            inbound: Inbound::default(),
            room: None,
        }))
    }

    /// Continues a session of another process, which has received these bytes of an incomplete message.
    pub(super) fn take_over(state: SessionState, protocol: Protocol, unfinished: &[u8]) -> Self {
        let context = state.context();
        let limits = message_limits(context, state.session().connection());
        let inbound = Inbound::take_over(unfinished, context.clock.now_ms(), limits);
        Self::Open(Box::new(Open {
            state,
            protocol,
            inbound,
            room: None,
        }))
    }

    /// Handles frames that arrived together with the handshake.
    pub(super) fn receive_early(&mut self, early: &[u8]) {
        if let Self::Open(open) = self
            && !early.is_empty()
            && !open.receive(early, open.state.context().clock.now_ms())
        {
            self.end();
        }
    }

    /// Makes the next poll end the session. The queued frames are still sent.
    pub(super) fn finish(&self) {
        if let Self::Open(open) = self {
            open.state.session().connection().finish(None);
        }
    }

    /// Ends the session. Removes its subscriptions at once, and closes the connection once the outbox is empty.
    fn end(&mut self) {
        if let Self::Open(open) = self {
            let (flush, linger) = open.state.context().live.end_timeouts();
            let session = open.state.session().clone();
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
            if self.protocol.poll(&mut self.state, task).is_ready() {
                return Poll::Ready(());
            }
            if let Some(wait) = &mut self.room
                && wait.as_mut().poll(task).is_ready()
            {
                self.room = None;
            }
            let connection = self.state.session().connection();
            let handover = &self.state.context().handover;
            let may_read = self.room.is_none() && !handover.has_begun();
            let continues = match ready!(connection.poll_ready(task, may_read)) {
                Ready::End => false,
                Ready::Recheck if handover.takes_sessions() => {
                    self.hand_over();
                    false
                }
                // One read or flush per poll, so that one busy browser does not delay the others.
                _ if has_acted => return yield_once(task),
                Ready::Read => self.read(),
                Ready::Write => self.flush(),
                Ready::Recheck => {
                    self.protocol.recheck(&mut self.state);
                    true
                }
            };
            if !continues {
                return Poll::Ready(());
            }
            has_acted = true;
            if self.state.must_wait_for_room() {
                let hub = self.state.context().hub.clone();
                self.room = Some(Box::pin(async move { hub.room().await }));
            }
        }
    }

    /// Gives the session to another process.
    fn hand_over(&mut self) {
        let session = self.state.session();
        let (id, connection) = (session.id(), session.connection());
        let context = self.state.context();
        if !context.application.may_hand_over(session) || !self.protocol.may_hand_over() {
            return connection.finish(None);
        }
        let Some(handed) = connection.hand_over() else {
            return;
        };
        let browser = Browser {
            peer: connection.peer(),
            origin: connection.origin_text().as_deref().map(str::to_owned),
            age_s: connection.age_s(context.clock.now_ms()),
            stage: Stage::Session(handover::Session {
                id: id.to_u128(),
                protocol: self.protocol.hand_over(connection.dialect()),
                topics: self.state.hand_over_topics(&handed.behind),
                ticket: context.hub.tickets().hand_over(id),
                unfinished: std::mem::take(&mut self.inbound).hand_over(),
                unsent: handed.unsent,
                pongs_expected: handed.pongs_expected,
                may_compress: connection.encoding().may_compress,
            }),
        };
        context.handover.bring_browser(browser, handed.descriptor);
    }

    /// Writes queued bytes. Returns false if the session must end.
    fn flush(&self) -> bool {
        let session = self.state.session();
        let connection = session.connection();
        let flushed = connection.flush_some();
        if connection.reads_log() && !connection.is_waiting() {
            self.state.context().hub.continue_reading(session);
        }
        flushed.is_ok()
    }

    /// Reads once and handles the bytes. Returns false if the session must end.
    fn read(&mut self) -> bool {
        let mut bytes = read_buffer::take();
        let connection = self.state.session().connection();
        let continues = match connection.read_some(&mut bytes) {
            Ok(1..) => {
                let now_ms = self.state.context().clock.now_ms();
                connection.heard(now_ms);
                self.receive(&bytes, now_ms)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Ok(0) | Err(_) => {
                connection.drop_all();
                false
            }
        };
        read_buffer::put_back(bytes);
        continues
    }

    /// Handles received bytes. Returns false if the session must end.
    fn receive(&mut self, bytes: &[u8], now_ms: u64) -> bool {
        let (state, protocol) = (&mut self.state, &mut self.protocol);
        let session = state.session().clone();
        let connection = session.connection();
        state.refill_rate_limit(now_ms);
        let limits = message_limits(state.context(), connection);
        let is_echo = state.context().application.is_echo();
        let mut is_closed = false;
        let received = self.inbound.feed(bytes, now_ms, limits, |incoming| {
            // The application may have ended the session: ignore the messages behind that.
            if connection.is_ending() {
                return Ok(());
            }
            match incoming {
                Incoming::Text(text) if is_echo => connection.send_text(&text),
                Incoming::Binary(bytes) if is_echo => {
                    connection.send(&binary_frame(&bytes).into());
                }
                Incoming::Text(text) => {
                    state.count_message()?;
                    protocol.receive(state, &text)?;
                }
                Incoming::Binary(bytes) => {
                    state.count_message()?;
                    protocol.receive(state, utf8(&bytes)?)?;
                }
                Incoming::Ping => state.count_message()?,
                Incoming::Pong(payload) => protocol.receive_pong(state, &payload)?,
                Incoming::Reply(frame) => connection.send(&frame.into()),
                Incoming::Close(frame) => {
                    is_closed = true;
                    protocol.closed_by_client(state);
                    connection.finish(Some(frame.into()));
                }
            }
            Ok(())
        });
        if let Err(violation) = &received {
            // Clients do not come back after a close frame.
            protocol.closed_by_client(state);
            close_for(state.context(), connection, violation);
        }
        received.is_ok() && !is_closed
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.protocol.ended(&self.state);
    }
}

/// Yields until the event loop has polled for I/O. After a plain `wake_by_ref` the task could run up to 61 times before
/// that.
pub(super) fn yield_once(task: &mut TaskContext<'_>) -> Poll<()> {
    pin!(yield_now()).poll(task)
}

fn message_limits(context: &Context, connection: &Connection) -> MessageLimits {
    let limits = context.live.limits();
    MessageLimits {
        may_compress: connection.encoding().may_compress,
        len_max: limits.client_message_len_max,
        timeout_ms: limits.unfinished_timeout.as_millis() as u64,
    }
}

fn close_for(context: &Context, connection: &Connection, violation: &Violation) {
    let Violation { kind, reason } = violation;
    let code = kind.code();
    let text = format_args!("closing a session with code {code}: {reason}");
    let peer = connection.peer().to_string();
    let violations = &context.counters.violations;
    violations.refuse(*kind, &context.browser_log, &peer, text);
    match connection.dialect() {
        Dialect::Channels => end_channels(connection, reason),
        Dialect::Wamp2 => {
            connection.send_text(&wamp2::abort(ErrorUri::ProtocolViolation, reason));
            connection.close(code, reason);
        }
        _ => connection.close(code, reason),
    }
}

/// Closes a connection of the Channels protocol, whose clients come back after a while with this code.
fn end_channels(connection: &Connection, reason: &str) {
    let code = ErrorCode::OverCapacity;
    connection.send_text(&channels::error(Some(code), reason));
    connection.close(code.number(), code.text());
}

/// Accepts messages in binary frames as if they were text frames.
fn utf8(bytes: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(bytes).map_err(|_| {
        let reason = "the message is not valid UTF-8".to_owned();
        Violation::new(ViolationKind::InvalidData, reason)
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
