//! PUBLISH: a browser that may publish.

use std::borrow::Cow;

use pusher_proto::wamp::Recipients as WireRecipients;

use super::WampSession;
use crate::browsers::session_state::SessionState;
use crate::browsers::violation::Violation;
use crate::connection::SessionId;
use crate::hub::{PublishError, Recipients};
use crate::stats::ViolationKind;

impl WampSession {
    pub(super) fn publish(
        &mut self,
        state: &mut SessionState,
        topic: Cow<'_, str>,
        event: &str,
        recipients: &WireRecipients<'_>,
    ) -> Result<(), Violation> {
        let topic = self.prefixes.resolve(topic);
        let application = &state.context().application;
        if !application.may_publish(state.session(), &topic, event) {
            let reason = "not allowed to publish".to_owned();
            return Err(Violation::new(ViolationKind::Publish, reason));
        }
        let recipients = recipients_of(recipients, state.session().id());
        let error = match state.publish(&topic, event, recipients) {
            // During shutdown send no close frame for a refusal: some clients do not reconnect after one.
            Ok(_) | Err(PublishError::Ending) => return Ok(()),
            Err(error) => error,
        };
        let kind = match error {
            PublishError::Topic(_) => ViolationKind::TopicLen,
            PublishError::EventTooLong { .. } => ViolationKind::EventLen,
            _ => ViolationKind::InvalidData,
        };
        Err(Violation::new(kind, error.to_string()))
    }
}

/// Converts the recipients of a PUBLISH by the session `own`. `None` means all subscribers.
fn recipients_of(wire: &WireRecipients<'_>, own: SessionId) -> Option<Recipients> {
    if *wire == WireRecipients::default() {
        return None;
    }
    let parse = |ids: &[Cow<'_, str>]| ids.iter().filter_map(|id| SessionId::parse(id)).collect();
    let mut exclude: Vec<_> = parse(&wire.exclude);
    if wire.exclude_me {
        exclude.push(own);
    }
    let eligible = (!wire.eligible.is_empty()).then(|| parse(&wire.eligible));
    Some(Recipients {
        exclude,
        eligible,
        ..Recipients::default()
    })
}
