//! The Redis server whose stream is the log of several servers together.

use std::fmt;
use std::str::FromStr;

use redis::{ConnectionInfo, IntoConnectionInfo};
use url::Url;

/// The port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26379;

/// Longest prefix of the keys, in bytes.
const PREFIX_LEN_MAX: usize = 64;

/// Where and how a server shares its log with other servers.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// The Redis server.
    pub address: RedisAddress,
    /// The beginning of all keys. Servers with the same prefix share a log. Default `pushd`.
    pub prefix: RedisPrefix,
}

impl RedisOptions {
    /// Returns options with the default prefix.
    pub fn new(address: RedisAddress) -> Self {
        Self {
            address,
            prefix: RedisPrefix::default(),
        }
    }
}

/// The address of a Redis server:
///
/// ```text
/// redis://[user[:password]@]host[:port][/database]
/// rediss://...                                             with TLS
/// unix:///path/of/socket[?db=0&user=name&pass=secret]
/// redis+sentinel://[user[:password]@]host[:port][,host[:port]...]/master[/database]
/// ```
///
/// It is shown without its password.
#[derive(Clone)]
pub struct RedisAddress {
    shown: String,
    pub(crate) target: RedisTarget,
}

/// The servers to ask.
#[derive(Clone)]
pub(crate) enum RedisTarget {
    Server(Box<ConnectionInfo>),
    Sentinel(Sentinel),
}

/// Sentinels that know the address of the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentinel {
    /// Hosts and ports.
    pub(crate) sentinels: Vec<(String, u16)>,
    /// The name of the master.
    pub(crate) master: String,
    pub(crate) database: i64,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// Why a text is not the address of a Redis server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RedisAddressError {
    /// Another form.
    #[error("expected redis://HOST, rediss://HOST, unix:///PATH or redis+sentinel://HOST/MASTER")]
    Form,
    /// A part that Redis does not accept.
    #[error("{0}")]
    Part(String),
}

impl FromStr for RedisAddress {
    type Err = RedisAddressError;

    fn from_str(text: &str) -> Result<Self, RedisAddressError> {
        let target = match text.split_once("://") {
            Some(("redis+sentinel", rest)) => RedisTarget::Sentinel(sentinel(rest)?),
            Some(("redis" | "rediss" | "unix", _)) => {
                let info = text.into_connection_info();
                let info = info.map_err(|error| RedisAddressError::Part(error.to_string()))?;
                RedisTarget::Server(Box::new(info))
            }
            _ => return Err(RedisAddressError::Form),
        };
        Ok(Self {
            shown: without_password(text),
            target,
        })
    }
}

/// Parses `[user[:password]@]host[:port][,host[:port]...]/master[/database]`.
fn sentinel(text: &str) -> Result<Sentinel, RedisAddressError> {
    let part = |text: &str| RedisAddressError::Part(text.to_owned());
    let (login, rest) = match text.rsplit_once('@') {
        Some((login, rest)) => (login, rest),
        None => ("", text),
    };
    let mut parts = rest.split('/');
    let hosts = parts.next().unwrap_or_default();
    let master = parts.next().filter(|master| !master.is_empty());
    let master = master.ok_or_else(|| part("the name of the master is missing: .../MASTER"))?;
    let database = match parts.next() {
        None | Some("") => 0,
        Some(number) => number
            .parse()
            .map_err(|_| part("the database is not a number"))?,
    };
    // The rules of addresses are those of URLs.
    let url = |host: &str| Url::parse(&format!("redis://{login}@{host}"));
    let mut sentinels = Vec::new();
    for host in hosts.split(',') {
        let url = url(host).map_err(|error| part(&error.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| part("a host is missing"))?;
        sentinels.push((host.to_owned(), url.port().unwrap_or(SENTINEL_PORT)));
    }
    let decoded = |text: &str| {
        let text = percent_encoding::percent_decode_str(text).decode_utf8();
        text.map_err(|error| part(&error.to_string()))
            .map(|text| Some(text.into_owned()).filter(|text| !text.is_empty()))
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    Ok(Sentinel {
        sentinels,
        master: master.to_owned(),
        database,
        user: decoded(user)?,
        password: decoded(password)?,
    })
}

fn without_password(text: &str) -> String {
    let text = match text.split_once("?") {
        Some((address, _)) => address,
        None => text,
    };
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    match rest.rsplit_once('@') {
        None => text.to_owned(),
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}@{host}")
        }
    }
}

impl RedisAddress {
    /// Returns whether the address contains a password.
    pub fn has_password(&self) -> bool {
        match &self.target {
            RedisTarget::Server(info) => info.redis_settings().password().is_some(),
            RedisTarget::Sentinel(sentinel) => sentinel.password.is_some(),
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisAddress({})", self.shown)
    }
}

/// The beginning of all keys of some servers in Redis: 1 to 64 letters, digits, `-`, `_`, `.` and `:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisPrefix(String);

/// A text that is not a [`RedisPrefix`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {PREFIX_LEN_MAX} letters, digits, \"-\", \"_\", \".\" and \":\"")]
pub struct RedisPrefixError;

impl Default for RedisPrefix {
    fn default() -> Self {
        Self("pushd".to_owned())
    }
}

impl FromStr for RedisPrefix {
    type Err = RedisPrefixError;

    fn from_str(text: &str) -> Result<Self, RedisPrefixError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        let is_prefix = (1..=PREFIX_LEN_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        match is_prefix {
            true => Ok(Self(text.to_owned())),
            false => Err(RedisPrefixError),
        }
    }
}

impl fmt::Display for RedisPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The password of a Redis server. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisPassword(String);

impl RedisPassword {
    /// Takes any text.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_without_passwords() {
        for (text, shown) in [
            ("redis://localhost", "redis://localhost"),
            ("redis://me:secret@h:1/2", "redis://me@h:1/2"),
            ("rediss://:p%40ss@h", "rediss://@h"),
            (
                "unix:///run/redis.sock?db=1&pass=secret",
                "unix:///run/redis.sock",
            ),
            (
                "redis+sentinel://u:p@a,b:2/main",
                "redis+sentinel://u@a,b:2/main",
            ),
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("secret"));
            assert_eq!(address.has_password(), text != shown, "{text}");
        }
    }

    #[test]
    fn sentinels_have_a_master() {
        let address: RedisAddress = "redis+sentinel://u:p%2F@a,[::1]:2/main/3".parse().unwrap();
        let RedisTarget::Sentinel(sentinel) = address.target else {
            panic!("not a sentinel");
        };
        let expected = Sentinel {
            sentinels: vec![("a".to_owned(), SENTINEL_PORT), ("[::1]".to_owned(), 2)],
            master: "main".to_owned(),
            database: 3,
            user: Some("u".to_owned()),
            password: Some("p/".to_owned()),
        };
        assert_eq!(sentinel, expected);
    }

    #[test]
    fn other_texts_are_no_addresses() {
        for text in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis://h:x",
            "redis+sentinel://h",
            "redis+sentinel://h/",
            "redis+sentinel:///main",
            "redis+sentinel://h/main/x",
        ] {
            assert!(text.parse::<RedisAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_have_no_special_characters() {
        for text in ["a", "shop.example:1", &"x".repeat(PREFIX_LEN_MAX)] {
            assert_eq!(text.parse::<RedisPrefix>().unwrap().to_string(), text);
        }
        for text in ["", "a b", "{a}", "a*", &"x".repeat(PREFIX_LEN_MAX + 1)] {
            assert_eq!(text.parse::<RedisPrefix>(), Err(RedisPrefixError), "{text}");
        }
    }
}
