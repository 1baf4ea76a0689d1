//! A browser's connection: the handshake, and then the start of a session.

use std::sync::Arc;

use bytes::Bytes;
use pusher_proto::channels::connection_established;
use pusher_proto::ticket::{Ticket, TicketFault};
use pusher_proto::wamp::{text_frame, welcome};
use tokio::net::TcpStream;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::channels_session::ChannelsSession;
use super::handshake::{self, Accepted, Asked, Upgrade};
use super::protocol::Protocol;
use super::session_state::SessionState;
use super::session_task::SessionTask;
use super::stream_task;
use super::ticket_answer::ticket_answer;
use super::wamp_session::WampSession;
use super::wamp2_session::Wamp2Session;
use crate::connection::{BrowserPermit, Connection, Dialect, Encoding, Session, SessionId};
use crate::context::Context;
use crate::hub::Shard;

/// The time of silence after which a client of the Channels protocol sends a ping, in seconds. The server's pings do not
/// break the silence: pages cannot see them.
const CHANNELS_ACTIVITY_TIMEOUT_S: u64 = 120;

/// A connection of a browser.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(crate) stream: TcpStream,
    pub(crate) permit: BrowserPermit,
    /// Bytes that it has sent to another process.
    pub(crate) received: Vec<u8>,
    /// Counts the connection until its request is answered.
    pub(crate) counted: TaskTrackerToken,
}

/// Serves one browser: the handshake, and then, if the browser asked for a session, a second task.
///
/// There are two tasks because a task is always as large as its largest state, and the handshake's state
/// is ten times as large as an idle session's.
pub(crate) async fn serve(context: Arc<Context>, shard: Arc<Shard>, arriving: Arriving) {
    let Arriving {
        stream,
        permit,
        received,
        counted,
    } = arriving;
    let accepted = tokio::select! {
        biased;
        // Not `closing`: some pages never retry their very first connection, so it is still served.
        () = context.tasks.stop_publishers.cancelled() => return,
        accepted = handshake::shake_hands(&context, stream, permit, received) => accepted,
    };
    match accepted {
        None => {}
        Some(Accepted::WebSocket(upgrade)) => {
            if context.node.is_some() && upgrade.resume().is_some() {
                // In a task of its own, because this one would be larger for all browsers.
                let tasks = context.tasks.browsers.clone();
                tasks.spawn(resume_session(context, shard, upgrade));
            } else {
                start_session(&context, &shard, upgrade);
            }
        }
        Some(Accepted::Stream(stream)) => {
            let task = stream_task::open(&context, &shard, stream);
            // Not `closing`: the stream is subscribed already, so it must get the events until publishers are stopped.
            if context.tasks.stop_publishers.is_cancelled() {
                task.finish();
            }
            context.tasks.browsers.spawn(task);
        }
    }
    drop(counted);
}

/// Returns the first messages of a session.
fn greeting(
    context: &Context,
    shard: &Shard,
    dialect: Dialect,
    id: SessionId,
    ticket: Option<&Result<Ticket, TicketFault>>,
) -> Vec<u8> {
    match dialect {
        Dialect::Channels => {
            let text = connection_established(id.socket_id(), CHANNELS_ACTIVITY_TIMEOUT_S);
            return text_frame(&text);
        }
        // The client speaks first.
        Dialect::Wamp2 => return Vec::new(),
        _ => {}
    }
    let mut greeting = text_frame(&welcome(&id.to_string(), &context.server_ident));
    if dialect == Dialect::Pushd1 {
        greeting.extend_from_slice(&shard.connections().keepalive_frame());
        if let Some(ticket) = ticket {
            greeting.extend_from_slice(&text_frame(&ticket_answer(ticket)));
        }
    }
    greeting
}

/// Opens a session after its client's positions were loaded, which another server may have.
async fn resume_session(context: Arc<Context>, shard: Arc<Shard>, upgrade: Upgrade) {
    if let (Some(node), Some(resume)) = (&context.node, upgrade.resume()) {
        node.load_resume(resume).await;
    }
    start_session(&context, &shard, upgrade);
}

fn start_session(context: &Arc<Context>, shard: &Shard, upgrade: Upgrade) {
    let task = open_session(context, shard, upgrade);
    // Shutdown may have listed the sessions before this one was added, so it must be ended here.
    if context.tasks.closing.is_cancelled() || context.handover.takes_sessions() {
        task.finish();
    }
    context.tasks.browsers.spawn(task);
}

/// Opens a session: sends the HTTP answer and the first message, and tells the application.
fn open_session(context: &Arc<Context>, shard: &Shard, upgrade: Upgrade) -> SessionTask {
    let mut hello = upgrade.response_head();
    let may_compress = upgrade.may_compress();
    let Upgrade {
        socket,
        permit,
        request,
        id,
        asked,
        ticket,
        early,
        ..
    } = upgrade;
    let now_ms = context.clock.now_ms();
    let common = shard.connections().clone();
    let dialect = match &asked {
        Asked::Wamp {
            subprotocol,
            resume,
        } => Dialect::of(*subprotocol, resume.is_some()),
        Asked::Channels => Dialect::Channels,
        Asked::Wamp2 => Dialect::Wamp2,
    };
    let encoding = Encoding {
        dialect,
        may_compress,
    };
    let origin = request.origin();
    let connection = Connection::new(
        id,
        permit,
        common,
        socket,
        encoding,
        origin.as_deref(),
        now_ms,
    );
    let session = Session::new(connection);
    let state = SessionState::new(context.clone(), session.clone());
    let protocol = match asked {
        Asked::Wamp { resume, .. } => Protocol::Wamp(WampSession::new(&state, resume)),
        Asked::Channels => Protocol::Channels(ChannelsSession::default()),
        Asked::Wamp2 => Protocol::Wamp2(Wamp2Session::new(&state)),
    };
    // One segment carries the answer and the first message.
    if !context.application.is_echo() {
        hello.extend_from_slice(&greeting(context, shard, dialect, id, ticket.as_ref()));
    }
    session.connection().send(&Bytes::from(hello));
    // Other threads find the session only now: nothing must be sent before the answer.
    shard.add_session(&session);
    if let Some(ticket) = ticket {
        context.hub.tickets().hold(&session, ticket);
    }
    context.counters.sessions_opened.add(1);
    tracing::debug!(session = %id, peer = %request.peer_addr(), "session opened");
    context.application.opened(&session, &request);
    let mut task = SessionTask::new(state, protocol);
    task.receive_early(&early);
    task
}
