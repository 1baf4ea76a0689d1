//! `pushd subscribe`: through the public door, as a browser.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::public::{public_url, told};
use super::{Failed, TIMEOUT};
use crate::doctor::{self, Loss, Patience, Session};
use crate::output::{self, Reader};
use crate::plain::plain;
use crate::settings::Settings;

pub(super) const NAME: &str = "subscribe";

/// Between a loss and the next attempts.
const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// A connection this old was a good one: the delays begin anew.
const STABLE: Duration = Duration::from_secs(10);

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Subscribes as a browser would, and prints the events as they come; connects again after a loss")
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
                .help("End after so many events"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    let subscriber = Subscriber {
        url: public_url(matches, settings)?,
        topics: matches.get_many("topics").unwrap_or_default().collect(),
        patience: patience(settings),
    };
    let mut session = subscriber.connect().await?;
    let url = plain(&subscriber.url);
    say(format_args!("subscribed at {url}"));
    let mut left = matches.get_one::<u64>("count").copied();
    let (mut delay_max, mut opened) = (RETRY_DELAY_MIN, Instant::now());
    while left != Some(0) {
        let (topic, event) = match session.next_event_or_loss(subscriber.patience).await {
            Ok(event) => event,
            Err(Loss { fault, is_refusal }) if is_refusal => return Err(told(fault)),
            Err(Loss { fault, .. }) => {
                say(format_args!("{}", told(fault)));
                if opened.elapsed() >= STABLE {
                    delay_max = RETRY_DELAY_MIN;
                }
                session = subscriber.reconnect(&mut delay_max).await;
                opened = Instant::now();
                say(format_args!(
                    "subscribed again at {url}: what was published meanwhile is missing"
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

/// As patient as the server is with browsers; the server pings first.
fn patience(settings: &Settings) -> Patience {
    let limits = &settings.config.options.limits;
    Patience {
        silence: limits.ping_interval.saturating_mul(5) / 4 + Duration::from_secs(1),
        answer: limits.pong_timeout,
    }
}

struct Subscriber<'a> {
    url: String,
    topics: Vec<&'a String>,
    patience: Patience,
}

impl Subscriber<'_> {
    async fn connect(&self) -> Result<Session, Failed> {
        let (mut session, _) = doctor::connect(&self.url, TIMEOUT).await.map_err(told)?;
        let subscribing = async {
            for topic in &self.topics {
                session.subscribe(topic).await.map_err(told)?;
            }
            Ok::<(), Failed>(())
        };
        let silent = |_| format!("the server does not answer within {TIMEOUT:?}");
        timeout(TIMEOUT, subscribing).await.map_err(silent)??;
        Ok(session)
    }

    /// Connects again after a loss, as often as it takes: after a random part of 1, 2, 4 .. 30 s.
    async fn reconnect(&self, delay_max: &mut Duration) -> Session {
        loop {
            sleep(delay_max.mul_f64(random_part())).await;
            *delay_max = (*delay_max * 2).min(RETRY_DELAY_MAX);
            match self.connect().await {
                Ok(session) => return session,
                Err(error) => say(format_args!("{error}")),
            }
        }
    }
}

/// From 0 to 1. The standard library's hash keys are random.
fn random_part() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    random as f64 / u64::MAX as f64
}

/// On standard error, as standard output is for events.
fn say(line: fmt::Arguments<'_>) {
    crate::say(io::stderr(), format_args!("pushd: {line}"));
}

fn line(topic: &str, event: &Value, is_json: bool) -> String {
    match is_json {
        true => json!({"topic": topic, "event": event}).to_string(),
        false => format!("{}\t{}", plain(topic), plain(&event.to_string())),
    }
}
