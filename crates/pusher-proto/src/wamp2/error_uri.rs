//! The URIs of errors, which WAMP v2 defines.

/// Why the server sends ERROR or ABORT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorUri {
    /// Not a message of WAMP v2, or one that the client may not send now.
    ProtocolViolation,
    /// A topic that is empty or too long, or one of the server's own.
    InvalidUri,
    /// A publish or a subscription that the client may not do.
    NotAuthorized,
    /// A restriction of the request that the server does not support.
    OptionNotAllowed,
    /// The server cannot accept the event.
    InvalidArgument,
    /// The event is too long.
    PayloadSizeExceeded,
    /// The event cannot be published now. It may be published nevertheless.
    NetworkFailure,
    /// UNSUBSCRIBE with a number that is not a subscription of the session.
    NoSuchSubscription,
    /// CALL: there are no procedures.
    NoSuchProcedure,
    /// UNREGISTER: there are no procedures.
    NoSuchRegistration,
}

impl ErrorUri {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ProtocolViolation,
        Self::InvalidUri,
        Self::NotAuthorized,
        Self::OptionNotAllowed,
        Self::InvalidArgument,
        Self::PayloadSizeExceeded,
        Self::NetworkFailure,
        Self::NoSuchSubscription,
        Self::NoSuchProcedure,
        Self::NoSuchRegistration,
    ];

    /// Returns the URI.
    pub fn uri(self) -> &'static str {
        match self {
            Self::ProtocolViolation => "wamp.error.protocol_violation",
            Self::InvalidUri => "wamp.error.invalid_uri",
            Self::NotAuthorized => "wamp.error.not_authorized",
            Self::OptionNotAllowed => "wamp.error.option_not_allowed",
            Self::InvalidArgument => "wamp.error.invalid_argument",
            Self::PayloadSizeExceeded => "wamp.error.payload_size_exceeded",
            Self::NetworkFailure => "wamp.error.network_failure",
            Self::NoSuchSubscription => "wamp.error.no_such_subscription",
            Self::NoSuchProcedure => "wamp.error.no_such_procedure",
            Self::NoSuchRegistration => "wamp.error.no_such_registration",
        }
    }
}
