//! The Redis server that the settings name, if they name one.

use std::time::Duration;

use pusher_core::{
    RedisAddress, RedisCheckError, RedisOptions, RedisPassword, RedisReplication, RedisReport,
    check_redis,
};

use super::fault::Fault;
use super::report::Report;
use super::step::Step;
use crate::redis::{self, RedisPasswordError};
use crate::settings::Config;

/// The first version with all commands that pushd uses, and the version that its tests use.
const VERSION_MIN: (u32, u32) = (6, 2);
const VERSION_TESTED: &str = "7.0";

/// Age of a replica's last confirmation above which it hangs. A replica confirms once a second.
const LAG_MAX: Duration = Duration::from_secs(10);

/// Difference of the clocks above which the ages of events, and the metric of the lag, are wrong.
const CLOCK_MAX_MS: u64 = 1000;

/// Redis as the settings name it.
pub(super) struct Redis {
    options: RedisOptions,
    password: Result<Option<RedisPassword>, RedisPasswordError>,
}

impl Redis {
    /// Returns `None` if the settings name no Redis server.
    pub(super) fn new(config: &Config) -> Option<Self> {
        Some(Self {
            options: redis::options(config)?,
            password: redis::password(config),
        })
    }
}

/// Runs the steps that ask Redis itself. `None` if one of them fails.
pub(super) async fn check(redis: &Redis, report: &mut Report) -> Option<RedisReport> {
    let told = report.check(Step::Redis, reach(redis)).await?;
    let findings = [
        (Step::Replicas, replicas(&told)),
        (Step::Memory, memory(&told)),
        (Step::File, Ok(append_file(&told).to_owned())),
        (Step::Clock, clock(&told)),
    ];
    for (step, finding) in findings {
        // All but the first are warnings: the next steps need none of them.
        let _ = report
            .check(step, async { finding.map(|what| ((), what)) })
            .await;
    }
    Some(told)
}

async fn reach(redis: &Redis) -> Result<(RedisReport, String), Fault> {
    let password = redis.password.as_ref().map_err(|error| {
        let todo = "The user that runs this, and the user of pushd, must be able to read the file.";
        Fault::new("redis-password-file", error.to_string(), todo)
    })?;
    let address = &redis.options.address;
    let told = check_redis(&redis.options, password.as_ref()).await;
    let told = told.map_err(|error| explain(address, &error))?;
    let server = &told.server;
    if let Some(RedisReplication::Replica { master }) = &told.replication {
        let what = format!("{server} is a replica of {master}: it refuses writes");
        let todo = "Name the master in the setting redis. After a failover the address must lead to the new master: a \
                    virtual address, a name that changes, or Sentinel (redis+sentinel://HOST,HOST/MASTER).";
        return Err(Fault::new("redis-replica", what, todo));
    }
    let Some(version) = &told.version else {
        let what = format!("{server} does not tell its version: not checked");
        return Ok((told, what));
    };
    let what = format!("{server} has version {version} (tested: {VERSION_TESTED})");
    if is_too_old(version) {
        let (major, minor) = VERSION_MIN;
        let todo = format!("pushd needs Redis {major}.{minor} or newer.");
        return Err(Fault::new("redis-version", what, todo));
    }
    Ok((told, what))
}

/// A version that is none is not too old: Redis' relatives have versions of their own.
fn is_too_old(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < VERSION_MIN,
        _ => false,
    }
}

