//! The server's options: from the settings, the certificate files and the limit of open files.

use std::io::ErrorKind;
use std::path::PathBuf;

use pusher_core::{BindError, Certificate, ChannelsApp, Options, StateOptions, TicketKeys};

use crate::open_files;
use crate::pusher_app::PusherAppError;
use crate::redis::{self, RedisPasswordError};
use crate::settings::Config;
use crate::tickets::KeyFileError;
use crate::tls::{self, TlsError};

/// Why the settings cannot be used together.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OptionsError {
    #[error("{0}{advice}", advice = advice(.0))]
    Bind(#[from] BindError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    RedisPassword(#[from] RedisPasswordError),
    #[error(transparent)]
    TicketKeys(#[from] KeyFileError),
    #[error(transparent)]
    PusherApp(#[from] PusherAppError),
    #[error(
        "pusher-listen is for requests that a site signs: set pusher-app, which has the secret"
    )]
    PusherListen,
}

/// Checks that the settings do not contradict each other, and returns the certificate. Opens no listener.
pub(crate) fn check(config: &Config) -> Result<Option<Certificate>, OptionsError> {
    let mut options = config.options.clone();
    options.live.ticket_keys = ticket_keys(config)?;
    options.live.channels_app = channels_app(config)?;
    options.check()?;
    redis::password(config)?;
    Ok(tls::load(config)?)
}

/// Reads the keys of tickets. Without private topics, the default file may be missing; if it is there, a ticket has the same
/// effect as later, when topics are private.
fn ticket_keys(config: &Config) -> Result<Option<TicketKeys>, KeyFileError> {
    let live = &config.options.live;
    let is_needed = !live.private_topics.is_empty() || !live.presence.is_empty();
    let file = &config.ticket_key_file;
    match file.read() {
        Ok(keys) => Ok(Some(keys)),
        Err(_) if file.is_default() && !is_needed => Ok(None),
        Err(error) => Err(error),
    }
}

fn channels_app(config: &Config) -> Result<Option<ChannelsApp>, OptionsError> {
    match &config.pusher_app {
        Some(app) => Ok(Some(app.read()?)),
        None if config.options.signed_listen.is_empty() => Ok(None),
        None => Err(OptionsError::PusherListen),
    }
}

/// Returns advice for a listener that cannot be opened, as a suffix for the message.
pub(crate) fn advice(error: &BindError) -> &'static str {
    let source = match error {
        BindError::Listen { source, .. } => source,
        BindError::TokenNeeded { .. } => {
            return "; set PUSHD_PUBLISH_TOKEN, or listen on 127.0.0.1 or a unix socket";
        }
        _ => return "",
    };
    match source.kind() {
        ErrorKind::NotFound => "; the folder must exist, and this user must be able to write to it",
        ErrorKind::PermissionDenied => {
            "; this user lacks a permission. A port below 1024 needs a privilege, a unix socket a folder that this user \
             can write to, and publish-group a user who is a member"
        }
        ErrorKind::AddrNotAvailable if cfg!(windows) => {
            "; this machine does not have the address (`ipconfig` lists its addresses); 0.0.0.0 and [::] stand for all"
        }
        ErrorKind::AddrNotAvailable => {
            "; this machine does not have the address (`ip address` lists its addresses); 0.0.0.0 and [::] stand for all"
        }
        ErrorKind::AlreadyExists => "; remove it, or choose another path with --publish-listen",
        ErrorKind::AddrInUse if cfg!(windows) => {
            "; another program uses it, perhaps Ratchet or another pushd (`netstat -abno` lists them): stop that program, or \
             choose another address with --listen or --publish-listen"
        }
        ErrorKind::AddrInUse => {
            "; another program uses it, perhaps Ratchet or another pushd (`ss -ltnp` lists them): stop that program, or \
             choose another address with --listen or --publish-listen"
        }
        _ => "; --listen and --publish-listen choose other addresses",
    }
}

/// Returns a directory that the service's unit names: `STATE_DIRECTORY`, which systemd sets for `StateDirectory=`, or
/// `SPOOL_DIRECTORY`. There may be several, with colons between them: the first is ours.
fn directory_of_unit(variable: &str) -> Option<PathBuf> {
    let dirs = std::env::var_os(variable)?;
    let mut dirs = std::env::split_paths(&dirs);
    dirs.next().filter(|dir| dir.is_absolute())
}

/// Returns the options, with limits that the limit of open files allows. Fails if a file that they name cannot be used.
pub(crate) fn build(config: &Config, open_files: usize) -> Result<Options, OptionsError> {
    let mut options = config.options.clone();
    options.live.certificate = tls::load(config)?;
    options.server_ident = concat!("pushd/", env!("CARGO_PKG_VERSION")).to_owned();
    options.shards = config.threads.unwrap_or(options.shards);
    let state_dir = config.state_dir.clone();
    let state_dir = state_dir.or_else(|| directory_of_unit("STATE_DIRECTORY"));
    let spool_dir = options.spool_dir.take();
    // Without the directory, publishers have no spool either.
    let of_unit = || directory_of_unit("SPOOL_DIRECTORY").filter(|dir| dir.is_dir());
    options.spool_dir = spool_dir.or_else(of_unit);
    let sync = config.fsync;
    options.redis = redis::options(config);
    options.live.redis_password = redis::password(config)?;
    options.live.ticket_keys = ticket_keys(config)?;
    options.live.channels_app = channels_app(config)?;
    options.state = state_dir.map(|dir| StateOptions { dir, sync });
    let limits = &mut options.live.limits;
    let (browsers, publishers) = open_files::shares(open_files, limits.publishers_max);
    limits.connections_max = limits.connections_max.min(browsers);
    limits.publishers_max = publishers;
    let connections_max = limits.connections_max;
    tracing::debug!(
        open_files,
        connections_max,
        publishers_max = publishers,
        "limits"
    );
    Ok(options)
}
