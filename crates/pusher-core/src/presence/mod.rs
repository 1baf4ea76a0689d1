//! Who is subscribed to a topic.
//!
//! A *member* of a topic is a user, the `sub` of a ticket, with at least one session that is subscribed to the topic. This
//! room knows the members at this server ([`LocalMembers`]). If the server shares its log with others, the room `nodes` joins
//! them to those of the others, in Redis. The events of `pushd:presence:TOPIC` tell the changes.

mod changes;
mod event;
mod handed_over;
mod join;
mod local_members;
mod told;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use pusher_proto::PRESENCE_PREFIX;
use tokio::sync::Notify;

use crate::config::Live;
use crate::connection::SessionId;
use crate::hub::{Accepted, Hub, Publish, PublishError};
use crate::stats::{Counters, Source};
use changes::Changes;
use local_members::LocalMembers;

pub(crate) use changes::Recorded;
pub(crate) use event::{Change, MEMBERS_MAX, Member, Members, of_change};
pub(crate) use join::{NotJoined, ReadMembers};

/// Time for which a user without a session stays a member, in ms: a page that is loaded again comes back.
const GRACE_MS: u64 = 5000;

/// A `sub`, and the member if it is at this server.
pub(crate) type User = (Arc<str>, Option<Member>);

/// Topics and `sub`s.
type Unshared = HashSet<(Box<str>, Arc<str>), RandomState>;

/// The members of all topics at this server.
#[derive(Debug)]
pub(crate) struct Presence {
    hub: Hub,
    live: Arc<Live>,
    counters: Arc<Counters>,
    /// Held while the events of a change are published, so that they are in the order of the changes.
    topics: Mutex<HashMap<Box<str>, LocalMembers, RandomState>>,
    /// Number of sessions that are in `topics`. While it is 0, sessions need not look there.
    sessions: AtomicUsize,
    /// Users whose presence the other servers do not know yet. Only if the server shares its log. The lock order is `topics`,
    /// `unshared`.
    unshared: Mutex<Unshared>,
    has_unshared: Notify,
    /// Presence channels of another process. The lock order is `topics`, `taken_over`.
    taken_over: Mutex<HashSet<Box<str>>>,
    /// Changes for webhooks.
    changes: Changes,
}

impl Presence {
    pub(crate) fn new(hub: Hub, live: Arc<Live>, counters: Arc<Counters>) -> Self {
        Self {
            hub,
            live,
            counters,
            topics: Mutex::default(),
            sessions: AtomicUsize::new(0),
            unshared: Mutex::default(),
            has_unshared: Notify::new(),
            taken_over: Mutex::default(),
            changes: Changes::default(),
        }
    }

    /// Whether any topic has presence.
    pub(crate) fn is_wanted(&self) -> bool {
        self.live.options().may_have_presence()
    }

    /// Whether the server tells who is subscribed to a topic.
    pub(crate) fn is_on(&self, topic: &str) -> bool {
        self.live.options().has_presence(topic)
    }

    /// Records that a session is subscribed to a topic as a member, or that its member has changed. Without one, the
    /// session is no member.
    pub(crate) fn update(
        &self,
        session: SessionId,
        topic: &str,
        member: Option<Member>,
        now_ms: u64,
    ) {
        let Some(member) = member.filter(|_| self.is_on(topic)) else {
            return self.leave(session, topic, now_ms);
        };
        let mut topics = self.topics.lock();
        let members = topics.entry(topic.into()).or_default();
        self.enter(members, session, topic, member, now_ms);
    }

    /// Records that a session is subscribed as a member, and tells it.
    fn enter(
        &self,
        members: &mut LocalMembers,
        session: SessionId,
        topic: &str,
        member: Member,
        now_ms: u64,
    ) {
        let mut has_joined = false;
        if !members.is_member(session, &member) {
            if members.leave(session, now_ms) {
                self.sessions.fetch_sub(1, Ordering::Relaxed);
            }
            self.sessions.fetch_add(1, Ordering::Relaxed);
            has_joined = members.join(session, member.clone());
        }
        let count = members.len();
        if !has_joined {
            if !members.renew(&member) {
                return;
            }
            // Clients ignore a join of a member that they know.
            self.tell(topic, members, &Change::Left(member.clone()), count - 1);
        }
        self.share(topic, &member.sub);
        self.tell(topic, members, &Change::Joined(member), count);
    }

