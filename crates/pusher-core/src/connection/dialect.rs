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
    /// The Pusher Channels protocol.
    Channels,
    /// WAMP v2.
    Wamp2,
}

impl Dialect {
    pub(crate) const ALL: [Self; 6] = [
        Self::Wamp,
        Self::WampResumed,
        Self::Pushd1,
        Self::EventStream,
        Self::Channels,
        Self::Wamp2,
    ];

    pub(crate) fn of(subprotocol: Subprotocol, has_resume_value: bool) -> Self {
        match subprotocol {
            Subprotocol::Wamp if has_resume_value => Self::WampResumed,
            Subprotocol::Wamp => Self::Wamp,
            Subprotocol::Pushd1 => Self::Pushd1,
        }
    }

    /// Returns the name for operators. It is the subprotocol, if there is one.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wamp | Self::WampResumed => Subprotocol::Wamp.name(),
            Self::Pushd1 => Subprotocol::Pushd1.name(),
            Self::EventStream => "event stream",
            Self::Channels => "pusher channels",
            Self::Wamp2 => pusher_proto::wamp2::SUBPROTOCOL,
        }
    }

    /// Whether its clients can be told that events are missing.
    pub(crate) fn knows_gaps(self) -> bool {
        !matches!(self, Self::Wamp | Self::Channels | Self::Wamp2)
    }
}

/// The bytes in which a browser gets its events. A frame is made once for each encoding that has subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) dialect: Dialect,
    /// The client has agreed on permessage-deflate.
    pub(crate) may_compress: bool,
}

impl Encoding {
    pub(crate) const COUNT: usize = 2 * Dialect::ALL.len();

    pub(crate) fn plain(dialect: Dialect) -> Self {
        Self {
            dialect,
            may_compress: false,
        }
    }

    /// Returns all encodings, in the order of their positions.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let of_dialect = |dialect| {
            [false, true].map(|may_compress| Self {
                dialect,
                may_compress,
            })
        };
        Dialect::ALL.into_iter().flat_map(of_dialect)
    }

    /// Returns a number below [`COUNT`](Self::COUNT).
    pub(crate) fn position(self) -> usize {
        2 * self.dialect as usize + usize::from(self.may_compress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_in_the_order_of_their_positions() {
        let positions: Vec<_> = Encoding::all().map(Encoding::position).collect();
        assert_eq!(positions, (0..Encoding::COUNT).collect::<Vec<_>>());
    }
}
