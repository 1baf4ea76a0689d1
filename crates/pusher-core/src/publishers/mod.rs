//! The publish listener. The first byte of a connection selects its protocol.
//!
//! | first byte | protocol |
//! |---|---|
//! | `{`, white space or a UTF-8 byte order mark | raw JSON, without answers |
//! | `[` | the native protocol, with a receipt for each publish |
//! | 0xff | ZMTP: a ZeroMQ PUSH socket |
//! | `A` to `Z` | HTTP/1.1: `POST /publish/{topic}`, and the admin routes |
//! | anything else | refused |
//!
//! If the options have a [publish token](crate::config::PublishToken), raw JSON and ZMTP are refused, because
//! neither can carry one.

#[cfg(any(test, fuzzing))]
pub(crate) mod faults;
mod http;
mod native;
mod peer;
mod pending;
mod raw;
mod refusal;
mod spool;
mod submit;
mod unfinished;
mod wire;
mod zmtp;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::connection::{PublisherPermit, TLS_HANDSHAKE};
use crate::stats::PublisherRefusal;
use wire::Wire;

pub(crate) use peer::{Peer, Transport};
pub(crate) use spool::Drainer;
pub(crate) use wire::Stream;

/// Serves one publisher until it disconnects or the server shuts down.
pub(crate) async fn serve<S>(
    admin: Arc<Admin>,
    stream: S,
    peer: Peer,
    permit: PublisherPermit,
    shutdown: CancellationToken,
) where
    S: Stream,
{
    let context = admin.context().clone();
    let _gauge = context.counters.publishers.hold();
    let mut wire = Wire::new(context.clone(), stream, peer.name, permit, shutdown);
    let Some(first) = wire.read_first().await else {
        return;
    };
    match first[0] {
        b'[' => match wire.acquire_permit().await {
            Ok(()) => native::serve(&context, wire, &first).await,
            Err(busy) => native::refuse(wire, &busy).await,
        },
        b'{' | b' ' | b'\t' | b'\r' | b'\n' | 0xef => {
            // Raw JSON has no answers, so the reason is only in the log.
            if wire.acquire_permit().await.is_ok() {
                raw::serve(&context, wire, &first).await;
            }
        }
        0xff => {
            // If the connection closes before the greeting, ZeroMQ reconnects and keeps its messages. After an ERROR
            // it would never reconnect.
            if wire.acquire_permit().await.is_ok() {
                zmtp::serve(&context, wire, &first).await;
            }
        }
        b'A'..=b'Z' => http::serve(&admin, wire, first, peer.transport).await,
        TLS_HANDSHAKE => wire.refuse(
            PublisherRefusal::Language,
            "refusing a publisher that begins with TLS: the publish listener has no TLS, use http",
        ),
        byte => wire.refuse(PublisherRefusal::Language, format_args!(
            "refusing a publisher that begins with byte 0x{byte:02x}: expected raw JSON ('{{'), \
             the native protocol ('['), ZMTP (0xff) or HTTP"
        )),
    }
}
