//! `pushd doctor`: connects as a visitor's browser would, and names the hop that fails.
//!
//! | module | what |
//! |---|---|
//! | `target` | the address, taken apart |
//! | `dial`, `certificate` | DNS, TCP, TLS |
//! | `handshake` | the request that becomes a WebSocket |
//! | `diagnosis` | why it did not |
//! | `session` | WAMP v1 as a page speaks it |
//! | `script`, `publish`, `http` | the client script; an event at the private door |
//! | `report` | what was found |
//! | `way` | sessions without a report |

mod certificate;
mod diagnosis;
mod dial;
mod handshake;
mod http;
mod publish;
mod report;
mod script;
mod session;
mod target;
mod way;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use pusher_core::PublishAddress;
use serde_json::json;

use crate::settings::Settings;
use crate::socket_units;
use dial::Route;
use report::{Report, Step};
use target::Target;

pub(crate) use dial::with_causes;
pub(crate) use http::Conversation;
pub(crate) use publish::connect as connect_private;
pub(crate) use report::Fault;
pub(crate) use session::{Loss, Patience, Session};
pub(crate) use way::connect;

/// The subcommand.
pub(crate) const NAME: &str = "doctor";
/// The longest time that can be waited for, in seconds.
const SECONDS_MAX: u64 = 3600;
/// More is not tried than so often to find out about a fault.
const PROBES_MAX: u32 = 3;

/// The subcommand's own options.
pub(crate) fn command() -> Command {
    let seconds = || value_parser!(u64).range(1..=SECONDS_MAX);
    Command::new(NAME)
        .about("Connects as a browser would, and says what is wrong on the way")
        .long_about(
            "Connects as a visitor's browser would, through the public address, and names the hop that fails and what to \
             do: DNS, TCP, certificate, web server, pushd. Then publishes an event at the private door and waits for it \
             at the public side",
        )
        .arg(Arg::new("url").value_name("URL").required(true).help(
            "Where pusher.js is (https://site.example/push), the WebSocket's own address (wss://...), or with --path \
             any page of the site",
        ))
        .arg(Arg::new("path").long("path").value_name("PATH").help(
            "Where push is on the site: URL is a page's address then",
        ))
        .arg(Arg::new("origin").long("origin").value_name("ORIGIN").help(
            "The site whose pages connect, where it is not the URL's own: https://site.example",
        ))
        .arg(
            Arg::new("publish-address")
                .long("publish-address")
                .value_name("ADDRESS")
                .value_parser(value_parser!(PublishAddress))
                .help("The private door; by default the first of --publish-listen"),
        )
        .arg(
            Arg::new("no-publish")
                .long("no-publish")
                .action(ArgAction::SetTrue)
                .help("Publish nothing: for a machine that can't reach the private door"),
        )
        .arg(Arg::new("idle").long("idle").value_name("SECONDS").value_parser(seconds()).help(
            "Then wait without an event, and see whether something on the way hangs up; more than the 25 s after \
             which pushd pings show that pings are enough",
        ))
        .arg(
            Arg::new("timeout")
                .long("timeout")
                .value_name("SECONDS")
                .value_parser(seconds())
                .default_value("10")
                .help("How long each hop may take"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print one JSON object at the end instead of lines"),
        )
}

/// What was asked for.
struct Wish {
    target: Target,
    publish: Option<PublishAddress>,
    token: Option<String>,
    idle: Option<Duration>,
    timeout: Duration,
}

/// Runs it. The exit code is 1 if a hop fails, 2 if the address is none.
pub(crate) fn run(matches: &ArgMatches, settings: &Settings) -> ExitCode {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let seconds = |name| {
        matches
            .get_one::<u64>(name)
            .copied()
            .map(Duration::from_secs)
    };
    let target = match Target::parse(
        text("url").unwrap_or_default(),
        text("path"),
        text("origin"),
    ) {
        Ok(target) => target,
        Err(error) => command()
            .bin_name("pusherd doctor")
            .error(ErrorKind::ValueValidation, error)
            .exit(),
    };
    let publish = matches.get_one::<PublishAddress>("publish-address");
    let publish = publish.or_else(|| settings.config.options.publish_listen.first());
    let wish = Wish {
        target,
        publish: publish.filter(|_| !matches.get_flag("no-publish")).cloned(),
        token: settings.publish_token().map(str::to_owned),
        idle: seconds("idle"),
        timeout: seconds("timeout").unwrap_or_default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            crate::say(
                std::io::stderr(),
                format_args!("pushd: cannot start: {error}"),
            );
            return ExitCode::FAILURE;
        }
    };
    for warning in socket_units::expected_warnings(settings) {
        crate::say(std::io::stderr(), format_args!("pushd: {warning}"));
    }
    let mut report = Report::new(wish.target.url(), wish.timeout, matches.get_flag("json"));
    // `None` is a hop that failed, which the report has.
    let _ = runtime.block_on(examine(wish, &mut report));
    let unprinted = report.conclude().map(str::to_owned);
    match unprinted {
        Some(error) => crate::fail(crate::FAILURE, error),
        None => ExitCode::from(u8::from(!report.is_ok())),
    }
}

