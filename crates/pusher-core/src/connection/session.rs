//! A WAMP session: one browser, from WELCOME to the end of its connection.

use std::net::SocketAddr;
use std::sync::Arc;

use pusher_proto::wamp::event_frame;
use pusher_proto::wamp2::ID_MAX;
use pusher_proto::{JsonError, check_value, event_stream};

use super::Connection;
use super::channels_frame::append_channels_frame;
use super::dialect::Dialect;
use super::session_id::SessionId;
use super::wamp2_frame::append_wamp2_frame;

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
    /// in the log: a session that reconnects does not get it again. Clients of WAMP v2 close the connection if they are not
    /// subscribed.
    pub fn send_event(&self, topic: &str, event: &str) -> Result<(), JsonError> {
        check_value(event)?;
        self.send_own_event(topic, event, false);
        Ok(())
    }

    /// Like [`send_event`](Self::send_event), with one valid JSON value. `is_only` means that the session is an event
    /// stream of this topic alone, whose events do not name it.
    pub(crate) fn send_own_event(&self, topic: &str, event: &str, is_only: bool) {
        let frame = match self.connection.dialect() {
            Dialect::EventStream => {
                event_stream::event_without_position((!is_only).then_some(topic), event)
            }
            Dialect::Channels => {
                let mut frame = Vec::new();
                append_channels_frame(&mut frame, topic, event.as_bytes());
                frame
            }
            Dialect::Wamp2 => {
                let mut frame = Vec::new();
                // No event of the log has this number.
                append_wamp2_frame(&mut frame, topic, ID_MAX, event.as_bytes());
                frame
            }
            _ => event_frame(topic, event),
        };
        let frame = self.connection.counted_frame(frame);
        self.connection.send(&frame);
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
