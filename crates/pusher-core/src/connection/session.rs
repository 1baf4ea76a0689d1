//! A session: one browser in WAMP, from its WELCOME to its end.

use std::net::SocketAddr;
use std::sync::Arc;

use pusher_proto::wamp::event_frame;
use pusher_proto::{JsonError, check_value};

use super::Connection;
use super::session_id::SessionId;

/// A handle to one session. Cheap to clone, usable from any thread; once the browser has gone, it
/// does nothing.
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

    /// The id that WELCOME gave it.
    pub fn id(&self) -> SessionId {
        self.connection.id()
    }

    /// The address that its connection comes from.
    pub fn peer_addr(&self) -> SocketAddr {
        self.connection.peer()
    }

    /// Sends an event, one JSON value, to this session alone, whether it is subscribed or not.
    pub fn send_event(&self, topic: &str, event: &str) -> Result<(), JsonError> {
        check_value(event)?;
        let frame = self.connection.counted_frame(event_frame(topic, event));
        self.connection.send(&frame);
        Ok(())
    }

    /// Ends the session with a WebSocket close code (RFC 6455, section 7.4) and a reason of up to
    /// 123 bytes, behind what is queued for it. autobahn.js does not come back after a close.
    pub fn close(&self, code: u16, reason: &str) {
        self.connection.close(code, reason);
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Index of the shard that serves it.
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
