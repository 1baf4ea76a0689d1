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

/// How much is read at once, in bytes.
const READ_LEN: usize = 8 * 1024;

thread_local! {
    /// What this thread reads into. All its browsers use it, one after the other.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A session until both sides have hung up. A future written by hand, since there is one for every
/// browser and the compiler's would be three times the size; the task itself is as small as tasks
/// get, with the rest beside it.
pub(super) enum SessionTask {
    Open(Box<Open>),
    Ending(Wait),
}

pub(super) struct Open {
    wamp: WampSession,
    inbound: Inbound,
    /// While this is not ready, nothing is read.
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

    /// Frames that came in one piece with the handshake.
    pub(super) fn receive_early(&mut self, rest: &[u8]) {
        if let Self::Open(open) = self
            && !rest.is_empty()
            && !open.receive(rest, open.wamp.context().clock.now_ms())
        {
            self.end();
        }
    }

    /// Ends when the outbox is empty.
    pub(super) fn finish(&self) {
        if let Self::Open(open) = self {
            open.wamp.session().connection().finish(None);
        }
    }

    /// The session is over: subscriptions go at once, the connection when its outbox is empty.
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
    /// Ready at the end of the conversation.
    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<()> {
        let mut has_acted = false;
        loop {
            if let Some(wait) = &mut self.room
                && wait.as_mut().poll(task).is_ready()
            {
                self.room = None;
            }
            let connection = self.wamp.session().connection();
            let goes_on = match ready!(connection.poll_ready(task, self.room.is_none())) {
                Ready::End => false,
                // One read or flush a turn: other browsers must not wait for one that sends or takes much.
                _ if has_acted => return yield_once(task),
                Ready::Read => self.read(),
                Ready::Write => connection.flush_some().is_ok(),
            };
            if !goes_on {
                return Poll::Ready(());
            }
            has_acted = true;
            if self.wamp.must_wait_for_room() {
                let hub = self.wamp.context().hub.clone();
                self.room = Some(Box::pin(async move { hub.room().await }));
            }
        }
    }

    /// Reads what has arrived and acts on it; false at the end of the conversation.
    fn read(&mut self) -> bool {
        let mut bytes = BUFFER.take();
        bytes.clear();
        bytes.reserve(READ_LEN);
        let wamp = &self.wamp;
        let connection = wamp.session().connection();
        let goes_on = match connection.read_some(&mut bytes) {
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
        goes_on
    }

    /// Acts on bytes that arrived; false at the end of the conversation.
    fn receive(&mut self, bytes: &[u8], now_ms: u64) -> bool {
        let wamp = &mut self.wamp;
        let session = wamp.session().clone();
        let connection = session.connection();
        wamp.heard(now_ms);
        let limits = message_limits(wamp.context());
        let is_echo = wamp.context().application.is_echo();
        let mut is_closed = false;
        let received = self.inbound.feed(bytes, now_ms, limits, |incoming| {
            // An application may have ended the session: what comes behind is not heard.
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
                Incoming::Control => wamp.count_message()?,
                Incoming::Reply(frame) => connection.send(&frame.into()),
                Incoming::Close(frame) => {
                    is_closed = true;
                    connection.finish(Some(frame.into()));
                }
            }
            Ok(())
        });
        if let Err(violation) = &received {
            close_for(wamp.context(), connection, violation);
        }
        received.is_ok() && !is_closed
    }
}

/// Wakes the task once the event loop has polled for I/O. A plain `wake_by_ref` would run it up to 61 times before that.
fn yield_once(task: &mut TaskContext<'_>) -> Poll<()> {
    pin!(yield_now()).poll(task)
}

fn message_limits(context: &Context) -> MessageLimits {
    let limits = context.live.limits();
    MessageLimits {
        len_max: limits.client_message_len_max,
        patience_ms: limits.unfinished_timeout.as_millis() as u64,
    }
}

fn close_for(context: &Context, connection: &Connection, violation: &Violation) {
    let Violation { kind, reason } = violation;
    let code = kind.code();
    context.counters.violations.count(*kind);
    let what = format_args!("closing a session with code {code}: {reason}");
    let peer = connection.peer().to_string();
    context.browser_log.about(&peer, what);
    connection.close(code, reason);
}

/// WAMP in binary frames is taken as if they were text.
fn utf8(bytes: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(bytes).map_err(|_| Violation {
        kind: ViolationKind::InvalidData,
        reason: "the message is not valid UTF-8".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokio aligns its tasks to 128 bytes, and so much finds room in what is lost between them: with 112,
    /// 10,000 idle browsers took 1,047 bytes each, with 104 or less 940 to 995.
    #[test]
    fn what_a_session_needs_beside_its_task_is_small() {
        assert!(size_of::<Open>() <= 104, "{} bytes", size_of::<Open>());
    }
}
