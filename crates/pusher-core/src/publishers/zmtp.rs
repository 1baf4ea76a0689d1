//! ZeroMQ PUSH sockets. ZMTP has no answers to their messages.

use std::io::ErrorKind;
use std::time::Duration;

use pusher_proto::zmtp::{HandedOver, Incoming, Pull};
use tokio::io::{AsyncRead, AsyncWrite};

use super::pending::Pending;
use super::refusal::RefusedMessage;
use super::stream::Stream;
use super::wire::{ReadOutcome, Wire};
use crate::context::Context;
use crate::handover::PublisherProtocol;
use crate::hub::Publish;
use crate::stats::Source;

/// Returns the state of a new connection.
pub(super) fn begin(context: &Context, first: &[u8]) -> Pull {
    let mut pull = Pull::new(context.live.limits().publish_len_max);
    pull.feed(first);
    pull
}

pub(super) async fn serve<S: Stream>(context: &Context, mut wire: Wire<S>, mut pull: Pull) {
    if context.live.options().publish_token.is_some() {
        pull.deny("ZeroMQ cannot carry the token that this server requires");
    }
    loop {
        let mut answers = Vec::new();
        let published = publish_all(context, &mut wire, &mut pull, &mut answers).await;
        let sent = wire.send(&answers).await;
        if sent.is_err_and(|error| error.kind() == ErrorKind::TimedOut) {
            return;
        }
        let idle = match published {
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
            ReadOutcome::More => {}
            // ZeroMQ reconnects, and keeps its unsent messages until then.
            ReadOutcome::Evicted => wire.evict_after_last_message().await,
            ReadOutcome::HandOver => {
                let HandedOver {
                    stage,
                    pending,
                    unread,
                } = pull.hand_over();
                let protocol = PublisherProtocol::Zmtp { stage, pending };
                return wire.hand_over(protocol, unread);
            }
            ReadOutcome::End
            | ReadOutcome::IdleTimeout
            | ReadOutcome::NoRoom(_)
            | ReadOutcome::ShuttingDown => return,
        }
    }
}

/// Publishes every complete message. If the last one is a PING with a time to live, returns that time, the idle timeout
/// that the publisher asks for (ZMTP 3.1).
///
/// A malformed message does not close the connection. Its frames were valid, so the next message can be found, and a
/// close would lose the messages behind it without an error to the sender.
async fn publish_all<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    wire: &mut Wire<S>,
    pull: &mut Pull,
    answers: &mut Vec<u8>,
) -> Result<Option<Duration>, RefusedMessage> {
    let mut pending = Pending::default();
    let mut idle = None;
    let end = loop {
        if wire.hands_over() {
            break Ok(idle);
        }
        let incoming = match pull.next_message(answers) {
            Ok(Some(incoming)) => incoming,
            Ok(None) => break Ok(idle),
            Err(error) => break Err(error.into()),
        };
        wire.message_is_complete().await;
        idle = match incoming {
            Incoming::Ping { ttl } => Some(ttl).filter(|ttl| !ttl.is_zero()),
            Incoming::Message(message) => {
                match message.publish() {
                    Ok(publish) => {
                        let publish = Publish::new(&publish.topic, publish.event, Source::Zmtp);
                        pending.publish(context, publish, ()).await;
                    }
                    Err(error) => refuse(wire, &error.into()),
                }
                None
            }
        };
        if pending.is_full() {
            finish(context, wire, &mut pending).await;
        }
    };
    finish(context, wire, &mut pending).await;
    end
}

/// Waits until all events are accepted, and reports those that are not.
async fn finish<S: AsyncRead + AsyncWrite + Unpin>(
    context: &Context,
    wire: &mut Wire<S>,
    pending: &mut Pending<()>,
) {
    while let Some(((), receipt)) = pending.next(context).await {
        if let Err(error) = receipt {
            refuse(wire, &error.into());
        }
    }
}

fn refuse<S: AsyncRead + AsyncWrite + Unpin>(wire: &mut Wire<S>, error: &RefusedMessage) {
    let text = format_args!("dropping a message of a ZeroMQ publisher: {error}");
    wire.refuse_publish(error.kind, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publishers::wire::tests::wire;

    /// The other process reads what has arrived.
    #[tokio::test]
    async fn what_has_arrived_is_handed_over() {
        // The begin of a ZMTP greeting (ZMTP 3.0).
        const GREETING: &[u8] = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03";
        let (server, mut wire) = wire(tokio::io::duplex(1).0, 1).await;
        let context = server.admin.context();
        let mut pull = begin(context, GREETING);
        context.handover.begin();
        let mut answers = Vec::new();
        let idle = publish_all(context, &mut wire, &mut pull, &mut answers).await;
        assert_eq!(idle.unwrap(), None);
        assert_eq!(pull.hand_over().unread, GREETING);
        assert_eq!(answers, b"");
    }
}
