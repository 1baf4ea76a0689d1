//! The Pusher Channels protocol, version 7, in short the Channels protocol: JSON objects in WebSocket text messages
//! between the server and browsers, and the signed HTTP requests of the site. `PROTOCOL.md` describes both.
//!
//! A message is `{"event":NAME,"channel":CHANNEL,"data":DATA}`. In messages of the server, `data` is JSON text inside a
//! JSON string. A channel is a topic of the same name, and an event of the log is [`ChannelsEvent`].
//!
//! | file | contents |
//! |---|---|
//! | `app.rs` | the application: its key, and what its secret signs |
//! | `channel.rs` | names of channels, and their kinds |
//! | `version.rs` | the version of the protocol, in the query of a connection |
//! | `socket_id.rs` | the name of a session |
//! | `member.rs` | members of presence channels, and users |
//! | `client_message.rs` | messages of browsers |
//! | `server_message.rs` | messages of the server |
//! | `error_code.rs` | codes of errors and of closing |
//! | `event.rs` | events of the log as events of this protocol |
//! | `rest.rs` | the signature of an HTTP request |
//! | `trigger.rs` | the bodies of HTTP requests that publish |
//! | `webhook.rs` | HTTP requests that the server sends to the site |
//!
//! There is no clock here: the caller passes Unix times in seconds.

mod app;
mod channel;
mod client_message;
mod error_code;
mod event;
mod member;
mod rest;
mod server_message;
mod socket_id;
#[cfg(test)]
mod tests;
mod trigger;
mod version;
mod webhook;

pub use app::{AppError, AuthFault, ChannelsApp};
pub use channel::{Channel, ChannelError, ChannelKind};
pub use client_message::{ClientMessage, DecodeError};
pub use error_code::{ErrorCode, Reconnect};
pub use event::{ChannelsEvent, append_event, compose, compose_client_event};
pub use member::{Member, MemberError, user_id};
pub use rest::{Parameters, RestFault, check_request};
pub use server_message::{
    PING, PONG, cache_miss, connection_established, error, member_added, member_removed,
    signin_success, subscription_count, subscription_error, subscription_succeeded,
};
pub use socket_id::{SocketId, SocketIdError};
pub use trigger::{BatchRequest, Info, RequestError, TriggerRequest};
pub use version::check_version;
pub use webhook::{KEY_HEADER, SIGNATURE_HEADER, WebhookEvent, webhook_body};
