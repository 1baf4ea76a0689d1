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

/// Largest spool file. Writers refuse a record that does not fit.
pub const SPOOL_LEN_MAX: u64 = 16 * 1024 * 1024;

/// Seconds that an event is worth delivering after it was written to the spool, unless its publisher says otherwise.
pub const SPOOL_TTL_S: u32 = 300;

/// Longest time to live of an event in the spool: one day.
pub const SPOOL_TTL_S_MAX: u32 = 24 * 60 * 60;

/// Longest message of a browser, after WebSocket fragments are joined.
pub const CLIENT_MESSAGE_LEN_MAX: usize = 64 * 1024;

/// Most prefixes that one session may define.
pub const PREFIXES_MAX: usize = 1000;

/// Most bytes of all prefixes and URIs of one session together.
pub const PREFIX_BYTES_MAX: usize = 64 * 1024;
