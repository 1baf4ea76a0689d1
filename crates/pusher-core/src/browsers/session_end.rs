//! The end of a session.

use crate::connection::{Session, Topic};
use crate::context::Context;

/// Removes a session that has ended, with its subscriptions, and tells the application.
pub(super) fn end_session<'a>(
    context: &Context,
    session: &Session,
    topics: impl IntoIterator<Item = &'a Topic>,
) {
    let now_ms = context.clock.now_ms();
    for topic in topics {
        context.hub.unsubscribe(session, topic);
        context.presence.leave(session.id(), topic, now_ms);
    }
    context.hub.shards()[session.shard()].remove_session(session);
    context.hub.tickets().release(session.id());
    context.application.closed(session);
}
