//! pushd's wire formats as plain data: no sockets, no clock, no async, no unsafe.
//!
//! | module | contents |
//! |---|---|
//! | [`wamp`] | WAMP v1 between the server and browsers: messages, events, prefixes |
//! | [`wamp2`] | WAMP v2 between the server and clients: its broker |
//! | [`channels`] | the Pusher Channels protocol between the server, browsers and sites |
//! | [`native`] | libpusher's publish protocol, in which every publish is answered |
//! | [`raw`] | raw JSON objects, as the Ratchet recipe sends them |
//! | [`zmtp`] | ZeroMQ's protocol, the part that PUSH sockets need |
//! | [`event_stream`] | Server-Sent Events, another way for browsers to subscribe |
//! | [`spool`] | the records of the spool, where events wait for the daemon |
//! | [`ticket`] | signed texts that let a browser subscribe to private topics |
//! | [`JsonStream`] | finds complete JSON values in a stream; `native` and `raw` are read with it |
//! | [`Endpoint`] | the addresses of port 5555, as text |
//! | [`Receipt`], [`Position`] | the answer to a publish, and a place in the server's log |
//! | [`SessionName`] | a session as a page and its site know it |
//! | [`check_topic`], [`check_id`], [`check_token`] | the rules for topics, ids and publish tokens |
//! | [`limits`] | every limit, with its default |
//!
//! `PROTOCOL.md`, beside the sources, specifies all of it for authors of other clients and servers.
#![forbid(unsafe_code)]

mod address;
pub mod channels;
pub mod event_stream;
mod json;
mod json_list;
mod json_stream;
pub mod limits;
pub mod native;
pub mod permessage_deflate;
mod position;
mod publish;
pub mod raw;
mod reason;
mod session_name;
pub mod spool;
pub mod ticket;
mod token;
pub mod wamp;
pub mod wamp2;
pub mod zmtp;

pub use address::{Endpoint, EndpointError, UNIX_PATH_LEN_MAX};
pub use json::{JsonError, check_value, trim_value};
pub use json_stream::{JsonStream, StreamError};
pub use position::{Position, PositionError, SEQUENCE_MAX};
pub use publish::{
    IdError, PRESENCE_PREFIX, Publish, RESERVED_PREFIX, Receipt, Stored, TopicError, check_id,
    check_publish_topic, check_topic,
};
pub use reason::{REASON_HEADER, Reason};
pub use session_name::{SessionName, SessionNameError, parse_session_id, session_number};
pub use token::{TokenError, check_token};

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
