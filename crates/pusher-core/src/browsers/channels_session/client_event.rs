//! Events that browsers send to the other subscribers of a channel.

use pusher_proto::channels::{Channel, ErrorCode, compose_client_event};

use super::answer::send_error;
use crate::browsers::session_state::SessionState;
use crate::hub::{PublishError, Recipients};

/// Publishes a client event to all other subscribers. Tells the client if that fails.
pub(super) fn publish(state: &mut SessionState, event: &str, name: &str, data: &str) {
    let published = check(state, name).and_then(|channel| {
        let id = state.session().id();
        let sub = match channel.is_presence() {
            true => state.context().presence.sub_of(id, name),
            false => None,
        };
        let event = compose_client_event(event, data, sub.as_deref());
        let recipients = Recipients {
            exclude: vec![id],
            ..Recipients::default()
        };
        match state.publish(name, &event, Some(recipients)) {
            // While the server ends, the page connects again, and finds out for itself.
            Ok(_) | Err(PublishError::Ending) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
    if let Err(text) = published {
        send_error(state, Some(ErrorCode::ClientEvent), &text);
    }
}

fn check<'a>(state: &SessionState, name: &'a str) -> Result<Channel<'a>, String> {
    let channel = Channel::parse(name).map_err(|error| error.to_string())?;
    if !channel.allows_client_events() {
        return Err("client events are only for private and presence channels".to_owned());
    }
    if !state.context().live.options().allows_client_events(name) {
        return Err(
            "the channel has no client events: see the setting pusher-client-events".to_owned(),
        );
    }
    match state.topics().contains(name) {
        true => Ok(channel),
        false => Err(format!(
            "subscribe to {name:?} before you send events to it"
        )),
    }
}
