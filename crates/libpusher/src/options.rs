//! What a publisher has to know, and the environment variables that say it.

use std::env::{self, VarError};
use std::time::Duration;

use pusher_proto::TokenError;

use crate::address::Address;
use crate::error::Error;
use crate::limits::{TIMEOUT_DEFAULT, TIMEOUT_MAX, TIMEOUT_MIN};
use crate::token::Token;

/// What a publisher has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where pushd listens for publishers.
    pub address: Address,
    /// How long a publish may take, everything together, connecting included.
    /// [`TIMEOUT_MIN`] to [`TIMEOUT_MAX`]; what is beyond counts as the nearer of the two.
    pub timeout: Duration,
    /// What a pushd with `--publish-token` wants to be shown; nothing by default.
    pub token: Option<Token>,
}

impl Options {
    /// Options for this address, all else by default.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            timeout: TIMEOUT_DEFAULT,
            token: None,
        }
    }

    /// Options from `PUSH_ADDRESS`, `PUSH_TIMEOUT_MS` and `PUSH_TOKEN`, by default where these are not
    /// set.
    ///
    /// # Errors
    /// [`Error::Config`] if one of them is set to something that can't be understood.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            address: address_from_env()?,
            timeout: timeout_from_env()?,
            token: token_from_env()?,
        })
    }
}

/// What `PUSH_ADDRESS` says, or the default.
pub(crate) fn address_from_env() -> Result<Address, Error> {
    let Some(text) = variable("PUSH_ADDRESS")? else {
        return Ok(Options::default().address);
    };
    text.parse()
        .map_err(|error| Error::config("PUSH_ADDRESS", error))
}

/// What `PUSH_TIMEOUT_MS` says, or the default.
pub(crate) fn timeout_from_env() -> Result<Duration, Error> {
    let Some(text) = variable("PUSH_TIMEOUT_MS")? else {
        return Ok(TIMEOUT_DEFAULT);
    };
    text.parse()
        .ok()
        .and_then(timeout_from_ms)
        .ok_or_else(|| Error::timeout("PUSH_TIMEOUT_MS", &text))
}

/// What `PUSH_TOKEN` says, or none.
pub(crate) fn token_from_env() -> Result<Option<Token>, Error> {
    const NAME: &str = "PUSH_TOKEN";
    // Whatever is wrong with it, a secret must not get into an error.
    let text = variable(NAME).map_err(|_| Error::config(NAME, TokenError))?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: TokenError| Error::config(NAME, error))
}

/// A timeout within the bounds, `None` for any other.
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

/// A variable's value; one that is set to nothing counts as not set, as in most shells' scripts.
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
