//! In place of `systemd` on systems that have nothing like it.

use std::convert::Infallible;
use std::time::Duration;

use pusher_core::Listeners;

pub(crate) fn listeners() -> Result<Listeners, String> {
    Ok(Listeners::default())
}

pub(crate) fn ready() {}

pub(crate) fn reloading() {}

pub(crate) fn stopping() {}

pub(crate) async fn watch(_silent_for: impl Fn() -> Duration) -> Infallible {
    std::future::pending().await
}
