//! Raw JSON: objects with the key `category`, without answers. The PHP page of Ratchet's tutorial sends this.

use pusher_proto::{JsonStream, raw};
use tokio::io::{AsyncRead, AsyncWrite};

use super::pending::Pending;
use super::refusal::RefusedMessage;
use super::stream::Stream;
use super::wire::{ReadOutcome, Wire};
use crate::config::Limits;
use crate::context::Context;
use crate::handover::PublisherProtocol;
use crate::hub::Publish;
use crate::stats::{PublishRefusal, Source};

/// Serves a publisher. `has_hung_up`: the server has closed its side of the connection.
pub(super) async fn serve<S: Stream>(
    context: &Context,
    mut wire: Wire<S>,
    first: &[u8],
    mut has_hung_up: bool,
) {
    if context.live.options().publish_token.is_some() {
        let text = "refusing raw JSON: it cannot carry the token that this server requires";
        return wire.refuse_publish(PublishRefusal::Denied, text);
    }
    wire.permit().set_gives_way_last();
    let mut json = JsonStream::new(context.live.limits().publish_len_max);
    json.feed(first);
    loop {
        if let Err(error) = publish_all(context, &mut wire, &mut json).await {
            let text = format_args!("dropping a publisher of raw JSON: {error}");
            return wire.refuse_publish(error.kind, text);
        }
        let idle = match has_hung_up {
            false => context.live.limits().raw_idle_timeout,
            true => Limits::RAW_PAUSE_MAX,
        };
        match wire.read(&mut json, Some(idle)).await {
            ReadOutcome::More => {}
            ReadOutcome::Evicted => {
                wire.evict_after_last_message().await;
                has_hung_up = true;
            }
            // Close only the write side. A program that waits for the close continues; one that only paused can still
            // publish.
            ReadOutcome::IdleTimeout if !has_hung_up => {
                wire.close_write_side().await;
                has_hung_up = true;
            }
            ReadOutcome::HandOver => {
                let protocol = PublisherProtocol::Raw { has_hung_up };
                return wire.hand_over(protocol, json.unread().to_vec());
            }
            ReadOutcome::IdleTimeout
            | ReadOutcome::End
            | ReadOutcome::NoRoom(_)
            | ReadOutcome::ShuttingDown => return,
        }
    }
}

/// Publishes every complete object.
async fn publish_all<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    wire: &mut Wire<S>,
    json: &mut JsonStream,
) -> Result<(), RefusedMessage> {
    let mut pending = Pending::default();
    let end = loop {
        if wire.hands_over() {
            break Ok(());
        }
        let value = match json.next_value() {
            Ok(Some(value)) => value,
            Ok(None) => break Ok(()),
            Err(error) => break Err(RefusedMessage::stream(&error, json.waiting_len())),
        };
        wire.message_is_complete().await;
        let publish = match raw::decode(value) {
            Ok(publish) => publish,
            Err(error) => break Err(error.into()),
        };
        let publish = Publish::new(&publish.topic, publish.event, Source::Raw);
        pending.publish(context, publish, ()).await;
        if pending.is_full() {
            finish(context, &mut pending).await?;
        }
    };
    finish(context, &mut pending).await?;
    end
}

/// Waits until all events are accepted. Fails with the first one that is not.
async fn finish(context: &Context, pending: &mut Pending<()>) -> Result<(), RefusedMessage> {
    let mut result = Ok(());
    while let Some(((), receipt)) = pending.next(context).await {
        let error = receipt.err().map(RefusedMessage::from);
        result = result.and(error.map_or(Ok(()), Err));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publishers::wire::tests::wire;

    /// The other process publishes the objects that have arrived.
    #[tokio::test]
    async fn complete_objects_are_handed_over() {
        const OBJECTS: &[u8] = br#"{"category":"t"}{"category":"t"}"#;
        let (server, mut wire) = wire(tokio::io::duplex(1).0, 1).await;
        let context = server.admin.context();
        let mut json = JsonStream::new(1000);
        json.feed(OBJECTS);
        context.handover.begin();
        publish_all(context, &mut wire, &mut json).await.unwrap();
        assert_eq!(json.unread(), OBJECTS);
        assert_eq!(context.hub.position().sequence, 0);
    }
}
