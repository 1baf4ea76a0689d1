//! The error type. Its variants are split by the caller's next step.

use std::ffi::c_int;
use std::fmt;
use std::io;

use pusher_proto::native::{DecodeError, ErrorCode};
use pusher_proto::{IdError, SessionNameError, TopicError};

use crate::address::AddressError;
use crate::attempt::{Attempt, Operation, Stage};
use crate::c_api::codes;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, TIMEOUT_MAX, TIMEOUT_MIN};
use crate::spool::SpoolFailure;

/// Why an event was not published, or why that is unknown; or why another request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's mistake: an empty topic or one that is too long. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Topic {
        /// The rule that it breaks.
        reason: String,
    },
    /// The caller's mistake: an empty id or one that is too long. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Id {
        /// The rule that it breaks.
        reason: String,
    },
    /// The caller's mistake: the session to exclude has a name in none of the known forms. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Exclude {
        /// The known forms.
        reason: String,
    },
    /// The caller's mistake: the event is not one complete JSON value. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Json {
        /// The mistake, and its position.
        reason: String,
    },
    /// The caller's mistake: the event is longer than pushd takes. It was not published.
    #[error("the event was not published: {reason}")]
    TooLarge {
        /// Its length, and the limit.
        reason: String,
    },
    /// The caller's mistake: the batch is full. The event was not added.
    #[error(
        "a batch takes at most {BATCH_EVENTS_MAX} events, and {BATCH_BYTES_MAX} bytes of all together"
    )]
    BatchFull,
    /// The caller's mistake in a request for a ticket, a revocation or presence. Nothing was sent.
    #[error("{reason}")]
    Argument {
        /// The code that C functions return.
        code: c_int,
        /// The call that failed, and the rule that its argument breaks.
        reason: String,
    },
    /// A mistake in the configuration: an invalid address, timeout or token. Nothing was sent.
    #[error("{setting}: {reason}")]
    Config {
        /// The setting's name.
        setting: &'static str,
        /// The mistake, and how a correct value looks.
        reason: String,
    },
    /// No connection: pushd is not running, or listens somewhere else. Nothing was sent.
    #[error("can't connect to {attempt} ({source}): {}", advice(source))]
    Connect {
        /// The address, and the time spent.
        attempt: Attempt,
        /// The system's error.
        source: io::Error,
    },
    /// The timeout has passed. Whether the event was published [depends on the
    /// stage](Error::may_be_published).
    #[error("timeout at {attempt} while {stage}{}: is pushd stopped or overloaded?", after_timeout(.attempt.operation, *stage))]
    Timeout {
        /// The address, and the time spent.
        attempt: Attempt,
        /// The step that took too long.
        stage: Stage,
    },
    /// The connection ended before the answer. The event may or may not have been published.
    #[error(
        "the connection to {attempt} was lost before the answer ({reason}): \
         {}was pushd restarted? Its log says more", after_loss(.attempt.operation)
    )]
    Closed {
        /// The address, and the time spent.
        attempt: Attempt,
        /// How it ended.
        reason: String,
    },
    /// The answer is not valid in pushd's protocol, or answers another request: another program listens there.
    #[error("no answer of pushd's from {attempt} ({reason}): is it pushd that listens there?")]
    Protocol {
        /// The address, and the time spent.
        attempt: Attempt,
        /// The mistake in the answer.
        reason: String,
    },
    /// pushd refuses this event or this publisher, or is too old for this request. The same call would be refused
    /// again.
    #[error("{attempt} {} ({name}: {text}){}", refusal(.attempt.operation), advice_to_update(.attempt.operation, name))]
    Refused {
        /// The address, and the time spent.
        attempt: Attempt,
        /// The code's name in the protocol.
        name: &'static str,
        /// pushd's text.
        text: String,
    },
    /// The queue for publishing in the background is full. The event was not published. The same call may
    /// work later.
    #[error("the event was not published: the queue holds {bytes_max} bytes, and they are used")]
    QueueFull {
        /// The queue's limit in bytes.
        bytes_max: usize,
    },
    /// The client was freed before the answer to an event in the background. The event may or may not have been
    /// published.
    #[error("the client was freed before the event was answered")]
    Canceled,
    /// The thread for publishing in the background could not be started. Nothing was published.
    #[error("can't start a thread: {source}")]
    Thread {
        /// The system's error.
        source: io::Error,
    },
    /// The log that pushd shares with others, in Redis, cannot be reached. The event may or may not have been
    /// published: publish it again later, with the same id.
    #[error("{attempt} can't reach its log ({text}): {}", after_lost_log(.attempt.operation))]
    Unavailable {
        /// The address, and the time spent.
        attempt: Attempt,
        /// pushd's text.
        text: String,
    },
    /// The publish failed, and the event could not be written to the spool either.
    #[error("{error}; and {failure}")]
    NotSpooled {
        /// The message of the error of the publish.
        error: String,
        /// The code of that error.
        code: c_int,
        /// Whether browsers may have received the event in spite of that error.
        may_be_published: bool,
        /// Why the event is not in the spool.
        failure: SpoolFailure,
    },
    /// pushd has no room now, or is shutting down. The event was not published. The same call may work later.
    #[error("{attempt} {} now ({text}): try again later", busy(.attempt.operation))]
    Busy {
        /// The address, and the time spent.
        attempt: Attempt,
        /// pushd's text.
        text: String,
    },
}

