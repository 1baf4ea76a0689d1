//! The WAMP v1 frame of an event.

use std::sync::Arc;

use bytes::Bytes;

use crate::connection::counted_bytes;
use crate::stats::Counters;

/// A whole WebSocket frame with an EVENT of WAMP v1. The frames of the other protocols are made of the event in it.
#[derive(Debug, Clone, Default)]
pub(super) struct EventFrame {
    bytes: Bytes,
    /// Offset of the event. It ends before the last byte.
    event_start: usize,
}

impl EventFrame {
    /// `bytes` end with the event, of `event_len` bytes, and a bracket.
    pub(super) fn new(bytes: impl Into<Bytes>, event_len: usize) -> Self {
        let bytes = bytes.into();
        Self {
            event_start: bytes.len().saturating_sub(event_len + 1),
            bytes,
        }
    }

    /// Returns a frame that shares the bytes, and counts their `capacity` until its last copy is dropped.
    pub(super) fn counted(&self, capacity: usize, counters: &Arc<Counters>) -> Self {
        Self {
            bytes: counted_bytes(self.bytes.clone(), capacity, counters),
            ..*self
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the event, one JSON value.
    pub(super) fn event(&self) -> &[u8] {
        let end = self.len().saturating_sub(1);
        self.bytes.get(self.event_start..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use pusher_proto::wamp::event_frame;

    use super::*;

    #[test]
    fn the_event_is_found_in_the_frame() {
        let event = r#"{"a":[1]}"#;
        let frame = EventFrame::new(event_frame("t", event), event.len());
        assert_eq!(frame.event(), event.as_bytes());
        assert_eq!(EventFrame::default().event(), b"");
    }
}
