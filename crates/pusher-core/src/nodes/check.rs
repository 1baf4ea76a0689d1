//! Reads the version, the memory, the replication and the persistence of a Redis server.

use std::time::{Duration, SystemTime};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionAddr, ErrorKind, FromRedisValue, RedisError, RedisResult};

use super::connect::{RESPONSE_TIMEOUT, open, server_info};
use super::keys::Keys;
use crate::config::{RedisOptions, RedisPassword, RedisTarget};
use crate::unix_time::unix_ms;

/// Report of a Redis server. A value is `None` if the server does not send it, or the user may not read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisReport {
    /// Host and port, or the path of a socket. With Sentinel, those of the master.
    pub server: String,
    /// The version, as in `7.0.15`.
    pub version: Option<String>,
    /// The server's part in replication.
    pub replication: Option<RedisReplication>,
    /// `maxmemory-policy`: what Redis removes if its memory is full.
    pub eviction_policy: Option<String>,
    /// `maxmemory` in bytes. 0 is no limit.
    pub memory_max: Option<u64>,
    /// Memory in use, in bytes.
    pub memory_used: Option<u64>,
    /// Whether the append only file is on.
    pub has_append_file: Option<bool>,
    /// Time by which the clock of Redis is ahead of this machine's, in milliseconds.
    pub clock_ahead_ms: Option<i64>,
    /// Names of the servers that share the log.
    pub nodes: Option<Vec<String>>,
}

/// The part of a Redis server in replication.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisReplication {
    /// The server accepts writes.
    Master {
        /// Number of connected replicas.
        replicas: u64,
        /// Largest time since a replica has confirmed data. `None` if there is no replica.
        lag: Option<Duration>,
    },
    /// The server copies another one, and refuses writes.
    Replica {
        /// Host and port of the other one.
        master: String,
    },
}

/// Error of [`check_redis`]. Each variant has another remedy.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RedisCheckError {
    /// The name of the host has no address.
    #[error("{host} has no address: {reason}")]
    Name {
        /// The host.
        host: String,
        /// The error of the look-up.
        reason: String,
    },
    /// Nothing accepts connections there.
    #[error("{0}")]
    Refused(String),
    /// No reply in time.
    #[error("{0}")]
    Timeout(String),
    /// TLS failed.
    #[error("{0}")]
    Tls(String),
    /// User and password are missing or wrong.
    #[error("{0}")]
    Login(String),
    /// The user may not run a command that each server needs.
    #[error("{0}")]
    NotAllowed(String),
    /// No Sentinel names the master.
    #[error("{0}")]
    Sentinel(String),
    /// Another error.
    #[error("{0}")]
    Other(String),
}

/// Connects as a server does, and asks. Changes nothing in Redis.
pub async fn check_redis(
    options: &RedisOptions,
    password: Option<&RedisPassword>,
) -> Result<RedisReport, RedisCheckError> {
    let target = &options.address.target;
    let info = server_info(&options.address, password).await;
    let info = info.map_err(|error| match target {
        RedisTarget::Sentinel(_) => RedisCheckError::Sentinel(error.to_string()),
        RedisTarget::Server(_) => RedisCheckError::Other(error.to_string()),
    })?;
    look_up(info.addr()).await?;
    let has_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    let server = info.addr().to_string();
    let connection = open(info, RESPONSE_TIMEOUT).await;
    let mut connection = connection.map_err(|error| explain(&error, has_tls))?;
    let report = ask(&mut connection, &Keys::new(&options.prefix.to_string())).await;
    let report = report.map_err(|error| explain(&error, has_tls))?;
    Ok(RedisReport { server, ..report })
}

async fn look_up(address: &ConnectionAddr) -> Result<(), RedisCheckError> {
    let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }) = address
    else {
        return Ok(());
    };
    let found = tokio::net::lookup_host((host.as_str(), *port)).await;
    found.map(drop).map_err(|error| RedisCheckError::Name {
        host: host.clone(),
        reason: error.to_string(),
    })
}

