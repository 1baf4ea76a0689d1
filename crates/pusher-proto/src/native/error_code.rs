//! Error codes.

/// Why a publish or a publisher was refused. `native.md` lists the names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// Not a message of this protocol. The server closes.
    BadMessage,
    /// A message is too long or nested too deeply. The server closes.
    TooLarge,
    /// No HELLO, or no common version. The server closes.
    Version,
    /// Not allowed to publish. The server closes.
    Denied,
    /// A type that the server does not know.
    UnknownType,
    /// An empty or too long topic.
    BadTopic,
    /// An empty or too long id.
    BadId,
    /// A session that is excluded has a name in none of the known forms.
    BadExclude,
    /// An empty or too long `sub`, the name of a user.
    BadSub,
    /// A topic without presence.
    NoPresence,
    /// An event that exceeds the server's limit.
    EventTooLarge,
    /// No room for the event now.
    Overloaded,
    /// The log that the server shares with others cannot be reached. The event may have been published: a retry with
    /// the same id is safe.
    LogUnavailable,
    /// The server is shutting down. The server closes.
    ShuttingDown,
    /// A code that this version does not know. Treat it as a refusal.
    Other,
}

const ERROR_NAMES: [(ErrorCode, &str); 14] = [
    (ErrorCode::BadMessage, "bad_message"),
    (ErrorCode::TooLarge, "too_large"),
    (ErrorCode::Version, "version"),
    (ErrorCode::Denied, "denied"),
    (ErrorCode::UnknownType, "unknown_type"),
    (ErrorCode::BadTopic, "bad_topic"),
    (ErrorCode::BadId, "bad_id"),
    (ErrorCode::BadExclude, "bad_exclude"),
    (ErrorCode::BadSub, "bad_sub"),
    (ErrorCode::NoPresence, "presence_off"),
    (ErrorCode::EventTooLarge, "event_too_large"),
    (ErrorCode::Overloaded, "overloaded"),
    (ErrorCode::LogUnavailable, "log_unavailable"),
    (ErrorCode::ShuttingDown, "shutting_down"),
];

impl ErrorCode {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        let named = ERROR_NAMES.iter().find(|(code, _)| *code == self);
        named.map_or("refused", |(_, name)| name)
    }

    pub(super) fn from_name(name: &str) -> Self {
        let known = ERROR_NAMES.iter().find(|(_, known)| *known == name);
        known.map_or(Self::Other, |(code, _)| *code)
    }

    /// Whether the server closes the connection after this answer.
    pub fn closes(self) -> bool {
        matches!(
            self,
            Self::BadMessage | Self::TooLarge | Self::Version | Self::Denied | Self::ShuttingDown
        )
    }
}
