//! systemd, or another manager with its protocols: sd_notify(3) and sd_listen_fds(3).

use std::convert::Infallible;
use std::env;
use std::io;
use std::time::Duration;

use listenfd::ListenFd;
use pusher_core::Listeners;
use sd_notify::NotifyState;

/// `FileDescriptorName=` of the socket units for port 8080.
const PUBLIC: &str = "public";
/// `FileDescriptorName=` of the socket units for port 5555.
const PRIVATE: &str = "private";

/// Shortest silence of an event loop that counts as a hang: each loop reports about once a second.
const SILENCE_MIN: Duration = Duration::from_secs(3);

/// Why an inherited socket cannot be used. The operator corrects its unit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error(
        "cannot use the inherited socket {0:?}: its unit needs FileDescriptorName=public or FileDescriptorName=private"
    )]
    Name(String),
    #[error("cannot use the inherited socket {name:?}: {source}")]
    Socket { name: String, source: io::Error },
}

/// Returns the inherited sockets, by listener.
pub(crate) fn listeners() -> Result<Listeners, SocketError> {
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut sockets = ListenFd::from_env();
    let mut listeners = Listeners::default();
    for index in 0..sockets.len() {
        let name = names.next().unwrap_or_default();
        take(&mut sockets, index, name, &mut listeners)?;
    }
    Ok(listeners)
}

fn take(
    sockets: &mut ListenFd,
    index: usize,
    name: &str,
    listeners: &mut Listeners,
) -> Result<(), SocketError> {
    let failed = |source| SocketError::Socket {
        name: name.to_owned(),
        source,
    };
    match name {
        PUBLIC => {
            let listener = sockets.take_tcp_listener(index);
            listeners.public.extend(listener.map_err(failed)?);
        }
        PRIVATE => match sockets.take_tcp_listener(index) {
            Ok(listener) => listeners.publish_tcp.extend(listener),
            Err(_) => {
                let listener = sockets.take_unix_listener(index);
                listeners.publish_unix.extend(listener.map_err(failed)?);
            }
        },
        _ => return Err(SocketError::Name(name.to_owned())),
    }
    Ok(())
}

/// Reports that connections are accepted, at the start or after a reload.
pub(crate) fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Reports that the settings are being read again. [`ready`] follows.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot read the clock for systemd"),
    }
}

/// Reports that the daemon is shutting down.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Feeds systemd's watchdog as long as every event loop runs.
pub(crate) async fn watch(silent_for: impl Fn() -> Duration) -> Infallible {
    match sd_notify::watchdog_enabled() {
        Some(timeout) => {
            let feed = || notify(&[NotifyState::Watchdog]);
            watch_for(timeout, silent_for, feed).await
        }
        None => std::future::pending().await,
    }
}

/// Feeds a watchdog with the given timeout.
async fn watch_for(
    timeout: Duration,
    silent_for: impl Fn() -> Duration,
    feed: impl Fn(),
) -> Infallible {
    let silence_max = (timeout / 2).max(SILENCE_MIN);
    loop {
        tokio::time::sleep(timeout / 4).await;
        let silence = silent_for();
        if silence < silence_max {
            feed();
        } else {
            tracing::error!(
                ?silence,
                "a thread hangs: the watchdog of systemd is no longer fed"
            );
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot notify systemd: {states:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn watchdog_is_not_fed_while_a_thread_hangs() {
        let (silence, fed) = (Cell::new(Duration::ZERO), Cell::new(0));
        let feed = || fed.set(fed.get() + 1);
        let watch = watch_for(Duration::from_secs(20), || silence.get(), feed);
        let story = async {
            for (silence_s, fed_after_a_minute) in [(1, 12), (9, 12), (10, 0), (60, 0), (0, 12)] {
                silence.set(Duration::from_secs(silence_s));
                fed.set(0);
                tokio::time::sleep(Duration::from_secs(60)).await;
                assert_eq!(fed.get(), fed_after_a_minute, "silent for {silence_s} s");
            }
        };
        tokio::select! {
            biased;
            never = watch => match never {},
            () = story => {}
        }
    }
}
