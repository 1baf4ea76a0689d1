//! Presence of sessions: joins the topics that they subscribe to, and sends the members to those who want to know.

use std::iter::once;
use std::sync::Arc;
use std::time::Duration;

use pusher_proto::PRESENCE_PREFIX;
use tokio::time::sleep;

use crate::connection::{Session, Topic};
use crate::context::Context;
use crate::nodes::Node;
use crate::presence::{Member, Members};

/// Times that the members are read again if they have changed meanwhile, and if Redis does not answer.
pub(super) const READS_MAX: usize = 30;

/// Time between two reads if Redis does not answer.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Call after each new subscription. `is_only` means that the session is an event stream of this topic alone.
pub(super) fn subscribed(context: &Arc<Context>, session: &Session, topic: &Topic, is_only: bool) {
    match topic.strip_prefix(PRESENCE_PREFIX) {
        Some(members_of) => send_members(context, session, topic, members_of, is_only),
        None if context.presence.is_on(topic) => update(context, session, once(topic)),
        None => {}
    }
}

/// Call when the ticket of a session, or the options, may have changed.
pub(super) fn update<'a>(
    context: &Context,
    session: &Session,
    topics: impl Iterator<Item = &'a Topic>,
) {
    let id = session.id();
    let ticket = context.hub.tickets().user_of(id);
    let now_ms = context.clock.now_ms();
    for topic in topics {
        let member = ticket.as_ref().and_then(Member::of);
        context.presence.update(id, topic, member, now_ms);
    }
}

/// Sends the members of a topic to a new subscriber of its presence.
fn send_members(
    context: &Arc<Context>,
    session: &Session,
    topic: &str,
    members_of: &str,
    is_only: bool,
) {
    let Some(node) = context.node.clone() else {
        let event = context.presence.members(members_of).event();
        return session.send_own_event(topic, &event, is_only);
    };
    let (session, topic, members_of) = (session.clone(), topic.to_owned(), members_of.to_owned());
    let (hub, presence) = (context.hub.clone(), context.presence.clone());
    let read = async move {
        let members = members_at_all_nodes(&node, &session, &members_of).await;
        // Meanwhile the ticket may have ended, or the session has unsubscribed. Clients of WAMP v2 fail if they get an event
        // after that.
        let shard = &hub.shards()[session.shard()];
        let may_know = shard.is_subscribed(&topic, &session)
            && hub.tickets().check(session.id(), &topic).is_ok();
        if let Some(mut members) = members.filter(|_| may_know) {
            // Redis hears of a new member a moment later.
            if let Some(own) = presence.member_of(session.id(), &members_of) {
                members = members.including(own);
            }
            session.send_own_event(&topic, &members.event(), is_only);
        }
    };
    // On this thread, as the flusher: an event that comes behind the read is sent behind the members.
    context.tasks.browsers.spawn(read);
}

/// Reads the members when no event of this presence has arrived meanwhile, so that none is between them and what follows.
async fn members_at_all_nodes(node: &Node, session: &Session, topic: &str) -> Option<Members> {
    let mut last = None;
    for _ in 0..READS_MAX {
        let before = node.presence_events(topic);
        last = node.members(topic).await;
        if last.is_some() && node.presence_events(topic) == before {
            break;
        }
        if session.connection().is_ending() {
            return None;
        }
        if last.is_none() {
            sleep(RETRY).await;
        }
    }
    last
}
