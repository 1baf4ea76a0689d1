//! Raw JSON, as the recipe's page writes it: objects with a category, and no answer.

use pusher_proto::{JsonStream, raw};
use tokio::io::{AsyncRead, AsyncWrite};

use super::wire::{Heard, Wire};
use crate::server::Context;

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    mut wire: Wire<S>,
    first: &[u8],
) {
    if context.publish_token.is_some() {
        return wire.complain("refusing raw JSON: it cannot carry the token that is wanted here");
    }
    let mut json = JsonStream::new(context.limits.publish_len_max);
    json.feed(first);
    loop {
        if let Err(error) = publish_all(context, &mut wire, &mut json).await {
            return wire.complain(format_args!("dropping a publisher of raw JSON: {error}"));
        }
        let idle = Some(context.limits.raw_idle_timeout);
        if wire.read(&mut json, idle).await != Heard::More {
            return;
        }
    }
}

/// Publishes every object that is complete.
async fn publish_all<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    wire: &mut Wire<S>,
    json: &mut JsonStream,
) -> Result<(), String> {
    while let Some(value) = json.next_value().map_err(|error| error.to_string())? {
        wire.message_is_complete();
        let publish = raw::decode(value).map_err(|error| error.to_string())?;
        let published = super::publish(context, &publish, None).await;
        published.map_err(|error| error.to_string())?;
    }
    Ok(())
}
