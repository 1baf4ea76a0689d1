//! Replaces this program by the new one.

use std::convert::Infallible;
use std::env;
use std::ffi::{CString, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::process;

use nix::sys::signal::{SigSet, Signal};
use pusher_core::HandOver;

use super::passage::{self, PassageError};
use super::{Program, VARIABLE};
use crate::signals::IGNORED;

/// The signals that the daemon handles, besides those that it ignores. Between two programs nobody does, and each would
/// kill the process.
const HANDLED: [Signal; 6] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR2,
    Signal::SIGXFSZ,
];

/// Variables of systemd that describe sockets. The new program gets these sockets with the others.
const SOCKET_VARIABLES: [&str; 3] = ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// Why the program is not replaced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplaceError {
    #[error(transparent)]
    Passage(#[from] PassageError),
    #[error("cannot start {path}: {source}")]
    Exec { path: String, source: io::Error },
}

/// The handled signals wait as long as this exists, and while the program is replaced.
#[derive(Debug)]
pub(crate) struct SignalsHeld;

impl SignalsHeld {
    /// Makes the signals of this thread wait, and of those that it starts meanwhile.
    pub(crate) fn hold() -> io::Result<Self> {
        handled().thread_block()?;
        Ok(Self)
    }
}

impl Drop for SignalsHeld {
    fn drop(&mut self) {
        if let Err(error) = handled().thread_unblock() {
            tracing::error!(%error, "cannot let signals through");
        }
    }
}

fn handled() -> SigSet {
    HANDLED.iter().chain(IGNORED).copied().collect()
}

/// Replaces this program by the one at the path, with the same arguments. Returns only if that fails. The server is then
/// still in `handed_over`.
pub(crate) fn replace(
    program: &Program,
    handed_over: &HandOver,
    format: u32,
) -> Result<Infallible, ReplaceError> {
    let entrance = passage::send(handed_over, format)?;
    let failed = |source| ReplaceError::Exec {
        path: program.path().display().to_string(),
        source,
    };
    let executed = rustix::stdio::dup2_stdin(&entrance)
        .map_err(io::Error::from)
        .and_then(|()| execute(program));
    // This closes the other end, and with it the copies of the sockets that were sent.
    let _closed = std::fs::File::open("/dev/null").map(rustix::stdio::dup2_stdin);
    executed.map_err(failed)
}

fn execute(program: &Program) -> io::Result<Infallible> {
    let text = |text: OsString| CString::new(text.into_vec()).map_err(io::Error::from);
    let path = text(program.path().as_os_str().to_owned())?;
    let arguments: Vec<_> = env::args_os().map(text).collect::<io::Result<_>>()?;
    let mut variables = Vec::new();
    for (name, value) in env::vars_os() {
        let mut ours = SOCKET_VARIABLES.iter().chain([&VARIABLE]);
        if !ours.any(|ours| name == **ours) {
            let mut variable = name;
            variable.push("=");
            variable.push(value);
            variables.push(text(variable)?);
        }
    }
    variables.push(text(format!("{VARIABLE}={}", process::id()).into())?);
    // Not std's `exec`, which would let all signals through.
    Ok(nix::unistd::execve(&path, &arguments, &variables)?)
}
