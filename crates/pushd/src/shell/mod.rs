//! `pushd publish`, `subscribe`, `topics`, `status` and `bench`: a running server from the shell.
//!
//! | module | what |
//! |---|---|
//! | `private`, `public` | the two doors |
//! | `publish` | an event from the command line, or from standard input |
//! | `subscribe` | events as a browser gets them |
//! | `look` | who is there |
//! | `bench` | how fast it is, and whether all arrives |

mod bench;
mod look;
mod private;
mod public;
mod publish;
mod subscribe;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pusher_core::PublishAddress;

use crate::settings::Settings;

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most that is taken from standard input, in bytes.
const INPUT_LEN_MAX: u64 = 64 * 1024 * 1024;

/// Why a command has not done what it should, for people.
type Failed = String;

/// The subcommands.
pub(crate) fn commands() -> [Command; 5] {
    let private = Arg::new("publish-address")
        .long("publish-address")
        .value_name("ADDRESS")
        .value_parser(value_parser!(PublishAddress))
        .help("The private door; by default the first of --publish-listen");
    let url = Arg::new("url").long("url").value_name("URL").help(
        "Where browsers connect, such as https://site.example/push; by default the first of --listen",
    );
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print JSON");
    [
        publish::command().args([&private, &json]),
        subscribe::command().args([&url, &json]),
        look::topics_command().args([&private, &json]),
        look::status_command().args([&private, &json]),
        bench::command().args([&url, &private, &json]),
    ]
}

/// Runs one of them, if it is one. The exit code is 1 if it fails.
pub(crate) fn run(name: &str, matches: &ArgMatches, settings: &Settings) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run_command(name, matches, settings)),
        Err(error) => Err(format!("cannot start: {error}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::say(io::stderr(), format_args!("pushd: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run_command(name: &str, matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    match name {
        publish::NAME => publish::run(matches, settings).await,
        subscribe::NAME => subscribe::run(matches, settings).await,
        look::TOPICS => look::topics(matches, settings).await,
        look::STATUS => look::status(matches, settings).await,
        bench::NAME => bench::run(matches, settings).await,
        _ => Err(format!("there is no command {name:?}")),
    }
}
