//! One event in the log.

use std::sync::Arc;

use crate::connection::{SessionId, Topic};
use crate::hub::channels_form::ChannelsForm;
use crate::hub::event_frame::EventFrame;
use crate::hub::recipients::Recipients;

/// Bytes that each entry counts in addition to its frame: about the memory of its bookkeeping.
pub(super) const ENTRY_COST: usize = 160;

/// An event for the log.
#[derive(Debug)]
pub(in crate::hub) struct NewEvent {
    pub(in crate::hub) frame: EventFrame,
    /// Subscribers that may receive it. `None` means all.
    pub(in crate::hub) recipients: Option<Arc<Recipients>>,
    /// Time of the publish in ms of the log's clock.
    pub(in crate::hub) at_ms: u64,
    /// `None` if the form in the Channels protocol is made of the event alone.
    pub(in crate::hub) channels: Option<ChannelsForm>,
}

/// An event with its sequence number.
#[derive(Debug)]
pub(in crate::hub) struct Entry {
    pub(in crate::hub) sequence: u64,
    pub(in crate::hub) topic: Topic,
    /// Time of the publish in ms of the log's clock.
    pub(in crate::hub) at_ms: u64,
    frame: EventFrame,
    recipients: Option<Arc<Recipients>>,
    channels: Option<ChannelsForm>,
}

impl Entry {
    pub(in crate::hub) fn new(sequence: u64, topic: &Topic, event: NewEvent) -> Self {
        Self {
            sequence,
            topic: topic.clone(),
            at_ms: event.at_ms,
            frame: event.frame,
            recipients: event.recipients,
            channels: event.channels,
        }
    }

    /// Returns the bytes that count against the limits of the log.
    pub(in crate::hub) fn len(&self) -> usize {
        let messages = self.channels.iter().flat_map(|form| form.iter());
        let channels: usize = messages.map(|message| message.frame().len()).sum();
        self.frame.len() + channels + ENTRY_COST
    }

    pub(in crate::hub) fn frame(&self) -> &EventFrame {
        &self.frame
    }

    /// Returns the event, one JSON value.
    pub(in crate::hub) fn event(&self) -> &[u8] {
        self.frame.event()
    }

    /// Returns the messages for browsers of the Channels protocol. `None` if they are made of the event alone.
    pub(in crate::hub) fn channels(&self) -> Option<&ChannelsForm> {
        self.channels.as_ref()
    }

    pub(super) fn recipients(&self) -> Option<&Recipients> {
        self.recipients.as_deref()
    }

    /// Whether some sessions may not receive the event.
    pub(in crate::hub) fn is_restricted(&self) -> bool {
        let mut messages = self.channels.iter().flat_map(|form| form.iter());
        self.recipients.is_some() || messages.any(|message| message.recipients().is_some())
    }

    /// Whether the event is only for chosen sessions. After a restart there are none of them. (After a hand-over there
    /// are: one that is behind such an event on disk does not get it.)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::channels_form::ChannelsMessage;

    const SESSION: u128 = 7;

    fn entry(recipients: Option<Recipients>, channels: Option<Vec<ChannelsMessage>>) -> Entry {
        let event = NewEvent {
            frame: EventFrame::new(b"12]".to_vec(), 2),
            recipients: recipients.map(Arc::new),
            at_ms: 0,
            channels: channels.map(Arc::from),
        };
        Entry::new(1, &Topic::from("t"), event)
    }

    fn eligible(id: u128) -> Option<Recipients> {
        Some(Recipients {
            eligible: Some(vec![SessionId::from_u128(id)]),
            ..Recipients::default()
        })
    }

    #[test]
    fn an_entry_counts_the_messages_of_all_protocols() {
        let frames = [b"four".to_vec(), b"5".to_vec()];
        let messages = frames.map(|frame| ChannelsMessage::new(frame, Vec::new()));
        let entry = entry(None, Some(messages.into()));
        assert_eq!((entry.frame().len(), entry.event()), (3, &b"12"[..]));
        assert_eq!(entry.channels().map(|form| form.len()), Some(2));
        assert_eq!(entry.len(), 3 + 5 + ENTRY_COST);
    }

    #[test]
    fn recipients_of_the_event_and_of_its_messages_restrict_an_entry() {
        let session = SessionId::from_u128(SESSION);
        let message = |exclude| Some(vec![ChannelsMessage::new(b"1".to_vec(), exclude)]);
        for (entry, is_restricted, is_for_chosen, is_for) in [
            (entry(None, None), false, false, true),
            (entry(None, message(Vec::new())), false, false, true),
            (entry(None, message(vec![session])), true, false, true),
            (entry(Some(Recipients::default()), None), true, false, true),
            (entry(eligible(SESSION), None), true, true, true),
            (entry(eligible(SESSION + 1), None), true, true, false),
        ] {
            let found = (
                entry.is_restricted(),
                entry.is_for_chosen(),
                entry.is_for(session),
            );
            assert_eq!(found, (is_restricted, is_for_chosen, is_for), "{entry:?}");
        }
        assert_eq!(entry(None, None).recipients(), None);
        let chosen = entry(eligible(SESSION), None);
        assert_eq!(chosen.recipients(), eligible(SESSION).as_ref());
    }
}
