//! `pushd ticket explain`.

use std::io::{self, Read};

use clap::{Arg, ArgMatches, Command};

use super::explanation::{Question, explain};
use super::key_option::{key_file, key_file_of};
use crate::output;
use crate::settings::Settings;
use crate::shell::error::ShellError;
use crate::tickets::now_s;

/// Longest text that is read from standard input, in bytes. A ticket is shorter.
const INPUT_LEN_MAX: u64 = 64 * 1024;

pub(super) fn command() -> Command {
    Command::new("explain")
        .about("Prints what a ticket says, and whether and why pushd refuses it")
        .arg(Arg::new("ticket").value_name("TICKET").help(
            "The ticket. If it is missing or -, it is read from standard input, so that it is not in the history of the \
             shell",
        ))
        .arg(
            Arg::new("topic")
                .long("topic")
                .value_name("TOPIC")
                .help("Also say whether the ticket is for this topic"),
        )
        .arg(key_file())
}

/// Fails if the ticket is refused.
pub(super) fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let ticket = match matches.get_one::<String>("ticket").map(String::as_str) {
        Some("-") | None => read_input()?,
        Some(ticket) => ticket.to_owned(),
    };
    let file = key_file_of(matches, settings);
    let keys = file.read();
    let live = &settings.config.options.live;
    let is_private = |topic: &str| live.private_topics.iter().any(|one| one.matches(topic));
    let topic = matches.get_one::<String>("topic").map(String::as_str);
    let explanation = explain(&Question {
        ticket: ticket.trim(),
        keys: keys.as_ref(),
        file: &file,
        topic: topic.map(|topic| (topic, is_private(topic))),
        now_s: now_s(),
    });
    let _reader = output::write(explanation.text)?;
    match (keys, explanation.fault) {
        (Err(error), _) => Err(error.into()),
        (Ok(_), Some(fault)) => Err(ShellError::TicketRefused(fault)),
        (Ok(_), None) => Ok(()),
    }
}

fn read_input() -> Result<String, ShellError> {
    let mut ticket = String::new();
    let read = io::stdin().take(INPUT_LEN_MAX).read_to_string(&mut ticket);
    read.map_err(ShellError::Input)?;
    Ok(ticket)
}
