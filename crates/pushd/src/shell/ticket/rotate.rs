//! `pushd ticket rotate`: replaces the key without a refused ticket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::output::{self, say};
use crate::settings::Settings;
use crate::shell::error::{READ_TIMEOUT, ShellError};
use crate::shell::publish_listener::PublishListener;
use crate::tickets::{self, Added};

pub(super) const NAME: &str = "rotate";

/// How often the server is asked for its keys.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

/// The fields of `/status.json` that are needed here.
#[derive(Deserialize)]
struct Status {
    /// Missing in servers that are older than this command.
    #[serde(default)]
    ticket_keys: Vec<String>,
    redis: Option<Redis>,
}

impl Status {
    fn has(&self, id: &str) -> bool {
        self.ticket_keys.iter().any(|known| known == id)
    }
}

#[derive(Deserialize)]
struct Redis {
    nodes: Vec<String>,
}

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help| {
        let argument = Arg::new(name).long(name).action(ArgAction::SetTrue);
        argument.help(help)
    };
    Command::new(NAME)
        .about("Creates the file with the key that signs tickets, or replaces the key")
        .long_about(
            "If the file does not exist, creates it with one key. Otherwise adds a new key, waits until the running pushd \
             accepts it, and makes it the one that signs. Tickets of the old key are accepted until the next rotation",
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("The file. Default: that of --ticket-key-file"),
        )
        .arg(flag("add", "Only add a new key, which does not sign yet. For several machines"))
        .arg(
            flag("use", "Only make the added key the one that signs. Every pushd must know it")
                .conflicts_with("add"),
        )
}

pub(super) async fn run(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let given = matches.get_one::<PathBuf>("file").map(PathBuf::as_path);
    let file = given.unwrap_or(settings.config.ticket_key_file.path());
    if matches.get_flag("use") {
        let id = use_new(file)?;
        warn_if_unknown(&id, matches, settings).await;
        return Ok(());
    }
    if !file.exists() {
        return create(file);
    }
    if matches.get_flag("add") {
        return add(file).map(drop);
    }
    let listener = PublishListener::new(matches, settings)?;
    let status = ask(&listener).await?;
    let nodes = status.redis.map_or(1, |redis| redis.nodes.len());
    if nodes > 1 {
        return Err(ShellError::KeyOnNodes(nodes));
    }
    let id = add(file)?;
    wait_for_key(&listener, &id, file).await?;
    use_new(file).map(drop)
}

fn create(file: &Path) -> Result<(), ShellError> {
    let id = tickets::create(file)?;
    print(&format!(
        "created {} with the key {id}. The site and pushd must be able to read it, and nobody else",
        file.display()
    ))
}

fn add(file: &Path) -> Result<String, ShellError> {
    let Added {
        id,
        removed,
        was_there,
    } = tickets::add(file)?;
    if let Some(removed) = removed {
        say(format_args!(
            "the key {removed} is removed: its tickets are no longer accepted"
        ));
    }
    let added = if was_there {
        "was added before"
    } else {
        "is added"
    };
    print(&format!("the key {id} {added}. It does not sign yet"))?;
    Ok(id)
}

fn use_new(file: &Path) -> Result<String, ShellError> {
    let (new, old) = tickets::use_new(file)?;
    print(&format!(
        "the key {new} signs. Tickets of the key {old} are still accepted"
    ))?;
    Ok(new)
}

/// A machine of the site may have no pushd to ask.
async fn warn_if_unknown(id: &str, matches: &ArgMatches, settings: &Settings) {
    let Ok(listener) = PublishListener::new(matches, settings) else {
        return;
    };
    if ask(&listener).await.is_ok_and(|status| !status.has(id)) {
        say(format_args!(
            "pushd does not have the key {id}: it refuses new tickets until it has read the file. `pusherd status` shows its \
             keys"
        ));
    }
}

/// Asks before anything is changed, and then until the server has read the file.
async fn ask(listener: &PublishListener) -> Result<Status, ShellError> {
    let asked = listener.get("/status.json").await;
    asked.map_err(|reason| ShellError::KeysUnknown(Box::new(reason)))
}

async fn wait_for_key(listener: &PublishListener, id: &str, file: &Path) -> Result<(), ShellError> {
    let end = Instant::now() + READ_TIMEOUT;
    loop {
        if ask(listener).await?.has(id) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(ShellError::KeyNotRead(file.to_owned()));
        }
        sleep(ASK_INTERVAL).await;
    }
}

fn print(line: &str) -> Result<(), ShellError> {
    let _reader = output::print(line)?;
    Ok(())
}
