//! `pushd subscribe`: subscribes as a browser does and prints the events.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use clap::{Arg, ArgMatches, Command, value_parser};
use pusher_proto::Position;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::error::{ANSWER_TIMEOUT, ShellError};
use super::history::since;
use super::public_listener::PublicListener;
use crate::client::{
    Positions, ServerMessage, Session, SessionEnd, Timeouts, Update, WITH_RECOVERY,
};
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
        .about("Subscribes as a browser does, and prints the events. Connects again after a lost connection, and misses nothing")
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
        .arg(since().help("Begin with the events behind this position, as a receipt or `position` prints it"))
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let since = matches.get_one::<Position>("since").copied();
    let mut subscriber = Subscriber {
        listener: PublicListener::new(matches, settings)?,
        topics: matches.get_many("topics").unwrap_or_default().collect(),
        timeouts: timeouts(settings),
        positions: Positions::new(since),
        delays: Delays::new(),
    };
    let mut session = subscriber.connect().await?;
    if since.is_some() && !session.has_recovery() {
        return Err(ShellError::NoRecovery(subscriber.listener.url));
    }
    say(format_args!(
        "subscribed at {}",
        escape(&subscriber.listener.url)
    ));
    let mut left = matches.get_one::<u64>("count").copied();
    while left != Some(0) {
        match subscriber.next_update(&mut session).await? {
            Update::Gap { topic, position } => say(format_args!(
                "gap: events of {} before {position} are missing",
                escape(&topic)
            )),
            Update::Event {
                topic,
                event,
                position,
            } => {
                let line = line(&topic, &event, position, matches.get_flag("json"));
                if output::print(line)? == Reader::HungUp {
                    return Ok(());
                }
                left = left.map(|left| left - 1);
            }
        }
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
    listener: PublicListener,
    topics: Vec<&'a String>,
    timeouts: Timeouts,
    positions: Positions,
    delays: Delays,
}

impl Subscriber<'_> {
    /// Waits for the next event or gap. If the connection is lost, replaces the session.
    async fn next_update(&mut self, session: &mut Session) -> Result<Update, ShellError> {
        loop {
            match session.next_message_or_timeout(self.timeouts).await {
                Ok(ServerMessage::Keepalive { retry }) => self.delays.of_server = retry,
                Ok(message) => {
                    if let Some(update) = self.positions.take(message) {
                        return Ok(update);
                    }
                }
                Err(end) if end.is_refusal => return Err(end.into()),
                Err(end) => {
                    let end = escape(&end.to_string());
                    say(format_args!(
                        "the connection ended: {end}. Connecting again"
                    ));
                    self.delays.begin();
                    *session = self.reconnect().await;
                    self.delays.opened = Instant::now();
                    self.say_reconnected(session);
                }
            }
        }
    }

    async fn connect(&self) -> Result<Session, ShellError> {
        let (mut session, _) = self.listener.connect(WITH_RECOVERY).await?;
        let subscribing = async {
            for topic in &self.topics {
                let since = self.positions.since(topic);
                let since = since.filter(|_| session.has_recovery());
                session.subscribe(topic, since).await?;
            }
            Ok::<(), SessionEnd>(())
        };
        let silent = |_| ShellError::Silent(self.listener.url.clone());
        timeout(ANSWER_TIMEOUT, subscribing)
            .await
            .map_err(silent)??;
        Ok(session)
    }

    fn say_reconnected(&self, session: &Session) {
        let url = escape(&self.listener.url);
        match session.has_recovery() {
            true => say(format_args!("subscribed again at {url}")),
            false => say(format_args!(
                "subscribed again at {url}: events that were published meanwhile are missing"
            )),
        }
    }

    /// Connects again, as often as needed. A failure is printed only if it differs from the one before.
    async fn reconnect(&mut self) -> Session {
        let mut last = String::new();
        loop {
            sleep(self.delays.next()).await;
            match self.connect().await {
                Ok(session) => return session,
                Err(error) => {
                    let text = escape(&error.without_advice());
                    if text != last {
                        say(format_args!("not yet: {text}"));
                    }
                    last = text;
                }
            }
        }
    }
}

/// The delays before attempts to connect again: random parts of 1, 2, 4 .. 30 s, so that many clients do not come back
/// at the same moment.
struct Delays {
    max: Duration,
    /// The server's choice for the first attempt, from KEEPALIVE.
    of_server: Duration,
    opened: Instant,
}

impl Delays {
    fn new() -> Self {
        Self {
            max: RETRY_DELAY_MIN,
            of_server: RETRY_DELAY_MIN,
            opened: Instant::now(),
        }
    }

    /// The connection is lost.
    fn begin(&mut self) {
        if self.opened.elapsed() >= STABLE {
            self.max = RETRY_DELAY_MIN;
        }
        self.max = self.max.max(self.of_server).min(RETRY_DELAY_MAX);
    }

    fn next(&mut self) -> Duration {
        let delay = self.max.mul_f64(random_part());
        self.max = (self.max * 2).min(RETRY_DELAY_MAX);
        delay
    }
}

/// Returns a random number from 0 to 1. The standard library's hash keys are random.
fn random_part() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    random as f64 / u64::MAX as f64
}

fn line(topic: &str, event: &Value, position: Option<Position>, is_json: bool) -> String {
    if !is_json {
        return format!("{}\t{}", escape(topic), escape(&event.to_string()));
    }
    match position {
        Some(position) => json!({"topic": topic, "event": event, "position": position}).to_string(),
        None => json!({"topic": topic, "event": event}).to_string(),
    }
}
