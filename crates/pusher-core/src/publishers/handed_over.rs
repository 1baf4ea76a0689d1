//! Publishers as another process takes them over.

use std::sync::Arc;

use pusher_proto::zmtp::{HandedOver, Pull};
use tokio::net::TcpStream;

use super::native::{self, Agreed};
use super::peer::{Peer, Transport};
use super::stream::Stream;
use super::wire::Wire;
use super::{http, raw, serve_from_first, zmtp};
use crate::admin::Admin;
use crate::context::Context;
use crate::handover::{self, Descriptor, Movable, Publisher, PublisherProtocol};

/// Gives a connection to another process that is not served yet.
pub(crate) fn leave(context: &Context, stream: impl Stream, peer: Peer) {
    if context.handover.has_begun() {
        peer.hand_over(context, stream, PublisherProtocol::Beginning, Vec::new());
    }
}

/// Continues with a publisher of another process, on this thread.
pub(crate) fn take_over(admin: &Arc<Admin>, publisher: Publisher, descriptor: Descriptor) {
    let taken = match publisher.transport {
        #[cfg(unix)]
        handover::Transport::Unix => tokio::net::UnixStream::from_descriptor(descriptor)
            .map(|stream| start(admin, stream, Transport::Unix, publisher)),
        transport => TcpStream::from_descriptor(descriptor).map(|stream| {
            let transport = match transport {
                handover::Transport::Signed => Transport::Signed,
                _ => Transport::tcp(&stream),
            };
            start(admin, stream, transport, publisher);
        }),
    };
    if let Err(error) = taken {
        tracing::warn!(%error, "cannot take a publisher's connection over");
    }
}

fn start<S>(admin: &Arc<Admin>, stream: S, transport: Transport, publisher: Publisher)
where
    S: Stream + Send + 'static,
{
    let Publisher {
        peer: name,
        protocol,
        unread,
        ..
    } = publisher;
    let context = admin.context().clone();
    let peer = Peer { name, transport };
    let permit = transport.permits(&context).take_over();
    let admin = admin.clone();
    let tasks = &admin.context().tasks.publishers.clone();
    tasks.spawn(async move {
        let _gauge = context.counters.publishers.hold();
        let wire = Wire::new(context.clone(), stream, peer, permit);
        resume(&admin, wire, protocol, unread).await;
    });
}

async fn resume<S: Stream>(
    admin: &Arc<Admin>,
    wire: Wire<S>,
    protocol: PublisherProtocol,
    unread: Vec<u8>,
) {
    let context = admin.context();
    match protocol {
        PublisherProtocol::Beginning => serve_from_first(admin, wire).await,
        PublisherProtocol::Native {
            has_greeted,
            has_spool,
            is_behind_spool,
        } => {
            let agreed = Agreed {
                has_greeted,
                has_spool,
                is_behind_spool,
            };
            native::serve(context, wire, agreed, &unread).await;
        }
        PublisherProtocol::Raw { has_hung_up } => {
            raw::serve(context, wire, &unread, has_hung_up).await;
        }
        PublisherProtocol::Zmtp { stage, pending } => {
            let handed_over = HandedOver {
                stage,
                pending,
                unread,
            };
            let len_max = context.live.limits().publish_len_max;
            if let Some(pull) = Pull::take_over(len_max, handed_over) {
                zmtp::serve(context, wire, pull).await;
            }
        }
        PublisherProtocol::Http => http::serve(admin, wire, unread).await,
    }
}
