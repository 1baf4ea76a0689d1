//! An event stream: a browser that reads topics as Server-Sent Events.
//!
//! All its events come from the log, in the order of their sequence numbers. The hub reads for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use bytes::Bytes;
use pusher_proto::{Reason, event_stream};

use super::handshake::{EventStream, Response};
use super::presence;
use super::session_end::end_session;
use super::session_task::{Wait, yield_once};
use crate::connection::{Connection, Dialect, Encoding, Ready, Session, Topic};
use crate::context::Context;
use crate::handover::{self, Browser, Stage};
use crate::hub::Shard;

/// Bounds of the time before a browser connects again, in ms.
const RETRY_MS_MIN: u64 = 2000;
const RETRY_MS_MAX: u64 = 5000;

/// Bytes that are read at once. A browser sends none after its request.
const READ_LEN: usize = 1024;

/// The future of an event stream. It is written by hand for the same reasons as [`SessionTask`](super::session_task).
pub(super) enum StreamTask {
    Open(Box<Open>),
    Ending(Wait),
}

/// The subscriptions of a stream. Dropping it removes them.
pub(super) struct Open {
    context: Arc<Context>,
    session: Session,
    topics: Arc<[Topic]>,
}

/// Opens an event stream: sends the HTTP answer, and subscribes.
pub(super) fn open(context: &Arc<Context>, shard: &Shard, stream: EventStream) -> StreamTask {
    let head = stream.response_head();
    let EventStream {
        socket,
        permit,
        request,
        id,
        wanted,
        ticket,
        ..
    } = stream;
    let now_ms = context.clock.now_ms();
    let common = shard.connections().clone();
    let connection = Connection::new(
        id,
        permit,
        common,
        socket,
        Encoding::plain(Dialect::EventStream),
        request.origin().as_deref(),
        now_ms,
    );
    let session = Session::new(connection);
    let mut open = Open {
        context: context.clone(),
        session: session.clone(),
        topics: Arc::new([]),
    };
    let connection = session.connection();
    connection.detect_dead_peer();
    shard.add_session(&session);
    if let Some(ticket) = ticket {
        context.hub.tickets().hold(&session, ticket);
    }
    context.counters.sessions_opened.add(1);
    tracing::debug!(session = %id, peer = %request.peer_addr(), "event stream opened");
    context.application.opened(&session, &request);
    let mut topics = wanted.topics.iter();
    if let Some(topic) = topics.find(|topic| !context.application.may_subscribe(&session, topic)) {
        let text = format!("not allowed to subscribe to {topic:?}");
        let refusal = Response::forbidden(&text, Reason::Application);
        connection.finish(Some(Bytes::from(refusal.into_bytes())));
        return StreamTask::Open(Box::new(open));
    }
    let subscription = context
        .hub
        .open_stream(&session, &wanted.topics, wanted.since);
    let mut hello = head;
    let retry_ms_max = RETRY_MS_MAX.max(shard.connections().retry_ms());
    let retry_ms = id.random_from(RETRY_MS_MIN, retry_ms_max);
    let begin = event_stream::begin(retry_ms, subscription.begin);
    hello.extend_from_slice(begin.as_bytes());
    if subscription.has_gap {
        hello.extend_from_slice(event_stream::gap(subscription.begin).as_bytes());
    }
    connection.send(&Bytes::from(hello));
    open.topics = subscription.topics;
    // The ticket may have ended since the handshake has checked it.
    if !open.recheck() {
        return StreamTask::Open(Box::new(open));
    }
    for topic in &*open.topics {
        presence::subscribed(context, &session, topic, open.topics.len() == 1);
    }
    StreamTask::Open(Box::new(open))
}

/// Continues an event stream of another process.
pub(super) fn take_over(
    context: &Arc<Context>,
    shard: &Shard,
    connection: Connection,
    handed: handover::Stream,
) -> StreamTask {
    connection.detect_dead_peer();
    connection.take_over(handed.unsent, 0);
    let session = Session::new(connection);
    shard.add_session(&session);
    if let Some(ticket) = handed.ticket {
        context.hub.tickets().take_over(&session, ticket);
    }
    context.application.taken_over(&session);
    let hub = &context.hub;
    let topics = hub.take_over_stream(&session, &handed.topics, handed.after);
    // Joins the presence of the topics again.
    session.connection().recheck();
    StreamTask::Open(Box::new(Open {
        context: context.clone(),
        session,
        topics,
    }))
}

