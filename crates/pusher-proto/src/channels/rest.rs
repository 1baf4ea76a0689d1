//! The signature of HTTP requests.
//!
//! The site signs `METHOD\nPATH\nPARAMETERS` with HMAC-SHA256. The parameters are those of the query, except
//! `auth_signature`, as decoded `key=value`, with keys in lower case, sorted by key, and joined by `&`.

use data_encoding::HEXLOWER;
use md5::{Digest, Md5};

use super::ChannelsApp;
use super::app::decode_signature;
use crate::limits::{CHANNELS_CLOCK_S, CHANNELS_PARAMETERS_MAX, CHANNELS_QUERY_LEN_MAX};

/// The decoded parameters of a request whose signature was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Sorted by key. Each key is there once, in lower case.
    sorted: Vec<(String, String)>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestFault {
    /// The query is too long.
    #[error("the query is longer than {CHANNELS_QUERY_LEN_MAX} bytes")]
    QueryTooLong,
    /// Too many parameters.
    #[error("the query has more than {CHANNELS_PARAMETERS_MAX} parameters")]
    TooManyParameters,
    /// A parameter is there twice.
    #[error("the parameter {0} is there twice")]
    Twice(String),
    /// A parameter contains a separator of the signed text, so other parameters would have the same signature.
    #[error("the parameter {0:?} contains & or =, encoded as %26 or %3D")]
    Separator(String),
    /// A parameter is missing.
    #[error("the parameter {0} is missing: sign the request with the library of your language")]
    Missing(&'static str),
    /// Not the key of this application.
    #[error("auth_key is not the key of this application: check the id and the key of the site")]
    Key,
    /// Not version 1.0 of the signature.
    #[error("auth_version must be 1.0")]
    Version,
    /// The clock of the site differs, or the request is old.
    #[error(
        "auth_timestamp differs from the clock of the server by more than {CHANNELS_CLOCK_S} s (the server has {now_s}): set \
         the clocks, or do not repeat old requests"
    )]
    Clock {
        /// The time of the server.
        now_s: u64,
    },
    /// The signature is wrong.
    #[error(
        "auth_signature is wrong: the site and the server use different secrets, or the method, path or query was changed on \
         the way"
    )]
    Signature,
    /// The body is not the signed one.
    #[error("body_md5 is not the MD5 of the body: the body was changed on the way")]
    Body,
}

impl RestFault {
    /// Returns the status of the HTTP response.
    pub fn status(&self) -> u16 {
        match self {
            Self::QueryTooLong => 414,
            Self::TooManyParameters | Self::Twice(_) | Self::Separator(_) => 400,
            _ => 401,
        }
    }
}

/// Checks that the site has signed a request within the last [`CHANNELS_CLOCK_S`] seconds. `path` and `query` are as in the
/// request line, `now_s` is the Unix time. [`Parameters::check_body`] checks the body, which may arrive later.
///
/// The signature does not prevent that a request is sent again while its timestamp is valid.
pub fn check_request(
    app: &ChannelsApp,
    method: &str,
    path: &str,
    query: &str,
    now_s: u64,
) -> Result<Parameters, RestFault> {
    let parameters = Parameters::parse(query)?;
    if parameters.required("auth_key")? != app.key() {
        return Err(RestFault::Key);
    }
    if parameters.required("auth_version")? != "1.0" {
        return Err(RestFault::Version);
    }
    let is_recent = |signed_s: u64| signed_s.abs_diff(now_s) <= CHANNELS_CLOCK_S;
    if !parameters
        .required("auth_timestamp")?
        .parse()
        .is_ok_and(is_recent)
    {
        return Err(RestFault::Clock { now_s });
    }
    let signature = decode_signature(parameters.required("auth_signature")?);
    let signed = format!("{method}\n{path}\n{}", parameters.signed());
    if !signature.is_some_and(|signature| app.has_signed(&[signed.as_bytes()], &signature)) {
        return Err(RestFault::Signature);
    }
    Ok(parameters)
}

impl Parameters {
    fn parse(query: &str) -> Result<Self, RestFault> {
        if query.len() > CHANNELS_QUERY_LEN_MAX {
            return Err(RestFault::QueryTooLong);
        }
        let mut sorted: Vec<(String, String)> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            if sorted.len() == CHANNELS_PARAMETERS_MAX {
                return Err(RestFault::TooManyParameters);
            }
            if key.contains(['&', '=']) || value.contains('&') {
                return Err(RestFault::Separator(key.into_owned()));
            }
            sorted.push((key.to_lowercase(), value.into_owned()));
        }
        sorted.sort();
        match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(RestFault::Twice(pair[0].0.clone())),
            None => Ok(Self { sorted }),
        }
    }

    /// Returns the value of a parameter. `key` is in lower case.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.sorted.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| &**value)
    }

    /// Checks that the body is the signed one.
    pub fn check_body(&self, body: &[u8]) -> Result<(), RestFault> {
        // The Python library sends the MD5 of an empty body, others none.
        match self.get("body_md5") {
            None if body.is_empty() => Ok(()),
            None => Err(RestFault::Missing("body_md5")),
            Some(md5) if md5 == HEXLOWER.encode(&Md5::digest(body)) => Ok(()),
            Some(_) => Err(RestFault::Body),
        }
    }

    fn required(&self, key: &'static str) -> Result<&str, RestFault> {
        self.get(key).ok_or(RestFault::Missing(key))
    }

    fn signed(&self) -> String {
        let signed = self
            .sorted
            .iter()
            .filter(|(key, _)| key != "auth_signature");
        let pairs: Vec<_> = signed
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        pairs.join("&")
    }
}
