//! A browser's connection: the handshake, and then the start of a session.

use std::sync::Arc;

use bytes::Bytes;
use pusher_proto::wamp::{Subprotocol, text_frame, welcome};
use tokio::net::TcpStream;

use super::handshake::{self, Accepted, Upgrade};
use super::session_task::SessionTask;
use super::stream_task;
use super::wamp_session::WampSession;
use crate::connection::{BrowserPermit, Connection, Dialect, Session};
use crate::context::Context;
use crate::hub::Shard;

/// Serves one browser: the handshake, and then, if the browser asked for a session, a second task.
///
/// There are two tasks because a task is always as large as its largest state, and the handshake's state
/// is ten times as large as an idle session's.
pub(crate) async fn serve(
    context: Arc<Context>,
    shard: Arc<Shard>,
    stream: TcpStream,
    permit: BrowserPermit,
) {
    let accepted = tokio::select! {
        biased;
        // Not `closing`: some pages never retry their very first connection, so it is still served.
        () = context.tasks.stop_publishers.cancelled() => return,
        accepted = handshake::shake_hands(&context, stream, permit) => accepted,
    };
    match accepted {
        None => {}
        Some(Accepted::WebSocket(upgrade)) => {
            if context.node.is_some() && upgrade.resume.is_some() {
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
}

/// Opens a session after its client's positions were loaded, which another server may have.
async fn resume_session(context: Arc<Context>, shard: Arc<Shard>, upgrade: Upgrade) {
    if let (Some(node), Some(resume)) = (&context.node, &upgrade.resume) {
        node.load_resume(resume).await;
    }
    start_session(&context, &shard, upgrade);
}

fn start_session(context: &Arc<Context>, shard: &Shard, upgrade: Upgrade) {
    let task = open_session(context, shard, upgrade);
    // Shutdown may have listed the sessions before this one was added, so it must be ended here.
    if context.tasks.closing.is_cancelled() {
        task.finish();
    }
    context.tasks.browsers.spawn(task);
}

/// Opens a session: sends the HTTP answer and WELCOME, and tells the application.
fn open_session(context: &Arc<Context>, shard: &Shard, upgrade: Upgrade) -> SessionTask {
    let mut hello = upgrade.response_head();
    let Upgrade {
        socket,
        permit,
        request,
        id,
        subprotocol,
        resume,
        early,
        ..
    } = upgrade;
    let now_ms = context.clock.now_ms();
    let common = shard.connections().clone();
    let dialect = Dialect::of(subprotocol, resume.is_some());
    let connection = Connection::new(id, permit, common, socket, dialect, now_ms);
    let session = Session::new(connection);
    let wamp = WampSession::new(context.clone(), session.clone(), resume);
    // One segment carries the answer and WELCOME.
    if !context.application.is_echo() {
        let welcome = welcome(&id.to_string(), &context.server_ident);
        hello.extend_from_slice(&text_frame(&welcome));
        if subprotocol == Subprotocol::Pushd1 {
            hello.extend_from_slice(&shard.connections().keepalive_frame());
        }
    }
    session.connection().send(&Bytes::from(hello));
    // Other threads find the session only now: nothing must be sent before the answer.
    shard.add_session(&session);
    context.counters.sessions_opened.add(1);
    tracing::debug!(session = %id, peer = %request.peer_addr(), "session opened");
    context.application.opened(&session, &request);
    let mut task = SessionTask::new(wamp);
    task.receive_early(&early);
    task
}
