//! `pushd bench`: how fast a running server is, and whether all arrives.
//!
//! | module | what |
//! |---|---|
//! | `subscribers` | many sessions, each as `pushd subscribe` has one |
//! | `publisher` | one connection to the private door |
//! | `event` | what is published |
//! | `tally` | what has arrived |
//! | `report` | what is said |

mod event;
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

use super::private::Private;
use super::public::public_url;
use super::{Failed, TIMEOUT};
use crate::settings::Settings;
use crate::{open_files, output};
use report::{Progress, Report};
use tally::Tally;

pub(super) const NAME: &str = "bench";

const SUBSCRIBERS_MAX: u32 = 20_000;
const RATE_MAX: u32 = 100_000;
const SECONDS_MAX: u64 = 3600;

/// The exit code of what SIGINT has ended.
const INTERRUPTED: i32 = 130;

/// Files beside the subscribers' connections.
const FILES_RESERVED: usize = 32;
/// Most that may be under way to one subscriber, in bytes: a server with its defaults drops none for it.
const UNDER_WAY_LEN_MAX: usize = 256 * 1024;
/// And in events.
const UNDER_WAY_MAX: usize = 1000;
/// So long without a delivery at the end, and what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn command() -> Command {
    let number = |name: &'static str, value_name, help: String| {
        Arg::new(name).long(name).value_name(value_name).help(help)
    };
    Command::new(NAME)
        .about("Measures a running server: deliveries a second, latency, and whether all arrives")
        .long_about(
            "Subscribes many times to a topic of its own, publishes events to it for a while, and checks that each \
             arrives everywhere, once and in order. Prints deliveries and publishes a second, and the time from publish \
             to subscriber.\n\n\
             This puts load on the server, which its visitors notice. Beyond a few hundred subscribers, or without \
             --rate, try it on a server that has none.\n\n\
             Ctrl-C ends it early, with the figures so far. The exit code is 1 if anything was lost, came twice or out of \
             order, or if the server went away",
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
                format!("Publishes a second, at most {RATE_MAX}; without it, the next one as soon as the last has its receipt"),
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

/// What was asked for.
struct Wish {
    subscribers: u32,
    /// Publishes a second.
    rate: Option<u32>,
    time: Duration,
    size: usize,
}

impl Wish {
    fn of(matches: &ArgMatches) -> Self {
        let number = |name| matches.get_one::<u64>(name).copied().unwrap_or_default();
        let small = |name| matches.get_one::<u32>(name).copied();
        Self {
            subscribers: small("subscribers").unwrap_or(1),
            rate: small("rate"),
            time: Duration::from_secs(number("seconds")),
            size: number("size") as usize,
        }
    }

    /// How many deliveries may be under way to all subscribers together.
    fn room(&self) -> u32 {
        let each = (UNDER_WAY_LEN_MAX / self.size).clamp(1, UNDER_WAY_MAX);
        self.subscribers * each as u32
    }
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    let wish = Wish::of(matches);
    check_open_files(wish.subscribers)?;
    let url = public_url(matches, settings)?;
    let private = Private::of(matches, settings)?;
    let mut progress = Progress::new();
    let connected = subscribers::connect(&url, wish.subscribers, &mut progress).await;
    progress.clear();
    let (topic, sessions) = connected?;
    let mut line = private.open().await?;
    let stop = stop_by_interrupt();

    let tally = Arc::new(Tally::new(wish.room())?);
    let readers = subscribers::read(sessions, &tally, &stop);
    let published = tokio::select! {
        published = publisher::publish(&mut line, &topic, &wish, &tally, &stop) => published,
        never = show(&tally, &mut progress) => never,
    };
    if let Err(error) = published {
        tally.fail(error);
    }
    wait_for_the_rest(&wish, &tally).await;
    drop(readers);
    progress.clear();

    let report = Report {
        wish: &wish,
        counts: &tally.counts(),
    };
    let _reader = match matches.get_flag("json") {
        true => output::print(report.json())?,
        false => output::print(report.lines().join("\n"))?,
    };
    report.verdict()
}

fn check_open_files(subscribers: u32) -> Result<(), Failed> {
    let limit = open_files::raise_limit();
    if limit.saturating_sub(FILES_RESERVED) < subscribers as usize {
        return Err(format!(
            "{subscribers} subscribers need more open files than the {limit} that this process may have (`ulimit -Hn`)"
        ));
    }
    Ok(())
}

/// Ctrl-C from now on is a wish to see the figures; again, to see none.
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

/// Shows how it goes, for as long as it is asked.
async fn show<T>(tally: &Tally, progress: &mut Progress) -> T {
    let mut delivered = 0;
    let mut turns = interval(report::INTERVAL);
    turns.tick().await;
    loop {
        turns.tick().await;
        let before = std::mem::replace(&mut delivered, tally.counts().delivered);
        let seconds = tally.begin.elapsed().as_secs();
        progress.show(|| format!("{seconds} s: {} deliveries a second", delivered - before));
    }
}

/// Until everything has arrived that was published, or nothing comes any more.
async fn wait_for_the_rest(wish: &Wish, tally: &Tally) {
    loop {
        let (before, has_failed) = {
            let counts = tally.counts();
            (counts.delivered, counts.failed.is_some())
        };
        if has_failed {
            return;
        }
        let all = timeout(PATIENCE, tally.room.acquire_many(wish.room())).await;
        if all.is_ok() || tally.counts().delivered == before {
            return;
        }
    }
}
