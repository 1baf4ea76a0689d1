//! What goes over pushd's wires, as plain data: no sockets, no clock, no async, no unsafe.
//!
//! | module | what |
//! |---|---|
//! | [`wamp`] | WAMP v1 between the server and browsers: messages, events, prefixes |
//! | [`native`] | the publish protocol of libpusher, each publish answered |
//! | [`raw`] | raw JSON objects, as the Ratchet recipe publishes |
//! | [`zmtp`] | ZeroMQ's protocol, as much of it as PUSH sockets need |
//! | [`JsonStream`] | finds complete JSON values in a stream, below `native` and `raw` |
//! | [`limits`] | every limit, with its default |
//!
//! `PROTOCOL.md`, beside the sources, is all of it in words, for whoever writes another client or
//! server.
#![forbid(unsafe_code)]

mod address;
mod json;
mod json_stream;
pub mod limits;
pub mod native;
mod publish;
pub mod raw;
mod reason;
mod token;
pub mod wamp;
pub mod zmtp;

pub use address::{Endpoint, EndpointError, UNIX_PATH_LEN_MAX};
pub use json::{JsonError, check_value, trim_value};
pub use json_stream::{JsonStream, StreamError};
pub use publish::{IdError, Publish, Receipt, TopicError, check_id, check_topic};
pub use reason::{REASON_HEADER, Reason};
pub use token::{TokenError, check_token};

/// The README's example, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
