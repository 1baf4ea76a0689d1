//! One event in the log.

use std::sync::Arc;

use bytes::Bytes;

use crate::connection::{SessionId, Topic};
use crate::hub::recipients::Recipients;

/// Bytes that each entry counts in addition to its frame: about the memory of its bookkeeping.
pub(super) const ENTRY_COST: usize = 160;

/// An event for the log.
#[derive(Debug)]
pub(in crate::hub) struct NewEvent {
    /// The WAMP v1 frame of the event.
    pub(in crate::hub) frame: Bytes,
    /// Offset of the event in the frame. It ends before the frame's last byte.
    pub(in crate::hub) event_start: usize,
    /// Subscribers that may receive it. `None` means all.
    pub(in crate::hub) recipients: Option<Arc<Recipients>>,
    /// Time of the publish in ms of the log's clock.
    pub(in crate::hub) at_ms: u64,
}

/// An event with its sequence number.
#[derive(Debug)]
pub(in crate::hub) struct Entry {
    pub(in crate::hub) sequence: u64,
    pub(in crate::hub) topic: Topic,
    /// Time of the publish in ms of the log's clock.
    pub(in crate::hub) at_ms: u64,
    frame: Bytes,
    event_start: usize,
    recipients: Option<Arc<Recipients>>,
}

impl Entry {
    pub(super) fn new(sequence: u64, topic: &Topic, event: NewEvent) -> Self {
        Self {
            sequence,
            topic: topic.clone(),
            at_ms: event.at_ms,
            frame: event.frame,
            event_start: event.event_start,
            recipients: event.recipients,
        }
    }

    /// Returns the bytes that count against the limits of the log.
    pub(super) fn len(&self) -> usize {
        self.frame.len() + ENTRY_COST
    }

    /// Returns the WAMP v1 frame.
    pub(in crate::hub) fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// Returns the event, one JSON value.
    pub(in crate::hub) fn event(&self) -> &[u8] {
        let end = self.frame.len().saturating_sub(1);
        self.frame.get(self.event_start..end).unwrap_or_default()
    }

    /// Whether some sessions may not receive the event.
    pub(in crate::hub) fn is_restricted(&self) -> bool {
        self.recipients.is_some()
    }

    /// Whether the event is only for chosen sessions. After a restart there are none of them.
    pub(in crate::hub) fn is_for_chosen(&self) -> bool {
        let recipients = self.recipients.as_ref();
        recipients.is_some_and(|recipients| recipients.eligible.is_some())
    }

    /// Whether a session may receive the event.
    pub(in crate::hub) fn is_for(&self, session: SessionId) -> bool {
        let recipients = self.recipients.as_ref();
        recipients.is_none_or(|recipients| recipients.include(session))
    }
}
