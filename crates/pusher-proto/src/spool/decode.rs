//! Decodes a record.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Record, SpoolError, VERSION};
use crate::json::check_value;

/// Reads one line of the spool, without its line feeds.
///
/// Does not check the lengths of topic, id and event, and not whether the event has expired.
pub fn decode(line: &[u8]) -> Result<Record<'_>, SpoolError> {
    let object = checked_object(line)?;
    let text = str::from_utf8(object).map_err(|_| SpoolError::Damaged("it is not UTF-8"))?;
    let Version { v } = parse(text)?;
    match v {
        VERSION => {}
        0 => return Err(SpoolError::Damaged("there is no version 0")),
        newer => return Err(SpoolError::Newer(newer)),
    }
    let Object {
        time,
        ttl,
        topic,
        id,
        latest,
        exclude,
        token,
        event,
    } = parse(text)?;
    let event = event.get();
    check_value(event).map_err(|_| SpoolError::Damaged("the event is nested too deeply"))?;
    Ok(Record {
        time_ms: time,
        ttl_s: ttl.try_into().unwrap_or(u32::MAX),
        topic,
        id,
        latest,
        exclude,
        token,
        event,
    })
}

/// Returns the bytes behind the checksum, if it is theirs.
fn checked_object(line: &[u8]) -> Result<&[u8], SpoolError> {
    let (checksum, rest) = line
        .split_at_checked(8)
        .ok_or(SpoolError::Damaged("it is too short"))?;
    let object = rest
        .strip_prefix(b" ")
        .ok_or(SpoolError::Damaged("it has no checksum"))?;
    // Comparing the text also rejects upper-case digits.
    match format!("{:08x}", crc32fast::hash(object)).as_bytes() == checksum {
        true => Ok(object),
        false => Err(SpoolError::Damaged("the checksum is wrong")),
    }
}

/// serde_json's error would quote values, which may be confidential.
fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, SpoolError> {
    serde_json::from_str(text)
        .map_err(|_| SpoolError::Damaged("it is not an object with the members of a record"))
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

#[derive(Deserialize)]
struct Object<'a> {
    time: u64,
    ttl: u64,
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default)]
    latest: bool,
    exclude: Option<Cow<'a, str>>,
    token: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event: &'a RawValue,
}
