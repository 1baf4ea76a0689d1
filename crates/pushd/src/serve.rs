//! Runs the server, from the first log line to the last.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

use pusher_core::{BindError, HandOver, PublishAddress, Recipe, Server, Stop};
use tokio::sync::mpsc;

use crate::commands::{self, CommandLoop};
use crate::expiry::Expiry;
use crate::file_watch::FileWatch;
use crate::handover::{self, Program, SignalsHeld, Upgrader};
use crate::log::Log;
use crate::open_files;
use crate::output::{FAILURE, fail};
use crate::reload::Reloader;
use crate::server_options::{self, OptionsError, advice};
use crate::settings::{Settings, Sources};
use crate::signals;
use crate::socket_units;
use crate::systemd::{self, SocketError};

/// Advice if a thread cannot be started. The system limits threads per user and per control group.
const THREADS_ADVICE: &str =
    "raise the limit of threads (`ulimit -u`, TasksMax= of the unit), or lower `threads`";

/// Time for the runtime to report a SIGTERM that arrived during a hand-over.
const SIGNAL_WAIT: Duration = Duration::from_millis(1);

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
    #[error("cannot find the own program: {0}")]
    Program(io::Error),
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
    // Blocks the signals before the log thread starts, which inherits the mask. Between two programs no thread handles them.
    let mut held = Some(SignalsHeld::hold().map_err(ServeError::Signals)?);
    log.start_thread().map_err(ServeError::LogThread)?;
    for warning in settings.warnings() {
        tracing::warn!("{warning}");
    }
    let daemon = Daemon {
        log,
        sources,
        settings,
        open_files: open_files::raise_limit(),
        upgrader: Upgrader::new(Program::of_this_process().map_err(ServeError::Program)?),
    };
    let mut handed_over = match handover::received() {
        Some(Ok(handed_over)) => Some(handed_over),
        Some(Err(error)) => {
            tracing::error!("{error}: all pages and publishers must connect again");
            None
        }
        None => None,
    };
    while let Some(HandedOver {
        mut server,
        format,
        held: still_held,
    }) = daemon.run(handed_over.take(), held.take())?
    {
        held = Some(still_held);
        tracing::info!(connections = server.sockets().len(), format, "handing over");
        log.flush();
        let Err(error) = handover::replace(&daemon.upgrader.program, &server, format);
        tracing::error!("{error}; this program goes on");
        server.count_failure();
        handed_over = Some(server);
    }
    tracing::info!("ended");
    Ok(())
}

/// A server that is handed over, and the format that the new program knows.
struct HandedOver {
    server: HandOver,
    format: u32,
    held: SignalsHeld,
}

/// The parts of the daemon that a failed replacement of the program does not change.
struct Daemon<'a> {
    log: &'a Log,
    sources: Sources,
    settings: Settings,
    open_files: usize,
    upgrader: Upgrader,
}

