//! A WAMP v1 push server for your own program.
//!
//! ```no_run
//! use pusher_core::{Application, Call, Options, Server};
//!
//! struct Greeter;
//!
//! impl Application for Greeter {
//!     fn call(&self, call: Call) {
//!         match call.argument::<String>(0) {
//!             Ok(name) => call.result(&format!("Hello {name}")),
//!             Err(_) => call.error("http://example.com/error#name", "the argument must be a name"),
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::bind(Options::default(), Greeter)?;
//!     let hub = server.hub(); // hub.publish("topic", "{}") from any thread
//!     let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//!     runtime.block_on(server.run(std::future::pending()))?;
//!     Ok(())
//! }
//! ```
//!
//! Browsers connect to the public listener (WebSocket, subprotocol `wamp`), and publishers to the publish listener. An
//! [`Application`] decides which browsers may connect, subscribe, call and publish. `pushd` runs the application
//! [`Recipe`].
//!
//! The modules, from top to bottom. A module only uses modules below it:
//!
//! | module | content |
//! |---|---|
//! | `server` | listeners, threads (one [shard](Options::shards) each), heartbeat, shutdown, [`Control`] |
//! | `publishers` | port 5555: raw JSON, native protocol, ZeroMQ, HTTP |
//! | `browsers` | port 8080: handshake, WAMP v1 sessions |
//! | `admin` | metrics, health, status page: served on port 5555 |
//! | `context` | the state that all tasks share |
//! | `application` | [`Application`]: the decisions of the embedding program; [`Recipe`]; [`cra`] |
//! | `webhooks` | tells the site about its channels |
//! | `presence` | who is subscribed to a topic |
//! | `hub` | topics, sequence numbers, fan-out, known publish ids |
//! | `tickets` | the tickets of sessions, and revoked users |
//! | `connection` | one browser's socket, outbox and [`Session`] handle; the permits of both ports |
//! | `store` | the log on disk |
//! | `config` | options, limits and the types of their values |
//! | `stats` | figures, and the rate-limited log of misbehaving peers |
#![forbid(unsafe_code)]

mod admin;
mod application;
mod browsers;
mod config;
mod connection;
mod context;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod handover;
mod hub;
mod nodes;
mod presence;
mod publishers;
mod server;
mod spool;
mod stats;
mod store;
mod sync;
mod tickets;
mod unix_time;
mod webhooks;

/// Runs the examples of the README as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use application::{Application, Call, POLICY_VIOLATION, Recipe, Refusal, Request, cra};
pub use config::{
    AllowedOrigin, AllowedOriginError, Certificate, CertificateError, IdLimits, IoUring,
    IoUringError, KnownHost, KnownHostError, Limits, LiveOptions, Options, PublishAddress,
    PublishAddressError, PublishToken, RedisAddress, RedisAddressError, RedisOptions,
    RedisPassword, RedisPrefix, RedisPrefixError, SlowPolicy, SlowPolicyError, SocketAccess,
    StateOptions, SyncPolicy, SyncPolicyError, TicketOptionsError, TopicPattern, TopicPatternError,
    TrustedProxy, TrustedProxyError, WebhookOptionsError, WebhookUrl, WebhookUrlError, not_after,
    not_before, open_regular_file, read_certificates,
};
pub use connection::{Session, SessionId};
pub use handover::{Descriptor, HandOver, HandOverError, NoUpgrade};
pub use hub::{Hub, PublishError, Recipients};
pub use nodes::{RedisCheckError, RedisReplication, RedisReport, check_redis};
pub use publishers::{RevokeError, Revoked};
pub use pusher_proto::channels::{AppError as ChannelsAppError, ChannelsApp};
pub use pusher_proto::ticket::{TicketFault, TicketKeys, TicketKeysError};
pub use pusher_proto::{
    JsonError, Position, Receipt, SessionName, SessionNameError, Stored, TokenError, TopicError,
};
pub use server::{BindError, Control, Listeners, Server, Stop};
pub use stats::{
    BrowserRefusal, Counts, Gap, Kind, PublishRefusal, PublisherRefusal, SlowConsumer, Source,
    Stats, ViolationKind,
};
