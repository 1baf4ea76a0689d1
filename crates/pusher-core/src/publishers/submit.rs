//! Hands a publish to the hub. All four protocols share this path.

use pusher_proto::{Publish as PublisherMessage, Receipt};

use crate::context::Context;
use crate::hub::{Publish, PublishError};
use crate::stats::Source;

/// Publishes as soon as the hub has room. A publish with a known id returns its first receipt again.
pub(super) async fn submit(
    context: &Context,
    publish: &PublisherMessage<'_>,
    id: Option<&str>,
    source: Source,
) -> Result<Receipt, PublishError> {
    let PublisherMessage { topic, event } = publish;
    context.hub.room().await;
    let send = || {
        context.hub.publish_checked(Publish {
            topic,
            event,
            recipients: None,
            id,
            source,
        })
    };
    let receipt = match id {
        Some(id) => {
            let now_ms = context.clock.now_ms();
            context.known_ids.publish_once(topic, id, now_ms, send)?
        }
        None => send()?,
    };
    let receipt = context.hub.durable(receipt).await;
    tracing::trace!(%topic, ?receipt, "published");
    Ok(receipt)
}
