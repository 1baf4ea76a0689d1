//! Why a command failed. There is one variant for each thing that the operator can do about it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use pusher_core::{PublishAddress, TicketFault};
use pusher_proto::ticket::SignError;

use crate::client::SessionEnd;
use crate::output::OutputError;
use crate::tickets::{ChangeError, KeyFileError};

/// How long the server may take to answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the server may take to read the keys of tickets again. It looks at the file every 5 s.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub(super) enum ShellError {
    #[error("listen is empty: give the address with --url")]
    NoPublicListener,
    #[error("publish-listen is empty: give the address with --publish-address")]
    NoPublishListener,
    #[error(
        "cannot connect to {address}: {error}. Is pushd running, and does it accept publishers at this address? \
         --publish-address names another"
    )]
    Connect {
        address: PublishAddress,
        error: io::Error,
    },
    #[error("{0} does not answer within {ANSWER_TIMEOUT:?}")]
    Silent(String),
    #[error("cannot use the spool {}: {source}. --spool-dir names another", directory.display())]
    Spool {
        directory: PathBuf,
        source: io::Error,
    },
    #[error(
        "the spool {} is not drained: is pushd running with this spool-dir, and may it write there? `pusherd status` \
         and its log say why not",
        .0.display()
    )]
    NotDrained(PathBuf),
    #[error("{address} does not answer as pushd's publish listener (port 5555) does: {reason}")]
    NotPushd {
        address: PublishAddress,
        reason: String,
    },
    #[error(
        "{0} requires a publish token: set PUSHD_PUBLISH_TOKEN, or name the configuration file with --config"
    )]
    TokenNeeded(PublishAddress),
    #[error(
        "{0} requires another publish token: correct PUSHD_PUBLISH_TOKEN, or the configuration file"
    )]
    WrongToken(PublishAddress),
    #[error("{address} refused the request: {reason}")]
    Refused {
        address: PublishAddress,
        reason: String,
    },
    #[error(
        "{address} refused the event: {reason}. A text needs quotes in its JSON, and the shell takes one pair: \
         '\"hello\"'"
    )]
    NotJson {
        address: PublishAddress,
        reason: String,
    },
    #[error("{address} refused the request: {reason}. Is that pushd older than this command?")]
    NotFound {
        address: PublishAddress,
        reason: String,
    },
    #[error(
        "the server at {0} has no recovery (the subprotocol pushd.1): it cannot send the events behind a position"
    )]
    NoRecovery(String),
    #[error("the new program could not start, and the one before goes on: its log says why")]
    UpgradeFailed,
    #[error("the daemon does not tell of an upgrade within {0:?}: its log says more")]
    UpgradeLate(Duration),
    #[error("cannot send this request: {0}")]
    Request(#[from] http::Error),
    /// No session could be opened. `todo` is advice, which may be empty.
    #[error("{}", with_advice(.what, .todo))]
    NoSession { what: String, todo: String },
    #[error("the connection ended: {0}. pushd's log says whether pushd closed it (`--log debug`)")]
    SessionEnded(#[from] SessionEnd),
    #[error("cannot read the event: {0}")]
    Input(io::Error),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(
        "{subscribers} subscribers need more open files than the limit of {limit}: raise it (`ulimit -Hn`)"
    )]
    OpenFiles { subscribers: u32, limit: usize },
    #[error("after {open} subscribers: {reason}")]
    Subscribers {
        open: usize,
        reason: Box<ShellError>,
    },
    #[error(
        "the publish listener knows {known} of the {subscribers} subscribers: it belongs to another pushd than the \
         public URL (--publish-address, --url)"
    )]
    OtherPushd { known: u64, subscribers: u32 },
    #[error("of the deliveries {lost} were lost, {doubled} doubled and {reordered} out of order")]
    Deliveries {
        lost: u64,
        doubled: u64,
        reordered: u64,
    },
    #[error("standard output is no terminal: print one table with --once")]
    NoTerminal,
    #[error("cannot use the terminal: {0}")]
    Terminal(io::Error),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    KeyChange(#[from] ChangeError),
    #[error("cannot sign the ticket: {0}")]
    Sign(#[from] SignError),
    #[error("refused, {code}: {0}", code = .0.code())]
    TicketRefused(TicketFault),
    #[error(
        "{0} machines share the log, so the key takes two steps: `pusherd ticket rotate --add` on one of them, copy the file to \
         all, and when `pusherd status` shows the new key on each, `pusherd ticket rotate --use` and copy the file again"
    )]
    KeyOnNodes(usize),
    #[error(
        "cannot find out whether pushd knows the new key: {0}. To rotate without it: `--add`, and when pushd runs with the new \
         key, `--use`"
    )]
    KeysUnknown(Box<ShellError>),
    #[error(
        "pushd has not read {} within {READ_TIMEOUT:?}: is it the ticket-key-file of the running pushd, and may pushd read it? \
         The new key does not sign yet. `pusherd status` shows the keys of pushd",
        .0.display()
    )]
    KeyNotRead(PathBuf),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot measure latencies: {0:?}")]
    Histogram(#[from] hdrhistogram::CreationError),
    #[error("a task ended early: {0}")]
    Task(#[from] tokio::task::JoinError),
    #[error("cannot print JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl ShellError {
    /// Describes the error without its advice. For a command that tries again by itself.
    pub(super) fn without_advice(&self) -> String {
        match self {
            Self::NoSession { what, .. } => what.clone(),
            other => other.to_string(),
        }
    }
}

/// Advice may have several lines; here it becomes one.
fn with_advice(what: &str, todo: &str) -> String {
    let todo: Vec<&str> = todo.lines().map(str::trim).collect();
    match todo.is_empty() {
        true => what.to_owned(),
        false => format!("{what}. {}", todo.join(" ")),
    }
}
