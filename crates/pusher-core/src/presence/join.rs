//! Presence channels of the Channels protocol: joining, and what their pages are told.

use std::sync::Arc;

use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::channels::{member_added, member_removed};
use pusher_proto::wamp::append_text_frame;

use super::event::{Change, Member, Members};
use super::local_members::LocalMembers;
use super::told::Told;
use super::{MEMBERS_MAX, Presence};
use crate::connection::SessionId;
use crate::hub::{ChannelsForm, ChannelsMessage, SharedEvent};

/// The members of a channel at all servers, as Redis has returned them.
#[derive(Debug)]
pub(crate) struct ReadMembers {
    pub(crate) members: Members,
    /// [`Hub::presence_events`](crate::hub::Hub::presence_events) before the question. `None` takes the members in any case.
    pub(crate) events_before: Option<u64>,
}

/// Why a session does not join a presence channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotJoined {
    /// The members at the other servers must be read first, or have changed meanwhile.
    Unknown,
    Full,
    /// The session is a member already, as another user.
    OtherUser,
}

impl Presence {
    /// Makes a session a member of a presence channel, and calls `subscribe`. Returns the members: between these and what
    /// the subscription brings, no change is missing or doubled.
    pub(crate) fn join(
        &self,
        session: SessionId,
        channel: &str,
        member: Member,
        read: Option<ReadMembers>,
        now_ms: u64,
        subscribe: impl FnOnce(),
    ) -> Result<Members, NotJoined> {
        let mut topics = self.topics.lock();
        let members = topics.entry(channel.into()).or_default();
        if members.sub_of(session).is_some_and(|sub| sub != member.sub) {
            return Err(NotJoined::OtherUser);
        }
        if self.hub.shared_log().is_some() && members.told.is_none() {
            members.told = Some(Told::new(self.current(channel, read)?));
        }
        if members.is_full_for(&member.sub) {
            return Err(NotJoined::Full);
        }
        // Before the subscription, so that the user does not hear of itself.
        self.enter(members, session, channel, member.clone(), now_ms);
        subscribe();
        Ok(match &members.told {
            None => members.list(),
            Some(told) => told.members().including(member),
        })
    }

    /// Returns the members that were read, if no event of the channel's presence has arrived meanwhile.
    pub(super) fn current(
        &self,
        channel: &str,
        read: Option<ReadMembers>,
    ) -> Result<Members, NotJoined> {
        let read = read.ok_or(NotJoined::Unknown)?;
        let now = self.hub.presence_events(channel);
        match read.events_before.is_none_or(|before| before == now) {
            true => Ok(read.members),
            false => Err(NotJoined::Unknown),
        }
    }

    /// Returns the channels with pages that know the members.
    pub(crate) fn told_channels(&self) -> Vec<Box<str>> {
        let topics = self.topics.lock();
        let told = topics.iter().filter(|(_, members)| members.told.is_some());
        told.map(|(channel, _)| channel.clone()).collect()
    }

    /// Returns the number of members that the pages of a channel know. `None` if there are no such pages.
    pub(crate) fn told_count(&self, channel: &str) -> Option<usize> {
        Some(self.topics.lock().get(channel)?.told.as_ref()?.len())
    }

    /// Delivers an event of the shared log that tells a change of members.
    pub(crate) fn deliver(&self, event: SharedEvent<'_>) {
        let mut topics = self.topics.lock();
        let channel = event.topic.strip_prefix(PRESENCE_PREFIX);
        let channels = channel.and_then(|channel| {
            let members = topics.get_mut(channel)?;
            members.channels_form(channel, event.event)
        });
        self.hub.append_shared(SharedEvent { channels, ..event });
    }
}

impl LocalMembers {
    /// Whether the channel has so many members, at all servers as far as this one knows, that another user cannot join.
    fn is_full_for(&self, sub: &str) -> bool {
        let is_member = self.has_user(sub) || self.is_told(sub);
        let told = self.told.as_ref().map_or(0, Told::len);
        let untold = self.subs().filter(|sub| !self.is_told(sub)).count();
        !is_member && told + untold >= MEMBERS_MAX
    }

    fn is_told(&self, sub: &str) -> bool {
        self.told.as_ref().is_some_and(|told| told.contains(sub))
    }

    /// Returns an event of the shared log as changes of members. `None` if this server has not told its pages the members.
    fn channels_form(&mut self, channel: &str, event: &str) -> Option<ChannelsForm> {
        let changes = self.told.as_mut()?.take(event);
        let messages = changes.into_iter().map(|change| {
            // Pages know their own user in any case.
            let exclude = self.sessions_of(&change.member().sub);
            ChannelsMessage::new(frame(channel, &change), exclude)
        });
        Some(Arc::from_iter(messages))
    }
}

fn frame(channel: &str, change: &Change) -> Vec<u8> {
    let text = match change {
        Change::Joined(member) => member_added(channel, &member.sub, member.info.as_deref()),
        Change::Left(member) => member_removed(channel, &member.sub),
    };
    let mut frame = Vec::new();
    append_text_frame(&mut frame, text.as_bytes());
    frame
}
