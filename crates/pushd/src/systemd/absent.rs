//! In place of `manager` on systems without systemd.

use std::convert::Infallible;
use std::time::Duration;

use pusher_core::Listeners;

pub(crate) type SocketError = Infallible;

pub(crate) fn listeners() -> Result<Listeners, SocketError> {
    Ok(Listeners::default())
}

pub(crate) fn ready() {}

pub(crate) fn reloading() {}

pub(crate) fn stopping() {}

pub(crate) async fn watch(_silent_for: impl Fn() -> Duration) -> Infallible {
    std::future::pending().await
}
