//! Signals of Unix.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};

use super::Request;

/// Returns a future that is ready after SIGTERM, SIGINT or SIGQUIT, which end other servers too. The signals are caught
/// from this call on.
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

/// The signals that would end the process, and that nobody sends it for that.
pub(crate) const IGNORED: &[Signal] = &[
    Signal::SIGUSR1,
    Signal::SIGALRM,
    Signal::SIGVTALRM,
    Signal::SIGPROF,
    Signal::SIGIO,
    Signal::SIGXCPU,
    #[cfg(target_os = "linux")]
    Signal::SIGPWR,
    #[cfg(all(
        target_os = "linux",
        not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc64"))
    ))]
    Signal::SIGSTKFLT,
];

/// Logs signals that have no effect. Without a handler, each would kill the process and lose the queued events.
pub(crate) fn ignored() -> io::Result<impl Future<Output = Infallible>> {
    let mut ignored = Vec::new();
    for name in IGNORED {
        ignored.push((*name, signal(SignalKind::from_raw(*name as i32))?));
    }
    // The system sends SIGXFSZ if a log file reaches RLIMIT_FSIZE. With a handler, the write fails instead. It is not
    // logged: that line would cause the next signal.
    let _handled = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;
    Ok(async move {
        loop {
            let name = poll_fn(|task| {
                for (name, signal) in &mut ignored {
                    if signal.poll_recv(task).is_ready() {
                        return Poll::Ready(*name);
                    }
                }
                Poll::Pending
            });
            let name = name.await;
            let why = match name {
                Signal::SIGUSR1 => {
                    "the log goes to standard error, so there is no file to open again"
                }
                _ => "it has no meaning here",
            };
            tracing::warn!(
                signal = name.as_str(),
                "ignored a signal: {why}; SIGHUP reads the settings again"
            );
        }
    })
}

/// Catches SIGHUP and SIGUSR2 from this call on.
pub(crate) fn requests() -> io::Result<Requests> {
    Ok(Requests {
        hangup: signal(SignalKind::hangup())?,
        upgrade: signal(SignalKind::user_defined2())?,
    })
}

/// The signals; see [`requests`].
pub(crate) struct Requests {
    hangup: tokio::signal::unix::Signal,
    upgrade: tokio::signal::unix::Signal,
}

impl Requests {
    pub(crate) async fn next(&mut self) -> Request {
        tokio::select! {
            Some(()) = self.hangup.recv() => Request::Reload,
            Some(()) = self.upgrade.recv() => Request::Upgrade,
            else => std::future::pending().await,
        }
    }
}
