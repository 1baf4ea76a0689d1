//! Hands a publish to the hub. All four protocols share this path.

use pusher_proto::Receipt;
use tokio::time::timeout;

use crate::context::Context;
use crate::hub::{Accepted, Publish, PublishError};

/// Publishes as soon as the hub has room. A publish with a known id returns its first receipt again.
pub(super) async fn submit(
    context: &Context,
    publish: Publish<'_>,
) -> Result<Receipt, PublishError> {
    let accepted = accept(context, publish).await?;
    accepted.receipt(&context.hub).await
}

/// Like [`submit`], but does not wait for the disk or the shared log.
pub(super) async fn accept(
    context: &Context,
    publish: Publish<'_>,
) -> Result<Accepted, PublishError> {
    let (topic, id) = (publish.topic, publish.id);
    let hub = &context.hub;
    if hub.shared_log().is_some() {
        // A shared log that is away makes no room.
        let wait = context.live.limits().redis_wait;
        let room = timeout(wait, hub.room()).await;
        room.map_err(|_| PublishError::Overloaded)?;
        return hub.accept(publish);
    }
    hub.room().await;
    let receipt = match id {
        Some(id) => {
            let now_ms = context.clock.now_ms();
            let publish = || hub.publish_unwritten(publish);
            context.known_ids.publish_once(topic, id, now_ms, publish)?
        }
        None => hub.publish_unwritten(publish)?,
    };
    tracing::trace!(%topic, ?receipt, "published");
    Ok(Accepted::Now(receipt))
}
