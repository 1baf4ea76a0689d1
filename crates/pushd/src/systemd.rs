//! What systemd, or whoever plays its part, is told and hands over: sd_notify(3), sd_listen_fds(3).

use std::convert::Infallible;
use std::env;
use std::io;
use std::time::Duration;

use listenfd::ListenFd;
use pusher_core::Listeners;
use sd_notify::NotifyState;

/// What the sockets of each door are called: `FileDescriptorName=` of their units.
const PUBLIC: &str = "public";
const PRIVATE: &str = "private";

/// The event loops go round about every second: less than this is no silence.
const SILENCE_MIN: Duration = Duration::from_secs(3);

/// The sockets that were handed over, by their doors.
pub(crate) fn listeners() -> Result<Listeners, String> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = ListenFd::from_env();
    let mut listeners = Listeners::default();
    for index in 0..sockets.len() {
        let name = names.next().unwrap_or_default();
        take(&mut sockets, index, name, &mut listeners).map_err(|error| {
            format!("cannot use the socket {name:?} that was handed over: {error}")
        })?;
    }
    Ok(listeners)
}

fn take(
    sockets: &mut ListenFd,
    index: usize,
    name: &str,
    listeners: &mut Listeners,
) -> io::Result<()> {
    match name {
        PUBLIC => listeners.public.extend(sockets.take_tcp_listener(index)?),
        PRIVATE => match sockets.take_tcp_listener(index) {
            Ok(listener) => listeners.private_tcp.extend(listener),
            Err(_) => listeners
                .private_unix
                .extend(sockets.take_unix_listener(index)?),
        },
        _ => {
            let text = "its unit needs FileDescriptorName=public or FileDescriptorName=private";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
    }
    Ok(())
}

/// Connections are accepted from now on, or again.
pub(crate) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The settings are being read again; [`ready`] comes next.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot read the clock for systemd"),
    }
}

/// The end has begun.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Tells systemd's watchdog that all is well, as long as no event loop is silent for long.
pub(crate) async fn watch(silent_for: impl Fn() -> Duration) -> Infallible {
    match sd_notify::watchdog_enabled() {
        Some(patience) => {
            let tell = || notify(&[NotifyState::Watchdog]);
            watch_for(patience, silent_for, tell).await
        }
        None => std::future::pending().await,
    }
}

/// The same for a watchdog that loses patience after so long.
async fn watch_for(
    patience: Duration,
    silent_for: impl Fn() -> Duration,
    tell: impl Fn(),
) -> Infallible {
    let silence_max = (patience / 2).max(SILENCE_MIN);
    loop {
        tokio::time::sleep(patience / 4).await;
        let silence = silent_for();
        if silence < silence_max {
            tell();
        } else {
            tracing::error!(
                ?silence,
                "a thread hangs: systemd is no longer told that all is well"
            );
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell systemd {states:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_hangs_stops_the_pings_until_it_goes_on() {
        let (silence, told) = (Cell::new(Duration::ZERO), Cell::new(0));
        let tell = || told.set(told.get() + 1);
        let watch = watch_for(Duration::from_secs(20), || silence.get(), tell);
        let story = async {
            for (silence_s, told_after_a_minute) in [(1, 12), (9, 12), (10, 0), (60, 0), (0, 12)] {
                silence.set(Duration::from_secs(silence_s));
                told.set(0);
                tokio::time::sleep(Duration::from_secs(60)).await;
                assert_eq!(told.get(), told_after_a_minute, "silent for {silence_s} s");
            }
        };
        tokio::select! {
            biased;
            never = watch => match never {},
            () = story => {}
        }
    }
}
