//! The command line.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::output::{self, FAILURE, fail};
use crate::settings::{Config, PREFIX, Part, SETTINGS, Setting, Sources, variable};
use crate::{completions, doctor, handover, setup, shell};

const CONFIG: &str = "config";
const CHECK: &str = "check";
const PRINT_CONFIG: &str = "print-config";

const ABOUT: &str = "\
Push for sites that already exist: sends each published event to all browsers that are subscribed to its topic.

Browsers connect to port 8080 and speak WAMP v1 over WebSocket; the client script is at /pusher.js. Publishers \
connect to port 5555 and send JSON objects with a \"category\", the topic, or use libpusher or the PHP extension.

Each setting is a flag, a key in the file and an environment variable of the same name: `--ping-interval` is \
`ping-interval` in /etc/pushd/pushd.toml and PUSHD_PING_INTERVAL in the environment, where commas separate the \
values of a list. Flags override variables, which override the file.

Type `pusherd`: in bash and zsh, `pushd` is a builtin command.";

/// The task that the command line names.
#[derive(Debug)]
pub(crate) enum Task {
    Serve,
    Check,
    /// Like `Check`, and whether this program knows a format of the state of a running one.
    CheckHandOver(String),
    PrintConfig,
    /// The text to print.
    Completions(String),
    Doctor(ArgMatches),
    Setup(ArgMatches),
    #[cfg(windows)]
    Service(ArgMatches),
    /// A command of `shell`, by its name.
    Shell(String, ArgMatches),
}

/// Reads the command line and the environment. If help is wanted, or the command line is wrong, prints the text and returns
/// the exit code.
pub(crate) fn read() -> Result<(Task, Sources), ExitCode> {
    let matches = command().try_get_matches().map_err(|error| {
        let code = u8::try_from(error.exit_code()).unwrap_or(FAILURE);
        match output::check(error.print()) {
            Err(unprinted) if code == 0 => fail(FAILURE, unprinted),
            _ => ExitCode::from(code),
        }
    })?;
    let mut sources = sources(&matches);
    let variables =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    for (name, value) in variables {
        if name == variable(CONFIG) {
            sources.file.get_or_insert_with(|| value.into());
        } else if name == handover::VARIABLE {
            // No setting.
        } else if name.starts_with(PREFIX) {
            sources.environment.push((name, value));
        }
    }
    Ok((task(&matches), sources))
}

fn task(matches: &ArgMatches) -> Task {
    match matches.subcommand() {
        Some((completions::NAME, matches)) => {
            return Task::Completions(completions::text(command(), matches));
        }
        Some((doctor::NAME, matches)) => return Task::Doctor(matches.clone()),
        Some((setup::NAME, matches)) => return Task::Setup(matches.clone()),
        #[cfg(windows)]
        Some((crate::service::NAME, matches)) => return Task::Service(matches.clone()),
        Some((name, matches)) => return Task::Shell(name.to_owned(), matches.clone()),
        None => {}
    }
    if matches.get_flag(PRINT_CONFIG) {
        Task::PrintConfig
    } else if let Some(format) = matches.get_one::<String>(handover::CHECK) {
        Task::CheckHandOver(format.clone())
    } else if matches.get_flag(CHECK) {
        Task::Check
    } else {
        Task::Serve
    }
}

fn sources(matches: &ArgMatches) -> Sources {
    let mut sources = Sources {
        file: matches.get_one::<PathBuf>(CONFIG).cloned(),
        ..Sources::default()
    };
    for setting in SETTINGS {
        let is_given =
            matches.value_source(setting.name) == Some(clap::parser::ValueSource::CommandLine);
        if let (true, Some(values)) = (is_given, matches.get_many::<String>(setting.name)) {
            sources
                .flags
                .insert(setting.name, values.cloned().collect());
        }
    }
    sources
}

