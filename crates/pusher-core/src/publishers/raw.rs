//! Raw JSON, as the recipe's page writes it: objects with a category, and no answer.

use pusher_proto::{JsonStream, raw};
use tokio::io::{AsyncRead, AsyncWrite};

use super::refusal::RefusedMessage;
use super::submit::submit;
use super::wire::{Heard, Wire};
use crate::config::Limits;
use crate::context::Context;
use crate::stats::{PublishRefusal, Source};

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    mut wire: Wire<S>,
    first: &[u8],
) {
    if context.live.options().publish_token.is_some() {
        let what = "refusing raw JSON: it cannot carry the token that is wanted here";
        return wire.refuse_publish(PublishRefusal::Denied, what);
    }
    wire.permit().gives_way_last();
    let mut json = JsonStream::new(context.live.limits().publish_len_max);
    json.feed(first);
    let mut has_hung_up = false;
    loop {
        if let Err(error) = publish_all(context, &mut wire, &mut json).await {
            let what = format_args!("dropping a publisher of raw JSON: {error}");
            return wire.refuse_publish(error.kind, what);
        }
        let idle = match has_hung_up {
            false => context.live.limits().raw_idle_timeout,
            true => Limits::RAW_PAUSE_MAX,
        };
        match wire.read(&mut json, Some(idle)).await {
            Heard::More => {}
            Heard::GiveWay => {
                wire.give_way_to_the_last_message().await;
                has_hung_up = true;
            }
            // A program that waits for the server to close goes on; one that only pauses is heard when it does.
            Heard::Silence if !has_hung_up => {
                wire.hang_up_but_read_on().await;
                has_hung_up = true;
            }
            Heard::Silence | Heard::End | Heard::NoRoom(_) | Heard::Closing => return,
        }
    }
}

/// Publishes every object that is complete.
async fn publish_all<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    wire: &mut Wire<S>,
    json: &mut JsonStream,
) -> Result<(), RefusedMessage> {
    loop {
        let value = match json.next_value() {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(()),
            Err(error) => return Err(RefusedMessage::stream(&error, json.waiting_len())),
        };
        wire.message_is_complete().await;
        let publish = raw::decode(value)?;
        submit(context, &publish, None, Source::Raw).await?;
    }
}
