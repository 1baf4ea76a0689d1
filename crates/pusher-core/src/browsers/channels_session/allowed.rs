//! The rules of the server for subscriptions.

use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::channels::Channel;

use super::answer::Refused;
use crate::browsers::session_state::{NotAllowed, SessionState};

/// Topics beside those that a session has, and the length of their names.
#[derive(Default)]
pub(super) struct Reserved {
    topics: usize,
    len: usize,
}

impl Reserved {
    fn with(self, topic: &str) -> Self {
        Self {
            topics: self.topics + 1,
            len: self.len + topic.len(),
        }
    }

    /// Adds both topics of a presence channel.
    pub(super) fn with_presence_channel(self, name: &str) -> Self {
        let both = self.with(name).with(name);
        Self {
            len: both.len + PRESENCE_PREFIX.len(),
            ..both
        }
    }
}

/// Checks the rules of the server. `reserved` are topics that the session is about to have.
pub(super) fn may_subscribe(
    state: &SessionState,
    channel: Channel<'_>,
    reserved: Reserved,
) -> Result<(), Refused> {
    let name = channel.name();
    let allowed = match channel.needs_auth() {
        true => state.may_subscribe_signed(name),
        false => state.may_subscribe(name),
    };
    allowed.map_err(|reason| match reason {
        NotAllowed::Topic(error) => Refused::invalid(error.to_string()),
        NotAllowed::Ticket(fault) => {
            let peer = state.session().peer_addr().to_string();
            state.context().hub.tickets().refused(&peer, name, fault);
            Refused::auth(fault.to_string())
        }
        NotAllowed::Application => Refused::auth("not allowed to subscribe".to_owned()),
    })?;
    let limits = state.context().live.limits();
    let needed = match channel.is_presence() {
        true => reserved.with_presence_channel(name),
        false => reserved.with(name),
    };
    if state.topics().len() + needed.topics > limits.topics_max {
        let text = format!("a connection has at most {} topics", limits.topics_max);
        return Err(Refused::limit(text));
    }
    if state.topics().bytes() + needed.len > limits.topics_len_max {
        let text = format!(
            "the names of a connection's topics have at most {} bytes",
            limits.topics_len_max
        );
        return Err(Refused::limit(text));
    }
    Ok(())
}
