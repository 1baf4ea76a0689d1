//! The negotiation of permessage-deflate (RFC 7692), and its bit in a frame's header.
//!
//! The server accepts it without context takeover in either direction: each message is compressed by itself. So an event
//! is compressed once for all its subscribers, and an idle connection keeps no window.

/// An offer that the server accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Without a parameter for the server's window.
    Plain,
    /// With the largest window of the server. The answer must repeat that parameter (RFC 7692, section 7.1.2.1).
    LargestWindow,
}

impl Offer {
    /// Returns the value of `Sec-WebSocket-Extensions` that accepts the offer.
    pub fn answer(self) -> &'static str {
        match self {
            Self::Plain => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            }
            Self::LargestWindow => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=15"
            }
        }
    }
}

/// The bit RSV1 in the first byte of a frame: the message is compressed (RFC 7692, section 6).
pub const COMPRESSED: u8 = 0x40;

/// The bytes that end a compressed block, which a message leaves out (RFC 7692, section 7.2.1).
pub const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Bits of the largest window.
const WINDOW_BITS_MAX: u8 = 15;

/// Returns the first offer in `Sec-WebSocket-Extensions` that the server can accept. Each item of `values` is a whole
/// header.
///
/// The server declines offers with a smaller window for itself, and those with unknown, repeated or wrong parameters.
pub fn negotiate<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Offer> {
    let mut offers = values.into_iter().flat_map(|value| value.split(','));
    offers.find_map(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        match parts.next() {
            Some(name) if name.eq_ignore_ascii_case("permessage-deflate") => accepted(parts),
            _ => None,
        }
    })
}

/// Checks the parameters of an offer.
fn accepted<'a>(parameters: impl Iterator<Item = &'a str>) -> Option<Offer> {
    let mut seen = Vec::new();
    let mut offer = Offer::Plain;
    for parameter in parameters {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
            None => (parameter, None),
        };
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        match (name, value) {
            ("server_no_context_takeover" | "client_no_context_takeover", None)
            | ("client_max_window_bits", None) => {}
            ("client_max_window_bits", Some(bits)) => _ = window_bits(bits)?,
            ("server_max_window_bits", Some(bits)) if window_bits(bits)? == WINDOW_BITS_MAX => {
                offer = Offer::LargestWindow;
            }
            _ => return None,
        }
    }
    Some(offer)
}

/// A value may be a quoted string (RFC 6455, section 9.1).
fn unquoted(value: &str) -> &str {
    let inner = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(value)
}

/// Parses the bits of a window, 8 to 15, without leading zeros.
fn window_bits(text: &str) -> Option<u8> {
    let bits = text
        .parse()
        .ok()
        .filter(|bits| (8..=WINDOW_BITS_MAX).contains(bits))?;
    text.starts_with(|first: char| matches!(first, '1'..='9'))
        .then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_of_browsers_are_accepted() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=10; client_no_context_takeover",
            "Permessage-Deflate;server_no_context_takeover ;client_max_window_bits=\"15\"",
            "x-webkit-deflate-frame, permessage-deflate",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
        ] {
            assert_eq!(negotiate([offer]), Some(Offer::Plain), "{offer}");
        }
        assert_eq!(negotiate(["foo", "permessage-deflate"]), Some(Offer::Plain));
    }

    #[test]
    fn the_largest_window_is_repeated() {
        let offer = "permessage-deflate; server_max_window_bits=15";
        assert_eq!(negotiate([offer]), Some(Offer::LargestWindow));
        let repeated = Offer::Plain.answer().to_owned() + "; server_max_window_bits=15";
        assert_eq!(Offer::LargestWindow.answer(), repeated);
    }

    #[test]
    fn other_offers_are_declined() {
        for offer in [
            "",
            "deflate",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=016",
            "permessage-deflate; client_max_window_bits=+9",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; unknown",
            "permessage-deflate;",
        ] {
            assert_eq!(negotiate([offer]), None, "{offer}");
        }
        assert_eq!(negotiate([]), None);
    }
}
