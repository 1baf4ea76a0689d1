//! `pushd reload`: lets a running daemon read its settings again.

use bytes::Bytes;
use clap::{ArgMatches, Command};
use serde::{Deserialize, Serialize};

use super::error::ShellError;
use super::publish_listener::PublishListener;
use crate::output;
use crate::settings::Settings;

pub(super) const RELOAD: &str = "reload";

/// The answer to `POST /reload`.
#[derive(Debug, Serialize, Deserialize)]
struct Reloaded {
    changed: usize,
}

pub(super) fn command() -> Command {
    Command::new(RELOAD)
        .about("Lets the running daemon read its settings again, and keeps all connections")
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let listener = PublishListener::new(matches, settings)?;
    let mut connection = listener.open().await?;
    let reloaded: Reloaded = connection.post("/reload", &[], Bytes::new()).await?;
    let line = match (matches.get_flag("json"), reloaded.changed) {
        (true, _) => serde_json::to_string(&reloaded)?,
        (false, 0) => "no setting changed; the log has those that need a restart".to_owned(),
        (false, 1) => "1 setting changed; the log has it".to_owned(),
        (false, changed) => {
            format!("{changed} settings changed; the log has them, and those that need a restart")
        }
    };
    let _reader = output::print(line)?;
    Ok(())
}
