//! A WAMP session: one browser, from WELCOME to the end of its connection.

use std::net::SocketAddr;
use std::sync::Arc;

use pusher_proto::wamp::event_frame;
use pusher_proto::{JsonError, check_value, event_stream};

use super::Connection;
use super::dialect::Dialect;
use super::session_id::SessionId;

/// A handle to one session. Cheap to clone, and usable from any thread. After the session has ended, its methods do
/// nothing.
#[derive(Debug, Clone)]
pub struct Session {
    connection: Arc<Connection>,
}

impl Session {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection: Arc::new(connection),
        }
    }

    /// Returns the id of the session, which the browser knows from WELCOME.
    pub fn id(&self) -> SessionId {
        self.connection.id()
    }

    /// Returns the address of the client: the peer's, or the one that a trusted proxy names.
    pub fn peer_addr(&self) -> SocketAddr {
        self.connection.peer()
    }

    /// Sends an event, one JSON value, to this session only. It need not be subscribed to the topic. The event is not
    /// in the log: a session that reconnects does not get it again.
    pub fn send_event(&self, topic: &str, event: &str) -> Result<(), JsonError> {
        check_value(event)?;
        let frame = match self.connection.dialect() {
            Dialect::EventStream => event_stream::event_without_position(topic, event),
            _ => event_frame(topic, event),
        };
        let frame = self.connection.counted_frame(frame);
        self.connection.send(&frame);
        Ok(())
    }

    /// Closes the session with a WebSocket close code (RFC 6455, section 7.4) and a reason of up to 123 bytes. Events
    /// that are queued are sent first. autobahn.js does not reconnect after a close.
    pub fn close(&self, code: u16, reason: &str) {
        self.connection.close(code, reason);
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the index of the shard that serves the session.
    pub(crate) fn shard(&self) -> usize {
        self.connection.shard()
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Session {}