/// Explains why Redis cannot be asked.
fn explain(address: &RedisAddress, error: &RedisCheckError) -> Fault {
    let what = format!("{address}: {error}");
    let (code, todo) = match error {
        RedisCheckError::Name { .. } => (
            "redis-name",
            "Is the host in the setting redis right? This machine's name servers do not know it.",
        ),
        RedisCheckError::Refused(_) => (
            "redis-refused",
            "Does Redis run, and does it listen on this address (`bind`, `port` and `unixsocket` in redis.conf)? For a \
             unix socket, the user of pushd must be able to enter its folder and to write to it (`unixsocketperm`).",
        ),
        RedisCheckError::Timeout(_) => (
            "redis-timeout",
            "Does a firewall drop the packets? If the port of Redis speaks TLS, the setting redis must begin with \
             rediss://. `redis-cli --latency` shows whether Redis is too busy to reply.",
        ),
        RedisCheckError::Tls(_) => (
            "redis-tls",
            "The certificate must be from an issuer that this machine trusts, and contain the name of the host in the \
             setting redis. For an issuer of your own, set SSL_CERT_FILE in pushd's environment. If the port does not speak \
             TLS, the setting begins with redis://.",
        ),
        RedisCheckError::Login(_) => (
            "redis-password",
            "Correct the password in redis-password-file, and the user in the setting redis (redis://USER@HOST). Without a \
             user, it is the user `default`, with the password in `requirepass`.",
        ),
        RedisCheckError::NotAllowed(_) => (
            "redis-acl",
            "pushd needs this command. OPERATING.md, \"More than one machine\", has the line of the ACL file with all that \
             it needs.",
        ),
        RedisCheckError::Sentinel(_) => (
            "redis-sentinel",
            "Are the hosts and ports those of Sentinels (port 26379), and is the name of the master the one in \
             sentinel.conf? `redis-cli -p 26379 SENTINEL MASTERS` lists the names.",
        ),
        _ => (
            "redis",
            "Does Redis listen there, and does it speak plain text (redis://) or TLS (rediss://)? Its log may say more. A \
             Redis that loads its data accepts no commands until it has done so.",
        ),
    };
    Fault::new(code, what, todo)
}

fn replicas(told: &RedisReport) -> Result<String, Fault> {
    let Some(RedisReplication::Master { replicas, lag }) = &told.replication else {
        return Ok("replication: not checked".to_owned());
    };
    match lag {
        Some(lag) if *lag > LAG_MAX => Err(Fault::new(
            "redis-replica-lag",
            format!("of {replicas} replicas, one has not confirmed anything for {lag:?}"),
            "If Redis fails over to this replica, it lacks the last events, and all pages are told of a gap. Look at its \
             log and at the network between them.",
        )),
        Some(lag) => Ok(format!(
            "replicas: {replicas}, all confirmed within {lag:?}"
        )),
        None => Ok(
            "no replica: if the machine of Redis is lost, publishers wait until it is back"
                .to_owned(),
        ),
    }
}

fn memory(told: &RedisReport) -> Result<String, Fault> {
    let Some(policy) = &told.eviction_policy else {
        return Ok("maxmemory-policy: not checked".to_owned());
    };
    let used = told.memory_used.unwrap_or_default() / 1024;
    let limit = match told.memory_max {
        None | Some(0) => "no limit".to_owned(),
        Some(max) => format!("at most {} KiB", max / 1024),
    };
    let what = format!("{used} KiB in use, {limit} (maxmemory), maxmemory-policy {policy}");
    match policy.starts_with("allkeys") {
        true => Err(Fault::new(
            "redis-eviction",
            what,
            "If its memory is full, this Redis removes any key, and the whole event log is one: then all pages are told of \
             a gap, and a publish that is sent again may be doubled. Set `maxmemory-policy noeviction` or `volatile-lru`, or \
             give pushd a Redis of its own.",
        )),
        false => Ok(what),
    }
}

/// Describes what a restart of Redis means. Neither choice is a mistake.
fn append_file(told: &RedisReport) -> &'static str {
    match told.has_append_file {
        Some(true) => {
            "the append only file is on: after a restart of Redis, the ids of publishes are still known. The event log \
             begins again, and pages are told of a gap"
        }
        Some(false) => {
            "the append only file is off: after a restart of Redis, the event log is empty, and pages are told of a gap. A \
             publish that is sent again with its id may be doubled"
        }
        None => "append only file: not checked",
    }
}

fn clock(told: &RedisReport) -> Result<String, Fault> {
    let Some(ahead_ms) = told.clock_ahead_ms else {
        return Ok("clock: not checked: the user may not run TIME, which pushd needs".to_owned());
    };
    let what = format!("the clock of Redis differs from this machine's by {ahead_ms} ms");
    match ahead_ms.unsigned_abs() > CLOCK_MAX_MS {
        true => Err(Fault::new(
            "redis-clock",
            what,
            "The ages of events (history-age-max, pushd_redis_lag_milliseconds) are wrong by as much. Synchronize the clocks \
             of all machines (`timedatectl`).",
        )),
        false => Ok(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, is_old) in [
            ("5.0.14", true),
            ("6.0.16", true),
            ("6.2.0", false),
            ("7.0.15", false),
            ("10.0", false),
            ("6.10.1", false),
            ("unstable", false),
        ] {
            assert_eq!(is_too_old(version), is_old, "{version}");
        }
    }
}
