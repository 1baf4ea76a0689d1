//! The messages of both sides.

use std::borrow::Cow;

use super::ErrorCode;
use crate::publish::{Publish, Receipt};

/// A message of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromPublisher<'a> {
    /// `[1, version]`, `[1, version, options]`
    Hello {
        /// The highest version that the publisher speaks.
        version: u32,
        /// The publish token.
        token: Option<Cow<'a, str>>,
        /// Whether the publisher writes refused events to a spool.
        has_spool: bool,
    },
    /// `[3, request, topic, event]`, `[3, request, topic, event, options]`, or with `exclude`
    /// `[14, request, topic, event, exclude]`, `[14, request, topic, event, exclude, options]`
    Publish {
        /// The number that the answer repeats.
        request: u64,
        /// Topic and event. The topic is not checked yet.
        publish: Publish<'a>,
        /// The id, unique in its topic. Not checked yet.
        id: Option<Cow<'a, str>>,
        /// The session that does not get the event. Not checked yet: parse it as a [`SessionName`](crate::SessionName).
        exclude: Option<Cow<'a, str>>,
    },
    /// `[6, request]`
    Position {
        /// The number that the answer repeats.
        request: u64,
    },
    /// `[8, request]`
    Drain {
        /// The number that the answer repeats.
        request: u64,
    },
    /// `[10, request, sub]`, `[10, request, sub, before]`
    Revoke {
        /// The number that the answer repeats.
        request: u64,
        /// The user whose tickets end. Not checked yet.
        sub: Cow<'a, str>,
        /// Tickets that were signed up to this Unix time end, in seconds. `None` means now, on the server's clock.
        before_s: Option<u64>,
    },
    /// `[12, request, topic]`
    Presence {
        /// The number that the answer repeats.
        request: u64,
        /// Not checked yet.
        topic: Cow<'a, str>,
    },
    /// A type that this version does not know.
    Unknown {
        /// The type's number.
        kind: u64,
    },
}

/// A message of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer<'a> {
    /// `[2, version, server, limits]`
    Welcome {
        /// The version that both sides use.
        version: u32,
        /// Name and version of the server, for people.
        server: Cow<'a, str>,
    },
    /// `[4, request, sequence, subscribers]`, `[4, request, sequence, subscribers, options]`
    Receipt {
        /// The publish's `request`.
        request: u64,
        /// The receipt itself.
        receipt: Receipt,
    },
    /// `[7, request, position]`
    Position {
        /// The request's number.
        request: u64,
        /// The position as text, to pass on.
        position: Cow<'a, str>,
    },
    /// `[9, request]`
    Drained {
        /// The request's number.
        request: u64,
    },
    /// `[11, request, sessions]`
    Revoked {
        /// The request's number.
        request: u64,
        /// Number of sessions at this server whose tickets ended.
        sessions: u64,
    },
    /// `[13, request, count, members]`
    Members {
        /// The request's number.
        request: u64,
        /// Number of members of the topic.
        count: u64,
        /// The members as a JSON array of `{"sub":...,"info":...}`, to pass on. It has the first 100.
        members: &'a str,
    },
    /// `[5, request, code, text]`
    Error {
        /// The publish's `request`, if the error is about one.
        request: Option<u64>,
        /// For programs.
        code: ErrorCode,
        /// For people.
        text: Cow<'a, str>,
    },
    /// A type that this version does not know: ignore it.
    Unknown {
        /// The type's number.
        kind: u64,
    },
}

/// A message that is not valid in this protocol. The text names the mistake and its position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub(super) String);
