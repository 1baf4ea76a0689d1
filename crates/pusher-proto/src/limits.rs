//! Every limit of what goes over the wires, with its default.
//!
//! Lengths are in bytes. Limits of time, of connections and of memory are the server's and stand in
//! `pusher_core::Limits`, whose defaults start from these.

/// Longest topic. The publisher gets an error, the browser's SUBSCRIBE is a violation.
pub const TOPIC_LEN_MAX: usize = 1024;

/// Longest id of a publish.
pub const ID_LEN_MAX: usize = 255;

/// Longest publish token. It must fit in an HTTP header.
pub const TOKEN_LEN_MAX: usize = 1024;

/// Longest event, as JSON text. PHP's `json_encode` writes each character beyond ASCII as `\uXXXX`, which
/// makes two or three bytes of UTF-8 six: 1 MB of text in any language must fit.
pub const EVENT_LEN_MAX: usize = 3 * 1024 * 1024;

/// What a publish may need beside its event: type, request, topic, options, brackets and commas.
pub const PUBLISH_OVERHEAD_MAX: usize = 4 * TOPIC_LEN_MAX;

/// Longest message of a publisher, in the native protocol and in raw JSON.
pub const PUBLISH_LEN_MAX: usize = EVENT_LEN_MAX + PUBLISH_OVERHEAD_MAX;

/// Deepest nesting of arrays and objects in a message. With the list of an EVENT around it, what
/// comes out is still within the 127 levels that `serde_json`'s parser takes.
pub const JSON_DEPTH_MAX: usize = 126;

/// Deepest nesting of an event: one level less, since the native protocol wraps it in a list.
pub const EVENT_DEPTH_MAX: usize = JSON_DEPTH_MAX - 1;

/// Longest message of a browser (a WebSocket message, after its fragments were put together).
pub const CLIENT_MESSAGE_LEN_MAX: usize = 64 * 1024;

/// Most prefixes that one session may define.
pub const PREFIXES_MAX: usize = 1000;

/// Most bytes of prefixes and their URIs, all of one session together.
pub const PREFIX_BYTES_MAX: usize = 64 * 1024;
