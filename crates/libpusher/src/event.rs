//! An event, and how it is published.

use pusher_proto::limits::SPOOL_TTL_S_MAX;

use crate::error::Error;
use crate::random_id::RandomId;

/// An event, and how it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The topic, 1 to 1024 bytes.
    pub topic: &'a str,
    /// The event: one complete JSON value. Browsers receive it byte for byte.
    pub json: &'a str,
    /// An id of 1 to 255 bytes. For 5 minutes pushd answers another publish with the same topic and id with the first
    /// receipt, and sends nothing. So after a lost answer the caller can publish again, and no browser gets the event
    /// twice.
    pub id: Option<&'a str>,
    /// Whether only the latest event of this topic matters. If several of them wait in the spool, only the last one
    /// is published.
    pub latest: bool,
    /// How long the event may wait in the spool, 1 to 86400 seconds. `None`: [`Options::spool_ttl_s`](crate::Options).
    pub ttl_s: Option<u32>,
    /// The session that does not get the event, as its page knows it: `pusher.sessionId` of pusher.js, `socket_id` of the
    /// Pusher Channels protocol, or the number of a WAMP v2 session. A page has another session after each reconnect. An
    /// older pushd refuses an event with this option.
    pub exclude: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// Returns an event without an id and with the default options.
    pub fn new(topic: &'a str, json: &'a str) -> Self {
        Self {
            topic,
            json,
            id: None,
            latest: false,
            ttl_s: None,
            exclude: None,
        }
    }

    /// Returns the event with this id, unless it has one.
    pub(crate) fn or_id<'b>(&self, id: Option<&'b RandomId>) -> Event<'b>
    where
        'a: 'b,
    {
        Event {
            id: self.id.or(id.map(RandomId::as_str)),
            ..*self
        }
    }
}

/// Checks a time to live in the spool.
pub(crate) fn check_ttl(setting: &'static str, ttl_s: u64) -> Result<u32, Error> {
    let checked = u32::try_from(ttl_s).ok();
    checked
        .filter(|ttl_s| (1..=SPOOL_TTL_S_MAX).contains(ttl_s))
        .ok_or_else(|| {
            let reason = format!("{ttl_s} is not a number of seconds from 1 to {SPOOL_TTL_S_MAX}");
            Error::Config { setting, reason }
        })
}
