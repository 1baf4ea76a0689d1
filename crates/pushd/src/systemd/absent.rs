//! In place of `manager` on Windows, whose own manager of services has no sockets and no watchdog.

use std::convert::Infallible;
use std::time::Duration;

use pusher_core::Listeners;

pub(crate) use crate::service_control::{ready, stopping};

pub(crate) type SocketError = Infallible;

pub(crate) fn listeners() -> Result<Listeners, SocketError> {
    Ok(Listeners::default())
}

pub(crate) fn reloading() {}

pub(crate) async fn watch(_silent_for: impl Fn() -> Duration) -> Infallible {
    std::future::pending().await
}
