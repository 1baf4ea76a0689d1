//! An event as browsers of the Pusher Channels protocol get it, if that is not made of the event alone.

use std::sync::Arc;

use bytes::Bytes;

use super::recipients::Recipients;
use crate::connection::SessionId;

/// The messages of one event, in order. Without any, these browsers get nothing.
pub(crate) type ChannelsForm = Arc<[ChannelsMessage]>;

/// A message of the Channels protocol.
#[derive(Debug)]
pub(crate) struct ChannelsMessage {
    frame: Bytes,
    /// `None` means all subscribers.
    recipients: Option<Arc<Recipients>>,
}

impl ChannelsMessage {
    /// `exclude` are the sessions that do not get it.
    pub(crate) fn new(frame: Vec<u8>, exclude: Vec<SessionId>) -> Self {
        let recipients = Recipients {
            exclude,
            ..Recipients::default()
        };
        Self {
            frame: frame.into(),
            recipients: (!recipients.exclude.is_empty()).then(|| recipients.into()),
        }
    }

    pub(super) fn frame(&self) -> &Bytes {
        &self.frame
    }

    pub(super) fn recipients(&self) -> Option<&Arc<Recipients>> {
        self.recipients.as_ref()
    }

    pub(super) fn is_for(&self, session: SessionId) -> bool {
        let recipients = self.recipients.as_ref();
        recipients.is_none_or(|recipients| recipients.include(session))
    }
}