fn explain(error: &RedisError, has_tls: bool) -> RedisCheckError {
    let text = error.to_string();
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("NOAUTH" | "WRONGPASS")) => {
            RedisCheckError::Login(text)
        }
        (_, Some("NOPERM")) => RedisCheckError::NotAllowed(text),
        _ if error.is_connection_refusal() => RedisCheckError::Refused(text),
        _ if error.is_timeout() => RedisCheckError::Timeout(text),
        (ErrorKind::Io, _) if has_tls => RedisCheckError::Tls(text),
        _ => RedisCheckError::Other(text),
    }
}

async fn ask(connection: &mut MultiplexedConnection, keys: &Keys) -> RedisResult<RedisReport> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    let field = |name: &str| info_field(&info, name);
    let number = |name: &str| field(name)?.parse().ok();
    let before_ms = unix_ms();
    let time = optional(connection, &redis::cmd("TIME")).await?;
    let mut living = redis::cmd("ZRANGEBYSCORE");
    living.arg(&keys.nodes).arg(before_ms).arg("+inf");
    Ok(RedisReport {
        server: String::new(),
        version: field("redis_version").map(str::to_owned),
        replication: replication(&info),
        eviction_policy: field("maxmemory_policy").map(str::to_owned),
        memory_max: number("maxmemory"),
        memory_used: number("used_memory"),
        has_append_file: field("aof_enabled").map(|value| value == "1"),
        clock_ahead_ms: time.and_then(|time| clock_ahead_ms(time, before_ms)),
        nodes: optional(connection, &living).await?,
    })
}

/// Runs a command. `None` if the user may not.
async fn optional<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
) -> RedisResult<Option<T>> {
    match command.query_async(connection).await {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some("NOPERM") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Compares the reply to `TIME` with the middle of the time in which it was asked for.
fn clock_ahead_ms((seconds, micros): (i64, i64), before_ms: u64) -> Option<i64> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let after_ms = i64::try_from(since.ok()?.as_millis()).ok()?;
    let before_ms = i64::try_from(before_ms).ok()?;
    let redis_ms = seconds.checked_mul(1000)?.checked_add(micros / 1000)?;
    redis_ms.checked_sub(before_ms.midpoint(after_ms))
}

fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn replication(info: &str) -> Option<RedisReplication> {
    let field = |name: &str| info_field(info, name);
    if field("role")? != "master" {
        let (host, port) = (field("master_host")?, field("master_port")?);
        let master = format!("{host}:{port}");
        return Some(RedisReplication::Replica { master });
    }
    let lags = info.lines().filter_map(|line| {
        let (_, replica) = line.strip_prefix("slave")?.split_once(':')?;
        let mut parts = replica.split(',');
        let lag = parts.find_map(|part| part.strip_prefix("lag="))?;
        Some(Duration::from_secs(lag.parse().ok()?))
    });
    Some(RedisReplication::Master {
        replicas: field("connected_slaves")?.parse().ok()?,
        lag: lags.max(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replication_is_that_of_master_or_replica() {
        let master = "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n\
                      slave0:ip=10.0.0.2,port=6379,state=online,offset=14,lag=1\r\n\
                      slave1:ip=10.0.0.3,port=6379,state=online,offset=9,lag=70\r\n";
        let lag = Some(Duration::from_secs(70));
        let expected = RedisReplication::Master { replicas: 2, lag };
        assert_eq!(replication(master), Some(expected));
        let alone = RedisReplication::Master {
            replicas: 0,
            lag: None,
        };
        assert_eq!(
            replication("role:master\r\nconnected_slaves:0\r\n"),
            Some(alone)
        );
        let replica = "role:slave\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\n";
        let master = "10.0.0.1:6379".to_owned();
        assert_eq!(
            replication(replica),
            Some(RedisReplication::Replica { master })
        );
        assert_eq!(replication("# Server\r\n"), None);
    }

    #[test]
    fn names_of_fields_match_as_a_whole() {
        let info = "maxmemory_human:1G\r\nmaxmemory:1073741824\r\n";
        assert_eq!(info_field(info, "maxmemory"), Some("1073741824"));
        assert_eq!(info_field(info, "max"), None);
    }
}
