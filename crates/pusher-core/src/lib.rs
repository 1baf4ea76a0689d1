//! A WAMP v1 push server to embed.
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
//!             Err(_) => call.error("http://example.com/error#name", "a name is wanted"),
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
//! Browsers connect to the public door (WebSocket, subprotocol `wamp`), publishers to the private
//! one. What browsers may do is the [`Application`]'s decision; [`Recipe`] is the one that `pushd`
//! runs.
//!
//! | module | what |
//! |---|---|
//! | `server` | sockets, threads (one [shard](Options::shards) each), shutdown |
//! | `address`, `listen` | where publishers connect; opening the doors |
//! | `accept`, `admission` | takes connections in, as many as may come |
//! | `certificate`, `socket` | TLS of the public door; a browser's socket with it or without |
//! | `handshake` | HTTP up to the WebSocket, and the client's files; which sites' pages may come |
//! | `proxy`, `host` | for whom a proxy speaks; names of hosts |
//! | `connection` | one browser's socket: outbox, WebSocket messages, life and end |
//! | `protocol`, `own_topics` | WAMP v1 for one session |
//! | `application`, `recipe` | what is decided by the embedding program |
//! | [`cra`] | authentication, for applications that want it |
//! | `hub` | topics, sequence numbers, fan-out |
//! | `slow_policy` | what becomes of events for slow browsers |
//! | `publishers` | the private door: raw JSON, native protocol, ZeroMQ, HTTP |
//! | `operator` | metrics, health and the status page, at the private door |
//! | `complaints` | the log about what peers do wrong |
//! | `heartbeat` | pings |
//! | `live`, `control` | options that can change while the server runs |
//! | `limits` | every limit |
//! | `stats` | figures of what the server does |
#![forbid(unsafe_code)]

mod accept;
mod address;
mod admission;
mod application;
mod certificate;
mod complaints;
mod connection;
mod control;
pub mod cra;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod heartbeat;
mod host;
mod hub;
mod limits;
mod listen;
mod live;
mod operator;
mod own_topics;
mod pace;
mod pem;
mod protocol;
mod proxy;
mod publishers;
mod recipe;
mod server;
mod session;
mod slow_policy;
mod socket;
mod stats;

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use address::{PublishAddress, PublishAddressError};
pub use application::{Application, Call, POLICY_VIOLATION, Refusal};
pub use certificate::{Certificate, CertificateError, not_after};
pub use control::Control;
pub use handshake::{AllowedOrigin, AllowedOriginError, Request};
pub use host::{KnownHost, KnownHostError};
pub use hub::{Hub, PublishError, Recipients};
pub use limits::Limits;
pub use listen::{Listeners, SocketAccess};
pub use proxy::{TrustedProxy, TrustedProxyError};
pub use publishers::{PublishToken, PublishTokenError};
pub use pusher_proto::{JsonError, Receipt, TopicError};
pub use recipe::{Recipe, TopicPattern, TopicPatternError};
pub use server::{BindError, Options, Server};
pub use session::{Session, SessionId};
pub use slow_policy::{SlowPolicy, SlowPolicyError};
pub use stats::{
    BrowserRefusal, Counts, Kind, PublishRefusal, PublisherRefusal, SlowConsumer, Source, Stats,
    ViolationKind,
};
