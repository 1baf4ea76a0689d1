//! The server's side of WAMP v2: the broker of the basic profile, for publishers and subscribers. The subprotocol is
//! `wamp.2.json`: JSON arrays in WebSocket text messages. `PROTOCOL.md` describes what differs from other routers.
//!
//! | id | name | direction | layout |
//! |---|---|---|---|
//! | 1 | HELLO | to server, first | `[1, realm, details]` |
//! | 2 | WELCOME | to client | `[2, session, details]` |
//! | 3 | ABORT | both | `[3, details, reason]` |
//! | 5 | AUTHENTICATE | to server | refused |
//! | 6 | GOODBYE | both | `[6, details, reason]` |
//! | 8 | ERROR | to client | `[8, requestType, request, details, error, arguments]` |
//! | 16 | PUBLISH | to server | `[16, request, options, topic]`, and `arguments`, and `argumentsKw` |
//! | 17 | PUBLISHED | to client | `[17, request, publication]` |
//! | 32 | SUBSCRIBE | to server | `[32, request, options, topic]` |
//! | 33 | SUBSCRIBED | to client | `[33, request, subscription]` |
//! | 34 | UNSUBSCRIBE | to server | `[34, request, subscription]` |
//! | 35 | UNSUBSCRIBED | to client | `[35, request]` |
//! | 36 | EVENT | to client | `[36, subscription, publication, details]`, and `arguments`, and `argumentsKw` |
//! | 48, 64, 66 | CALL, REGISTER, UNREGISTER | to server | refused |

mod client_message;
mod error_uri;
mod payload;
mod request_type;
mod server_message;
#[cfg(test)]
mod tests;

pub use client_message::{ClientMessage, DecodeError, Publish};
pub use error_uri::ErrorUri;
pub use payload::append_event;
pub use request_type::RequestType;
pub use server_message::{abort, error, goodbye, published, subscribed, unsubscribed, welcome};

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "wamp.2.json";

/// Largest id. Ids begin at 1. JavaScript holds integers up to this value exactly.
pub const ID_MAX: u64 = 1 << 53;

const HELLO: u64 = 1;
const WELCOME: u64 = 2;
const ABORT: u64 = 3;
const AUTHENTICATE: u64 = 5;
const GOODBYE: u64 = 6;
const ERROR: u64 = 8;
const PUBLISH: u64 = 16;
const PUBLISHED: u64 = 17;
const SUBSCRIBE: u64 = 32;
const SUBSCRIBED: u64 = 33;
const UNSUBSCRIBE: u64 = 34;
const UNSUBSCRIBED: u64 = 35;
const EVENT: u64 = 36;
const CALL: u64 = 48;
const REGISTER: u64 = 64;
const UNREGISTER: u64 = 66;
