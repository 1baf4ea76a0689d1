//! `GET /connections.json` and `POST /close/{id}`: the connections of port 8080, for operators.

use std::time::Duration;

use http::request::Parts;
use http::{Response, StatusCode};
use pusher_proto::channels::ErrorCode;
use tokio::time::timeout;

use super::answer::{self, Body, HttpRefusal};
use super::query::{LIMIT_DEFAULT, limit, parameters};
use crate::admin::ConnectionsQuery;
use crate::connection::{Dialect, SessionId};
use crate::context::Context;
use crate::publishers::peer::Peer;

/// Longest text to search for, in bytes.
const SEARCH_LEN_MAX: usize = 1024;

/// Code for programs: no connection has the id.
const NO_CONNECTION: &str = "no_connection";

/// The close code of a connection that an operator closes: policy violation (RFC 6455, section 7.4.1). `pusher.js` comes
/// back after 15 s to 30 s, and autobahn.js does not come back. The status page says so.
const CLOSE_CODE: u16 = 1008;

/// Longest wait for the events that were published before a connection is closed.
const DELIVERED_TIMEOUT: Duration = Duration::from_secs(1);

const CLOSE_REASON: &str = "closed by an operator";

/// Parses the query of a request for connections.
pub(super) fn query(head: &Parts) -> Result<ConnectionsQuery, HttpRefusal> {
    let mut query = ConnectionsQuery {
        search: String::new(),
        limit: LIMIT_DEFAULT,
    };
    for (name, value) in parameters(head) {
        match &*name {
            "search" if value.len() > SEARCH_LEN_MAX => {
                let text = format!("search is longer than {SEARCH_LEN_MAX} bytes");
                return Err(HttpRefusal::bad_request(text));
            }
            "search" => query.search = value.into_owned(),
            "limit" => query.limit = limit(&value)?,
            _ => {
                let text = "the parameters are search and limit";
                return Err(HttpRefusal::bad_request(text));
            }
        }
    }
    Ok(query)
}

/// Parses the id in a path.
pub(super) fn id(text: &str) -> Result<SessionId, HttpRefusal> {
    SessionId::parse(text).ok_or_else(|| {
        let text = "an id has 32 hexadecimal digits: /connections.json lists them";
        HttpRefusal::bad_request(text)
    })
}

/// Closes a connection. The events that were published before are sent first: their receipts count it.
pub(super) async fn close(
    context: &Context,
    peer: &Peer,
    id: SessionId,
) -> Result<Response<Body>, HttpRefusal> {
    let session = context.hub.session(id);
    let Some(session) = session.filter(|session| session.connection().is_open()) else {
        let reason = "no connection of this server has this id: it may have ended";
        let refusal = HttpRefusal::new(StatusCode::NOT_FOUND, reason);
        return Err(refusal.with_code(NO_CONNECTION).keep_alive());
    };
    // Under load there are always newer events that are not sent yet.
    let _busy = timeout(DELIVERED_TIMEOUT, context.hub.delivered()).await;
    let connection = session.connection();
    let code = match connection.dialect() {
        // Its clients come back after a while.
        Dialect::Channels => ErrorCode::OverCapacity.number(),
        _ => CLOSE_CODE,
    };
    connection.close(code, CLOSE_REASON);
    context.counters.connections_closed.add(1);
    tracing::info!(
        session = %id,
        peer = %session.peer_addr(),
        operator = peer.name,
        "closed a connection: an operator asked for it"
    );
    Ok(answer::json(format!("{{\"id\":\"{id}\"}}\n").into()))
}
