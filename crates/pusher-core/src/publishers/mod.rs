//! The private door: publishers, told apart by their first byte.
//!
//! | first byte | what it is |
//! |---|---|
//! | `{`, white space or a UTF-8 byte order mark | raw JSON, no answer |
//! | `[` | the native protocol, each publish answered |
//! | 0xff | ZMTP: a PUSH socket of ZeroMQ |
//! | `A` to `Z` | HTTP/1.1: `POST /publish/{category}`, and what the operator looks at |
//! | anything else | refused |
//!
//! Where a [token](PublishToken) is wanted, only the native protocol and HTTP can show it, and the
//! others are refused.

#[cfg(any(test, fuzzing))]
pub(crate) mod faults;
mod http;
mod native;
mod peer;
mod raw;
mod refusal;
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

pub(crate) use peer::{Door, Peer};
pub(crate) use wire::Stream;

/// Serves one publisher until it goes, or until the server ends.
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
            // There are no answers: the log says why it is closed.
            if wire.acquire_permit().await.is_ok() {
                raw::serve(&context, wire, &first).await;
            }
        }
        0xff => {
            // Closed before the greeting, ZeroMQ tries again and keeps its messages. After an ERROR it never would.
            if wire.acquire_permit().await.is_ok() {
                zmtp::serve(&context, wire, &first).await;
            }
        }
        b'A'..=b'Z' => http::serve(&admin, wire, first, peer.door).await,
        TLS_HANDSHAKE => wire.refuse(
            PublisherRefusal::Language,
            "refusing a publisher that begins with TLS: the private door speaks none, use http",
        ),
        byte => wire.refuse(PublisherRefusal::Language, format_args!(
            "refusing a publisher that begins with byte 0x{byte:02x}: neither raw JSON ('{{'), nor \
             the native protocol ('['), nor ZMTP (0xff), nor HTTP"
        )),
    }
}
