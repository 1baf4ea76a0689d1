//! The publish listener. The first byte of a connection selects its protocol.
//!
//! | first byte | protocol |
//! |---|---|
//! | `{`, white space or a UTF-8 byte order mark | raw JSON, without answers |
//! | `[` | the native protocol, with a receipt for each publish |
//! | 0xff | ZMTP: a ZeroMQ PUSH socket |
//! | `A` to `Z` | HTTP/1.1: `POST /publish/{topic}`, `/apps/...`, and the admin routes |
//! | anything else | refused |
//!
//! If the options have a [publish token](crate::config::PublishToken), raw JSON and ZMTP are refused, because
//! neither can carry one.

#[cfg(any(test, fuzzing))]
pub(crate) mod faults;
mod handed_over;
mod http;
mod native;
mod peer;
mod pending;
mod present;
mod raw;
mod refusal;
mod revoke;
mod spool;
mod stream;
mod submit;
mod subscribed;
mod unfinished;
mod wire;
mod zmtp;

use std::sync::Arc;

use crate::admin::Admin;
use crate::connection::{PublisherPermit, TLS_HANDSHAKE};
use crate::handover::PublisherProtocol;
use crate::stats::PublisherRefusal;
use wire::{First, Wire};

pub(crate) use handed_over::{leave, take_over};
pub(crate) use peer::{Peer, Transport};
pub(crate) use revoke::revoke;
pub use revoke::{RevokeError, Revoked};
pub(crate) use spool::Drainer;
pub(crate) use stream::Stream;

/// Serves one publisher until it disconnects, the server shuts down, or another process continues.
pub(crate) async fn serve<S>(admin: Arc<Admin>, stream: S, peer: Peer, permit: PublisherPermit)
where
    S: Stream,
{
    let context = admin.context();
    let _gauge = context.counters.publishers.hold();
    let wire = Wire::new(context.clone(), stream, peer, permit);
    serve_from_first(&admin, wire).await;
}

async fn serve_from_first<S: Stream>(admin: &Arc<Admin>, mut wire: Wire<S>) {
    let first = match wire.read_first().await {
        First::Bytes(first) => first,
        First::Gone => return,
        First::HandOver => return wire.hand_over(PublisherProtocol::Beginning, Vec::new()),
    };
    let context = admin.context();
    let transport = wire.transport();
    match first[0] {
        b'A'..=b'Z' => http::serve(admin, wire, first).await,
        TLS_HANDSHAKE => wire.refuse(
            PublisherRefusal::Language,
            "refusing a publisher that begins with TLS: its listener has no TLS, use http",
        ),
        _ if transport == Transport::Signed => wire.refuse(
            PublisherRefusal::Language,
            "refusing a connection that does not begin with HTTP: pusher-listen is for signed requests",
        ),
        b'[' => match wire.acquire_permit().await {
            Ok(()) => native::serve(context, wire, native::Agreed::default(), &first).await,
            Err(busy) => native::refuse(wire, &busy).await,
        },
        b'{' | b' ' | b'\t' | b'\r' | b'\n' | 0xef => {
            // Raw JSON has no answers, so the reason is only in the log.
            if wire.acquire_permit().await.is_ok() {
                raw::serve(context, wire, &first, false).await;
            }
        }
        0xff => {
            // If the connection closes before the greeting, ZeroMQ reconnects and keeps its messages. After an ERROR
            // it would never reconnect.
            if wire.acquire_permit().await.is_ok() {
                zmtp::serve(context, wire, zmtp::begin(context, &first)).await;
            }
        }
        byte => wire.refuse(PublisherRefusal::Language, format_args!(
            "refusing a publisher that begins with byte 0x{byte:02x}: expected raw JSON ('{{'), \
             the native protocol ('['), ZMTP (0xff) or HTTP"
        )),
    }
}
