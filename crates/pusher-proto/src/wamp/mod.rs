//! The server's side of WAMP v1: JSON arrays in WebSocket text messages. The subprotocol is `wamp`, or `pushd.1`, which is
//! WAMP v1 with recovery and KEEPALIVE. `PROTOCOL.md` describes both.
//!
//! | id | name | direction | layout |
//! |---|---|---|---|
//! | 0 | WELCOME | to client, first | `[0, sessionId, 1, serverIdent]` |
//! | 1 | PREFIX | to server | `[1, prefix, uri]` |
//! | 2 | CALL | to server | `[2, callId, procURI, arg...]` |
//! | 3 | CALLRESULT | to client | `[3, callId, result]` |
//! | 4 | CALLERROR | to client | `[4, callId, errorURI, errorDesc]`, and `errorDetails` if there are any |
//! | 5 | SUBSCRIBE | to server | `[5, topicURI]`, in `pushd.1` also `[5, topicURI, {"since": position}]` |
//! | 6 | UNSUBSCRIBE | to server | `[6, topicURI]` |
//! | 7 | PUBLISH | to server | `[7, topicURI, event]`, and `excludeMe`, or `exclude` and `eligible` |
//! | 8 | EVENT | to client | `[8, topicURI, event]`, in `pushd.1` `[8, topicURI, event, sequence]` |
//! | 9 | SUBSCRIBED | to client, only in `pushd.1` | `[9, topicURI, position, recovered, replayed]` |
//! | 10 | GAP | to client, only in `pushd.1` | `[10, topicURI, position]` |
//! | 11 | DENIED | to client, only in `pushd.1` | `[11, topicURI, code]` |
//! | 12 | KEEPALIVE | both, only in `pushd.1` | to server `[12]`, to client `[12, intervalMs, retryMs]` |
//! | 13 | TICKET | both, only in `pushd.1` | to server `[13, ticket]`, to client `[13, remainingMs]` or `[13, null, code]` |

mod client_message;
mod frame;
mod prefixes;
mod server_message;

pub use client_message::{CallId, ClientMessage, DecodeError, Recipients};
pub use frame::{
    PingMark, append_compressed_text_frame, append_text_frame, binary_frame, close_frame,
    marked_ping, ping_frame, server_frame_len, server_frame_text, text_frame,
};
pub use prefixes::{PrefixError, PrefixLimits, Prefixes};
pub use server_message::{
    DENIED_TOPIC, GAP_TOPIC, call_error, call_result, denied, denied_event, event_frame, gap,
    gap_event, keepalive, numbered_event_frame, subscribed, ticket_accepted, ticket_refused,
    welcome,
};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "wamp";

/// The WebSocket subprotocols that the server speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Subprotocol {
    /// WAMP v1, `wamp`.
    #[default]
    Wamp,
    /// WAMP v1 with recovery and KEEPALIVE, `pushd.1`.
    Pushd1,
}

impl Subprotocol {
    /// The name in `Sec-WebSocket-Protocol`, which is case-sensitive.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wamp => SUBPROTOCOL,
            Self::Pushd1 => "pushd.1",
        }
    }

    /// Returns the subprotocol of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Wamp, Self::Pushd1]
            .into_iter()
            .find(|subprotocol| subprotocol.name() == name)
    }
}

const WELCOME: u64 = 0;
const PREFIX: u64 = 1;
const CALL: u64 = 2;
const CALLRESULT: u64 = 3;
const CALLERROR: u64 = 4;
const SUBSCRIBE: u64 = 5;
const UNSUBSCRIBE: u64 = 6;
const PUBLISH: u64 = 7;
const EVENT: u64 = 8;
const SUBSCRIBED: u64 = 9;
const GAP: u64 = 10;
const DENIED: u64 = 11;
const KEEPALIVE: u64 = 12;
const TICKET: u64 = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subprotocols_have_names() {
        for (name, subprotocol) in [
            ("wamp", Some(Subprotocol::Wamp)),
            ("pushd.1", Some(Subprotocol::Pushd1)),
            ("WAMP", None),
            ("pushd.2", None),
            ("", None),
        ] {
            assert_eq!(Subprotocol::parse(name), subprotocol, "{name}");
            if let Some(known) = subprotocol {
                assert_eq!(known.name(), name);
            }
        }
    }
}
