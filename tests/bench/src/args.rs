//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lexopt::{Arg, Parser, ValueExt};

use crate::scenario::{self, Scenario};
use crate::servers::Kind;

/// The text of `cargo xtask bench --help`.
pub const HELP: &str = "\
Usage: cargo xtask bench [options]

  --servers A,B,...    pushd, floor, floor-batch, uwebsockets, nchan, nats, ws, socket.io,
                       and pushd in other ways: no-history, pushd.1, resume, ticket, everything, sse,
                       channels, compressed, disk, redis, no-io-uring, unpinned (two threads on both
                       processors);
                       soketi, which speaks the same protocol as channels;
                       and with TLS: pushd-tls, uwebsockets-tls, nchan-tls
                       (default: those that the scenario is about)
  --scenarios A,B,...  paced, topics, single, flood, flood100, flood10k, idle (default: these),
                       with events of 64 KiB and 1 MiB: large, huge,
                       and for the log of events: storm, storm-topics, receipts, receipts-1,
                       receipts-unix, receipts-unix-1, receipts-flood, stopped, publishes
  --runs N             number of runs; the report shows medians (default 5, at most 50)
  --seconds N          length of a run without the time to connect (default 2, at most 20)
  --svg FILE           also write the report as a picture; and after idle, storm, large, huge or stopped
                       one of memory and recovery beside it: results-memory.svg for results.svg
";

/// The options of a benchmark.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The servers. `None` means the default servers of each scenario.
    servers: Option<Vec<Kind>>,
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// Number of runs of each server in each scenario.
    pub runs: u32,
    /// Duration of the measurement in a run.
    pub duration: Duration,
    /// The file for the picture.
    pub svg: Option<PathBuf>,
}

impl Options {
    /// Returns the servers for a scenario.
    pub fn servers_of(&self, scenario: &Scenario) -> &[Kind] {
        match &self.servers {
            Some(servers) => servers,
            None => scenario.default_servers(),
        }
    }

    /// Returns the servers for all scenarios. Some may be in it several times.
    pub fn all_servers(&self) -> Vec<Kind> {
        let servers = self
            .scenarios
            .iter()
            .map(|scenario| self.servers_of(scenario));
        servers.flatten().copied().collect()
    }
}

/// Reads the command line. Returns `None` for `--help`.
pub fn parse(mut words: Parser) -> Result<Option<Options>> {
    let mut options = Options {
        servers: None,
        scenarios: scenario::COMPARISONS.to_vec(),
        runs: 5,
        duration: Duration::from_secs(2),
        svg: None,
    };
    while let Some(word) = words.next()? {
        match word {
            Arg::Long("servers") => options.servers = Some(list(&mut words, Kind::find)?),
            Arg::Long("scenarios") => options.scenarios = list(&mut words, Scenario::find)?,
            Arg::Long("runs") => options.runs = number(&mut words, 50)?,
            Arg::Long("seconds") => {
                options.duration = Duration::from_secs(number(&mut words, 20)?.into());
            }
            Arg::Long("svg") => options.svg = Some(words.value()?.into()),
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(options))
}

fn list<T>(words: &mut Parser, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let names = words.value()?.string()?;
    let find = |name| find(name).with_context(|| format!("there is no `{name}`\n\n{HELP}"));
    names.split(',').map(find).collect()
}

fn number(words: &mut Parser, max: u32) -> Result<u32> {
    let value = words.value()?.string()?;
    match value.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => bail!("`{value}` is not a number from 1 to {max}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers;

    fn check(line: &str) -> Result<Option<Options>> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn servers_and_scenarios_can_be_chosen() {
        let line = "--servers pushd,floor --scenarios idle --runs 1 --seconds=20 --svg a.svg";
        let options = check(line).unwrap().unwrap();
        assert_eq!(options.all_servers(), [Kind::Pushd, Kind::Floor]);
        assert_eq!(options.scenarios, [Scenario::find("idle").unwrap()]);
        assert_eq!(
            (options.runs, options.duration),
            (1, Duration::from_secs(20))
        );
        assert_eq!(options.svg, Some("a.svg".into()));
        assert_eq!(check("--help").unwrap(), None);
        let options = check("--scenarios stopped").unwrap().unwrap();
        let stopped = Scenario::find("stopped").unwrap();
        assert_eq!(options.all_servers(), stopped.default_servers());
    }

    #[test]
    fn help_names_every_server_and_scenario() {
        let servers = [servers::OTHERS, servers::NAMED_ONLY, servers::VARIANTS];
        let servers = servers.into_iter().flatten();
        let names = servers.map(|kind| kind.name());
        let names = names.chain(Scenario::all().map(|scenario| scenario.name));
        for name in names {
            assert!(HELP.contains(name), "{name}");
        }
    }

    #[test]
    fn invalid_arguments_are_errors() {
        for line in [
            "--servers nobody",
            "--servers",
            "--scenarios paced,",
            "--runs 0",
            "--runs 51",
            "--seconds 21",
            "--seconds x",
            "paced",
            "--fast",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
    }
}
