//! The list of connections, as JSON.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::context::Context;
use crate::hub::{ConnectionList, ListedConnection};

/// The parameters of a request for connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectionsQuery {
    /// The text to look for. All connections match an empty one.
    pub(crate) search: String,
    pub(crate) limit: usize,
}

/// Returns the connections that match a query. Slow if there are many.
pub(super) fn list(context: &Context, query: &ConnectionsQuery) -> Bytes {
    let ConnectionList {
        total,
        matching,
        connections,
    } = context
        .hub
        .connections(&query.search, query.limit, context.clock.now_ms());
    let connections = connections.iter();
    let rows: Vec<_> = connections.map(|listed| row(context, listed)).collect();
    let list = json!({"total": total, "matching": matching, "connections": rows});
    format!("{list}\n").into()
}

fn row(context: &Context, listed: &ListedConnection) -> Value {
    let ListedConnection {
        session,
        origin,
        age_s,
        queued_len,
        topics,
        topic_count,
    } = listed;
    let user = context.hub.tickets().user_of(session.id());
    json!({
        "id": session.id().to_string(),
        "address": session.peer_addr().to_string(),
        "origin": origin.as_deref(),
        "protocol": session.connection().dialect().name(),
        "user": user.as_ref().and_then(|ticket| ticket.sub()),
        "age_s": age_s,
        "queued_len": queued_len,
        "topics": topics.iter().map(|topic| &**topic).collect::<Vec<_>>(),
        "topic_count": topic_count,
    })
}
