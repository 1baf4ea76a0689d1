//! `pushd publish`.

use std::io::{self, Read};

use bytes::Bytes;
use clap::{Arg, ArgMatches, Command};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use pusher_proto::check_id;
use serde::{Deserialize, Serialize};

use super::private::Private;
use super::{Failed, INPUT_LEN_MAX};
use crate::output;
use crate::settings::Settings;

pub(super) const NAME: &str = "publish";

#[derive(Serialize, Deserialize)]
pub(super) struct Receipt {
    sequence: u64,
    pub(super) subscribers: u64,
}

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Publishes an event, and prints its receipt")
        .arg(
            Arg::new("category")
                .value_name("CATEGORY")
                .required(true)
                .help("The topic"),
        )
        .arg(
            Arg::new("event")
                .value_name("JSON")
                .help("The event; without it, or as -, it is read from standard input"),
        )
        .arg(
            Arg::new("id")
                .long("id")
                .value_name("ID")
                .value_parser(parse_id)
                .help("Publish only if nothing was published with this id in the last minutes"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), Failed> {
    let text = |name| matches.get_one::<String>(name).map(String::as_str);
    let event = match text("event") {
        Some("-") | None => read_input()?,
        Some(event) => Bytes::from(event.to_owned()),
    };
    let category = utf8_percent_encode(text("category").unwrap_or_default(), NON_ALPHANUMERIC);
    let id = text("id").map(|id| ("Idempotency-Key", id));
    let path = format!("/publish/{category}");
    let private = Private::of(matches, settings)?;
    let mut line = private.open().await?;
    let receipt: Receipt = line.post(&path, id.as_slice(), event).await?;
    let line = match matches.get_flag("json") {
        true => serde_json::to_string(&receipt).map_err(|error| error.to_string())?,
        false => {
            let Receipt {
                sequence,
                subscribers,
            } = receipt;
            format!("published as number {sequence}, queued to {subscribers} browsers")
        }
    };
    let _reader = output::print(line)?;
    Ok(())
}

/// An id as a header can carry it.
fn parse_id(text: &str) -> Result<String, String> {
    check_id(text).map_err(|error| error.to_string())?;
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err("an id has letters, digits and signs of ASCII, without blanks".to_owned()),
    }
}

fn read_input() -> Result<Bytes, Failed> {
    let mut event = Vec::new();
    let read = io::stdin().take(INPUT_LEN_MAX).read_to_end(&mut event);
    read.map_err(|error| format!("cannot read the event: {error}"))?;
    Ok(event.into())
}
