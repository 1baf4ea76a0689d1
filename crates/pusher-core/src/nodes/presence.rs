//! Presence at all nodes: each node has a lease for each of its users.
//!
//! The node whose script call made a user join or leave publishes the event. If a node dies, its leases end, and another
//! node's sweep makes its users leave.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pusher_proto::{PRESENCE_PREFIX, check_value};
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::connect::RESPONSE_TIMEOUT;
use super::node::Node;
use crate::hub::Accepted;
use crate::presence::{Change, MEMBERS_MAX, Member, Members, ReadMembers, User, of_change};

static SHARE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("presence.lua")));
static LIST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("members.lua")));

/// Time after which the others forget a user whose node does not renew the lease.
const LEASE: Duration = Duration::from_secs(60);

/// Time between two renewals.
const RENEWAL: Duration = Duration::from_secs(20);

/// Time in which changes are gathered for one script call.
const GATHER: Duration = Duration::from_millis(50);

/// Least time between two events with all members of a topic, or their number.
const CATCH_UP_INTERVAL: Duration = Duration::from_secs(1);

/// Time between a failure and the event with all members of a topic. Redis may have lost its data, and the other servers need
/// a moment to share their users again.
const SETTLE: Duration = Duration::from_secs(5);

/// Time until the next attempt after one that failed.
const RETRY: Duration = Duration::from_secs(1);

/// Times that the members are read again because they have changed meanwhile.
const READS_MAX: usize = 5;

/// Users of one script call.
const CHUNK: usize = 200;

/// Topics of one question for members.
const TOPICS_PER_COMMAND: usize = 500;

/// Time for the answer to a question for the members.
pub(super) const LIST_TIMEOUT: Duration = Duration::from_secs(1);

/// The reply of the script: the number of members, and the changes.
type Reply = (usize, Vec<(String, String, String, usize)>);

/// Shares the users of this node for as long as it runs.
pub(super) async fn run(node: &Node) {
    let mut sharing = Sharing::default();
    let mut renewals = interval(RENEWAL);
    let mut catch_ups = interval(CATCH_UP_INTERVAL);
    for ticks in [&mut renewals, &mut catch_ups] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    loop {
        let sweeps = tokio::select! {
            () = node.presence.has_unshared() => {
                sleep(GATHER).await;
                false
            }
            _ = renewals.tick() => {
                node.presence.share_all();
                true
            }
            _ = catch_ups.tick() => {
                take_over_channels(node).await;
                sharing.catch_up(node).await;
                sharing.confirm(node).await;
                continue;
            }
        };
        if let Err(error) = sharing.share(node, sweeps).await {
            tracing::debug!(%error, "cannot share who is subscribed");
            sharing.connection = None;
            sleep(RETRY).await;
            node.presence.share_all();
        }
        sharing.confirm(node).await;
    }
}

#[derive(Default)]
struct Sharing {
    connection: Option<MultiplexedConnection>,
    /// Number of the last call of the script.
    call: u64,
    /// Topics whose next event has all members, or their number: they had too many to tell each change.
    behind: HashSet<Box<str>>,
    /// Topics of which a change may be lost. They get an event with all members at this time.
    unsure: HashSet<Box<str>>,
    unsure_until: Option<Instant>,
    /// Topics of the events that were published, until the shared log has them.
    published: Vec<(Box<str>, Accepted)>,
}

