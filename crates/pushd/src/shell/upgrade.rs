//! `pushd upgrade`: lets a running daemon become the program that is installed now, with its connections.

use std::time::Duration;

use bytes::Bytes;
use clap::{ArgMatches, Command};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::error::ShellError;
use super::publish_listener::PublishListener;
use crate::output::{self, escape};
use crate::settings::Settings;

pub(super) const UPGRADE: &str = "upgrade";

/// Time for the new program to take over.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Time between two looks at the daemon.
const PAUSE: Duration = Duration::from_millis(50);

/// The part of `/status.json` that tells of hand-overs.
#[derive(Debug, Serialize, Deserialize)]
struct Status {
    server: String,
    handovers: u64,
    handovers_failed: u64,
    handover_kept: u64,
    handover_closed: u64,
    handover_pause_ms: u64,
}

pub(super) fn command() -> Command {
    Command::new(UPGRADE)
        .about("Lets the running daemon become the program that is installed now, and keeps its connections")
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let listener = PublishListener::new(matches, settings)?;
    let before: Status = listener.get("/status.json").await?;
    let mut connection = listener.open().await?;
    let _begun: Value = connection.post("/upgrade", &[], Bytes::new()).await?;
    let after = wait(&listener, &before).await?;
    let line = match matches.get_flag("json") {
        true => serde_json::to_string(&after)?,
        false => {
            let Status {
                server,
                handover_kept,
                handover_closed,
                handover_pause_ms,
                ..
            } = &after;
            let (from, to) = (escape(&before.server), escape(server));
            format!(
                "{from} became {to}: {handover_kept} connections kept, {handover_closed} closed, pause {handover_pause_ms} ms"
            )
        }
    };
    let _reader = output::print(line)?;
    Ok(())
}

/// Waits until the daemon has been handed over.
async fn wait(listener: &PublishListener, before: &Status) -> Result<Status, ShellError> {
    let end = Instant::now() + TIMEOUT;
    loop {
        let status: Result<Status, _> = listener.get("/status.json").await;
        match status {
            Ok(status) if status.handovers > before.handovers => return Ok(status),
            Ok(status) if status.handovers_failed > before.handovers_failed => {
                return Err(ShellError::UpgradeFailed);
            }
            // A request that arrives at the moment of the hand-over may get no answer.
            result if Instant::now() >= end => {
                return result.and(Err(ShellError::UpgradeLate(TIMEOUT)));
            }
            _ => sleep(PAUSE).await,
        }
    }
}
