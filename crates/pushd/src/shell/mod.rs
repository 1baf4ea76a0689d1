//! `pushd publish`, `subscribe`, `position`, `history`, `spool`, `topics`, `status`, `top`, `ticket`, `revoke`, `presence`,
//! `upgrade`, `reload` and `bench`: work with a running server, and with the files that it shares with the site.
//!
//! | module | contents |
//! |---|---|
//! | `public_listener`, `publish_listener` | requests to port 8080 and to port 5555 |
//! | `publish` | publishes an event from the command line or from standard input |
//! | `subscribe` | prints events as a browser gets them |
//! | `history` | the position of the server's log, and the events in it |
//! | `spool` | the events that publishers left while the server was away |
//! | `status` | connections, topics and counters |
//! | `top` | the busiest topics and the longest queues, each second |
//! | `ticket` | signs and explains tickets, replaces their key |
//! | `users` | revokes the tickets of a user, lists the users of a topic |
//! | `upgrade` | replaces the program of a running daemon |
//! | `reload` | lets a running daemon read its settings again |
//! | `duration` | durations for people |
//! | `bench` | speed, and lost or repeated deliveries |
//! | `error` | why a command failed |

mod bench;
mod duration;
mod error;
mod history;
mod public_listener;
mod publish;
mod publish_listener;
mod reload;
mod spool;
mod status;
mod subscribe;
mod ticket;
mod top;
mod upgrade;
mod users;

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pusher_core::PublishAddress;

use crate::client::ca_certificate;
use crate::output::{FAILURE, escape, fail};
use crate::settings::Settings;
use error::ShellError;

/// Returns the subcommands.
pub(crate) fn commands() -> [Command; 14] {
    let publish_address = Arg::new("publish-address")
        .long("publish-address")
        .value_name("ADDRESS")
        .value_parser(value_parser!(PublishAddress))
        .help("The address for publishers. Default: the first of --publish-listen");
    let url = Arg::new("url").long("url").value_name("URL").help(
        "Where browsers connect, such as https://site.example/push. Default: the first of --listen",
    );
    let trusted = ca_certificate();
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print JSON");
    [
        publish::command().args([&publish_address, &json]),
        subscribe::command().args([&url, &trusted, &json]),
        history::position_command().args([&publish_address, &json]),
        history::history_command().args([&publish_address, &json]),
        spool::command(&json),
        status::topics_command().args([&publish_address, &json]),
        status::status_command().args([&publish_address, &json]),
        top::command().arg(&publish_address),
        ticket::command(&publish_address),
        users::revoke_command().args([&publish_address, &json]),
        users::presence_command().args([&publish_address, &json]),
        upgrade::command().args([&publish_address, &json]),
        reload::command().args([&publish_address, &json]),
        bench::command().args([&url, &trusted, &publish_address, &json]),
    ]
}

/// Runs the subcommand `name`. The exit code is 1 if it fails.
pub(crate) fn run(name: &str, matches: &ArgMatches, settings: &Settings) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run_command(name, matches, settings)),
        Err(error) => Err(ShellError::Runtime(error)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The text may come from the network.
        Err(error) => fail(FAILURE, escape(&error.to_string())),
    }
}

async fn run_command(
    name: &str,
    matches: &ArgMatches,
    settings: &Settings,
) -> Result<(), ShellError> {
    match name {
        publish::NAME => publish::run(matches, settings).await,
        subscribe::NAME => subscribe::run(matches, settings).await,
        history::POSITION => history::position(matches, settings).await,
        history::HISTORY => history::history(matches, settings).await,
        spool::SPOOL => spool::spool(matches, settings).await,
        status::TOPICS => status::topics(matches, settings).await,
        status::STATUS => status::status(matches, settings).await,
        top::TOP => top::run(matches, settings).await,
        ticket::NAME => ticket::run(matches, settings).await,
        users::REVOKE => users::revoke(matches, settings).await,
        users::PRESENCE => users::presence(matches, settings).await,
        upgrade::UPGRADE => upgrade::run(matches, settings).await,
        reload::RELOAD => reload::run(matches, settings).await,
        // clap accepts no other name.
        _ => bench::run(matches, settings).await,
    }
}
