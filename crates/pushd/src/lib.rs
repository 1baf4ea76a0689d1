//! The daemon: settings, signals, logs, exit codes. The server itself is `pusher_core`.
#![cfg_attr(not(windows), forbid(unsafe_code))]
#![cfg_attr(windows, deny(unsafe_code))]

mod cli;
mod client;
mod commands;
mod completions;
mod doctor;
mod expiry;
mod file_watch;
mod group;
mod handover;
mod log;
mod open_files;
mod output;
mod paths;
mod progress;
mod pusher_app;
mod redis;
mod reload;
mod serve;
mod server_options;
#[cfg(windows)]
mod service;
#[cfg(windows)]
mod service_control;
mod settings;
mod setup;
mod shell;
mod signals;
mod socket_units;
mod style;
mod systemd;
mod tickets;
mod tls;

use std::process::ExitCode;

use cli::Task;
use output::{FAILURE, OutputError, Reader, USAGE, fail, say};
use settings::{Mistake, Settings, Sources};

/// Runs the daemon until a signal ends it, or the command that the command line names.
pub fn main() -> ExitCode {
    let (task, sources) = match cli::read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    match run(task, sources) {
        Ok(code) => code,
        Err(mistakes) => {
            mistakes.iter().for_each(say);
            ExitCode::from(USAGE)
        }
    }
}

fn run(task: Task, sources: Sources) -> Result<ExitCode, Vec<Mistake>> {
    if let Task::Completions(text) = &task {
        return Ok(exit_code(output::write(text)));
    }
    let settings = sources.load()?;
    Ok(match task {
        Task::Serve => serve::run(sources, settings),
        #[cfg(windows)]
        Task::Service(arguments) => service::run(&arguments, sources, settings),
        Task::Check => check(&settings),
        Task::CheckHandOver(format) if !handover::knows(&format) => fail(
            FAILURE,
            format_args!(
                "pushd {} does not know format {format} of a running server's state",
                env!("CARGO_PKG_VERSION")
            ),
        ),
        Task::CheckHandOver(_) => check(&settings),
        Task::PrintConfig => exit_code(output::write(settings)),
        Task::Setup(arguments) => match setup::run(&arguments, &settings) {
            Ok(text) => exit_code(output::print(text.trim_end())),
            Err(error) => fail(USAGE, error),
        },
        Task::Completions(_) => ExitCode::SUCCESS,
        Task::Shell(name, arguments) => shell::run(&name, &arguments, &settings),
        Task::Doctor(arguments) => doctor::run(&arguments, &settings),
    })
}

fn check(settings: &Settings) -> ExitCode {
    settings.warnings().for_each(say);
    for warning in socket_units::expected_warnings(settings) {
        say(warning);
    }
    match server_options::check(&settings.config) {
        Ok(certificate) => {
            if let Some(warning) = certificate.as_ref().and_then(expiry::warning) {
                say(warning);
            }
            exit_code(output::print("the settings are right"))
        }
        Err(error) => fail(USAGE, error),
    }
}

/// Returns the exit code of a command that only prints.
fn exit_code(printed: Result<Reader, OutputError>) -> ExitCode {
    match printed {
        Ok(Reader::Reads | Reader::HungUp) => ExitCode::SUCCESS,
        Err(error) => fail(FAILURE, error),
    }
}
