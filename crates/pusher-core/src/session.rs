//! A session: one browser in WAMP, from its WELCOME to its end.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use pusher_proto::wamp::event_frame;
use pusher_proto::{JsonError, check_value};

use crate::connection::Connection;

/// The id that WELCOME gives a session: 128 random bits, written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u128);

impl SessionId {
    /// An id that nobody can guess, from the operating system's random numbers.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(u128::from_ne_bytes(bytes)))
    }

    /// Reads the 32 digits of an id; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let id = u128::from_str_radix(text, 16).ok()?;
        is_id.then_some(Self(id))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

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
        let frame = self.connection.share(event_frame(topic, event));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_32_digits() {
        let id = SessionId::random().unwrap();
        let text = id.to_string();
        assert_eq!(text.len(), 32);
        assert_eq!(SessionId::parse(&text), Some(id));
        assert_eq!(SessionId(1).to_string().len(), 32);
        assert_ne!(SessionId::random().unwrap(), id);
        for text in ["", "1", &"g".repeat(32), &"+".repeat(32), &"0".repeat(33)] {
            assert_eq!(SessionId::parse(text), None, "{text}");
        }
    }
}
