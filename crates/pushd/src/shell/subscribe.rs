//! `pushd subscribe`: through the public door, as a browser.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use super::{Failed, TIMEOUT};
use crate::doctor::{self, Fault};
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
            Arg::new("url").long("url").value_name("URL").help(
                "Where browsers connect, such as https://site.example/push; by default the first of --listen",
            ),
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
    let url = match matches.get_one::<String>("url") {
        Some(url) => url.clone(),
        None => local_url(settings)?,
    };
    let mut session = doctor::connect(&url, TIMEOUT).await.map_err(told)?;
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

/// The public door of the settings' own server, on this machine.
fn local_url(settings: &Settings) -> Result<String, Failed> {
    let first = settings.config.options.listen.first();
    let mut address: SocketAddr = *first.ok_or("there is no public door: give --url")?;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok(format!("ws://{address}/"))
}

fn line(topic: &str, event: &Value, is_json: bool) -> String {
    match is_json {
        true => json!({"topic": topic, "event": event}).to_string(),
        false => format!("{}\t{}", plain(topic), plain(&event.to_string())),
    }
}

fn told(fault: Fault) -> Failed {
    let (what, todo) = fault.told();
    format!("{}. {}", plain(what), plain(todo))
}