    /// Records that a session is no longer subscribed to a topic.
    pub(crate) fn leave(&self, session: SessionId, topic: &str, now_ms: u64) {
        if self.sessions.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut topics = self.topics.lock();
        if let Some(members) = topics.get_mut(topic)
            && members.leave(session, now_ms)
        {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Removes the users that left some time ago, and publishes the members of topics whose changes were too many to tell
    /// each. Counts topics and members for the figures. Called once a second.
    pub(crate) fn tick(&self, now_ms: u64) {
        if self.hub.is_closed() {
            // The events could not be published. If another process takes over, it publishes them.
            return;
        }
        let mut topics = self.topics.lock();
        for (topic, members) in topics.iter_mut() {
            let left = members.take_left(now_ms.saturating_sub(GRACE_MS));
            for (index, member) in left.iter().enumerate() {
                self.share(topic, &member.sub);
                let count = members.len() + left.len() - index - 1;
                self.tell(topic, members, &Change::Left(member.clone()), count);
            }
            if members.is_behind() {
                members.set_behind(false);
                self.publish_now(topic, &members.list().event());
            }
        }
        topics.retain(|_, members| !members.is_empty());
        let members: usize = topics.values().map(LocalMembers::len).sum();
        self.counters.presence_topics.set(topics.len() as u64);
        self.counters.presence_members.set(members as u64);
    }

    /// Returns the members of a topic at this server.
    pub(crate) fn members(&self, topic: &str) -> Members {
        let topics = self.topics.lock();
        topics
            .get(topic)
            .map_or_else(Members::default, LocalMembers::list)
    }

    /// Returns the number of members of a topic at this server.
    pub(crate) fn count(&self, topic: &str) -> usize {
        let topics = self.topics.lock();
        topics.get(topic).map_or(0, LocalMembers::len)
    }

    /// Returns the `sub` of a session in a topic, if it is a member.
    pub(crate) fn sub_of(&self, session: SessionId, topic: &str) -> Option<Arc<str>> {
        self.topics.lock().get(topic)?.sub_of(session)
    }

    /// Returns the member that a session is in a topic.
    pub(crate) fn member_of(&self, session: SessionId, topic: &str) -> Option<Member> {
        let topics = self.topics.lock();
        let members = topics.get(topic)?;
        members.user(&members.sub_of(session)?)
    }

    /// Whether a topic has a member at this server.
    pub(crate) fn has_members(&self, topic: &str) -> bool {
        self.topics.lock().contains_key(topic)
    }

    /// Returns the changes of members since the last call, in order. The first call returns all members at this server as
    /// new ones. If the server shares its log, a change is at the node that has told the others of it.
    pub(crate) fn take_changes(&self) -> Recorded {
        let topics = self.topics.lock();
        if let Some(recorded) = self.changes.take() {
            return recorded;
        }
        let max = self.changes_max();
        let mut recorded = Recorded::default();
        for (topic, members) in topics.iter() {
            for member in members.all() {
                recorded.push(topic, Change::Joined(member), max);
            }
        }
        recorded
    }

    /// Stops the recording of changes until the next call of [`take_changes`](Self::take_changes).
    pub(crate) fn stop_changes(&self) {
        self.changes.stop();
    }

    /// Records a change for [`take_changes`](Self::take_changes).
    pub(crate) fn record(&self, topic: &str, change: &Change) {
        self.changes.record(topic, change, self.changes_max());
    }

    fn changes_max(&self) -> usize {
        self.live.limits().webhook_events_max
    }

    /// Records and publishes a change, if the server has a log of its own. Otherwise the room `nodes` does.
    fn tell(&self, topic: &str, members: &mut LocalMembers, change: &Change, count: usize) {
        if self.hub.shared_log().is_some() {
            return;
        }
        self.record(topic, change);
        match of_change(change, count) {
            Some(event) if !members.is_behind() => self.publish_now(topic, &event),
            _ => members.set_behind(true),
        }
    }

    /// Lists a user for the other servers, if the server shares its log.
    fn share(&self, topic: &str, sub: &Arc<str>) {
        if self.hub.shared_log().is_some() {
            self.unshared.lock().insert((topic.into(), sub.clone()));
            self.has_unshared.notify_one();
        }
    }

    /// Waits until there is something to share.
    pub(crate) async fn has_unshared(&self) {
        self.has_unshared.notified().await;
    }

    /// Removes and returns the users whose presence the other servers do not know yet, by topic. If that fails to reach the
    /// others, the caller returns them with [`put_back`](Self::put_back).
    pub(crate) fn take_unshared(&self) -> HashMap<Box<str>, Vec<User>> {
        let topics = self.topics.lock();
        let unshared = std::mem::take(&mut *self.unshared.lock());
        let mut by_topic: HashMap<Box<str>, Vec<_>> = HashMap::new();
        for (topic, sub) in unshared {
            let member = topics.get(&topic).and_then(|members| members.user(&sub));
            by_topic.entry(topic).or_default().push((sub, member));
        }
        by_topic
    }

    pub(crate) fn put_back(&self, topic: &str, subs: impl Iterator<Item = Arc<str>>) {
        let mut unshared = self.unshared.lock();
        unshared.extend(subs.map(|sub| (topic.into(), sub)));
    }

    /// Shares all users again: their leases end otherwise.
    pub(crate) fn share_all(&self) {
        let topics = self.topics.lock();
        let mut unshared = self.unshared.lock();
        for (topic, members) in topics.iter() {
            unshared.extend(members.subs().map(|sub| (topic.clone(), sub.clone())));
        }
        self.has_unshared.notify_one();
    }

    fn publish_now(&self, topic: &str, event: &str) {
        if let Err(error) = self.publish(topic, event) {
            tracing::debug!(%error, %topic, "cannot publish a change of presence");
        }
    }

    /// Publishes an event of a topic's presence.
    pub(crate) fn publish(&self, topic: &str, event: &str) -> Result<Accepted, PublishError> {
        let topic = format!("{PRESENCE_PREFIX}{topic}");
        self.hub.accept(Publish::new(&topic, event, Source::Server))
    }
}