impl Error {
    /// The code that the C functions return for this error: one of `PUSH_E...`, below 0.
    pub fn code(&self) -> c_int {
        match self {
            Self::Topic { .. } => codes::PUSH_ETOPIC,
            Self::Id { .. } | Self::Exclude { .. } => codes::PUSH_EINVAL,
            Self::Json { .. } => codes::PUSH_EJSON,
            Self::TooLarge { .. } | Self::BatchFull => codes::PUSH_ETOOBIG,
            Self::Config { .. } => codes::PUSH_ECONFIG,
            Self::Connect { .. } => codes::PUSH_ECONNECT,
            Self::Timeout { .. } => codes::PUSH_ETIMEOUT,
            Self::Closed { .. } => codes::PUSH_ECLOSED,
            Self::Protocol { .. } => codes::PUSH_EPROTOCOL,
            Self::Refused { .. } => codes::PUSH_EREFUSED,
            Self::Busy { .. } => codes::PUSH_EBUSY,
            Self::Unavailable { .. } => codes::PUSH_EUNAVAILABLE,
            Self::QueueFull { .. } => codes::PUSH_EFULL,
            Self::Canceled => codes::PUSH_ECANCELED,
            Self::Thread { .. } => codes::PUSH_ETHREAD,
            Self::NotSpooled { code, .. } | Self::Argument { code, .. } => *code,
        }
    }

    /// Whether the caller made a mistake. The same call would fail with every server: change the call or the
    /// configuration.
    pub fn is_callers_mistake(&self) -> bool {
        matches!(
            self,
            Self::Topic { .. }
                | Self::Id { .. }
                | Self::Exclude { .. }
                | Self::Json { .. }
                | Self::TooLarge { .. }
                | Self::BatchFull
                | Self::Argument { .. }
                | Self::Config { .. }
        )
    }

    /// Whether browsers may have received the event in spite of the error. If not, publishing it again cannot
    /// send it twice.
    pub fn may_be_published(&self) -> bool {
        let publishes = |attempt: &Attempt| attempt.operation == Operation::Publish;
        match self {
            Self::Timeout { attempt, stage } => publishes(attempt) && *stage == Stage::Answer,
            Self::Closed { attempt, .. }
            | Self::Protocol { attempt, .. }
            | Self::Unavailable { attempt, .. } => publishes(attempt),
            Self::Canceled => true,
            Self::NotSpooled {
                may_be_published, ..
            } => *may_be_published,
            _ => false,
        }
    }

