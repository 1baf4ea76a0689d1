#![doc = include_str!("../spool.md")]

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use decode::decode;
pub use encode::encode;

use crate::limits::SPOOL_TTL_S_MAX;

/// The name of the active file in the directory.
pub const FILE_NAME: &str = "spool";

/// Begin of the names under which publishers make the active file.
pub const TEMPORARY: &str = ".spool-";

/// The version of the records that this code writes.
pub const VERSION: u64 = 1;

/// An event in the spool.
#[derive(Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was written, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// Seconds until it expires.
    pub ttl_s: u32,
    /// The topic. Check it with [`check_topic`](crate::check_topic).
    pub topic: Cow<'a, str>,
    /// The id of the publish. Check it with [`check_id`](crate::check_id).
    pub id: Cow<'a, str>,
    /// Whether only the latest event of its topic matters.
    pub latest: bool,
    /// The session that does not get the event. Parse it as a [`SessionName`](crate::SessionName).
    pub exclude: Option<Cow<'a, str>>,
    /// The publish token.
    pub token: Option<Cow<'a, str>>,
    /// The event: one complete JSON value. Check it with [`check_value`](crate::check_value) before [`encode`].
    pub event: &'a str,
}

impl Record<'_> {
    /// When the event expires, in milliseconds since 1970 (UTC).
    pub fn expires_ms(&self) -> u64 {
        let ttl_s = self.ttl_s.min(SPOOL_TTL_S_MAX);
        self.time_ms.saturating_add(u64::from(ttl_s) * 1000)
    }
}

/// Prints neither the token nor the event.
impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("time_ms", &self.time_ms)
            .field("ttl_s", &self.ttl_s)
            .field("topic", &self.topic)
            .field("id", &self.id)
            .field("latest", &self.latest)
            .field("exclude", &self.exclude)
            .finish_non_exhaustive()
    }
}

/// Why a line is not a record that this version can publish. The text does not quote the line, because errors end up in
/// logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// Not a record, or only a part of one.
    #[error("the record is damaged: {0}")]
    Damaged(&'static str),
    /// A record of a later version.
    #[error("the record has version {0}, and this program reads version {VERSION}")]
    Newer(u64),
}
