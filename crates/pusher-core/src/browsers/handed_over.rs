//! Browsers as another process takes them over.

use std::sync::Arc;

use super::protocol::Protocol;
use super::serve::{Arriving, serve};
use super::session_state::SessionState;
use super::session_task::SessionTask;
use super::stream_task;
use crate::connection::{BrowserPermit, Connection, Dialect, Encoding, Session, SessionId, Socket};
use crate::context::Context;
use crate::handover::{self, Browser, Descriptor, Movable, Stage, WampDialect};
use crate::hub::Shard;

/// Continues with a browser of another process, on this shard's thread.
pub(crate) fn take_over(
    context: &Arc<Context>,
    shard: &Arc<Shard>,
    browser: Browser,
    descriptor: Descriptor,
) {
    let Browser {
        peer,
        stage,
        origin,
        age_s,
    } = browser;
    let permit = context.browser_permits.take_over(peer);
    let stream = match tokio::net::TcpStream::from_descriptor(descriptor) {
        Ok(stream) => stream,
        Err(error) => {
            let peer = permit.peer();
            tracing::warn!(%peer, %error, "cannot take a connection over");
            return;
        }
    };
    let tasks = &context.tasks.browsers;
    let page = (origin.as_deref(), age_s);
    match stage {
        Stage::Handshake(received) => {
            let arriving = Arriving {
                stream,
                permit,
                received,
                counted: context.tasks.handshakes.token(),
            };
            tasks.spawn(serve(context.clone(), shard.clone(), arriving));
        }
        Stage::Session(handed) => {
            let make =
                |id, encoding| connection(context, shard, stream, permit, id, encoding, page);
            tasks.spawn(take_over_session(context, shard, handed, make));
        }
        Stage::Stream(handed) => {
            let id = SessionId::from_u128(handed.id);
            let encoding = Encoding::plain(Dialect::EventStream);
            let connection = connection(context, shard, stream, permit, id, encoding, page);
            tasks.spawn(stream_task::take_over(context, shard, connection, handed));
        }
    }
}

fn connection(
    context: &Context,
    shard: &Shard,
    stream: tokio::net::TcpStream,
    permit: BrowserPermit,
    id: SessionId,
    encoding: Encoding,
    (origin, age_s): (Option<&str>, Option<u64>),
) -> Connection {
    let now_ms = context.clock.now_ms();
    let common = shard.connections().clone();
    let socket = Socket::Plain(stream);
    let mut connection = Connection::new(id, permit, common, socket, encoding, origin, now_ms);
    connection.set_age_s(age_s);
    connection
}

fn take_over_session(
    context: &Arc<Context>,
    shard: &Shard,
    handed: handover::Session,
    connection: impl FnOnce(SessionId, Encoding) -> Connection,
) -> SessionTask {
    let id = SessionId::from_u128(handed.id);
    let dialect = match handed.protocol {
        handover::Protocol::Wamp { dialect, .. } => match dialect {
            WampDialect::Wamp => Dialect::Wamp,
            WampDialect::WampResumed => Dialect::WampResumed,
            WampDialect::Pushd1 => Dialect::Pushd1,
        },
        handover::Protocol::Channels { .. } => Dialect::Channels,
        handover::Protocol::Wamp2(_) => Dialect::Wamp2,
    };
    let encoding = Encoding {
        dialect,
        may_compress: handed.may_compress,
    };
    let connection = connection(id, encoding);
    connection.take_over(handed.unsent, handed.pongs_expected);
    let session = Session::new(connection);
    let mut state = SessionState::new(context.clone(), session.clone());
    shard.add_session(&session);
    if let Some(ticket) = handed.ticket {
        context.hub.tickets().take_over(&session, ticket);
    }
    context.application.taken_over(&session);
    state.take_over_topics(handed.topics);
    let protocol = Protocol::take_over(&state, handed.protocol);
    // The rules may be others now.
    session.connection().recheck();
    SessionTask::take_over(state, protocol, &handed.unfinished)
}
