//! The daemon: settings, signals, logs, exit codes. What it does is `pusher_core`'s.
#![forbid(unsafe_code)]

mod cli;
mod completions;
mod doctor;
mod expiry;
mod group;
mod log;
mod open_files;
mod plain;
mod reload;
mod serve;
mod settings;
mod setup;
mod shell;
mod signals;
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
use settings::{Mistake, Sources};

/// Exit code when the daemon can't do what it is for.
const FAILURE: u8 = 1;

/// Exit code when flags, variables or the file of settings are wrong.
const USAGE: u8 = 2;

/// Runs the daemon until a signal ends it, or does what else the command line says.
pub fn main() -> ExitCode {
    let (task, sources) = cli::read();
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
    let settings = sources.load()?;
    match task {
        Task::Serve => return Ok(serve::run(sources, settings)),
        Task::Check => {
            for warning in settings.warnings() {
                say(io::stderr(), format_args!("pushd: {warning}"));
            }
            match serve::check(&settings.config) {
                Ok(certificate) => {
                    if let Some(warning) = certificate.as_ref().and_then(expiry::warning) {
                        say(io::stderr(), format_args!("pushd: {warning}"));
                    }
                }
                Err(error) => {
                    say(io::stderr(), format_args!("pushd: {error}"));
                    return Ok(ExitCode::from(USAGE));
                }
            }
            say(io::stdout(), "the settings are right");
        }
        Task::PrintConfig => say(io::stdout(), settings.to_string().trim_end()),
        Task::Setup(arguments) => match setup::run(&arguments, &settings) {
            Ok(text) => say(io::stdout(), text.trim_end()),
            Err(error) => {
                say(io::stderr(), format_args!("pushd: {error}"));
                return Ok(ExitCode::from(USAGE));
            }
        },
        Task::Shell(name, arguments) => return Ok(shell::run(&name, &arguments, &settings)),
        Task::Doctor(arguments) => return Ok(doctor::run(&arguments, &settings)),
    }
    Ok(ExitCode::SUCCESS)
}

/// A line, for whoever still listens.
fn say(mut to: impl Write, line: impl Display) {
    let _closed = writeln!(to, "{line}");
}
