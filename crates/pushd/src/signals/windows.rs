//! Events of the console, and controls of the service.

use std::convert::Infallible;
use std::io;

use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};

use super::Request;
use crate::service_control;

/// Returns a future that is ready after Ctrl-C, Ctrl-Break, the end of the console or of the session, or when the service
/// is stopped. Windows ends the process some seconds after its console has closed.
pub(crate) fn end() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = ctrl_c()?;
    let mut break_ = ctrl_break()?;
    let mut close = ctrl_close()?;
    let mut logoff = ctrl_logoff()?;
    let mut shutdown = ctrl_shutdown()?;
    Ok(async move {
        // A service outlives the sessions of users.
        let logs_off = async {
            match service_control::is_running() {
                true => std::future::pending().await,
                false => logoff.recv().await,
            }
        };
        let name = tokio::select! {
            _ = interrupt.recv() => "Ctrl-C",
            _ = break_.recv() => "Ctrl-Break",
            _ = close.recv() => "the console has closed",
            _ = logs_off => "the user logs off",
            _ = shutdown.recv() => "shutdown",
            () = service_control::stopped() => "the service is stopped",
        };
        tracing::info!(event = name, "ending");
    })
}

/// There are no events that would have to be ignored.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(crate) fn ignored() -> io::Result<impl Future<Output = Infallible>> {
    Ok(std::future::pending())
}

/// Nothing comes by signals: `pushd reload` asks by HTTP.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(crate) fn requests() -> io::Result<Requests> {
    Ok(Requests)
}

/// See [`requests`].
pub(crate) struct Requests;

impl Requests {
    pub(crate) async fn next(&mut self) -> Request {
        std::future::pending().await
    }
}
