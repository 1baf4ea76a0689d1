//! What can go wrong, split by what a caller can do about it.

use std::ffi::c_int;
use std::fmt;
use std::io;
use std::time::Duration;

use pusher_proto::native::{DecodeError, ErrorCode};
use pusher_proto::{IdError, TopicError};

use crate::address::{Address, AddressError};
use crate::c_api::codes;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX, TIMEOUT_MAX, TIMEOUT_MIN};

/// Why an event was not published, or why nobody can say whether it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's mistake: an empty topic or one that is too long. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Topic {
        /// What is wrong with it.
        reason: String,
    },
    /// The caller's mistake: an empty id or one that is too long. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Id {
        /// What is wrong with it.
        reason: String,
    },
    /// The caller's mistake: the event is not one complete JSON value. Nothing was sent.
    #[error("the event was not published: {reason}")]
    Json {
        /// What is wrong with it, and where.
        reason: String,
    },
    /// The caller's mistake: the event is longer than pushd takes. It was not published.
    #[error("the event was not published: {reason}")]
    TooLarge {
        /// How long it is, and how long it may be.
        reason: String,
    },
    /// The caller's mistake: more events than one batch takes. This one was not added.
    #[error(
        "a batch takes at most {BATCH_EVENTS_MAX} events, and {BATCH_BYTES_MAX} bytes of all together"
    )]
    BatchFull,
    /// Whoever configured this made a mistake: an address or a timeout that can't be understood.
    /// Nothing was sent.
    #[error("{setting}: {reason}")]
    Config {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong with it, and how it should look.
        reason: String,
    },
    /// No connection: pushd is not running, or listens somewhere else. Nothing was sent.
    #[error("can't connect to {attempt} ({source}): {}", advice(source))]
    Connect {
        /// Where, and after what time.
        attempt: Attempt,
        /// What the system says.
        source: io::Error,
    },
    /// The timeout has passed. Whether the event was published [depends on the
    /// stage](Error::may_be_published).
    #[error("timeout at {attempt} while {stage}: is pushd stopped or overloaded?")]
    Timeout {
        /// Where, and after what time.
        attempt: Attempt,
        /// What was being done.
        stage: Stage,
    },
    /// The connection ended before the answer: nobody knows whether the event was published.
    #[error(
        "the connection to {attempt} was lost before the answer ({reason}): \
         the event may or may not have been published; was pushd restarted? Its log says more"
    )]
    Closed {
        /// Where, and after what time.
        attempt: Attempt,
        /// How it ended.
        reason: String,
    },
    /// The answer is not one of pushd's, or not to this publish: something else listens there.
    #[error("no answer of pushd's from {attempt} ({reason}): is it pushd that listens there?")]
    Protocol {
        /// Where, and after what time.
        attempt: Attempt,
        /// What was wrong with the answer.
        reason: String,
    },
    /// pushd refuses to publish this or to speak with us at all; the same again gives the same.
    #[error("{attempt} refused to publish the event ({name}: {text})")]
    Refused {
        /// Where, and after what time.
        attempt: Attempt,
        /// The code's name in the protocol.
        name: &'static str,
        /// What pushd says.
        text: String,
    },
    /// The queue of events that are to be published in the background is full. It was not
    /// published; the same may work later.
    #[error("the event was not published: the queue holds {bytes_max} bytes, and they are used")]
    QueueFull {
        /// How much the queue may hold.
        bytes_max: usize,
    },
    /// Whoever published in the background did not wait for the answer: the event may or may not
    /// have been published.
    #[error("the client was freed before the event was answered")]
    Canceled,
    /// The system has no thread for publishing in the background. Nothing was published.
    #[error("can't start a thread: {source}")]
    Thread {
        /// What the system says.
        source: io::Error,
    },
    /// pushd has no room for the event now, or is about to end. It was not published; the same
    /// may work later.
    #[error("{attempt} can't take the event now ({text}): try again later")]
    Busy {
        /// Where, and after what time.
        attempt: Attempt,
        /// What pushd says.
        text: String,
    },
}

