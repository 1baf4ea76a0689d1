//! Machine-readable reasons of the answers on port 8080.

/// The header of an HTTP answer that has a [`Reason`].
pub const REASON_HEADER: &str = "Pushd-Reason";

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $reason:ident = $name:literal,)*) => {
        /// The reason why a request on port 8080 got no WebSocket.
        ///
        /// The answer has it in the header `Pushd-Reason`, beside a text for people that may change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $reason,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$reason,)*];

            /// Returns the value of the header.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// All connections of the server are taken (503).
    ConnectionsMax = "connections_max",
    /// All connections of the client's address are taken (429).
    ConnectionsPerAddressMax = "connections_per_address_max",
    /// The head of the request is too long (431).
    HandshakeLenMax = "handshake_len_max",
    /// The request has too many headers (431).
    HeadersMax = "headers_max",
    /// The request took too long to arrive (408).
    HandshakeTimeout = "handshake_timeout",
    /// The page's site is not allowed (403).
    Origin = "origin",
    /// The page calls the server by a name that is not one of the server's (403).
    PublicHost = "public_host",
    /// A topic of an event stream has no history (404).
    NoHistory = "no_history",
    /// The embedding program refused the browser.
    Application = "application",
    /// The client does not offer a subprotocol that the server supports (426).
    Subprotocol = "subprotocol",
    /// A header of a WebSocket handshake is missing; most often a proxy removed it (400).
    UpgradeMissing = "upgrade_missing",
    /// The request is not a WebSocket handshake, and there is no such file (426, 404).
    NotWebSocket = "not_websocket",
    /// The request is not in HTTP/1.1 (400, 505).
    HttpVersion = "http_version",
    /// The method is not GET (405).
    Method = "method",
    /// The client's WebSocket version is not 13 (426).
    WebSocketVersion = "websocket_version",
    /// The request is malformed in another way (400, 413).
    BadRequest = "bad_request",
}

impl Reason {
    /// Finds the reason with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|reason| reason.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.name()), Some(reason));
        }
        assert_eq!(Reason::parse("Origin"), None);
        assert_eq!(Reason::parse(""), None);
    }
}
