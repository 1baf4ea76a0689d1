//! `pushd spool`: the events that publishers left while the daemon was away.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Arg, ArgAction, ArgMatches, Command};
use pusher_core::open_regular_file;
use pusher_proto::spool::{FILE_NAME, decode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::error::ShellError;
use crate::output::{self, escape, say};
use crate::paths;
use crate::settings::Settings;

pub(super) const SPOOL: &str = "spool";
const LIST: &str = "list";
const DRAIN: &str = "drain";
const DROP: &str = "drop";

/// The names of the daemon's files in it.
const CLAIMED: &str = "draining-";
const SET_ASIDE: &str = "set-aside";

/// Time for the daemon to drain, and between two looks.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn command(json: &Arg) -> Command {
    let set_aside = Arg::new("set-aside").long("set-aside");
    let set_aside = set_aside.action(ArgAction::SetTrue);
    Command::new(SPOOL)
        .about("Shows the events that publishers left while the daemon was away")
        .subcommand_required(true)
        .subcommand(
            Command::new(LIST)
                .about("Prints the events in the spool, oldest first")
                .arg(json),
        )
        .subcommand(Command::new(DRAIN).about("Waits until the running daemon has published them"))
        .subcommand(
            Command::new(DROP)
                .about("Deletes the events in the spool: they are never published")
                .arg(set_aside.help(
                    "Delete the damaged and newer records instead, which the daemon has set aside",
                )),
        )
}

pub(super) async fn spool(matches: &ArgMatches, settings: &Settings) -> Result<(), ShellError> {
    let directory = settings.config.options.spool_dir.clone();
    let directory = directory.unwrap_or_else(paths::spool);
    let failed = |source| ShellError::Spool {
        directory: directory.clone(),
        source,
    };
    match matches.subcommand() {
        Some((DRAIN, _)) => drain(&directory).await,
        Some((DROP, matches)) => {
            let files = match matches.get_flag("set-aside") {
                true => set_aside(&directory),
                false => waiting(&directory),
            };
            files.and_then(|files| drop_files(&files)).map_err(failed)
        }
        // clap accepts no other name.
        other => {
            let lines = lines(&directory).map_err(failed)?;
            let is_json = other.is_some_and(|(_, matches)| matches.get_flag("json"));
            list(&lines, is_json)
        }
    }
}

/// A line of the spool.
struct Line {
    file: String,
    bytes: Vec<u8>,
}

/// Returns the files with events, oldest first.
fn waiting(directory: &Path) -> io::Result<Vec<PathBuf>> {
    files(directory, |name| {
        name == FILE_NAME || name.starts_with(CLAIMED)
    })
}

/// Returns the file of records that are set aside, and the files that are.
fn set_aside(directory: &Path) -> io::Result<Vec<PathBuf>> {
    files(directory, |name| name.starts_with(SET_ASIDE))
}

fn files(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if is_wanted(&name) {
            files.push(directory.join(&*name));
        }
    }
    // The active file is the newest, and its name is behind the others.
    files.sort();
    Ok(files)
}

fn lines(directory: &Path) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let set_aside = directory.join(SET_ASIDE);
    for path in waiting(directory)?.iter().chain([&set_aside]) {
        let mut bytes = Vec::new();
        let read = open_regular_file(path).and_then(|mut file| file.read_to_end(&mut bytes));
        match read {
            Ok(_) => {}
            // The daemon has drained it meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let whole = bytes.split(|&byte| byte == b'\n');
        lines.extend(whole.filter(|line| !line.is_empty()).map(|line| Line {
            file: file.clone().into_owned(),
            bytes: line.to_owned(),
        }));
    }
    Ok(lines)
}

fn list(lines: &[Line], is_json: bool) -> Result<(), ShellError> {
    if is_json {
        let _reader = output::print(Value::from_iter(lines.iter().map(as_json)))?;
        return Ok(());
    }
    let mut text = String::new();
    for line in lines {
        let _written = match decode(&line.bytes) {
            Ok(record) => writeln!(
                text,
                "{}\t{} s\t{}\t{}\t{}",
                escape(&line.file),
                age_s(record.time_ms),
                escape(&record.topic),
                escape(&record.id),
                escape(record.event)
            ),
            Err(error) => writeln!(text, "{}\t{error}", escape(&line.file)),
        };
    }
    let _reader = output::write(text)?;
    say(format_args!("{} records", lines.len()));
    Ok(())
}

fn as_json(line: &Line) -> Value {
    match decode(&line.bytes) {
        Ok(record) => json!({
            "file": line.file,
            "age_s": age_s(record.time_ms),
            "ttl_s": record.ttl_s,
            "topic": record.topic,
            "id": record.id,
            "latest": record.latest,
            "event_len": record.event.len(),
        }),
        Err(error) => json!({ "file": line.file, "error": error.to_string() }),
    }
}

fn age_s(time_ms: u64) -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now_ms = since.map_or(0, |since| since.as_millis());
    u64::try_from(now_ms)
        .unwrap_or(u64::MAX)
        .saturating_sub(time_ms)
        / 1000
}

/// Waits until the files are gone. The daemon looks into the spool once a second.
async fn drain(directory: &Path) -> Result<(), ShellError> {
    let drained = async {
        while !waiting(directory)?.is_empty() {
            sleep(LOOK_INTERVAL).await;
        }
        io::Result::Ok(())
    };
    let directory = directory.to_owned();
    match timeout(DRAIN_TIMEOUT, drained).await {
        Ok(drained) => drained.map_err(|source| ShellError::Spool { directory, source }),
        Err(_) => Err(ShellError::NotDrained(directory)),
    }
}

/// Deletes files, when no publisher writes to them any more.
fn drop_files(files: &[PathBuf]) -> io::Result<()> {
    let mut count = 0;
    for path in files {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            // The daemon has set aside what no publisher made.
            Ok(metadata) if metadata.is_dir() => {
                fs::remove_dir(path)?;
                continue;
            }
            Ok(_) => {
                fs::remove_file(path)?;
                continue;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        let file = File::open(path)?;
        // Publishers then find another file at this path, or none.
        fs::remove_file(path)?;
        file.lock()?;
        let bytes = io::read_to_string(&file).unwrap_or_default();
        count += bytes.lines().filter(|line| !line.is_empty()).count();
    }
    say(format_args!("{count} records deleted"));
    Ok(())
}