/// With whom, and how long it took until the failure.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The address that was used.
    pub address: Address,
    /// Time from the beginning of the publish.
    pub elapsed: Duration,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed_ms = self.elapsed.as_secs_f64() * 1e3;
        write!(f, "{} after {elapsed_ms:.1} ms", self.address)
    }
}

/// What a publish was doing when its time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for another thread's publish on the same connection.
    Waiting,
    /// Connecting. Nothing was sent.
    Connecting,
    /// Sending. The event did not arrive completely, and so was not published.
    Sending,
    /// Waiting for the answer: the event may or may not have been published.
    Answer,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting for other threads' publishes (the event was not published)",
            Self::Connecting => "connecting (the event was not published)",
            Self::Sending => "sending (the event was not published)",
            Self::Answer => "waiting for the answer (the event may or may not have been published)",
        })
    }
}

impl Error {
    /// The code that the C library returns for it, below 0: one of `PUSH_E...`.
    pub fn code(&self) -> c_int {
        match self {
            Self::Topic { .. } => codes::PUSH_ETOPIC,
            Self::Id { .. } => codes::PUSH_EINVAL,
            Self::Json { .. } => codes::PUSH_EJSON,
            Self::TooLarge { .. } | Self::BatchFull => codes::PUSH_ETOOBIG,
            Self::Config { .. } => codes::PUSH_ECONFIG,
            Self::Connect { .. } => codes::PUSH_ECONNECT,
            Self::Timeout { .. } => codes::PUSH_ETIMEOUT,
            Self::Closed { .. } => codes::PUSH_ECLOSED,
            Self::Protocol { .. } => codes::PUSH_EPROTOCOL,
            Self::Refused { .. } => codes::PUSH_EREFUSED,
            Self::Busy { .. } => codes::PUSH_EBUSY,
            Self::QueueFull { .. } => codes::PUSH_EFULL,
            Self::Canceled => codes::PUSH_ECANCELED,
            Self::Thread { .. } => codes::PUSH_ETHREAD,
        }
    }

    /// Whether the same call would fail with every server: something in the call, or in the
    /// configuration, has to be changed.
    pub fn is_callers_mistake(&self) -> bool {
        matches!(
            self,
            Self::Topic { .. }
                | Self::Id { .. }
                | Self::Json { .. }
                | Self::TooLarge { .. }
                | Self::BatchFull
                | Self::Config { .. }
        )
    }

    /// Whether browsers may have got the event in spite of the error. If not, publishing it again
    /// can't send it twice.
    pub fn may_be_published(&self) -> bool {
        match self {
            Self::Timeout { stage, .. } => *stage == Stage::Answer,
            Self::Closed { .. } | Self::Protocol { .. } | Self::Canceled => true,
            _ => false,
        }
    }

    pub(crate) fn config(setting: &'static str, reason: impl fmt::Display) -> Self {
        Self::Config {
            setting,
            reason: reason.to_string(),
        }
    }

    /// The error for a timeout that is no number, or out of bounds.
    pub(crate) fn timeout(setting: &'static str, value: &dyn fmt::Debug) -> Self {
        let (min_ms, max_ms) = (TIMEOUT_MIN.as_millis(), TIMEOUT_MAX.as_millis());
        Self::config(
            setting,
            format_args!("{value:?} is not a number of milliseconds from {min_ms} to {max_ms}"),
        )
    }

    /// The error for what pushd answered instead of a receipt.
    pub(crate) fn refused(attempt: Attempt, code: ErrorCode, text: String) -> Self {
        match code {
            ErrorCode::BadTopic => Self::Topic { reason: text },
            ErrorCode::BadId => Self::Id { reason: text },
            ErrorCode::TooLarge | ErrorCode::EventTooLarge => Self::TooLarge { reason: text },
            ErrorCode::Overloaded | ErrorCode::ShuttingDown => Self::Busy { attempt, text },
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

/// What to check when there is no connection.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            "is pushd running, and is this where it listens for publishers?"
        }
        io::ErrorKind::PermissionDenied => "may this user write to the socket?",
        _ => "is the address right, and can this machine reach it?",
    }
}