fn command() -> Command {
    let config = Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("PATH")
        .value_parser(ValueParser::path_buf())
        .help(if cfg!(windows) {
            r"The configuration file. Default: %ProgramData%\pushd\pushd.toml, if it exists"
        } else {
            "The configuration file. Default: /etc/pushd/pushd.toml, if it exists"
        });
    let check = Arg::new(CHECK)
        .long(CHECK)
        .action(ArgAction::SetTrue)
        .help("Check the settings and exit");
    let check_handover = Arg::new(handover::CHECK)
        .long(handover::CHECK)
        .value_name("FORMAT")
        .hide(true);
    let print_config = Arg::new(PRINT_CONFIG)
        .long(PRINT_CONFIG)
        .action(ArgAction::SetTrue)
        .conflicts_with(CHECK)
        .help("Print the current settings and the source of each, and exit");
    let (short, _) = ABOUT.split_once("\n\n").unwrap_or_default();
    let command = Command::new("pushd")
        .bin_name("pusherd")
        .version(env!("CARGO_PKG_VERSION"))
        .about(short)
        .long_about(ABOUT)
        // The width of a manual page. Without a terminal, clap would use 100 columns.
        .max_term_width(80)
        .args([config, check, check_handover, print_config])
        .args(SETTINGS.iter().map(argument))
        .subcommands(shell::commands())
        .subcommands([doctor::command(), setup::command(), completions::command()])
        .disable_help_subcommand(true);
    #[cfg(windows)]
    let command = command.subcommand(crate::service::command());
    command
}

/// Returns the flag of a setting.
fn argument(setting: &'static Setting) -> Arg {
    let check = move |text: &str| {
        let mut config = Config::default();
        (setting.set)(&mut config, &[text]).map(|()| text.to_owned())
    };
    let help = match setting.is_list {
        true => format!("{}. May be given several times", setting.help),
        false => setting.help.to_owned(),
    };
    let argument = Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.value_name)
        .help(help)
        .value_parser(ValueParser::from(check))
        .action(match setting.is_list {
            true => ArgAction::Append,
            false => ArgAction::Set,
        });
    let argument = match setting.part {
        Part::Limits => argument.help_heading("Limits").hide_short_help(true),
        Part::Listeners | Part::Log => argument,
    };
    match setting.default() {
        Some(default) => argument.default_value(default),
        None => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Sources, String> {
        let arguments = ["pushd"].into_iter().chain(arguments);
        let matches = command().try_get_matches_from(arguments);
        matches
            .map(|matches| sources(&matches))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn default_ports_are_8080_and_5555() {
        let sources = parse([]).unwrap();
        assert!(sources.flags.is_empty(), "defaults do not count as given");
        let options = Config::default().options;
        assert_eq!(options.listen, ["0.0.0.0:8080".parse().unwrap()]);
        assert_eq!(options.publish_listen, ["127.0.0.1:5555".parse().unwrap()]);
    }

    #[test]
    fn listeners_and_socket_permissions_are_parsed() {
        let sources = parse([
            "--publish-listen=localhost:1",
            "--publish-listen=unix:/run/p",
            "--publish-mode=606",
            "--publish-group=0",
            "--config=/dev/null",
        ]);
        let config = sources.unwrap().load().unwrap().config;
        let listen = &config.options.publish_listen;
        let shown: Vec<_> = listen.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["127.0.0.1:1", "unix:/run/p"]);
        let socket = &config.options.publish_socket;
        assert_eq!((socket.mode, socket.gid), (0o606, Some(0)));
    }

    #[test]
    fn mistakes_are_reported() {
        for (arguments, part) in [
            (["--listen", "8080"], "like 0.0.0.0:8080"),
            (["--publish-listen", "localhost"], "localhost"),
            (["--publish-listen", "unix:p.sock"], "absolute"),
            (["--publish-token", "a b"], "without blanks"),
            (["--publish-token", "short"], "fewer than 16"),
            (["--publish-mode", "888"], "octal"),
            (["--publish-mode", "1777"], "octal"),
            (["--publish-group", "no such group"], "no such group"),
            (["--log", "loud=very"], "loud=very"),
            (["--log", "warning"], "did you mean \"warn\"?"),
            (["--log-format", "xml"], "journald"),
            (["--client-publish", "a*b"], "`*`"),
            (["--ping-interval", "25"], "25s"),
            (["--outbox-len-max", "1MX"], "1MiB"),
            (["--headers-max", "101"], "100"),
            (["--lisen", "0.0.0.0:1"], "--listen"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let error = parse(["--topics-max=1", "--topics-max=2"]).unwrap_err();
        assert!(error.contains("multiple times"), "{error}");
    }
}
