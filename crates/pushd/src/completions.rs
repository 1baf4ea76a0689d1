//! `pushd completions`: what a shell needs to complete the command line.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::{Shell, generate};

/// The subcommand.
pub(crate) const NAME: &str = "completions";

/// Shells have a `pushd` of their own, with completions of its own: ours are for the second name.
const PROGRAM: &str = "pusherd";

/// The subcommand's own arguments.
pub(crate) fn command() -> Command {
    let shell = Arg::new("shell")
        .value_name("SHELL")
        .required(true)
        .value_parser(value_parser!(Shell))
        .help("The shell");
    Command::new(NAME)
        .about("Prints the completions of `pusherd` for a shell")
        .arg(shell)
}

/// They are for the whole command line.
pub(crate) fn text(mut pushd: Command, matches: &ArgMatches) -> String {
    let mut text = Vec::new();
    if let Some(&shell) = matches.get_one::<Shell>("shell") {
        generate(shell, &mut pushd, PROGRAM, &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}
