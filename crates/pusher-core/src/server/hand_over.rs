//! Hands a running server over: see [`handover`](crate::handover).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::context::Context;
use crate::handover::{Descriptor, Figures, HandOver, State};
use crate::nodes;
use crate::stats::Counters;
use crate::unix_time::unix_ms;

/// Time for each of the other steps: for publishers to get their receipts, and so on.
const STEP_TIMEOUT: Duration = Duration::from_millis(150);

/// Time for webhooks and sessions to bring their state. They wait for nobody, so only a busy machine needs it.
const STATE_TIMEOUT: Duration = Duration::from_secs(1);

/// Time for tasks of other threads to drop the connections that they have brought.
const DROP_TIMEOUT: Duration = Duration::from_millis(20);

/// Stops the server, and returns its connections and its state.
pub(super) async fn hand_over(context: Arc<Context>) -> HandOver {
    let (tasks, collector, counters) = (&context.tasks, &context.handover, &context.counters);
    // Only a server with all its listeners and connections can be handed over.
    tasks.begun.cancelled().await;
    let mut state = State {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        paused_at_ms: unix_ms(),
        figures: Figures {
            handovers: counters.handovers.get() + 1,
            handovers_failed: counters.handovers_failed.get(),
            closed: 0,
        },
        has_inherited: context.inherited,
        ..State::default()
    };
    collector.begin();
    tasks.publishers_end.cancel();
    // A publisher whose message is not stored by then is closed, and can publish again.
    for (tracker, time) in [
        (&tasks.listeners, STEP_TIMEOUT),
        (&tasks.handshakes, STEP_TIMEOUT),
        (&tasks.publishers, STEP_TIMEOUT),
        (&tasks.webhooks, STATE_TIMEOUT),
    ] {
        tracker.close();
        let _late = timeout(time, tracker.wait()).await;
    }
    if let Some(node) = &context.node {
        nodes::caught_up(node).await;
    }
    context.hub.close();
    // As long as at a shutdown: the events are accepted, and the flushers wait for no browser.
    let (flush_timeout, _) = context.live.end_timeouts();
    if timeout(flush_timeout, context.hub.delivered())
        .await
        .is_err()
    {
        tracing::warn!(
            "some events did not leave in time before the hand-over: browsers connect again"
        );
        for session in context.hub.sessions() {
            session.connection().end_for_restart();
        }
    }
    collector.take_sessions();
    for session in context.hub.sessions() {
        session.connection().recheck();
    }
    let _late = timeout(STATE_TIMEOUT, no_sessions(&context)).await;
    tokio::join!(context.hub.end_log(), context.hub.tickets().saved());
    let _closing = timeout(DROP_TIMEOUT, no_connections(counters)).await;
    let sockets = collect(&context, &mut state);
    tasks.ended.cancel();
    HandOver { state, sockets }
}

/// Waits until every session has been brought, or has begun to close.
async fn no_sessions(context: &Context) {
    for shard in context.hub.shards() {
        shard.until_empty().await;
    }
}

/// Waits until no connection is left. Those that are brought are dropped a moment later.
async fn no_connections(counters: &Counters) {
    while connections(counters) > 0 {
        sleep(Duration::from_millis(1)).await;
    }
}

fn connections(counters: &Counters) -> u64 {
    counters.browsers.get() + counters.publishers.get()
}

/// Takes what the tasks have brought, and reads the rest of the state. Returns the sockets, in the order of the state.
fn collect(context: &Context, state: &mut State) -> Vec<Descriptor> {
    let collector = &context.handover;
    let now_ms = context.clock.now_ms();
    let (hub, counters) = (&context.hub, &context.counters);
    // Those that were brought do not count any more.
    state.figures.closed = connections(counters);
    state.position = hub.position().into();
    state.log = hub.hand_over_log();
    state.ids = context.known_ids.hand_over(now_ms);
    state.resumes = hub.resumes().hand_over();
    state.revocations = hub.tickets().hand_over_revocations();
    state.members = context.presence.hand_over();
    state.webhooks = collector.take_webhooks();
    state.node = context.node.as_ref().map(|node| node.id().to_owned());
    let mut sockets = Vec::new();
    for (listener, descriptor) in collector.take_listeners() {
        state.listeners.push(listener);
        sockets.push(descriptor);
    }
    for (browser, descriptor) in collector.take_browsers() {
        state.browsers.push(browser);
        sockets.push(descriptor);
    }
    for (publisher, descriptor) in collector.take_publishers() {
        state.publishers.push(publisher);
        sockets.push(descriptor);
    }
    sockets
}
