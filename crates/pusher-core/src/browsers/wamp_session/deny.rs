//! A refused subscription.

use pusher_proto::ticket::TicketFault;
use pusher_proto::wamp::{DENIED_TOPIC, denied, denied_event};

use crate::browsers::session_state::SessionState;
use crate::connection::Dialect;

/// Tells the client that it may not subscribe to a topic.
pub(super) fn deny(state: &SessionState, topic: &str, fault: TicketFault) {
    let session = state.session();
    let connection = session.connection();
    let peer = connection.peer().to_string();
    state.context().hub.tickets().refused(&peer, topic, fault);
    match connection.dialect() {
        Dialect::Pushd1 => connection.send_text(&denied(topic, fault)),
        _ => session.send_own_event(DENIED_TOPIC, &denied_event(topic, fault), false),
    }
}
