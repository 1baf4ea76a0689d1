//! The daemon: flags, signals, logs, exit codes. What it does is `pusher_core`'s.
#![forbid(unsafe_code)]

mod args;
mod group;
mod open_files;
mod signals;

use std::io::{ErrorKind, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use pusher_core::{BindError, Limits, Options, Recipe, Server};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use args::Args;

/// Exit code when the daemon can't do what it is for.
const FAILURE: u8 = 1;

/// Runs the daemon until a signal ends it.
pub fn main() -> ExitCode {
    let args = Args::parse();
    start_log(&args.log);
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(FAILURE)
        }
    }
}

fn start_log(filter: &Targets) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter.clone())
        .init();
}

fn serve(args: Args) -> Result<(), String> {
    let application = Recipe::with_client_publish(args.client_publish.clone());
    let server = Server::bind(options(args), application)
        .map_err(|error| format!("{error}; {}", advice(&error)))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        // Listened for before anybody is told that the daemon is ready to be ended.
        let ended = signals::end().map_err(|error| format!("cannot handle signals: {error}"))?;
        for address in server.public_addrs() {
            tracing::info!(%address, "listening for browsers");
        }
        for address in server.publish_addrs() {
            tracing::info!(%address, "listening for publishers");
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        let served = server.run(ended).await;
        served.map_err(|error| error.to_string())
    })?;
    tracing::info!("ended");
    Ok(())
}

/// What to do when a door can't be opened.
fn advice(error: &BindError) -> &'static str {
    let source = match error {
        BindError::Listen { source, .. } => source,
        BindError::TokenNeeded { .. } => {
            return "set PUSHD_PUBLISH_TOKEN, or listen on 127.0.0.1 or a unix socket";
        }
        _ => return "",
    };
    match source.kind() {
        ErrorKind::NotFound => "the folder must be there, and allow this user to write",
        ErrorKind::PermissionDenied => {
            "is this user allowed to? A port below 1024 needs a privilege, a unix socket a folder \
             that this user may write to, a group this user's membership"
        }
        ErrorKind::AlreadyExists => "remove it, or choose another path with --publish-listen",
        _ => "is another pushd running? --listen and --publish-listen choose others",
    }
}

fn options(args: Args) -> Options {
    let mut limits = Limits::default();
    let open_files = open_files::raise_limit();
    let browsers = open_files::left_for_browsers(open_files, limits.publishers_max);
    limits.connections_max = limits.connections_max.min(browsers);
    tracing::debug!(
        open_files,
        connections_max = limits.connections_max,
        "limits"
    );
    let mut options = Options::default();
    options.listen = args.listen;
    options.publish_listen = args.publish_listen;
    options.publish_token = args.publish_token;
    options.publish_hosts = args.publish_host;
    options.publish_socket.mode = args.publish_mode;
    options.publish_socket.gid = args.publish_group;
    options.server_ident = concat!("pushd/", env!("CARGO_PKG_VERSION")).to_owned();
    options.limits = limits;
    options
}
