//! Raw JSON: objects with the key `category`, without answers. The PHP page of Ratchet's tutorial sends this.

use pusher_proto::{JsonStream, raw};
use tokio::io::{AsyncRead, AsyncWrite};

use super::pending::Pending;
use super::refusal::RefusedMessage;
use super::wire::{ReadOutcome, Wire};
use crate::config::Limits;
use crate::context::Context;
use crate::stats::{PublishRefusal, Source};

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    mut wire: Wire<S>,
    first: &[u8],
) {
    if context.live.options().publish_token.is_some() {
        let text = "refusing raw JSON: it cannot carry the token that this server requires";
        return wire.refuse_publish(PublishRefusal::Denied, text);
    }
    wire.permit().set_gives_way_last();
    let mut json = JsonStream::new(context.live.limits().publish_len_max);
    json.feed(first);
    let mut has_hung_up = false;
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
        pending
            .publish(context, &publish, None, Source::Raw, ())
            .await;
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
