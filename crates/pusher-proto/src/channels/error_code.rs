//! Codes of errors, which are also the codes of closing.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident = $number:literal, $text:literal;)*) => {
        /// The code of `pusher:error` and of the close frame behind it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $code,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code,)*];

            /// Returns the number on the wire.
            pub fn number(self) -> u16 {
                match self {
                    $(Self::$code => $number,)*
                }
            }

            /// Returns the message, for people. It fits in a close frame.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$code => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The server accepts only TLS. pusher-js connects again with TLS.
    TlsOnly = 4000, "connect with TLS";
    /// The key in the path is not that of an application.
    UnknownApp = 4001, "the server does not know this application key";
    /// The application is switched off.
    AppDisabled = 4003, "the application is disabled";
    /// The application has no connections left.
    AppQuota = 4004, "the application has reached its limit of connections";
    /// Another path than `/app/KEY`.
    Path = 4005, "the path is not /app/KEY";
    /// `protocol` is not a number.
    VersionFormat = 4006, "protocol is not a number";
    /// `protocol` is another version.
    Version = 4007, "the server speaks versions 6 and 7 of the protocol";
    /// No `protocol` in the query.
    NoVersion = 4008, "protocol is missing in the query";
    /// The connection is not allowed: from another site, or the site ended the connections of the user.
    Unauthorized = 4009, "the connection is not allowed";
    /// The server has no room for another connection now.
    OverCapacity = 4100, "the server is over capacity, try again later";
    /// The server restarts or stops.
    Reconnect = 4200, "connect again";
    /// The client did not answer a ping.
    NoPong = 4201, "no pong arrived in time";
    /// The client was silent for too long.
    Inactive = 4202, "the connection was inactive for too long";
    /// A client event was refused. The connection stays open.
    ClientEvent = 4301, "the client event was refused";
}

/// What a client does after a close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reconnect {
    /// 4000 to 4099: never, because it would fail again.
    Never,
    /// 4100 to 4199: after a delay.
    Later,
    /// 4200 to 4299: at once.
    AtOnce,
}

impl ErrorCode {
    /// Returns what a client does if the connection ends with this code. `None` if the code closes no connection.
    pub fn reconnect(self) -> Option<Reconnect> {
        match self.number() {
            4000..=4099 => Some(Reconnect::Never),
            4100..=4199 => Some(Reconnect::Later),
            4200..=4299 => Some(Reconnect::AtOnce),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Longest reason of a close frame (RFC 6455, section 5.5): 125 bytes with the code.
    const REASON_LEN_MAX: usize = 123;

    #[test]
    fn the_number_decides_when_a_client_connects_again() {
        let numbers: Vec<_> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] < pair[1]),
            "{numbers:?}"
        );
        for (code, reconnect) in [
            (ErrorCode::TlsOnly, Some(Reconnect::Never)),
            (ErrorCode::Unauthorized, Some(Reconnect::Never)),
            (ErrorCode::OverCapacity, Some(Reconnect::Later)),
            (ErrorCode::Reconnect, Some(Reconnect::AtOnce)),
            (ErrorCode::Inactive, Some(Reconnect::AtOnce)),
            (ErrorCode::ClientEvent, None),
        ] {
            assert_eq!(code.reconnect(), reconnect, "{code:?}");
        }
    }

    #[test]
    fn every_text_fits_in_a_close_frame() {
        for code in ErrorCode::ALL {
            let text = code.text();
            assert!((1..=REASON_LEN_MAX).contains(&text.len()), "{text}");
        }
    }
}