impl Sharing {
    /// Shares the users that have changed. `sweeps` also removes those of dead nodes.
    async fn share(&mut self, node: &Node, sweeps: bool) -> RedisResult<()> {
        let mut unshared = node.presence.take_unshared();
        if sweeps && node.presence.is_wanted() {
            // Also those of which only other nodes have had users.
            for (topic, _) in node.hub.topics() {
                if let Some(topic) = topic.strip_prefix(PRESENCE_PREFIX) {
                    unshared.entry(topic.into()).or_default();
                }
            }
        }
        let mut unshared = unshared.into_iter();
        while let Some((topic, users)) = unshared.next() {
            // One call at least, for the sweep.
            for index in 0..users.len().div_ceil(CHUNK).max(1) {
                let first = index * CHUNK;
                let chunk = &users[first..users.len().min(first + CHUNK)];
                let shared = self.share_chunk(node, &topic, chunk, sweeps && index == 0);
                if let Err(error) = shared.await {
                    // Redis may have it, and only the reply with the changes is lost.
                    self.set_unsure([topic.clone()]);
                    give_back(node, &topic, users);
                    unshared.for_each(|(topic, users)| give_back(node, &topic, users));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn share_chunk(
        &mut self,
        node: &Node,
        topic: &str,
        users: &[User],
        sweeps: bool,
    ) -> RedisResult<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(node.connector.connect(RESPONSE_TIMEOUT).await?),
        };
        self.call += 1;
        let mut call = SHARE.key(node.keys.members(topic));
        call.key(node.keys.last_share(&node.run));
        call.arg(&node.id).arg(self.call);
        call.arg(LEASE.as_millis() as u64).arg(u8::from(sweeps));
        for (sub, member) in users {
            let info = member.as_ref().and_then(|member| member.info.as_deref());
            call.arg(&**sub).arg(info.unwrap_or_default());
            call.arg(u8::from(member.is_some()));
            call.arg(member.as_ref().map_or(0, |member| member.issued_s));
        }
        let (members, changes): Reply = call.invoke_async(connection).await?;
        if sweeps && changes.is_empty() && is_unlike_told(node, topic, members) {
            self.set_unsure([topic.into()]);
        }
        for (sub, info, is_here, count) in changes {
            let Some(member) = member(sub, info) else {
                continue;
            };
            let change = match &*is_here {
                "1" => Change::Joined(member),
                _ => Change::Left(member),
            };
            node.presence.record(topic, &change);
            match of_change(&change, count) {
                Some(event) if !self.behind.contains(topic) => self.publish(node, topic, &event),
                _ => {
                    self.behind.insert(topic.into());
                }
            }
        }
        Ok(())
    }

    fn publish(&mut self, node: &Node, topic: &str, event: &str) {
        match node.presence.publish(topic, event) {
            Ok(accepted) => self.published.push((topic.into(), accepted)),
            Err(error) => tracing::debug!(%error, %topic, "cannot publish a change of presence"),
        }
    }

    /// Waits until the shared log has what was published. If an event may be missing there, the next one of its topic has
    /// all members.
    async fn confirm(&mut self, node: &Node) {
        for (topic, accepted) in std::mem::take(&mut self.published) {
            if accepted.receipt(&node.hub).await.is_err() {
                self.set_unsure([topic]);
            }
        }
    }

    fn set_unsure(&mut self, topics: impl IntoIterator<Item = Box<str>>) {
        self.unsure.extend(topics);
        self.unsure_until = Some(Instant::now() + SETTLE);
    }

    /// Publishes the members of topics whose changes were too many to tell each, or may be lost.
    async fn catch_up(&mut self, node: &Node) {
        if node.has_missed_changes.swap(false, Ordering::Relaxed) {
            node.presence.share_all();
            self.set_unsure(node.presence.told_channels());
        }
        if self
            .unsure_until
            .is_some_and(|until| until <= Instant::now())
        {
            self.unsure_until = None;
            self.behind.extend(self.unsure.drain());
        }
        for topic in std::mem::take(&mut self.behind) {
            match current_members(node, &topic).await {
                Some(members) => self.publish(node, &topic, &members.event()),
                None => {
                    self.behind.insert(topic);
                }
            }
        }
    }
}

/// Reads the members while no event of the topic's presence arrives, so that the list is not older than an event before it.
async fn current_members(node: &Node, topic: &str) -> Option<Members> {
    let mut last = None;
    for _ in 0..READS_MAX {
        let before = node.presence_events(topic);
        last = node.members(topic).await;
        if last.is_none() || node.presence_events(topic) == before {
            break;
        }
    }
    last
}

/// Whether the pages of a channel know another number of members than there is. A change that is on its way looks the same,
/// but then the list of all members does no harm.
fn is_unlike_told(node: &Node, topic: &str, members: usize) -> bool {
    let told = node.presence.told_count(topic);
    members <= MEMBERS_MAX && told.is_some_and(|told| told != members)
}

/// Finds out what the pages know whose sessions this process has taken over.
async fn take_over_channels(node: &Node) {
    for channel in node.presence.take_taken_over() {
        let events_before = Some(node.presence_events(&channel));
        let members = node.members(&channel).await;
        let read = members.map(|members| ReadMembers {
            members,
            events_before,
        });
        node.presence.take_over_told(&channel, read);
    }
}

fn give_back(node: &Node, topic: &str, users: Vec<User>) {
    node.presence
        .put_back(topic, users.into_iter().map(|(sub, _)| sub));
}

/// Converts a member from Redis. It is untrusted input: every client with write access can add members.
fn member(sub: String, info: String) -> Option<Member> {
    let is_valid = info.is_empty() || check_value(&info).is_ok();
    is_valid.then(|| Member {
        sub: sub.into(),
        info: (!info.is_empty()).then(|| info.into()),
        issued_s: 0,
    })
}

impl Node {
    /// Returns the members of a topic at all nodes. `None` if Redis does not answer.
    pub(crate) async fn members(&self, topic: &str) -> Option<Members> {
        if !self.status.has_revocations() {
            // Who asks may be revoked.
            return None;
        }
        let mut lists = self.in_time(list(self, &[topic], MEMBERS_MAX)).await?;
        lists.pop()
    }

    /// Returns the number of members of each topic at all nodes. `None` if Redis does not answer.
    pub(crate) async fn member_counts(&self, topics: &[&str]) -> Option<Vec<usize>> {
        let lists = self.in_time(list(self, topics, 0)).await?;
        Some(lists.into_iter().map(|members| members.count).collect())
    }
}

/// Returns the members of each topic, `members_max` of them.
async fn list(node: &Node, topics: &[&str], members_max: usize) -> RedisResult<Vec<Members>> {
    let mut all = Vec::new();
    for topics in topics.chunks(TOPICS_PER_COMMAND) {
        let mut pipeline = redis::pipe();
        for topic in topics {
            let mut call = LIST.key(node.keys.members(topic));
            call.arg(members_max);
            pipeline.invoke_script(&call);
        }
        let asked = node.connection.ask(&node.connector, &pipeline, Some(&LIST));
        let lists: Vec<(usize, Vec<(String, String)>)> = asked.await?;
        all.extend(lists.into_iter().map(|(count, list)| {
            Members {
                count,
                list: list
                    .into_iter()
                    .filter_map(|(sub, info)| member(sub, info))
                    .collect(),
            }
        }));
    }
    Ok(all)
}
