//! ZeroMQ: PUSH sockets, whose messages are published and never answered.

use std::io::ErrorKind;
use std::time::Duration;

use pusher_proto::zmtp::{Incoming, Message, Pull};
use tokio::io::{AsyncRead, AsyncWrite};

use super::refusal::RefusedMessage;
use super::submit::submit;
use super::wire::{Heard, Wire};
use crate::context::Context;
use crate::stats::Source;

pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    mut wire: Wire<S>,
    first: &[u8],
) {
    let mut pull = Pull::new(context.live.limits().publish_len_max);
    if context.live.options().publish_token.is_some() {
        pull.deny("ZeroMQ cannot carry the token that is wanted here");
    }
    pull.feed(first);
    loop {
        let mut answers = Vec::new();
        let heard = take_all(context, &mut wire, &mut pull, &mut answers).await;
        let sent = wire.send(&answers).await;
        if sent.is_err_and(|error| error.kind() == ErrorKind::TimedOut) {
            return;
        }
        let idle = match heard {
            Ok(idle) => idle,
            Err(error) => {
                wire.refuse_publish(
                    error.kind,
                    format_args!("dropping a ZeroMQ publisher: {error}"),
                );
                return wire.hang_up().await;
            }
        };
        match wire.read(&mut pull, idle).await {
            Heard::More => {}
            // ZeroMQ reconnects and keeps its unsent messages meanwhile.
            Heard::GiveWay => wire.give_way_to_the_last_message().await,
            Heard::End | Heard::Silence | Heard::NoRoom(_) | Heard::Closing => return,
        }
    }
}

/// Takes everything that is complete. How long the publisher means to be silent at most, if it
/// said so last.
///
/// A wrong message is dropped alone: its frames were right, so the next one can be found, and
/// closing would lose what the socket has sent behind it without telling anybody.
async fn take_all<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    wire: &mut Wire<S>,
    pull: &mut Pull,
    answers: &mut Vec<u8>,
) -> Result<Option<Duration>, RefusedMessage> {
    let mut idle = None;
    while let Some(incoming) = pull.next_message(answers)? {
        wire.message_is_complete().await;
        idle = match incoming {
            Incoming::Ping { ttl } => Some(ttl).filter(|ttl| !ttl.is_zero()),
            Incoming::Message(message) => {
                if let Err(error) = publish(context, message).await {
                    wire.refuse_publish(
                        error.kind,
                        format_args!("dropping a message of a ZeroMQ publisher: {error}"),
                    );
                }
                None
            }
        };
    }
    Ok(idle)
}

async fn publish(context: &Context, message: Message<'_>) -> Result<(), RefusedMessage> {
    let publish = message.publish()?;
    submit(context, &publish, None, Source::Zmtp).await?;
    Ok(())
}
