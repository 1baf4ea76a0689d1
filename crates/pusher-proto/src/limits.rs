//! Default limits of the wire formats. Lengths are in bytes.
//!
//! `pusher_core::Limits` has the server's limits of time, connections and memory; its defaults use these.

/// Longest topic. A longer one is an error in a publish, and a protocol violation in a SUBSCRIBE.
pub const TOPIC_LEN_MAX: usize = 1024;

/// Longest id of a publish.
pub const ID_LEN_MAX: usize = 255;

/// Longest publish token. It must fit in an HTTP header.
pub const TOKEN_LEN_MAX: usize = 1024;

/// Longest event, as JSON text. PHP's `json_encode` writes each non-ASCII character as `\uXXXX`, six bytes instead of
/// two or three. 1 MB of text in any language must fit.
pub const EVENT_LEN_MAX: usize = 3 * 1024 * 1024;

/// Room in a message for everything but the event: type, request, topic, options, brackets and commas.
pub const PUBLISH_OVERHEAD_MAX: usize = 4 * TOPIC_LEN_MAX;

/// Longest message of a publisher, in the native protocol and in raw JSON.
pub const PUBLISH_LEN_MAX: usize = EVENT_LEN_MAX + PUBLISH_OVERHEAD_MAX;

/// Deepest nesting of arrays and objects in a message. An EVENT adds one list around it, which stays within the 127
/// levels that `serde_json` parses.
pub const JSON_DEPTH_MAX: usize = 126;

/// Deepest nesting of an event: one level less, because the native protocol wraps it in a list.
pub const EVENT_DEPTH_MAX: usize = JSON_DEPTH_MAX - 1;

/// Deepest nesting of a client's message in WAMP v2. All its arguments together can be an event of the same depth.
pub const WAMP2_DEPTH_MAX: usize = EVENT_DEPTH_MAX;

/// Largest spool file. Writers refuse a record that does not fit.
pub const SPOOL_LEN_MAX: u64 = 16 * 1024 * 1024;

/// Seconds that an event is worth delivering after it was written to the spool, unless its publisher says otherwise.
pub const SPOOL_TTL_S: u32 = 300;

/// Longest time to live of an event in the spool: one day.
pub const SPOOL_TTL_S_MAX: u32 = 24 * 60 * 60;

/// Longest ticket.
pub const TICKET_LEN_MAX: usize = 4096;

/// Most topics and patterns of a ticket.
pub const TICKET_TOPICS_MAX: usize = 100;

/// Longest `info` of a ticket, as JSON text.
pub const TICKET_INFO_LEN_MAX: usize = 2048;

/// Longest `sub` of a ticket, the name of a user.
pub const SUB_LEN_MAX: usize = 255;

/// Seconds for which a ticket is valid, unless the site says otherwise.
pub const TICKET_TTL_S: u64 = 300;

/// Longest time to live of a ticket: one day. The server remembers a revoked user for as long.
pub const TICKET_TTL_S_MAX: u64 = 24 * 60 * 60;

/// Seconds by which the clocks of site and server may differ.
pub const TICKET_LEEWAY_S: u64 = 30;

/// Most keys in a key file: the one that signs, and the one before.
pub const TICKET_KEYS_MAX: usize = 2;

/// Length of a key of tickets, in characters. HMAC-SHA256 needs 32 random bytes (RFC 7518, section 3.2).
pub const TICKET_KEY_LEN_MIN: usize = 32;
/// Longest key of tickets, in characters.
pub const TICKET_KEY_LEN_MAX: usize = 256;

/// Longest message of a browser, after WebSocket fragments are joined.
pub const CLIENT_MESSAGE_LEN_MAX: usize = 64 * 1024;

/// Most prefixes that one session may define.
pub const PREFIXES_MAX: usize = 1000;

/// Most bytes of all prefixes and URIs of one session together.
pub const PREFIX_BYTES_MAX: usize = 64 * 1024;

/// Longest name of a channel of the Channels protocol.
pub const CHANNEL_LEN_MAX: usize = 164;

/// Longest name of an event of the Channels protocol.
pub const CHANNELS_NAME_LEN_MAX: usize = 200;

/// Longest id and longest key of an application of the Channels protocol.
pub const CHANNELS_ID_LEN_MAX: usize = 64;

/// Shortest secret of an application of the Channels protocol, in characters.
pub const CHANNELS_SECRET_LEN_MIN: usize = 8;

/// Longest secret of an application of the Channels protocol, in characters.
pub const CHANNELS_SECRET_LEN_MAX: usize = 255;

/// Most channels of one request that publishes with the Channels protocol.
pub const CHANNELS_TRIGGER_MAX: usize = 100;

/// Most events of a batch of the Channels protocol.
pub const CHANNELS_BATCH_MAX: usize = 10;

/// Longest query of a signed request of the Channels protocol.
pub const CHANNELS_QUERY_LEN_MAX: usize = 4096;

/// Most parameters of a signed request of the Channels protocol.
pub const CHANNELS_PARAMETERS_MAX: usize = 32;

/// Seconds by which the time of a signed request of the Channels protocol may differ from the server's clock.
pub const CHANNELS_CLOCK_S: u64 = 600;

/// Most events of one webhook request of the Channels protocol.
pub const WEBHOOK_EVENTS_MAX: usize = 1000;

/// Longest body of a webhook request of the Channels protocol.
pub const WEBHOOK_LEN_MAX: usize = 256 * 1024;
