//! A publisher's options, and the environment variables that set them.

use std::env::{self, VarError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pusher_proto::TokenError;
use pusher_proto::limits::SPOOL_TTL_S;

use crate::address::Address;
use crate::error::Error;
use crate::limits::{TIMEOUT_DEFAULT, TIMEOUT_MAX, TIMEOUT_MIN};
use crate::token::Token;

/// A publisher's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where pushd listens for publishers.
    pub address: Address,
    /// Longest time that a publish may take, connecting included. Values outside of
    /// [`TIMEOUT_MIN`]`..=`[`TIMEOUT_MAX`] are clamped.
    pub timeout: Duration,
    /// The token that a pushd with `--publish-token` requires. None by default.
    pub token: Option<Token>,
    /// The directory of the spool, an absolute path. An event that pushd cannot accept now is written there, and pushd
    /// publishes it later. `None`, the default: such a publish fails.
    pub spool_dir: Option<PathBuf>,
    /// How long an event may wait in the spool, 1 to 86400 seconds, unless [`Event::ttl_s`](crate::Event) is set. By
    /// default 300.
    pub spool_ttl_s: u32,
}

impl Options {
    /// Returns the default options for this address.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            timeout: TIMEOUT_DEFAULT,
            token: None,
            spool_dir: None,
            spool_ttl_s: SPOOL_TTL_S,
        }
    }

    /// Reads `PUSH_ADDRESS`, `PUSH_TIMEOUT_MS`, `PUSH_TOKEN` and `PUSH_SPOOL`. A variable that is not set, or empty, leaves the
    /// default.
    ///
    /// # Errors
    /// [`Error::Config`] if a variable has an invalid value.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            address: address_from_env()?,
            timeout: timeout_from_env()?,
            token: token_from_env()?,
            spool_dir: spool_from_env()?,
            spool_ttl_s: SPOOL_TTL_S,
        })
    }
}

/// Reads `PUSH_ADDRESS`. Default: port 5555 of this machine.
pub(crate) fn address_from_env() -> Result<Address, Error> {
    let Some(text) = variable("PUSH_ADDRESS")? else {
        return Ok(Options::default().address);
    };
    text.parse()
        .map_err(|error| Error::config("PUSH_ADDRESS", error))
}

/// Reads `PUSH_TIMEOUT_MS`. Default: [`TIMEOUT_DEFAULT`].
pub(crate) fn timeout_from_env() -> Result<Duration, Error> {
    let Some(text) = variable("PUSH_TIMEOUT_MS")? else {
        return Ok(TIMEOUT_DEFAULT);
    };
    text.parse()
        .ok()
        .and_then(timeout_from_ms)
        .ok_or_else(|| Error::timeout("PUSH_TIMEOUT_MS", &text))
}

/// Reads `PUSH_TOKEN`. Default: none.
pub(crate) fn token_from_env() -> Result<Option<Token>, Error> {
    const NAME: &str = "PUSH_TOKEN";
    // VarError quotes the value, and a secret must not appear in an error.
    let text = variable(NAME).map_err(|_| Error::config(NAME, TokenError))?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: TokenError| Error::config(NAME, error))
}

/// Reads `PUSH_SPOOL`. Default: none.
pub(crate) fn spool_from_env() -> Result<Option<PathBuf>, Error> {
    const NAME: &str = "PUSH_SPOOL";
    let dir = variable(NAME)?.map(|text| parse_spool(&text));
    dir.transpose()
        .map_err(|reason| Error::config(NAME, reason))
}

/// Parses the directory of the spool. A relative path would depend on the working directory.
pub(crate) fn parse_spool(text: &str) -> Result<PathBuf, String> {
    const EXAMPLE: &str = if cfg!(windows) {
        r"C:\ProgramData\pushd\spool"
    } else {
        "/var/spool/pushd"
    };
    match Path::new(text).is_absolute() {
        true => Ok(text.into()),
        false => Err(format!("{text:?} is not an absolute path, as in {EXAMPLE}")),
    }
}

/// Returns `None` if the timeout is out of bounds.
pub(crate) fn timeout_from_ms(timeout_ms: u64) -> Option<Duration> {
    let timeout = Duration::from_millis(timeout_ms);
    (TIMEOUT_MIN..=TIMEOUT_MAX)
        .contains(&timeout)
        .then_some(timeout)
}

impl Default for Options {
    /// `tcp://127.0.0.1:5555`, [`TIMEOUT_DEFAULT`].
    fn default() -> Self {
        Self::new(Address::default())
    }
}

/// Returns a variable's value. An empty variable counts as not set, as in most shell scripts.
fn variable(name: &'static str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(error @ VarError::NotUnicode(_)) => Err(Error::config(name, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_bounds() {
        assert_eq!(timeout_from_ms(1), Some(TIMEOUT_MIN));
        assert_eq!(timeout_from_ms(600_000), Some(TIMEOUT_MAX));
        for out_of_bounds in [0, 600_001, u64::MAX] {
            assert_eq!(timeout_from_ms(out_of_bounds), None);
        }
    }
}
