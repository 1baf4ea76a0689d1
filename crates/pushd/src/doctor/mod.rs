//! `pushd doctor`: connects as a visitor's browser does, and names the step that fails.
//!
//! | module | contents |
//! |---|---|
//! | `examine` | all steps, in order |
//! | `redis`, `nodes` | the Redis server of the settings, and the daemons that share it |
//! | `connection`, `certificate` | why DNS, TCP or TLS failed |
//! | `diagnosis` | why the WebSocket handshake failed |
//! | `session` | why a session did not begin, or ended |
//! | `script`, `stream` | the client script; an event stream |
//! | `event` | an event that arrives in the browser's connection |
//! | `publish` | requests to port 5555 |
//! | `tickets`, `site` | private topics; the site that signs tickets |
//! | `probe` | further connections that find the reason |
//! | `explain` | the same reasons for other commands |
//! | `fault`, `step`, `report` | a reason with advice; the steps; the output |

mod certificate;
mod connection;
mod diagnosis;
mod event;
mod examine;
mod explain;
mod fault;
mod nodes;
mod probe;
mod publish;
mod redis;
mod report;
mod script;
mod session;
mod site;
mod step;
mod stream;
mod tickets;

use std::process::ExitCode;
use std::time::Duration;

use clap::builder::Styles;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pusher_core::PublishAddress;

use crate::client::{CaCertificates, Target, TargetError, ca_certificate};
use crate::output::{FAILURE, fail, say};
use crate::settings::Settings;
use crate::socket_units;
use examine::{Request, examine};
use publish::Publisher;
use redis::Redis;
use report::Report;
use site::Site;
use tickets::Tickets;

pub(crate) use explain::explain;

/// The subcommand.
pub(crate) const NAME: &str = "doctor";
/// Longest `--idle` and `--timeout`, in seconds.
const SECONDS_MAX: u64 = 3600;
/// The subcommand and its options.
pub(crate) fn command() -> Command {
    let seconds = || value_parser!(u64).range(1..=SECONDS_MAX);
    let option = |name: &'static str, value_name, help| {
        Arg::new(name).long(name).value_name(value_name).help(help)
    };
    let flag = |name: &'static str, help| {
        let argument = Arg::new(name).long(name).action(ArgAction::SetTrue);
        argument.help(help)
    };
    let styles = Styles::styled();
    let (heading, literal) = (styles.get_usage(), styles.get_literal());
    // Every usage error shows it, so it has the example, too.
    let usage = format!(
        "{literal}pusherd doctor{literal:#} [OPTIONS] <URL>\n\n\
         {heading}Example:{heading:#} {literal}pusherd doctor http://127.0.0.1:8080/{literal:#}"
    );
    Command::new(NAME)
        .override_usage(usage)
        .about("Connects as a browser does, and says which step fails and what to do")
        .long_about(
            "Connects as a visitor's browser does, through the public URL, and says which step fails and what to do: \
             DNS, TCP, certificate, web server, pushd. Then publishes events on port 5555 and waits for them in the \
             browser's connections. If the settings name a Redis server, checks it first. If they have private topics, \
             subscribes to one with and without a ticket",
        )
        .arg(Arg::new("url").value_name("URL").required(true).help(
            "Where pusher.js is (https://site.example/push), the URL of the WebSocket (wss://...), or, with --path, \
             any page of the site",
        ))
        .arg(option(
            "path",
            "PATH",
            "The path of push on the site, if URL is the address of a page",
        ))
        .arg(option(
            "origin",
            "ORIGIN",
            "The site of the connecting pages, if it is not that of URL: https://site.example",
        ))
        .arg(option(
            "site",
            "URL",
            "A page of the web server that signs tickets, for its clock and its cookie. Default: the start page of ORIGIN",
        ))
        .arg(
            option(
                "publish-address",
                "ADDRESS",
                "The address for publishers. Default: the first of --publish-listen",
            )
            .value_parser(value_parser!(PublishAddress)),
        )
        .arg(flag(
            "no-publish",
            "Publish nothing. For machines that cannot reach port 5555",
        ))
        .arg(
            option(
                "idle",
                "SECONDS",
                "Then wait without events, to find out whether a program on the way closes idle connections. More than \
                 25 s, the default ping-interval, shows that pings keep the connection open",
            )
            .value_parser(seconds()),
        )
        .arg(
            option("timeout", "SECONDS", "Time limit of each step")
                .value_parser(seconds())
                .default_value("10"),
        )
        .arg(ca_certificate())
        .arg(flag("json", "Print one JSON object at the end instead of lines"))
}

/// Runs the command. The exit code is 1 if a step fails, 2 if the URL is not valid.
pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> ExitCode {
    let request = match request(matches, settings) {
        Ok(request) => request,
        Err(error) => command()
            .bin_name("pusherd doctor")
            .error(ErrorKind::ValueValidation, error)
            .exit(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(FAILURE, format_args!("cannot start: {error}")),
    };
    for warning in socket_units::expected_warnings(settings) {
        say(warning);
    }
    let is_json = matches.get_flag("json");
    let mut report = Report::new(request.target.url(), request.timeout, is_json);
    // `None` is a failed step, which is in the report.
    let _ = runtime.block_on(examine(request, &mut report));
    match report.conclude() {
        Err(error) => fail(FAILURE, error),
        Ok(()) => ExitCode::from(u8::from(!report.is_ok())),
    }
}

fn request(matches: &ArgMatches, settings: &Settings) -> Result<Request, TargetError> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let seconds = |name| {
        let seconds = matches.get_one::<u64>(name).copied();
        seconds.map(Duration::from_secs)
    };
    let given = matches.get_one::<PublishAddress>("publish-address");
    let publish = given.or_else(|| settings.config.options.publish_listen.first());
    let publish = publish.filter(|_| !matches.get_flag("no-publish"));
    let url = text("url").unwrap_or_default();
    let target = Target {
        trusted: CaCertificates::given(matches),
        ..Target::parse(url, text("path"), text("origin"))?
    };
    let tickets = Tickets::new(settings);
    let with_site = |tickets| Ok((tickets, Site::new(text("site"), &target)?));
    Ok(Request {
        redis: Redis::new(&settings.config),
        tickets: tickets.map(with_site).transpose()?,
        target,
        publisher: publish.cloned().map(|address| Publisher {
            address,
            token: settings.publish_token().map(str::to_owned),
        }),
        idle: seconds("idle"),
        timeout: seconds("timeout").unwrap_or_default(),
    })
}
