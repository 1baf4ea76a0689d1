//! The end of a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::context::Context;
use crate::nodes;

/// Time for publishers to receive their last answers during shutdown.
const PUBLISHERS_END_TIMEOUT: Duration = Duration::from_secs(2);

/// Shuts down in order: publishers, events, browsers, threads.
pub(super) async fn close(context: Arc<Context>) {
    let tasks = &context.tasks;
    let closing_grace = context.live.limits().closing_grace;
    tokio::time::sleep(closing_grace).await;
    tasks.stop_publishers.cancel();
    tasks.publishers.close();
    let _late = timeout(PUBLISHERS_END_TIMEOUT, tasks.publishers.wait()).await;
    if let Some(node) = &context.node {
        nodes::caught_up(node).await;
    }
    // From here a publish gets an error, because its event could no longer reach the browsers.
    context.hub.close();
    let (flush_timeout, linger_timeout) = context.live.end_timeouts();
    let _late = timeout(flush_timeout, context.hub.flushed()).await;
    for session in context.hub.sessions() {
        session.connection().end_for_restart();
    }
    tasks.browsers.close();
    let end_timeout = flush_timeout + linger_timeout;
    if timeout(end_timeout, tasks.browsers.wait()).await.is_err() {
        let connections = tasks.browsers.len();
        tracing::warn!(
            connections,
            "shutdown timed out: some connections still had queued events"
        );
    }
    tasks.webhooks.close();
    if timeout(flush_timeout, tasks.webhooks.wait()).await.is_err() {
        tracing::warn!("shutdown timed out: the site did not get the last webhooks");
    }
    tokio::join!(context.hub.end_log(), context.hub.tickets().saved());
    if let Some(node) = &context.node {
        nodes::leave(node).await;
    }
    tasks.ended.cancel();
}