    /// Whether the same publish may succeed later: the event can wait in the spool.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Timeout { .. }
                | Self::Closed { .. }
                | Self::Busy { .. }
                | Self::Unavailable { .. }
        )
    }

    pub(crate) fn config(setting: &'static str, reason: impl fmt::Display) -> Self {
        Self::Config {
            setting,
            reason: reason.to_string(),
        }
    }

    /// Returns the error for a timeout that is not a number, or is out of bounds.
    pub(crate) fn timeout(setting: &'static str, value: &dyn fmt::Debug) -> Self {
        let (min_ms, max_ms) = (TIMEOUT_MIN.as_millis(), TIMEOUT_MAX.as_millis());
        Self::config(
            setting,
            format_args!("{value:?} is not a number of milliseconds from {min_ms} to {max_ms}"),
        )
    }

    /// Returns the error for an ERROR message from pushd.
    pub(crate) fn refused(attempt: Attempt, code: ErrorCode, text: String) -> Self {
        match (code, attempt.operation) {
            (ErrorCode::Overloaded | ErrorCode::ShuttingDown, _) => Self::Busy { attempt, text },
            // Not `Busy`, after which a publish without an id cannot send the event twice.
            (ErrorCode::LogUnavailable, _) => Self::Unavailable { attempt, text },
            (ErrorCode::BadTopic, Operation::Publish) => Self::Topic { reason: text },
            (ErrorCode::BadId, Operation::Publish) => Self::Id { reason: text },
            (ErrorCode::BadExclude, Operation::Publish) => Self::Exclude { reason: text },
            (ErrorCode::TooLarge | ErrorCode::EventTooLarge, Operation::Publish) => {
                Self::TooLarge { reason: text }
            }
            (ErrorCode::BadSub, Operation::Revoke) => Self::Argument {
                code: codes::PUSH_EINVAL,
                reason: format!("no ticket was revoked: {text}"),
            },
            (ErrorCode::BadTopic, Operation::Presence) => Self::Argument {
                code: codes::PUSH_ETOPIC,
                reason: format!("pushd refused to report presence: {text}"),
            },
            _ => Self::Refused {
                attempt,
                name: code.name(),
                text,
            },
        }
    }
}

impl From<TopicError> for Error {
    fn from(error: TopicError) -> Self {
        Self::Topic {
            reason: error.to_string(),
        }
    }
}

impl From<IdError> for Error {
    fn from(error: IdError) -> Self {
        Self::Id {
            reason: error.to_string(),
        }
    }
}

impl From<SessionNameError> for Error {
    fn from(error: SessionNameError) -> Self {
        Self::Exclude {
            reason: format!("exclude: {error}"),
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        Self::Json {
            reason: error.to_string(),
        }
    }
}

impl From<AddressError> for Error {
    fn from(error: AddressError) -> Self {
        Self::config("address", error)
    }
}

/// Returns the question that leads to the cause of a failed connect.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            "is pushd running, and is this where it listens for publishers?"
        }
        io::ErrorKind::PermissionDenied => "may this user write to the socket?",
        _ => "is the address right, and can this machine reach it?",
    }
}

/// Says whether the event was published. Other operations have no event.
fn after_timeout(operation: Operation, stage: Stage) -> &'static str {
    match (operation, stage) {
        (Operation::Publish, Stage::Answer) => " (the event may or may not have been published)",
        (Operation::Publish, _) | (Operation::Drain, _) => " (the event was not published)",
        (Operation::Revoke, Stage::Answer) => " (the tickets may or may not be revoked)",
        (Operation::Revoke, _) => " (the tickets are not revoked)",
        (Operation::Position | Operation::Presence, _) => "",
    }
}

fn after_loss(operation: Operation) -> &'static str {
    match operation {
        Operation::Publish => "the event may or may not have been published; ",
        Operation::Drain => "the event was not published; ",
        Operation::Revoke => "the tickets may or may not be revoked; ",
        Operation::Position | Operation::Presence => "",
    }
}

fn after_lost_log(operation: Operation) -> &'static str {
    match operation {
        Operation::Publish => {
            "the event may or may not have been published; try again later, with the same id"
        }
        Operation::Revoke => "the tickets may or may not be revoked; try again later",
        Operation::Position | Operation::Drain | Operation::Presence => "try again later",
    }
}

fn refusal(operation: Operation) -> &'static str {
    match operation {
        Operation::Publish => "refused to publish the event",
        Operation::Position => "gives no position",
        Operation::Drain => "refused to publish its spool, which comes before the event",
        Operation::Revoke => "refused to revoke the tickets",
        Operation::Presence => "refused to report presence",
    }
}

/// A pushd that does not know the request is older than this library. Of the publishes, only one with an exclusion can be
/// new to it.
fn advice_to_update(operation: Operation, name: &str) -> &'static str {
    if name != ErrorCode::UnknownType.name() {
        return "";
    }
    match operation {
        Operation::Publish => ": this pushd is too old to exclude a session, update it",
        Operation::Position | Operation::Revoke | Operation::Presence => {
            ": this pushd is too old, update it"
        }
        Operation::Drain => "",
    }
}

fn busy(operation: Operation) -> &'static str {
    match operation {
        Operation::Publish => "can't take the event",
        Operation::Revoke => "can't revoke the tickets",
        Operation::Position | Operation::Presence => "can't answer",
        Operation::Drain => "can't publish its spool, which comes before the event,",
    }
}
