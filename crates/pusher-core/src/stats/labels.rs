//! Enums by which figures are counted, and the label of each variant.

use pusher_proto::ticket::TicketFault;

/// An enum by which a figure is counted.
pub trait Kind: Copy + Eq + 'static {
    /// All variants, in the order of their positions.
    const ALL: &'static [Self];

    /// Returns the name for logs and metrics. If the kind is a limit that was reached, it is the name of the field in
    /// [`Limits`](crate::Limits).
    fn label(self) -> &'static str;

    /// Returns the index in [`ALL`](Self::ALL).
    fn position(self) -> usize;
}

/// Defines the enums. Each variant has a label.
macro_rules! kinds {
    ($($(#[$enum_doc:meta])* $name:ident { $($(#[$kind_doc:meta])* $kind:ident = $label:literal,)* })*) => {$(
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$kind_doc])* $kind,)*
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
    /// The way in which an event was published.
    Source {
        /// Raw JSON on the publish listener.
        Raw = "raw",
        /// The native protocol, which libpusher and the PHP extension use.
        Native = "native",
        /// ZeroMQ.
        Zmtp = "zmtp",
        /// HTTP: `POST /publish/{topic}`.
        Http = "http",
        /// The program that embeds the server: [`Hub::publish`](crate::Hub::publish).
        Application = "application",
        /// The spool, where publishers leave events while the server is away.
        Spool = "spool",
        /// A browser that may publish.
        Browser = "browser",
        /// The server itself, on its own topics.
        Server = "server",
    }

    /// Reason why a browser got no session.
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
        /// The page's origin may not connect.
        Origin = "origin",
        /// An event stream with a topic that its ticket does not allow.
        Ticket = "ticket",
        /// [`Application::accept`](crate::Application::accept) refused it.
        Application = "application",
        /// It does not offer the subprotocol `wamp`.
        Subprotocol = "subprotocol",
        /// The request is not a WebSocket handshake, and the server has no other response for it.
        BadRequest = "bad_request",
    }

    /// Reason why the server closed a session. [`code`](Self::code) returns the close code.
    ViolationKind {
        /// A violation of RFC 6455.
        Protocol = "protocol",
        /// A message that is not of the session's protocol, or not UTF-8.
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
        /// [`Limits::prefixes_max`](crate::Limits::prefixes_max) or
        /// [`Limits::prefixes_len_max`](crate::Limits::prefixes_len_max).
        Prefixes = "prefixes_max",
        /// [`Limits::event_len_max`](crate::Limits::event_len_max), exceeded by a browser that may publish.
        EventLen = "event_len_max",
        /// The browser published to a topic to which it may not publish.
        Publish = "publish",
    }

    /// Reason why a slow consumer, a browser that did not read its events, was dropped.
    SlowConsumer {
        /// [`Limits::outbox_len_max`](crate::Limits::outbox_len_max).
        Outbox = "outbox_len_max",
        /// [`Limits::write_timeout`](crate::Limits::write_timeout).
        Stall = "write_timeout",
        /// [`Limits::events_len_max`](crate::Limits::events_len_max).
        Memory = "events_len_max",
        /// It read from the log, and the log dropped its next event.
        History = "history",
    }

    /// Reason why a client was told that it may have missed events.
    Gap {
        /// Its position is of another epoch: the server has begun a new log.
        Epoch = "epoch",
        /// Its position is ahead of the log.
        Ahead = "ahead",
        /// The log has dropped events behind its position.
        Forgotten = "forgotten",
        /// The topic has no history.
        NoHistory = "no_history",
        /// Its text is not a position.
        Malformed = "malformed",
        /// It read too slowly: the log dropped its next event.
        Slow = "slow",
        /// It was connected while the log that the server shares with others began again, or had missing entries.
        SharedLog = "shared_log",
    }

    /// Reason why the server refused or closed a publisher's connection.
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
        /// The connection uses none of the protocols of the publish listener.
        Language = "language",
        /// An HTTP request that is not a publish, and was refused.
        Request = "request",
    }

    /// Reason why a publish was refused.
    PublishRefusal {
        /// An empty or too long topic.
        BadTopic = "bad_topic",
        /// An empty or too long id.
        BadId = "bad_id",
        /// A session to exclude whose name has none of the known forms.
        BadExclude = "bad_exclude",
        /// A malformed message, or an event that is not JSON.
        BadMessage = "bad_message",
        /// [`Limits::event_len_max`](crate::Limits::event_len_max).
        EventTooLarge = "event_too_large",
        /// [`Limits::publish_len_max`](crate::Limits::publish_len_max), or JSON that is nested too deep.
        TooLarge = "too_large",
        /// A missing or wrong token, a page of another site, or a `Host` that is not this server. In WAMP v2, a topic to which
        /// the browser may not publish.
        Denied = "denied",
        /// The server had no room or no permit for the publish. Over HTTP this includes publishers_max and unfinished_len_max.
        Overloaded = "overloaded",
        /// The log that the server shares with others did not take it in time.
        LogUnavailable = "log_unavailable",
        /// The server is shutting down.
        Ending = "ending",
        /// The message is incomplete: the connection ended or a timeout expired.
        Unfinished = "unfinished",
    }
}

impl Kind for TicketFault {
    const ALL: &'static [Self] = Self::ALL;

    fn label(self) -> &'static str {
        self.code()
    }

    fn position(self) -> usize {
        let mut all = Self::ALL.iter();
        all.position(|fault| *fault == self).unwrap_or(0)
    }
}

impl ViolationKind {
    /// Returns the close code (RFC 6455, section 7.4.1).
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
    fn positions_and_labels_are_unique() {
        check::<Source>();
        check::<BrowserRefusal>();
        check::<ViolationKind>();
        check::<SlowConsumer>();
        check::<Gap>();
        check::<PublisherRefusal>();
        check::<PublishRefusal>();
        check::<TicketFault>();
    }
}
