//! Members as another process takes them over.

use std::collections::HashSet;

use pusher_proto::channels::Channel;

use super::told::Told;
use super::{Member, Presence, ReadMembers};
use crate::handover;

impl Presence {
    /// Returns all members at this server.
    pub(crate) fn hand_over(&self) -> Vec<handover::Member> {
        let topics = self.topics.lock();
        let members = topics.iter().flat_map(|(topic, members)| {
            members.all().map(|member| handover::Member {
                topic: topic.to_string(),
                sub: member.sub.to_string(),
                info: member.info.as_deref().map(str::to_owned),
                issued_s: member.issued_s,
            })
        });
        members.collect()
    }

    /// Takes over members. They stay for a while, as after the loss of their last connection, so that their sessions can
    /// join again. Nobody is told.
    pub(crate) fn take_over(&self, handed: Vec<handover::Member>, now_ms: u64) {
        let mut topics = self.topics.lock();
        let mut channels = HashSet::new();
        for handover::Member {
            topic,
            sub,
            info,
            issued_s,
        } in handed
        {
            if self.hub.shared_log().is_some() && is_presence_channel(&topic) {
                channels.insert(Box::from(&*topic));
            }
            let member = Member {
                sub: sub.into(),
                info: info.map(Into::into),
                issued_s,
            };
            topics
                .entry(topic.into())
                .or_default()
                .expect(member, now_ms);
        }
        *self.taken_over.lock() = channels;
    }

    /// Removes and returns the presence channels of another process whose pages know members that this server does not know
    /// to be told. Then call [`take_over_told`](Self::take_over_told).
    pub(crate) fn take_taken_over(&self) -> HashSet<Box<str>> {
        std::mem::take(&mut *self.taken_over.lock())
    }

    /// Records the members that the pages of a channel know from another process. If they have changed meanwhile, or Redis
    /// did not answer, the channel must be asked for again.
    pub(crate) fn take_over_told(&self, channel: &str, read: Option<ReadMembers>) {
        let mut topics = self.topics.lock();
        let Some(members) = topics.get_mut(channel).filter(|one| one.told.is_none()) else {
            return;
        };
        match self.current(channel, read) {
            Ok(current) => members.told = Some(Told::new(current)),
            Err(_) => {
                self.taken_over.lock().insert(channel.into());
            }
        }
    }

    /// Returns a member of a topic.
    pub(crate) fn member(&self, topic: &str, sub: &str) -> Option<Member> {
        self.topics.lock().get(topic)?.user(sub)
    }
}

fn is_presence_channel(topic: &str) -> bool {
    Channel::parse(topic).is_ok_and(Channel::is_presence)
}
