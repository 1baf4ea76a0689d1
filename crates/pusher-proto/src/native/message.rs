//! What both sides say.

use std::borrow::Cow;

use super::ErrorCode;
use crate::publish::{Publish, Receipt};

/// What a publisher says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromPublisher<'a> {
    /// `[1, version]`, `[1, version, options]`
    Hello {
        /// The highest version that the publisher speaks.
        version: u32,
        /// What it shows to be allowed to publish.
        token: Option<Cow<'a, str>>,
    },
    /// `[3, request, topic, event]`, `[3, request, topic, event, options]`
    Publish {
        /// Comes back in the answer.
        request: u64,
        /// What to publish, the topic not yet checked.
        publish: Publish<'a>,
        /// What tells this publish from all others in its topic, not yet checked.
        id: Option<Cow<'a, str>>,
    },
    /// A type that this version does not know.
    Unknown {
        /// The type's number.
        kind: u64,
    },
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromServer<'a> {
    /// `[2, version, server, limits]`
    Welcome {
        /// The version that both will use.
        version: u32,
        /// Name and version of the server, for people.
        server: Cow<'a, str>,
    },
    /// `[4, request, sequence, subscribers]`
    Receipt {
        /// The publish's `request`.
        request: u64,
        /// What was done.
        receipt: Receipt,
    },
    /// `[5, request, code, text]`
    Error {
        /// The publish's `request`, if it is about one.
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

/// A message that is not of this protocol; the text says what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub(super) String);
