//! The parts of a ticket as JSON.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::json::check_value;
use crate::limits::TICKET_INFO_LEN_MAX;

/// A text that borrows from the JSON if it has no escape. serde copies a `Cow` that is in another type.
#[derive(Deserialize, Serialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The header. A ticket may have other members, which mean nothing here.
#[derive(Deserialize, Serialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) kid: Option<Text<'a>>,
    /// Extensions that the reader must understand (RFC 7515, section 4.1.11). This one understands none.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) crit: Option<&'a RawValue>,
}

/// The payload. serde refuses a claim that is there twice.
#[derive(Deserialize, Serialize)]
pub(super) struct Claims<'a> {
    #[serde(borrow)]
    pub(super) topics: Vec<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<Text<'a>>,
    #[serde(deserialize_with = "seconds")]
    pub(super) exp: u64,
    #[serde(default, deserialize_with = "seconds")]
    pub(super) iat: u64,
    #[serde(default, deserialize_with = "seconds", skip_serializing)]
    pub(super) nbf: u64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) info: Option<&'a RawValue>,
}

/// Reads a NumericDate (RFC 7519, section 2), which may have a fraction.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let fraction = || {
        let seconds = number.as_f64()?;
        // Larger numbers are no times, and `as` would change them.
        (0.0..1e15).contains(&seconds).then_some(seconds as u64)
    };
    let seconds = number.as_u64().or_else(fraction);
    seconds.ok_or_else(|| serde::de::Error::custom("a time is a number of seconds"))
}

/// Whether a text can be the `info` of a ticket. An event of presence and the answer MEMBERS nest it three levels deeper.
pub(super) fn is_info(text: &str) -> bool {
    text.len() <= TICKET_INFO_LEN_MAX && check_value(&format!("[[[{text}]]]")).is_ok()
}