/// Goes hop by hop until one fails.
async fn examine(wish: Wish, report: &mut Report) -> Option<()> {
    let Wish {
        target, timeout, ..
    } = wish;
    let addresses = report.look(Step::Dns, dial::look_up(&target)).await?;
    let all = timeout * (1 + u32::try_from(addresses.len()).unwrap_or_default());
    let connected = dial::connect(addresses, timeout);
    let (stream, address) = report.look_for(Step::Tcp, all, connected).await?;
    let has_tls = target.tls;
    let route = match Route::new(target, address) {
        Ok(route) => route,
        Err(fault) => {
            return report
                .look(Step::Tls, async { Err::<((), String), _>(fault) })
                .await;
        }
    };
    let wire = if has_tls {
        report.look(Step::Tls, route.encrypt(stream)).await?
    } else {
        route.encrypt(stream).await.ok()?.0
    };
    if let Some(not_after) = route.not_after() {
        report
            .look(Step::Expiry, async { certificate::lasts(not_after) })
            .await;
    }
    let all = timeout + PROBES_MAX * dial::PROBE_TIMEOUT;
    let socket = report
        .look_for(Step::WebSocket, all, open(wire, &route, timeout))
        .await?;
    let mut session = report.look(Step::Welcome, Session::begin(socket)).await?;
    report.look(Step::Script, script::fetch(&route)).await;
    if let Some(address) = &wish.publish {
        report
            .look(
                Step::Event,
                round_trip(&mut session, address, wish.token.as_deref(), timeout / 2),
            )
            .await?;
    }
    if let Some(idle) = wish.idle {
        let quiet = session.keep_quiet(idle, timeout);
        report
            .look_for(Step::Idle, idle + 2 * timeout, quiet)
            .await?;
    }
    tokio::time::timeout(timeout, session.end()).await.ok()
}

/// Opens the WebSocket, or finds out why not: for that there is time beside the handshake's.
async fn open(
    wire: Box<dyn dial::Wire>,
    route: &Route,
    timeout: Duration,
) -> Result<(handshake::Socket, String), Fault> {
    let opened = tokio::time::timeout(timeout, handshake::open(wire, &route.target, true));
    match opened.await {
        Ok(Ok(socket)) => Ok((
            socket,
            format!("{} is open, subprotocol wamp", route.target.url()),
        )),
        Ok(Err(refusal)) => Err(diagnosis::of(refusal, route).await),
        Err(_) => Err(report::timed_out(Step::WebSocket, timeout)),
    }
}

/// Publishes to a topic of our own, for which the private door has so long, and waits for the event.
async fn round_trip(
    session: &mut Session,
    address: &PublishAddress,
    token: Option<&str>,
    patience: Duration,
) -> Result<((), String), Fault> {
    let topic = session.topic("pushd-doctor");
    session.subscribe(&topic).await?;
    let begin = Instant::now();
    let event = json!({"from": "pushd's doctor"}).to_string();
    let published = publish::publish(address, token, &topic, event);
    let receipt = tokio::time::timeout(patience, published)
        .await
        .unwrap_or_else(|_| Err(publish::silent(address, patience)))?;
    if receipt.subscribers == 0 {
        let what = format!("published at {address}, and nobody is subscribed there");
        let todo = "The private door belongs to another pushd than the public address leads to: are two running, or does \
                    the web server pass on to another machine?";
        return Err(Fault::new("other-pushd", what, todo));
    }
    session.event(&topic).await?;
    let ms = begin.elapsed().as_secs_f64() * 1e3;
    let subscribers = receipt.subscribers;
    Ok((
        (),
        format!("published, {subscribers} subscriber, event arrived after {ms:.1} ms"),
    ))
}
