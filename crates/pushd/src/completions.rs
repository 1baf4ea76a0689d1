//! `pushd completions`: prints a completion script for a shell.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::{Shell, generate};

/// The subcommand.
pub(crate) const NAME: &str = "completions";

/// The completed program. Shells have a builtin `pushd` with its own completions, so ours are for the second name.
const PROGRAM: &str = "pusherd";

/// The subcommand and its argument.
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

/// Returns the completion script for the whole command line `pushd`.
pub(crate) fn text(mut pushd: Command, matches: &ArgMatches) -> String {
    let mut text = Vec::new();
    if let Some(&shell) = matches.get_one::<Shell>("shell") {
        generate(shell, &mut pushd, PROGRAM, &mut text);
    }
    String::from_utf8_lossy(&text).into_owned()
}
