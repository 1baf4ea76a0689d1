//! `pushd bench`: measures a running server, and checks that each event arrives once and in order.
//!
//! | module | contents |
//! |---|---|
//! | `options` | the command line |
//! | `subscribers` | many subscribed sessions |
//! | `publisher` | one connection to port 5555 |
//! | `event` | the published events |
//! | `tally` | counts the deliveries |
//! | `report` | the results |

mod event;
mod options;
mod publisher;
mod report;
mod subscribers;
mod tally;

use std::process;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::error::ShellError;
use super::public_listener::PublicListener;
use super::publish_listener::PublishListener;
use crate::progress::{self, Progress};
use crate::settings::Settings;
use crate::{open_files, output};
use options::BenchOptions;
use report::Report;
use tally::Tally;

pub(super) const NAME: &str = "bench";

const SUBSCRIBERS_MAX: u32 = 20_000;
const RATE_MAX: u32 = 100_000;
const SECONDS_MAX: u64 = 3600;

/// The exit code of a process that SIGINT has ended, as shells report it.
const INTERRUPTED: i32 = 130;

/// Open files beside the subscribers' connections.
const FILES_RESERVED: usize = 32;
/// At the end, deliveries that are missing after this time without any delivery are lost.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn command() -> Command {
    let number = |name: &'static str, value_name, help: String| {
        Arg::new(name).long(name).value_name(value_name).help(help)
    };
    Command::new(NAME)
        .about("Measures a running server: deliveries per second, latency, lost and repeated deliveries")
        .long_about(
            "Subscribes many connections to a topic of its own, publishes events to it for some time, and checks that each \
             event arrives at each connection, once and in order. Prints deliveries and publishes per second, and the \
             time from publish to subscriber.\n\n\
             This puts load on the server, which its visitors notice. With more than a few hundred subscribers, or \
             without --rate, use a server without visitors.\n\n\
             Ctrl-C ends the measurement early and prints the results so far. The exit code is 1 if a delivery was lost, \
             repeated or out of order, or if the server went away",
        )
        .arg(
            number(
                "subscribers",
                "NUMBER",
                format!("Subscribed connections, at most {SUBSCRIBERS_MAX}"),
            )
            .value_parser(value_parser!(u32).range(1..=i64::from(SUBSCRIBERS_MAX)))
            .default_value("100"),
        )
        .arg(
            number(
                "rate",
                "NUMBER",
                format!("Publishes per second, at most {RATE_MAX}. Default: each publish follows the receipt of the one before"),
            )
            .value_parser(value_parser!(u32).range(1..=i64::from(RATE_MAX))),
        )
        .arg(
            number(
                "seconds",
                "SECONDS",
                format!("How long to publish, at most {SECONDS_MAX}"),
            )
            .value_parser(value_parser!(u64).range(1..=SECONDS_MAX))
            .default_value("10"),
        )
        .arg(
            number(
                "size",
                "BYTES",
                format!("Length of an event, from {} to {}", event::LEN_MIN, event::LEN_MAX),
            )
            .value_parser(value_parser!(u64).range(event::LEN_MIN..=event::LEN_MAX))
            .default_value("512"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let options = BenchOptions::new(matches);
    check_open_files(options.subscribers)?;
    let public = PublicListener::new(matches, settings)?;
    let listener = PublishListener::new(matches, settings)?;
    let mut progress = Progress::new();
    let connected = subscribers::connect(&public, options.subscribers, &mut progress).await;
    progress.clear();
    let (topic, sessions) = connected?;
    let mut connection = listener.open().await?;
    let stop = stop_by_interrupt();

    let tally = Arc::new(Tally::new(options.window())?);
    let readers = subscribers::read(sessions, &tally, &stop);
    let published = tokio::select! {
        published = publisher::publish(&mut connection, &topic, &options, &tally, &stop) => published,
        never = show(&options, &tally, &mut progress) => never,
    };
    if let Err(error) = published {
        tally.fail(error);
    }
    wait_for_deliveries(&options, &tally).await;
    drop(readers);
    progress.clear();

    let report = Report {
        options: &options,
        counts: &mut tally.counts(),
    };
    let _reader = match matches.get_flag("json") {
        true => output::print(report.json())?,
        false => output::print(report.lines().join("\n"))?,
    };
    report.verdict()
}

fn check_open_files(subscribers: u32) -> Result<(), ShellError> {
    let limit = open_files::raise_limit();
    if limit.saturating_sub(FILES_RESERVED) < subscribers as usize {
        return Err(ShellError::OpenFiles { subscribers, limit });
    }
    Ok(())
}

/// Returns a token that the first Ctrl-C cancels: the command then prints its results so far. The second Ctrl-C ends
/// the process at once.
fn stop_by_interrupt() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopper.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            process::exit(INTERRUPTED);
        }
    });
    stop
}

/// Shows the progress, once a second. Never returns.
async fn show<T>(options: &BenchOptions, tally: &Tally, progress: &mut Progress) -> T {
    let all = options.time.as_secs();
    let mut delivered = 0;
    let mut turns = interval(progress::INTERVAL);
    turns.tick().await;
    loop {
        turns.tick().await;
        let before = std::mem::replace(&mut delivered, tally.counts().delivered);
        let seconds = tally.begin.elapsed().as_secs();
        let rate = delivered - before;
        progress.show(|| format!("{seconds} of {all} s: {rate} deliveries per second"));
    }
}

/// Waits until every delivery has arrived, or until none has arrived for `DELIVERY_TIMEOUT`.
async fn wait_for_deliveries(options: &BenchOptions, tally: &Tally) {
    loop {
        let (before, has_failed) = {
            let counts = tally.counts();
            (counts.delivered, counts.failed.is_some())
        };
        if has_failed {
            return;
        }
        let all = timeout(
            DELIVERY_TIMEOUT,
            tally.window.acquire_many(options.window()),
        )
        .await;
        if all.is_ok() || tally.counts().delivered == before {
            return;
        }
    }
}
