//! Signals that end the daemon, make it read its settings again, or are ignored.

use std::convert::Infallible;
use std::io;

#[cfg(unix)]
use nix::sys::signal::Signal;
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// Returns a future that is ready after SIGTERM, SIGINT or SIGQUIT, which end other servers too. The signals are caught
/// from this call on.
#[cfg(unix)]
pub(crate) fn end() -> io::Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    Ok(async move {
        let name = tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
            _ = quit.recv() => "SIGQUIT",
        };
        tracing::info!(signal = name, "ending");
    })
}

/// Logs signals that have no effect. Without a handler, each would kill the process and lose the queued events.
#[cfg(unix)]
pub(crate) fn ignored() -> io::Result<impl Future<Output = Infallible>> {
    let mut usr1 = signal(SignalKind::user_defined1())?;
    let mut usr2 = signal(SignalKind::user_defined2())?;
    let mut alarm = signal(SignalKind::alarm())?;
    // The system sends SIGXFSZ if a log file reaches RLIMIT_FSIZE. With a handler, the write fails instead. It is not
    // logged: that line would cause the next signal.
    let _handled = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;
    Ok(async move {
        loop {
            let (name, why) = tokio::select! {
                _ = usr1.recv() => ("SIGUSR1", "the log goes to standard error, so there is no file to open again"),
                _ = usr2.recv() => ("SIGUSR2", "it has no meaning here"),
                _ = alarm.recv() => ("SIGALRM", "it has no meaning here"),
            };
            tracing::warn!(
                signal = name,
                "ignored a signal: {why}; SIGHUP reads the settings again"
            );
        }
    })
}

/// Other systems have no such signals.
#[cfg(not(unix))]
pub(crate) fn ignored() -> io::Result<impl Future<Output = Infallible>> {
    Ok(std::future::pending())
}

/// Returns a future that is ready after Ctrl-C.
#[cfg(not(unix))]
pub(crate) fn end() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot wait for Ctrl-C");
        }
        tracing::info!("ending");
    })
}

/// Catches SIGHUP from this call on.
#[cfg(unix)]
pub(crate) fn hangups() -> io::Result<Hangups> {
    signal(SignalKind::hangup()).map(Hangups)
}

/// The SIGHUPs; see [`hangups`].
#[cfg(unix)]
pub(crate) struct Hangups(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangups {
    pub(crate) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Other systems have no such signals.
#[cfg(not(unix))]
pub(crate) fn hangups() -> io::Result<Hangups> {
    Ok(Hangups)
}

#[cfg(not(unix))]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub(crate) async fn next(&mut self) {
        std::future::pending().await
    }
}
