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
//! A publish never takes longer than [`Options::timeout`], even if the server or the network hangs. It prints
//! nothing, raises no signal and starts no thread. The first publish opens the connection, and later ones use it.
//!
//! | module | contents |
//! |---|---|
//! | `address` | [`Address`]: `127.0.0.1:5555`, `unix:/path`; looks up host names |
//! | `event` | [`Event`]: an event and how it is published |
//! | `receipt` | [`Receipt`] |
//! | `options` | [`Options`], and the environment variables that set them |
//! | `token` | [`Token`]: the publish token |
//! | `deadline` | the deadline that all steps of a publish share |
//! | `socket` | the calls on a socket that Unix and Windows have in different forms |
//! | `connect` | opens a socket within the deadline |
//! | `connection` | one socket: detects a stale connection, writes, reads the answer |
//! | `connection_error` | errors of one attempt on one connection |
//! | `answer` | answers of pushd: a receipt, a position, ... |
//! | `encode` | checks an event and encodes it |
//! | `limits` | bounds of timeouts and batches |
//! | `publisher` | [`Publisher`]: when to connect, when to connect again |
//! | `ticket` | [`sign_ticket`]: signs tickets with the keys in a file |
//! | `presence` | [`Presence`]: the members of a topic |
//! | `unix_time` | the time of tickets and revocations |
//! | `random_id` | ids for events without one |
//! | `spool` | writes events that pushd cannot accept to a file |
//! | `batch` | [`Batch`]: events that are published together |
//! | `error` | [`Error`], split by the caller's next step |
//! | `attempt` | which step of which operation failed |
//! | `shared` | one publisher for all threads of a process, and for its forked children: used by the C API |
//! | `queue` | publishing in the background: a bounded queue and a thread |
//! | `process` | [`ProcessId`]: tells a process from its forked children |
//! | `per_process` | a value of which each process has its own |
//! | [`c_api`] | the C API on top. The only unsafe code, except for `process` |

mod address;
mod answer;
mod attempt;
mod batch;
pub mod c_api;
mod connect;
mod connection;
mod connection_error;
mod deadline;
mod encode;
mod error;
mod event;
mod limits;
mod options;
mod per_process;
mod presence;
mod process;
mod publisher;
mod queue;
mod random_id;
mod receipt;
mod shared;
mod socket;
mod spool;
mod ticket;
mod token;
mod unix_time;

pub use address::{Address, AddressError};
pub use attempt::{Attempt, Operation, Stage};
pub use batch::Batch;
pub use encode::check;
pub use error::Error;
pub use event::Event;
pub use limits::{TIMEOUT_DEFAULT, TIMEOUT_MAX, TIMEOUT_MIN};
pub use options::Options;
pub use presence::Presence;
pub use process::ProcessId;
pub use publisher::Publisher;
pub use pusher_proto::limits::{SPOOL_TTL_S, SPOOL_TTL_S_MAX, TICKET_TTL_S, TICKET_TTL_S_MAX};
pub use pusher_proto::ticket::TicketRequest;
pub use pusher_proto::{Position, Stored, TokenError};
pub use receipt::Receipt;
pub use spool::{SpoolFailure, check_spool, spooled_count};
pub use ticket::{default_key_file, sign_ticket};
pub use token::Token;
