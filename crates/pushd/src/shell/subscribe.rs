//! `pushd subscribe`: through the public door, as a browser.

use std::io::{self, Write};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use super::public::{public_url, told};
use super::{Failed, TIMEOUT};
use crate::doctor;
use crate::plain::plain;
use crate::settings::Settings;

pub(super) const NAME: &str = "subscribe";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Subscribes as a browser would, and prints the events as they come")
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
    let url = public_url(matches, settings)?;
    let (mut session, _) = doctor::connect(&url, TIMEOUT).await.map_err(told)?;
    let topics: Vec<&String> = matches.get_many("topics").unwrap_or_default().collect();
    for topic in &topics {
        session.subscribe(topic).await.map_err(told)?;
    }
    crate::say(
        io::stderr(),
        format_args!("pushd: subscribed at {}", plain(&url)),
    );
    let mut left = matches.get_one::<u64>("count").copied();
    while left != Some(0) {
        let (topic, event) = session.next_event().await.map_err(told)?;
        let line = line(&topic, &event, matches.get_flag("json"));
        if writeln!(io::stdout(), "{line}").is_err() {
            // Whoever reads has had enough, as `head` does.
            return Ok(());
        }
        left = left.map(|left| left - 1);
    }
    Ok(())
}

fn line(topic: &str, event: &Value, is_json: bool) -> String {
    match is_json {
        true => json!({"topic": topic, "event": event}).to_string(),
        false => format!("{}\t{}", plain(topic), plain(&event.to_string())),
    }
}