impl StreamTask {
    /// Makes the next poll end the stream. The queued events are still sent.
    pub(super) fn finish(&self) {
        if let Self::Open(open) = self {
            open.session.connection().finish(None);
        }
    }

    fn end(&mut self) {
        if let Self::Open(open) = self {
            let (flush, linger) = open.context.live.end_timeouts();
            let session = open.session.clone();
            *self = Self::Ending(Box::pin(async move {
                session.connection().end(flush, linger).await;
            }));
        }
    }
}

impl Future for StreamTask {
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
    /// Ready when the stream must end.
    fn poll(&self, task: &mut TaskContext<'_>) -> Poll<()> {
        let connection = self.session.connection();
        let mut has_acted = false;
        loop {
            let handover = &self.context.handover;
            let continues = match ready!(connection.poll_ready(task, !handover.has_begun())) {
                Ready::End => false,
                Ready::Recheck if handover.takes_sessions() => {
                    self.hand_over();
                    false
                }
                // One read or flush per poll, so that one busy browser does not delay the others.
                _ if has_acted => return yield_once(task),
                Ready::Read => self.discard(),
                Ready::Write => self.flush(),
                Ready::Recheck => self.recheck(),
            };
            if !continues {
                return Poll::Ready(());
            }
            has_acted = true;
        }
    }

    /// Gives the stream to another process.
    fn hand_over(&self) {
        let (id, connection) = (self.session.id(), self.session.connection());
        let may_continue = self.context.application.may_hand_over(&self.session);
        let after = self.context.hub.stream_after(&self.session);
        let Some(after) = after.filter(|_| may_continue) else {
            return connection.finish(None);
        };
        let Some(handed) = connection.hand_over() else {
            return;
        };
        let browser = Browser {
            peer: connection.peer(),
            origin: connection.origin_text().as_deref().map(str::to_owned),
            age_s: connection.age_s(self.context.clock.now_ms()),
            stage: Stage::Stream(handover::Stream {
                id: id.to_u128(),
                topics: self.topics.iter().map(|topic| topic.to_string()).collect(),
                after,
                ticket: self.context.hub.tickets().hand_over(id),
                unsent: handed.unsent,
            }),
        };
        let handover = &self.context.handover;
        handover.bring_browser(browser, handed.descriptor);
    }

    /// Ends the stream if a topic is no longer allowed. Returns false then.
    fn recheck(&self) -> bool {
        let id = self.session.id();
        let tickets = self.context.hub.tickets();
        let mut topics = self.topics.iter();
        let denied = topics.find_map(|topic| Some((topic, tickets.check(id, topic).err()?)));
        let Some((topic, fault)) = denied else {
            presence::update(&self.context, &self.session, self.topics.iter());
            return true;
        };
        let connection = self.session.connection();
        tickets.refused(&connection.peer().to_string(), topic, fault);
        connection.finish(Some(event_stream::denied(topic, fault).into()));
        false
    }

    /// Reads and ignores bytes of the browser. Returns false at the end of the connection.
    fn discard(&self) -> bool {
        let mut bytes = Vec::with_capacity(READ_LEN);
        let connection = self.session.connection();
        match connection.read_some(&mut bytes) {
            Ok(1..) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => true,
            Ok(0) | Err(_) => {
                connection.drop_all();
                false
            }
        }
    }

    /// Writes queued bytes. Returns false if the stream must end.
    fn flush(&self) -> bool {
        let connection = self.session.connection();
        let flushed = connection.flush_some();
        if !connection.is_waiting() {
            self.context.hub.continue_reading(&self.session);
        }
        flushed.is_ok()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        end_session(&self.context, &self.session, &*self.topics);
    }
}
