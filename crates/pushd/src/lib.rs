//! The daemon: settings, signals, logs, exit codes. What it does is `pusher_core`'s.
#![forbid(unsafe_code)]

mod cli;
mod completions;
mod doctor;
mod expiry;
mod group;
mod log;
mod open_files;
mod output;
mod plain;
mod reload;
mod serve;
mod settings;
mod setup;
mod shell;
mod signals;
mod socket_units;
#[cfg(unix)]
mod systemd;
#[cfg(not(unix))]
#[path = "no_systemd.rs"]
mod systemd;
mod tls;

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use cli::Task;
use output::Reader;
use settings::{Mistake, Settings, Sources};

/// Exit code when the daemon can't do what it is for.
const FAILURE: u8 = 1;

/// Exit code when flags, variables or the file of settings are wrong.
const USAGE: u8 = 2;

/// Runs the daemon until a signal ends it, or does what else the command line says.
pub fn main() -> ExitCode {
    let (task, sources) = match cli::read() {
        Ok(read) => read,
        Err(code) => return code,
    };
    match run(task, sources) {
        Ok(code) => code,
        Err(mistakes) => {
            for mistake in mistakes {
                say(io::stderr(), format_args!("pushd: {mistake}"));
            }
            ExitCode::from(USAGE)
        }
    }
}

fn run(task: Task, sources: Sources) -> Result<ExitCode, Vec<Mistake>> {
    if let Task::Completions(text) = &task {
        return Ok(printed(output::write(text)));
    }
    let settings = sources.load()?;
    Ok(match task {
        Task::Serve => serve::run(sources, settings),
        Task::Check => check(&settings),
        Task::PrintConfig => printed(output::write(settings)),
        Task::Setup(arguments) => match setup::run(&arguments, &settings) {
            Ok(text) => printed(output::print(text.trim_end())),
            Err(error) => fail(USAGE, error),
        },
        Task::Completions(_) => ExitCode::SUCCESS,
        Task::Shell(name, arguments) => shell::run(&name, &arguments, &settings),
        Task::Doctor(arguments) => doctor::run(&arguments, &settings),
    })
}

fn check(settings: &Settings) -> ExitCode {
    for warning in settings.warnings() {
        say(io::stderr(), format_args!("pushd: {warning}"));
    }
    for warning in socket_units::expected_warnings(settings) {
        say(io::stderr(), format_args!("pushd: {warning}"));
    }
    match serve::check(&settings.config) {
        Ok(certificate) => {
            if let Some(warning) = certificate.as_ref().and_then(expiry::warning) {
                say(io::stderr(), format_args!("pushd: {warning}"));
            }
            printed(output::print("the settings are right"))
        }
        Err(error) => fail(USAGE, error),
    }
}

/// The exit code of a command that prints and does nothing else.
fn printed(printed: Result<Reader, String>) -> ExitCode {
    match printed {
        Ok(Reader::Reads | Reader::HungUp) => ExitCode::SUCCESS,
        Err(error) => fail(FAILURE, error),
    }
}

fn fail(code: u8, error: impl Display) -> ExitCode {
    say(io::stderr(), format_args!("pushd: {error}"));
    ExitCode::from(code)
}

/// A line, for whoever still listens.
fn say(mut to: impl Write, line: impl Display) {
    let _closed = writeln!(to, "{line}");
}
