//! Publish to pushd: a blocking client with a deadline.
//!
//! ```no_run
//! use pusher::{Options, Publisher};
//!
//! # fn main() -> Result<(), pusher::Error> {
//! let mut publisher = Publisher::new(Options::from_env()?);
//! let receipt = publisher.publish("kittensCategory", r#"{"title":"新しい子猫"}"#)?;
//! println!("event {} went to {} browsers", receipt.sequence, receipt.subscribers);
//! # Ok(())
//! # }
//! ```
//!
//! A publish never takes longer than [`Options::timeout`], whatever the server or the network does;
//! it prints nothing and raises no signal, and no thread is started. The connection is opened at the first
//! publish and kept for the next.
//!
//! | module | what |
//! |---|---|
//! | `address` | [`Address`]: `127.0.0.1:5555`, `unix:/path`; looks up host names |
//! | `options` | address and timeout, and the environment variables that set them |
//! | `token` | the secret that pushd may want to be shown |
//! | `deadline` | the one point in time that everything in a publish shares |
//! | `connect` | opens a socket within the deadline |
//! | `connection` | one socket: is it stale, write, read until the answer |
//! | `publisher` | [`Publisher`]: when to connect, when to connect again |
//! | `batch` | [`Batch`]: events that are published together |
//! | `error` | [`Error`], split by what a caller can do |
//! | `shared` | one publisher for many threads and for forks: what the C library works with |
//! | `queue` | publishes in the background: a bounded queue and a thread |
//! | `process` | [`ProcessId`]: tells a process from its forked children |
//! | `per_process` | what a forked child must have its own of |
//! | [`c_api`] | the C library on top; the only unsafe code but for `process` |

mod address;
mod batch;
pub mod c_api;
mod connect;
mod connection;
mod connection_error;
mod deadline;
mod encode;
mod error;
mod limits;
mod options;
mod per_process;
mod process;
mod publisher;
mod queue;
mod shared;
mod token;

pub use address::{Address, AddressError};
pub use batch::Batch;
pub use encode::check;
pub use error::{Attempt, Error, Stage};
pub use limits::{TIMEOUT_DEFAULT, TIMEOUT_MAX, TIMEOUT_MIN};
pub use options::Options;
pub use process::ProcessId;
pub use publisher::Publisher;
pub use pusher_proto::{Receipt, TokenError};
pub use token::Token;