impl Daemon<'_> {
    /// Serves until a signal. Returns the server, and the format of its state, if it is handed over.
    fn run(
        &self,
        handed_over: Option<HandOver>,
        held: Option<SignalsHeld>,
    ) -> Result<Option<HandedOver>, ServeError> {
        let config = &self.settings.config;
        let recipe = Recipe::with_client_publish(config.client_publish.clone());
        let files = FileWatch::new(config);
        let (server, expiry) = self.bind(handed_over, recipe.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ServeError::Runtime)?;
        runtime.block_on(async {
            // Signals are caught before systemd and the log report that the daemon is ready.
            let ended = signals::end().map_err(ServeError::Signals)?;
            let ignored = signals::ignored().map_err(ServeError::Signals)?;
            let signals = signals::requests().map_err(ServeError::Signals)?;
            drop(held);
            self.report(&server);
            systemd::ready();
            let control = server.control();
            control.show_dropped_log_lines(self.log.dropped());
            let (sender, commands) = mpsc::channel(1);
            let upgrades = sender.clone();
            control.on_upgrade(move || commands::upgrade(upgrades.clone()));
            control.on_reload(move || commands::reload(sender.clone()));
            let reloader = Reloader {
                files,
                expiry,
                sources: self.sources.clone(),
                started: self.settings.clone(),
                current: None,
                open_files: self.open_files,
                filter: self.log.filter.clone(),
                recipe,
                control: control.clone(),
            };
            let mut ended = std::pin::pin!(ended);
            let mut format = None;
            let stop = async {
                tokio::select! {
                    () = &mut ended => {
                        systemd::stopping();
                        Stop::End
                    }
                    asked = self.upgrader.asked() => {
                        systemd::reloading();
                        format = Some(asked);
                        Stop::HandOver
                    }
                }
            };
            let command_loop = CommandLoop {
                signals,
                commands,
                upgrader: &self.upgrader,
                reloader,
            };
            let served = tokio::select! {
                served = server.run_until(stop) => served,
                never = ignored => match never {},
                never = command_loop.run() => match never {},
                never = systemd::watch(|| control.silent_for()) => match never {},
            };
            let handed_over = served.map_err(|error| match error.kind() {
                ErrorKind::WouldBlock => ServeError::ServerThread(error),
                _ => ServeError::Server(error),
            })?;
            let Some(server) = handed_over else {
                return Ok(None);
            };
            // The runtime may have a SIGTERM that arrived meanwhile. From now on signals are blocked, and wait in the kernel.
            let held = SignalsHeld::hold().map_err(ServeError::Signals)?;
            tokio::select! {
                biased;
                () = ended => return Ok(None),
                () = tokio::time::sleep(SIGNAL_WAIT) => {}
            }
            Ok(format.map(|format| HandedOver {
                server,
                format,
                held,
            }))
        })
    }

    /// Opens the listeners, or takes those of a server that was handed over.
    fn bind(
        &self,
        handed_over: Option<HandOver>,
        recipe: Recipe,
    ) -> Result<(Server, Expiry), ServeError> {
        let options = server_options::build(&self.settings.config, self.open_files)?;
        if let (Some(_), Some(state)) = (&options.redis, &options.state) {
            tracing::info!(dir = %state.dir.display(), "state-dir is not used: the event log is in Redis");
        }
        let expiry = Expiry::new(options.live.certificate.as_ref());
        if let Some(handed_over) = handed_over {
            let server = Server::take_over(options, handed_over, recipe)?;
            return Ok((server, expiry));
        }
        let listeners = systemd::listeners()?;
        let is_inherited = [!listeners.public.is_empty(), listeners.has_publish()];
        let server = Server::bind_with(options, listeners, recipe)?;
        warn_of_socket_units(&self.settings, &server, is_inherited);
        Ok((server, expiry))
    }

    /// Logs where the server listens.
    fn report(&self, server: &Server) {
        for address in server.public_addrs() {
            tracing::info!(%address, "listening for browsers");
        }
        for address in server.publish_addrs() {
            tracing::info!(%address, "listening for publishers");
        }
        if let Some(url) = status_page(&server.publish_addrs()) {
            tracing::info!(url, "status page");
        }
        for address in server.signed_addrs() {
            tracing::info!(%address, "listening for signed requests");
        }
        if let Some(certificate) = &self.settings.config.tls_certificate {
            tracing::info!(certificate = %certificate.display(), "TLS is available for browsers");
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
    }
}

/// Returns the URL of the status page on this machine. `None` if publishers connect to unix sockets only.
fn status_page(addresses: &[PublishAddress]) -> Option<String> {
    let mut tcp = addresses.iter().filter_map(|address| match address {
        PublishAddress::Tcp(address) => Some(*address),
        _ => None,
    });
    let mut address = tcp.next()?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Some(format!("http://{address}/"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_page_is_at_the_first_tcp_address() {
        for (addresses, url) in [
            (&["127.0.0.1:5555"][..], Some("http://127.0.0.1:5555/")),
            (&["0.0.0.0:1", "127.0.0.1:2"], Some("http://127.0.0.1:1/")),
            (&["[::]:3"], Some("http://[::1]:3/")),
            (&[], None),
        ] {
            let addresses: Vec<PublishAddress> = addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect();
            assert_eq!(status_page(&addresses).as_deref(), url);
        }
    }
}
