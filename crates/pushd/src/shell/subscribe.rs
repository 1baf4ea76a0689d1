//! `pushd subscribe`: subscribes as a browser does and prints the events.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::error::{ANSWER_TIMEOUT, ShellError};
use super::public_listener::{connect, public_url};
use crate::client::{Session, SessionEnd, Timeouts};
use crate::output::{self, Reader, escape, say};
use crate::settings::Settings;

pub(super) const NAME: &str = "subscribe";

/// Bounds of the delay before an attempt to connect again.
const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// After a connection that lasted this long, the delays begin at the minimum again.
const STABLE: Duration = Duration::from_secs(10);

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Subscribes as a browser does, and prints the events. Connects again after a lost connection")
        .arg(
            Arg::new("topics")
                .value_name("TOPIC")
                .num_args(1..)
                .required(true)
                .help("The topics"),
        )
        .arg(
            Arg::new("count")
                .long("count")
                .value_name("NUMBER")
                .value_parser(value_parser!(u64).range(1..))
                .help("Exit after this number of events"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let subscriber = Subscriber {
        url: public_url(matches, settings)?,
        topics: matches.get_many("topics").unwrap_or_default().collect(),
        timeouts: timeouts(settings),
    };
    let mut session = subscriber.connect().await?;
    let url = escape(&subscriber.url);
    say(format_args!("subscribed at {url}"));
    let mut left = matches.get_one::<u64>("count").copied();
    let (mut delay_max, mut opened) = (RETRY_DELAY_MIN, Instant::now());
    while left != Some(0) {
        let (topic, event) = match session.next_event_or_timeout(subscriber.timeouts).await {
            Ok(event) => event,
            Err(
                end @ SessionEnd {
                    is_refusal: true, ..
                },
            ) => return Err(end.into()),
            Err(end) => {
                say(escape(&ShellError::from(end).to_string()));
                if opened.elapsed() >= STABLE {
                    delay_max = RETRY_DELAY_MIN;
                }
                session = subscriber.reconnect(&mut delay_max).await;
                opened = Instant::now();
                say(format_args!(
                    "subscribed again at {url}: events that were published meanwhile are missing"
                ));
                continue;
            }
        };
        let line = line(&topic, &event, matches.get_flag("json"));
        if output::print(line)? == Reader::HungUp {
            return Ok(());
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// The same times as the server's, plus a margin: the server is to ping first.
fn timeouts(settings: &Settings) -> Timeouts {
    let limits = &settings.config.options.live.limits;
    Timeouts {
        silence: limits.ping_interval.saturating_mul(5) / 4 + Duration::from_secs(1),
        answer: limits.pong_timeout,
    }
}

struct Subscriber<'a> {
    url: String,
    topics: Vec<&'a String>,
    timeouts: Timeouts,
}

impl Subscriber<'_> {
    async fn connect(&self) -> Result<Session, ShellError> {
        let (mut session, _) = connect(&self.url).await?;
        let subscribing = async {
            for topic in &self.topics {
                session.subscribe(topic).await?;
            }
            Ok::<(), SessionEnd>(())
        };
        let silent = |_| ShellError::Silent(self.url.clone());
        timeout(ANSWER_TIMEOUT, subscribing)
            .await
            .map_err(silent)??;
        Ok(session)
    }

    /// Connects again, as often as needed. Each attempt waits for a random part of 1, 2, 4 .. 30 s, so that many
    /// clients do not come back at the same moment. A failure is printed only if it differs from the one before.
    async fn reconnect(&self, delay_max: &mut Duration) -> Session {
        let mut last = String::new();
        loop {
            sleep(delay_max.mul_f64(random_part())).await;
            *delay_max = (*delay_max * 2).min(RETRY_DELAY_MAX);
            match self.connect().await {
                Ok(session) => return session,
                Err(error) => {
                    let text = escape(&error.to_string());
                    if text != last {
                        say(format_args!("{text} (trying again)"));
                    }
                    last = text;
                }
            }
        }
    }
}

/// Returns a random number from 0 to 1. The standard library's hash keys are random.
fn random_part() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    random as f64 / u64::MAX as f64
}

fn line(topic: &str, event: &Value, is_json: bool) -> String {
    match is_json {
        true => json!({"topic": topic, "event": event}).to_string(),
        false => format!("{}\t{}", escape(topic), escape(&event.to_string())),
    }
}
