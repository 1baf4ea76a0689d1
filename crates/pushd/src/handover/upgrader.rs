//! Asks the new program whether it can continue, and then stops the server.

use std::env;
use std::process::{Output, Stdio};
use std::time::Duration;

use pusher_core::{HandOver, NoUpgrade};
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{CHECK, Program};

/// Time for the answer of the new program.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of the new program's complaint that are logged.
const COMPLAINT_LEN_MAX: usize = 2000;

/// Why the new program does not take over. The server goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeError {
    #[error("cannot run {path}: {source}")]
    Run {
        path: String,
        source: std::io::Error,
    },
    #[error("{path} did not answer within {CHECK_TIMEOUT:?}")]
    Timeout { path: String },
    #[error("{path} cannot take over: {complaint}")]
    Refused { path: String, complaint: String },
}

impl From<UpgradeError> for NoUpgrade {
    fn from(error: UpgradeError) -> Self {
        let text = error.to_string();
        match error {
            UpgradeError::Run { .. } => Self::NotRun(text),
            UpgradeError::Timeout { .. } => Self::Silent(text),
            UpgradeError::Refused { .. } => Self::Refused(text),
        }
    }
}

/// Stops the server for a new program.
#[derive(Debug)]
pub(crate) struct Upgrader {
    pub(crate) program: Program,
    /// The format that the new program knows, as soon as the server must stop.
    format: watch::Sender<Option<u32>>,
}

impl Upgrader {
    pub(crate) fn new(program: Program) -> Self {
        let (format, _) = watch::channel(None);
        Self { program, format }
    }

    /// Waits until the server must stop. Returns the format of its state. An earlier answer of a program that could not be
    /// started does not count.
    pub(crate) async fn asked(&self) -> u32 {
        let mut format = self.format.subscribe();
        loop {
            // The sender is here, so this does not fail.
            let _changed = format.changed().await;
            if let Some(format) = *format.borrow_and_update() {
                return format;
            }
        }
    }

    /// Asks the program that is at the path now whether it can continue, in the newest format that both know. If so, stops the
    /// server.
    pub(crate) async fn upgrade(&self) -> Result<(), UpgradeError> {
        let mut refused = None;
        for &format in HandOver::formats() {
            match self.check(format).await {
                // It may know an older one. Otherwise it refuses that for the true reason.
                Err(error @ UpgradeError::Refused { .. }) => refused = Some(error),
                Err(error) => return Err(error),
                Ok(()) => {
                    self.format.send_replace(Some(format));
                    return Ok(());
                }
            }
        }
        // There is at least one format.
        refused.map_or(Ok(()), Err)
    }

    async fn check(&self, format: u32) -> Result<(), UpgradeError> {
        let path = self.program.path();
        let shown = || path.display().to_string();
        let mut command = Command::new(path);
        command
            .args([format!("--{CHECK}"), format.to_string()])
            .args(env::args_os().skip(1))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let output = match timeout(CHECK_TIMEOUT, command.output()).await {
            Ok(output) => output.map_err(|source| UpgradeError::Run {
                path: shown(),
                source,
            })?,
            Err(_) => return Err(UpgradeError::Timeout { path: shown() }),
        };
        match output.status.success() {
            true => Ok(()),
            false => Err(UpgradeError::Refused {
                path: shown(),
                complaint: complaint(&output),
            }),
        }
    }
}

/// Returns the end of a program's standard error, or its exit status if that is empty.
fn complaint(output: &Output) -> String {
    let said = output.stderr.trim_ascii();
    let last = &said[said.len().saturating_sub(COMPLAINT_LEN_MAX)..];
    match last.is_empty() {
        true => output.status.to_string(),
        false => String::from_utf8_lossy(last).into_owned(),
    }
}

/// Whether this program knows a format of the state.
pub(crate) fn knows(format: &str) -> bool {
    let format: Option<u32> = format.parse().ok();
    format.is_some_and(|format| HandOver::formats().contains(&format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_formats_are_known() {
        for format in HandOver::formats() {
            assert!(knows(&format.to_string()));
        }
        for other in ["0", "", "x", "-1", "4294967296"] {
            assert!(!knows(other), "{other}");
        }
    }
}
