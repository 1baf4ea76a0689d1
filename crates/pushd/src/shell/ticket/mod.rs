//! `pushd ticket`: signs a ticket. `explain` says what is in one, `rotate` replaces the key.

mod claims;
mod explain;
mod explanation;
mod key_option;
mod rotate;

use std::time::Duration;

use clap::{Arg, ArgMatches, Command};
use pusher_proto::limits::TICKET_TTL_S;
use pusher_proto::ticket::TicketRequest;

use super::error::ShellError;
use crate::output;
use crate::settings::Settings;
use crate::tickets::now_s;
use key_option::{key_file, key_file_of};

pub(super) const NAME: &str = "ticket";

pub(super) fn command(publish_address: &Arg) -> Command {
    let option = |name: &'static str, value_name: &'static str| {
        Arg::new(name).long(name).value_name(value_name)
    };
    Command::new(NAME)
        .about(
            "Signs a ticket, with which a browser may subscribe to private topics, and prints it",
        )
        // A topic may have the name of a subcommand: `pusherd ticket -- rotate`.
        .args_conflicts_with_subcommands(true)
        .subcommand_negates_reqs(true)
        .arg(
            Arg::new("topics")
                .value_name("TOPIC")
                .num_args(1..)
                .required(true)
                .help("A topic, or the beginning of one and a *, as in user.7.*"),
        )
        .arg(
            option("ttl", "TIME")
                .value_parser(humantime::parse_duration)
                .help("The time until the ticket ends, up to 24h. Default: 5m"),
        )
        .arg(
            option("sub", "SUB")
                .help("The user, in the words of the site. Presence and `pusherd revoke` go by it"),
        )
        .arg(
            option("info", "JSON")
                .help("What the members of a topic with presence see of the user"),
        )
        .arg(key_file())
        .subcommands([explain::command(), rotate::command().arg(publish_address)])
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    match matches.subcommand() {
        Some((rotate::NAME, matches)) => rotate::run(matches, settings).await,
        Some((_, matches)) => explain::run(matches, settings),
        None => sign(matches, settings),
    }
}

fn sign(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let topics = matches.get_many::<String>("topics").into_iter().flatten();
    let topics: Vec<&str> = topics.map(String::as_str).collect();
    let ttl = matches.get_one::<Duration>("ttl");
    let request = TicketRequest {
        topics: &topics,
        ttl_s: ttl.map_or(TICKET_TTL_S, Duration::as_secs),
        sub: text("sub"),
        info: text("info"),
    };
    let keys = key_file_of(matches, settings).read()?;
    let _reader = output::print(keys.sign(&request, now_s())?)?;
    Ok(())
}
