//! Serves, from the first log line to the last.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::process::ExitCode;

use pusher_core::{BindError, Certificate, Options, Recipe, Server};

use crate::FAILURE;
use crate::expiry::Expiry;
use crate::log::Log;
use crate::open_files;
use crate::reload::Reloader;
use crate::settings::{Config, Settings, Sources};
use crate::signals::{self, Hangups};
use crate::socket_units;
use crate::systemd;
use crate::tls::{self, Watch};

/// Advice for when the system starts no thread: it counts threads for each user and each control group.
const THREADS_ADVICE: &str =
    "raise the limit of threads (`ulimit -u`, TasksMax= of the unit), or lower `threads`";

/// Serves until a signal ends it. An error that stops it earlier is in the log.
pub(crate) fn run(sources: Sources, settings: Settings) -> ExitCode {
    let config = &settings.config;
    let log = match Log::start(config.log_format, &config.log) {
        Ok(log) => log,
        Err(error) => {
            crate::say(io::stderr(), format_args!("pushd: cannot log: {error}"));
            return ExitCode::from(FAILURE);
        }
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

fn serve(log: &Log, sources: Sources, settings: Settings) -> Result<(), String> {
    let config = &settings.config;
    log.start_thread()
        .map_err(|error| format!("cannot start a thread: {error}; {THREADS_ADVICE}"))?;
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let open_files = open_files::raise_limit();
    let certificate = Watch::new(config);
    let options = options(config, open_files)?;
    let expiry = Expiry::look_at(options.certificate.as_ref());
    let recipe = Recipe::with_client_publish(config.client_publish.clone());
    let listeners = systemd::listeners()?;
    let is_handed_over = [
        !listeners.public.is_empty(),
        !(listeners.private_tcp.is_empty() && listeners.private_unix.is_empty()),
    ];
    let server =
        Server::bind_with(options, listeners, recipe.clone()).map_err(|error| told(&error))?;
    warn_of_socket_units(&settings, &server, is_handed_over);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async {
        // Caught before systemd, or the log, says that the daemon is ready.
        let ended = signals::end().map_err(|error| no_signals(&error))?;
        let ignored = signals::ignored().map_err(|error| no_signals(&error))?;
        let hangups = signals::hangups().map_err(|error| no_signals(&error))?;
        for address in server.public_addrs() {
            tracing::info!(%address, "listening for browsers");
        }
        for address in server.publish_addrs() {
            tracing::info!(%address, "listening for publishers");
        }
        if let Some(certificate) = &settings.config.tls_certificate {
            tracing::info!(certificate = %certificate.display(), "browsers may speak TLS");
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
            ErrorKind::WouldBlock => format!("{error}; {THREADS_ADVICE}"),
            _ => error.to_string(),
        })
    })?;
    tracing::info!("ended");
    Ok(())
}

/// Warns of addresses in the settings that have no effect, since these doors were handed over.
fn warn_of_socket_units(settings: &Settings, server: &Server, is_handed_over: [bool; 2]) {
    let (mut public, mut private) = (Vec::new(), Vec::new());
    if is_handed_over[0] {
        public.extend(server.public_addrs().iter().map(ToString::to_string));
    }
    if is_handed_over[1] {
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
            () = reloader.expiry.due() => reloader.expiry.look(),
        }
    }
}

fn no_signals(error: &io::Error) -> String {
    format!("cannot handle signals: {error}")
}

/// Whether the settings, each of them right, are so together; the certificate, if there is one. No door
/// is opened.
pub(crate) fn check(config: &Config) -> Result<Option<Certificate>, String> {
    config.options.check().map_err(|error| told(&error))?;
    tls::load(config)
}

fn told(error: &BindError) -> String {
    format!("{error}; {}", advice(error))
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
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address (`ip address` lists those that it has); 0.0.0.0 and [::] are all of them"
        }
        ErrorKind::AlreadyExists => "remove it, or choose another path with --publish-listen",
        ErrorKind::AddrInUse => {
            "another program has it, perhaps Ratchet or another pushd (`ss -ltnp` shows which): stop that one, or \
             choose another address with --listen or --publish-listen"
        }
        _ => "--listen and --publish-listen choose other addresses",
    }
}

/// What the server is to do, as far as the system lets it. Fails if there is something wrong with the
/// certificate.
pub(crate) fn options(config: &Config, open_files: usize) -> Result<Options, String> {
    let mut options = config.options.clone();
    options.certificate = tls::load(config)?;
    options.server_ident = concat!("pushd/", env!("CARGO_PKG_VERSION")).to_owned();
    options.shards = config.threads.unwrap_or(options.shards);
    let limits = &mut options.limits;
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
