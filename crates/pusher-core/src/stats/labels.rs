//! What is counted apart from each other, and the label that each has.

/// Something that is counted by kind.
pub trait Kind: Copy + Eq + 'static {
    /// Every kind, in the order of their positions.
    const ALL: &'static [Self];

    /// A word for logs and metrics; for a limit that was reached its name in
    /// [`Limits`](crate::Limits).
    fn label(self) -> &'static str;

    /// Its place in [`ALL`](Self::ALL).
    fn position(self) -> usize;
}

/// Enums of kinds, each variant with its label.
macro_rules! kinds {
    ($($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $kind:ident = $label:literal,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$what])* $kind,)*
        }

        impl Kind for $name {
            const ALL: &'static [Self] = &[$(Self::$kind),*];

            fn label(self) -> &'static str {
                match self {
                    $(Self::$kind => $label,)*
                }
            }

            fn position(self) -> usize {
                self as usize
            }
        }
    )*};
}

kinds! {
    /// How an event came in.
    Source {
        /// As raw JSON, by the private door.
        Raw = "raw",
        /// By libpusher or the PHP extension.
        Native = "native",
        /// By ZeroMQ.
        Zmtp = "zmtp",
        /// As `POST /publish/{category}`.
        Http = "http",
        /// By the program that embeds the server: [`Hub::publish`](crate::Hub::publish).
        Application = "application",
        /// By a browser that may publish.
        Browser = "browser",
    }

    /// Why a browser got no session.
    BrowserRefusal {
        /// [`Limits::connections_max`](crate::Limits::connections_max).
        Connections = "connections_max",
        /// [`Limits::connections_per_address_max`](crate::Limits::connections_per_address_max).
        ConnectionsPerAddress = "connections_per_address_max",
        /// [`Limits::handshake_len_max`](crate::Limits::handshake_len_max).
        HandshakeLen = "handshake_len_max",
        /// [`Limits::headers_max`](crate::Limits::headers_max).
        Headers = "headers_max",
        /// [`Limits::handshake_timeout`](crate::Limits::handshake_timeout).
        HandshakeTimeout = "handshake_timeout",
        /// A page of a site that may not connect.
        Origin = "origin",
        /// The application did not want it.
        Application = "application",
        /// It does not offer the subprotocol `wamp`.
        Subprotocol = "subprotocol",
        /// What it said is no WebSocket handshake, nor another request that can be answered.
        BadRequest = "bad_request",
    }

    /// Why a session was closed by the server. [`code`](Self::code) is what the browser was told.
    ViolationKind {
        /// Against RFC 6455.
        Protocol = "protocol",
        /// Not a message of WAMP v1, or no UTF-8.
        InvalidData = "invalid_data",
        /// [`Limits::client_message_len_max`](crate::Limits::client_message_len_max).
        MessageLen = "client_message_len_max",
        /// [`Limits::client_messages_per_second`](crate::Limits::client_messages_per_second).
        MessageRate = "client_messages_per_second",
        /// [`Limits::unfinished_timeout`](crate::Limits::unfinished_timeout).
        Unfinished = "unfinished_timeout",
        /// [`Limits::topics_max`](crate::Limits::topics_max).
        Topics = "topics_max",
        /// [`Limits::topics_len_max`](crate::Limits::topics_len_max).
        TopicsLen = "topics_len_max",
        /// [`Limits::topic_len_max`](crate::Limits::topic_len_max).
        TopicLen = "topic_len_max",
        /// More or longer prefixes than a session may have.
        Prefixes = "prefixes_max",
        /// [`Limits::event_len_max`](crate::Limits::event_len_max), by a browser that may publish.
        EventLen = "event_len_max",
        /// It has published where it may not.
        Publish = "publish",
    }

    /// Why a slow consumer, a browser that did not take its events, was dropped.
    SlowConsumer {
        /// [`Limits::outbox_len_max`](crate::Limits::outbox_len_max).
        Outbox = "outbox_len_max",
        /// [`Limits::write_timeout`](crate::Limits::write_timeout).
        Stall = "write_timeout",
        /// [`Limits::events_len_max`](crate::Limits::events_len_max).
        Memory = "events_len_max",
    }

    /// Why a publisher's connection was refused or ended by the server.
    PublisherRefusal {
        /// [`Limits::publishers_max`](crate::Limits::publishers_max).
        Publishers = "publishers_max",
        /// [`Limits::first_byte_timeout`](crate::Limits::first_byte_timeout).
        FirstByte = "first_byte_timeout",
        /// [`Limits::unfinished_timeout`](crate::Limits::unfinished_timeout).
        Unfinished = "unfinished_timeout",
        /// [`Limits::unfinished_len_max`](crate::Limits::unfinished_len_max).
        UnfinishedLen = "unfinished_len_max",
        /// [`Limits::answer_timeout`](crate::Limits::answer_timeout).
        Answer = "answer_timeout",
        /// It speaks none of the languages of the private door.
        Language = "language",
        /// It asked by HTTP for something else than to publish, and did not get it.
        Request = "request",
    }

    /// Why nobody got what a publisher sent.
    PublishRefusal {
        /// An empty or too long topic.
        BadTopic = "bad_topic",
        /// An empty or too long id.
        BadId = "bad_id",
        /// Not a message of its language, or not JSON.
        BadMessage = "bad_message",
        /// [`Limits::event_len_max`](crate::Limits::event_len_max).
        EventTooLarge = "event_too_large",
        /// [`Limits::publish_len_max`](crate::Limits::publish_len_max), or nested too deep.
        TooLarge = "too_large",
        /// No token or a wrong one, a page in a browser, or a host that is not this server.
        Denied = "denied",
        /// [`Limits::backlog_len_max`](crate::Limits::backlog_len_max).
        Overloaded = "overloaded",
        /// It came when the server was about to end.
        Ending = "ending",
        /// It broke off in the middle.
        Unfinished = "unfinished",
    }
}

impl ViolationKind {
    /// The close code (RFC 6455, section 7.4.1).
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::InvalidData => 1007,
            Self::MessageLen => 1009,
            _ => 1008,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<K: Kind + std::fmt::Debug>() {
        for (position, kind) in K::ALL.iter().enumerate() {
            assert_eq!(kind.position(), position);
            let same = K::ALL.iter().filter(|other| other.label() == kind.label());
            assert_eq!(same.count(), 1, "{kind:?}");
        }
    }

    #[test]
    fn every_kind_has_its_place_and_a_label_of_its_own() {
        check::<Source>();
        check::<BrowserRefusal>();
        check::<ViolationKind>();
        check::<SlowConsumer>();
        check::<PublisherRefusal>();
        check::<PublishRefusal>();
    }
}
