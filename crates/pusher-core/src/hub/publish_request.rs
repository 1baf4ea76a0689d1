//! A publish before it is accepted.

use super::recipients::Recipients;
use crate::stats::Source;

/// A publish whose event is known to be one JSON value.
#[derive(Debug)]
pub(crate) struct Publish<'a> {
    pub(crate) topic: &'a str,
    pub(crate) event: &'a str,
    /// Subscribers that get the event. `None` means all.
    pub(crate) recipients: Option<Recipients>,
    /// The id, which must be checked for repetition before.
    pub(crate) id: Option<&'a str>,
    pub(crate) source: Source,
}

impl<'a> Publish<'a> {
    /// Returns a publish without an id, for all subscribers.
    pub(crate) fn new(topic: &'a str, event: &'a str, source: Source) -> Self {
        Self {
            topic,
            event,
            recipients: None,
            id: None,
            source,
        }
    }
}
