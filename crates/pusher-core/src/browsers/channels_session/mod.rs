//! The Pusher Channels protocol for one session: handles the browser's messages.

mod allowed;
mod answer;
mod client_event;
mod joins;
mod presence;
mod revoked;
mod sign_in;
mod verify;

use std::sync::Arc;
use std::task::Context as TaskContext;

use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::channels::{
    Channel, ChannelKind, ChannelsApp, ClientMessage, PONG, subscription_succeeded,
};
use pusher_proto::ticket::TicketFault;

use self::allowed::may_subscribe;
use self::answer::{Refused, miss_cache, refuse, send, send_error};
use self::joins::Joins;
use self::revoked::end_if_revoked;
use self::verify::verify_with_app;
use super::session_state::SessionState;
use super::violation::Violation;
use crate::connection::Topic;
use crate::handover;
use crate::hub::Since;

/// The state of a session that only the Channels protocol has.
#[derive(Default)]
pub(super) struct ChannelsSession {
    /// The user who has signed in.
    signed_in: Option<Arc<str>>,
    /// Presence channels that wait for their members.
    joins: Joins,
}

impl ChannelsSession {
    /// Returns the state for another process.
    pub(super) fn hand_over(&self) -> handover::Protocol {
        handover::Protocol::Channels {
            user: self.signed_in.as_deref().map(str::to_owned),
            has_signed_in: self.signed_in.is_some(),
        }
    }

    /// Continues a session of another process. Its users are those of its presence channels, and the given one.
    pub(super) fn take_over(
        state: &SessionState,
        user: Option<String>,
        has_signed_in: bool,
    ) -> Self {
        let (id, presence) = (state.session().id(), &state.context().presence);
        let members = state.topics().iter().filter(|topic| is_presence(topic));
        let members = members.filter_map(|topic| presence.sub_of(id, topic));
        let user: Option<Arc<str>> = user.map(Into::into);
        for sub in members.chain(user.clone()) {
            // The last process had no more either.
            let _full = state.add_user(&sub);
        }
        Self {
            signed_in: user.filter(|_| has_signed_in),
            joins: Joins::default(),
        }
    }

    /// Whether the session waits for the members of a channel. Another process cannot continue that.
    pub(super) fn is_joining(&self) -> bool {
        !self.joins.is_empty()
    }

    /// Joins the presence channels whose members have arrived.
    pub(super) fn poll(&mut self, state: &mut SessionState, task: &mut TaskContext<'_>) {
        self.joins.poll(state, task);
    }

    /// Handles one message.
    pub(super) fn receive(
        &mut self,
        state: &mut SessionState,
        text: &str,
    ) -> Result<(), Violation> {
        tracing::trace!(session = %state.session().id(), len = text.len(), "message");
        match ClientMessage::decode(text) {
            Ok(ClientMessage::Ping) => send(state, PONG),
            Ok(ClientMessage::Pong | ClientMessage::Unknown) => {}
            Ok(ClientMessage::Subscribe {
                channel,
                auth,
                channel_data,
            }) => {
                let subscribed =
                    self.subscribe(state, &channel, auth.as_deref(), channel_data.as_deref());
                if let Err(refused) = subscribed {
                    refuse(state, &channel, &refused);
                }
            }
            Ok(ClientMessage::Unsubscribe { channel }) => {
                self.joins.remove(&channel);
                unsubscribe(state, &channel);
            }
            Ok(ClientMessage::SignIn { auth, user_data }) => {
                self.sign_in(state, &auth, &user_data);
            }
            Ok(ClientMessage::ClientEvent {
                event,
                channel,
                data,
            }) => client_event::publish(state, &event, &channel, data),
            Err(fault) => send_error(state, fault.code(), &fault.to_string()),
        }
        Ok(())
    }

    fn subscribe(
        &mut self,
        state: &mut SessionState,
        name: &str,
        auth: Option<&str>,
        channel_data: Option<&str>,
    ) -> Result<(), Refused> {
        let channel = Channel::parse(name).map_err(|error| Refused::invalid(error.to_string()))?;
        self.check_auth(state, channel, auth, channel_data)?;
        // Without an answer yet: the last request counts.
        self.joins.remove(name);
        may_subscribe(state, channel, self.joins.reserved())?;
        if channel.is_presence() {
            return self.join(state, channel, channel_data.unwrap_or_default());
        }
        let subscription = state.subscribe(name, Since::Now);
        // The client may have lost the answer to its first request. The events go on.
        send(state, &subscription_succeeded(name, None));
        if let Some(subscription) = subscription {
            state.subscribed(&subscription.topic);
            miss_cache(state, channel, subscription.replayed);
        }
        Ok(())
    }

    /// Checks that the site, or the user's sign-in, allows a channel.
    fn check_auth(
        &self,
        state: &SessionState,
        channel: Channel<'_>,
        auth: Option<&str>,
        channel_data: Option<&str>,
    ) -> Result<(), Refused> {
        match channel.kind() {
            ChannelKind::Public => Ok(()),
            ChannelKind::User => {
                // Not the user of a presence channel: sites may let visitors choose that name.
                match self.signed_in.as_deref() == channel.user() {
                    true => Ok(()),
                    false => Err(Refused::auth("sign in as this user first".to_owned())),
                }
            }
            ChannelKind::Private | ChannelKind::Encrypted | ChannelKind::Presence => {
                let socket_id = state.session().id().socket_id();
                let verify = |app: &ChannelsApp| {
                    app.verify_channel_auth(
                        auth.unwrap_or_default(),
                        socket_id,
                        channel,
                        channel_data,
                    )
                };
                let verified = verify_with_app(state, verify);
                verified.map_err(|fault| Refused::auth(fault.to_string()))
            }
        }
    }

    /// Ends the subscriptions that the session may no longer have, or the connection of a user whose sessions the site has
    /// ended.
    pub(super) fn recheck(&mut self, state: &mut SessionState) {
        if end_if_revoked(state) {
            return;
        }
        let tickets = state.context().hub.tickets();
        let id = state.session().id();
        let fault = |topic: &Topic| {
            let is_checked = is_open(topic);
            let checked = is_checked.then(|| tickets.check(id, topic));
            Some((topic.clone(), checked?.err()?))
        };
        let denied: Vec<(Topic, TicketFault)> = state.topics().iter().filter_map(fault).collect();
        for (topic, fault) in denied {
            state.unsubscribe(&topic);
            refuse(state, &topic, &Refused::auth(fault.to_string()));
        }
    }
}

fn is_presence(topic: &str) -> bool {
    Channel::parse(topic).is_ok_and(|channel| channel.is_presence())
}

/// Whether a topic needs no `auth` of the site. It may need a ticket.
fn is_open(topic: &str) -> bool {
    let channel = Channel::parse(topic.strip_prefix(PRESENCE_PREFIX).unwrap_or(topic));
    channel.is_ok_and(|channel| !channel.needs_auth())
}

fn unsubscribe(state: &mut SessionState, channel: &str) {
    state.unsubscribe(channel);
    // A channel with presence has two topics.
    state.unsubscribe(&format!("{PRESENCE_PREFIX}{channel}"));
}
