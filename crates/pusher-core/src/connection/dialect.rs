//! The form in which a browser gets its events.

use pusher_proto::wamp::Subprotocol;

/// The protocol of a browser's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    /// WAMP v1.
    Wamp,
    /// WAMP v1 for a client with a resume value: a ping follows the events.
    WampResumed,
    /// WAMP v1 with recovery: events have their sequence numbers.
    Pushd1,
    /// Server-Sent Events.
    EventStream,
}

impl Dialect {
    pub(crate) const ALL: [Self; 4] = [
        Self::Wamp,
        Self::WampResumed,
        Self::Pushd1,
        Self::EventStream,
    ];

    pub(crate) fn of(subprotocol: Subprotocol, has_resume_value: bool) -> Self {
        match subprotocol {
            Subprotocol::Wamp if has_resume_value => Self::WampResumed,
            Subprotocol::Wamp => Self::Wamp,
            Subprotocol::Pushd1 => Self::Pushd1,
        }
    }

    /// Returns the index in [`ALL`](Self::ALL).
    pub(crate) fn position(self) -> usize {
        self as usize
    }
}
