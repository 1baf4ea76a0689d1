//! Joining presence channels.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::channels::{Channel, Member, subscription_succeeded};
use tokio::time::sleep;

use super::allowed::{Reserved, may_subscribe};
use super::answer::{Refused, miss_cache, refuse, send};
use crate::browsers::presence::{READS_MAX, RETRY};
use crate::browsers::session_state::SessionState;
use crate::hub::Since;
use crate::nodes::Node;
use crate::presence::{MEMBERS_MAX, Member as PresentMember, Members, NotJoined, ReadMembers};

/// Channels whose members are read at a time, for one session.
const AT_ONCE: usize = 64;

/// The presence channels that the session is about to join. They count against `topics_max`. Most sessions have none, and
/// there is no room for more than a pointer.
#[derive(Default)]
pub(super) struct Joins(Option<Box<List>>);

#[derive(Default)]
struct List {
    joins: Vec<Joining>,
}

/// A presence channel that the session joins when its members at the other servers are known.
struct Joining {
    channel: String,
    member: PresentMember,
    reads: usize,
    read: Pin<Box<dyn Future<Output = Option<ReadMembers>> + Send>>,
}

impl Joins {
    /// Subscribes to a presence channel as this member. If the members at the other servers must be read first, the answer
    /// comes later.
    pub(super) fn join(
        &mut self,
        state: &mut SessionState,
        channel: Channel<'_>,
        member: PresentMember,
    ) -> Result<(), Refused> {
        if join(state, channel, &member, None)? == Joined::Unknown
            && let Some(node) = &state.context().node
        {
            let name = channel.name().to_owned();
            self.0.get_or_insert_default().joins.push(Joining {
                read: Box::pin(read_members(node.clone(), name.clone())),
                channel: name,
                member,
                reads: 1,
            });
        }
        Ok(())
    }

    /// Joins the channels whose members have arrived.
    pub(super) fn poll(&mut self, state: &mut SessionState, task: &mut TaskContext<'_>) {
        if let Some(list) = &mut self.0 {
            let mut pending = 0;
            list.joins.retain_mut(|joining| {
                if pending == AT_ONCE {
                    return true;
                }
                let joined = joining.poll(state, task);
                if let Poll::Ready(Err(refused)) = &joined {
                    refuse(state, &joining.channel, refused);
                }
                pending += usize::from(joined.is_pending());
                joined.is_pending()
            });
            if list.joins.is_empty() {
                *self = Self::default();
            }
        }
    }

    fn list(&self) -> &[Joining] {
        self.0.as_ref().map_or(&[], |list| &list.joins)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// Returns the topics that the session will have.
    pub(super) fn reserved(&self) -> Reserved {
        let names = self.list().iter().map(|joining| &*joining.channel);
        names.fold(Reserved::default(), Reserved::with_presence_channel)
    }

    /// Removes a channel. Its subscription gets no answer.
    pub(super) fn remove(&mut self, channel: &str) {
        if let Some(list) = &mut self.0 {
            list.joins.retain(|joining| joining.channel != channel);
        }
    }
}

impl Joining {
    fn poll(
        &mut self,
        state: &mut SessionState,
        task: &mut TaskContext<'_>,
    ) -> Poll<Result<(), Refused>> {
        loop {
            let Poll::Ready(read) = self.read.as_mut().poll(task) else {
                return Poll::Pending;
            };
            match self.join(state, read) {
                Ok(Joined::Unknown) => {}
                Ok(Joined::Yes) => return Poll::Ready(Ok(())),
                Err(refused) => return Poll::Ready(Err(refused)),
            }
        }
    }

    fn join(
        &mut self,
        state: &mut SessionState,
        read: Option<ReadMembers>,
    ) -> Result<Joined, Refused> {
        let unavailable = || Refused::unavailable("the members are not known now".to_owned());
        let node = state.context().node.clone().ok_or_else(unavailable)?;
        let mut read = read.ok_or_else(unavailable)?;
        if self.reads == READS_MAX {
            // Some members come and go all the time.
            read.events_before = None;
        }
        let invalid = |error| Refused::invalid(format!("{error}"));
        let channel = Channel::parse(&self.channel).map_err(invalid)?;
        // The rules, or the session's topics, may have changed.
        may_subscribe(state, channel, Reserved::default())?;
        let joined = join(state, channel, &self.member, Some(read))?;
        if joined == Joined::Unknown {
            self.reads += 1;
            self.read = Box::pin(read_members(node, self.channel.clone()));
        }
        Ok(joined)
    }
}

#[derive(PartialEq, Eq)]
enum Joined {
    Yes,
    /// The members must be read first.
    Unknown,
}

fn join(
    state: &mut SessionState,
    channel: Channel<'_>,
    member: &PresentMember,
    read: Option<ReadMembers>,
) -> Result<Joined, Refused> {
    let (name, context) = (channel.name(), state.context().clone());
    let (id, now_ms) = (state.session().id(), context.clock.now_ms());
    let mut replayed = None;
    let subscribe = || {
        let subscription = state.subscribe(name, Since::Now);
        replayed = subscription.map(|subscription| subscription.replayed);
        drop(state.subscribe(&format!("{PRESENCE_PREFIX}{name}"), Since::Now));
    };
    let presence = &context.presence;
    match presence.join(id, name, member.clone(), read, now_ms, subscribe) {
        Ok(members) => send(state, &succeeded(name, &members)),
        Err(NotJoined::Unknown) => return Ok(Joined::Unknown),
        Err(NotJoined::OtherUser) => {
            let text = "subscribed as another user: unsubscribe first".to_owned();
            return Err(Refused::conflict(text));
        }
        Err(NotJoined::Full) => {
            let text = format!("a presence channel has at most {MEMBERS_MAX} members");
            return Err(Refused::limit(text));
        }
    }
    if let Some(replayed) = replayed {
        miss_cache(state, channel, replayed);
    }
    Ok(Joined::Yes)
}

/// Returns the members at all servers. `None` if Redis does not answer for a while.
async fn read_members(node: Arc<Node>, channel: String) -> Option<ReadMembers> {
    for _ in 0..READS_MAX {
        let events_before = Some(node.presence_events(&channel));
        if let Some(members) = node.members(&channel).await {
            return Some(ReadMembers {
                members,
                events_before,
            });
        }
        sleep(RETRY).await;
    }
    None
}

fn succeeded(channel: &str, members: &Members) -> String {
    let members: Vec<_> = members
        .list
        .iter()
        .map(|member| Member {
            user_id: (&*member.sub).into(),
            user_info: member.info.as_deref(),
        })
        .collect();
    subscription_succeeded(channel, Some(&members))
}
