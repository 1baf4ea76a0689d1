//! Runs the server, from the first log line to the last.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use pusher_core::{BindError, Recipe, Server};

use crate::expiry::Expiry;
use crate::log::Log;
use crate::open_files;
use crate::output::{FAILURE, fail};
use crate::reload::Reloader;
use crate::server_options::{self, OptionsError, advice};
use crate::settings::{Settings, Sources};
use crate::signals::{self, Hangups};
use crate::socket_units;
use crate::systemd::{self, SocketError};
use crate::tls::Watch;

/// Advice if a thread cannot be started. The system limits threads per user and per control group.
const THREADS_ADVICE: &str =
    "raise the limit of threads (`ulimit -u`, TasksMax= of the unit), or lower `threads`";

/// Why the daemon does not start, or ends.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot start a thread: {0}; {THREADS_ADVICE}")]
    LogThread(io::Error),
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("{0}{advice}", advice = advice(.0))]
    Bind(#[from] BindError),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
    #[error("{0}; {THREADS_ADVICE}")]
    ServerThread(io::Error),
    #[error(transparent)]
    Server(io::Error),
}

/// Serves until a signal ends the daemon. Logs the error if it ends earlier.
pub(crate) fn run(sources: Sources, settings: Settings) -> ExitCode {
    let config = &settings.config;
    let log = match Log::start(config.log_format, &config.log) {
        Ok(log) => log,
        Err(error) => return fail(FAILURE, format_args!("cannot log: {error}")),
    };
    let served = serve(&log, sources, settings);
    if let Err(error) = &served {
        tracing::error!("{error}");
    }
    log.flush();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILURE),
    }
}

fn serve(log: &Log, sources: Sources, settings: Settings) -> Result<(), ServeError> {
    let config = &settings.config;
    log.start_thread().map_err(ServeError::LogThread)?;
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let open_files = open_files::raise_limit();
    let certificate = Watch::new(config);
    let options = server_options::build(config, open_files)?;
    if let (Some(_), Some(state)) = (&options.redis, &options.state) {
        tracing::info!(dir = %state.dir.display(), "state-dir is not used: the event log is in Redis");
    }
    let expiry = Expiry::new(options.live.certificate.as_ref());
    let recipe = Recipe::with_client_publish(config.client_publish.clone());
    let listeners = systemd::listeners()?;
    let is_inherited = [
        !listeners.public.is_empty(),
        !(listeners.publish_tcp.is_empty() && listeners.publish_unix.is_empty()),
    ];
    let server = Server::bind_with(options, listeners, recipe.clone())?;
    warn_of_socket_units(&settings, &server, is_inherited);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    runtime.block_on(async {
        // Signals are caught before systemd and the log report that the daemon is ready.
        let ended = signals::end().map_err(ServeError::Signals)?;
        let ignored = signals::ignored().map_err(ServeError::Signals)?;
        let hangups = signals::hangups().map_err(ServeError::Signals)?;
        for address in server.public_addrs() {
            tracing::info!(%address, "listening for browsers");
        }
        for address in server.publish_addrs() {
            tracing::info!(%address, "listening for publishers");
        }
        if let Some(certificate) = &settings.config.tls_certificate {
            tracing::info!(certificate = %certificate.display(), "TLS is available for browsers");
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
        systemd::ready();
        let control = server.control();
        control.show_dropped_log_lines(log.dropped());
        let reloader = Reloader {
            certificate,
            expiry,
            sources,
            started: settings,
            current: None,
            open_files,
            filter: log.filter.clone(),
            recipe,
            control: control.clone(),
        };
        let ended = async {
            ended.await;
            systemd::stopping();
        };
        let served = tokio::select! {
            served = server.run(ended) => served,
            never = ignored => match never {},
            never = reload_at(hangups, reloader) => match never {},
            never = systemd::watch(|| control.silent_for()) => match never {},
        };
        served.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ServeError::ServerThread(error),
            _ => ServeError::Server(error),
        })
    })?;
    tracing::info!("ended");
    Ok(())
}

/// Warns of addresses in the settings that have no effect because systemd opened these listeners.
fn warn_of_socket_units(settings: &Settings, server: &Server, is_inherited: [bool; 2]) {
    let (mut public, mut private) = (Vec::new(), Vec::new());
    if is_inherited[0] {
        public.extend(server.public_addrs().iter().map(ToString::to_string));
    }
    if is_inherited[1] {
        private.extend(server.publish_addrs().iter().map(ToString::to_string));
    }
    for warning in socket_units::warnings(settings, &public, &private) {
        tracing::warn!("{warning}");
    }
}

async fn reload_at(mut hangups: Hangups, mut reloader: Reloader) -> Infallible {
    loop {
        tokio::select! {
            () = hangups.next() => {
                systemd::reloading();
                reloader.reload();
                systemd::ready();
            }
            () = reloader.certificate.changed() => reloader.renew_certificate(),
            () = reloader.expiry.due() => reloader.expiry.check(),
        }
    }
}
