//! ZMTP, ZeroMQ's protocol: the part with which a PULL socket receives from PUSH sockets.
//!
//! [`Pull`] is the state of one connection. [`feed`](Pull::feed) it bytes, take messages with
//! [`next_message`](Pull::next_message) until there is none, and write the answers that it appended. It supports ZMTP 3.0
//! and 3.1 with the mechanism NULL, and ZMTP 2.0.
//!
//! | part | bytes |
//! |---|---|
//! | greeting of 3.x | `ff`, 8 of any value, `7f`, 3, minor version, mechanism (20, padded with 0), as-server, 31 of filler |
//! | greeting of 2.0 | `ff`, 8 of any value, `7f`, 1, socket type, an identity frame |
//! | frame | flags (1 MORE, 2 LONG, 4 COMMAND), length (1 byte, LONG: 8), body |
//! | command | a frame with the body: length of the name, name, data |
//!
//! Each side sends the first ten bytes at once. The peer's next byte selects the version. In 3.x `READY` follows with
//! the socket type: the answer to PUSH is PULL, the answer to another type or mechanism is `ERROR`. The answer to `PING`
//! is `PONG`.
//!
//! A message of one part is the JSON object of [`raw`](crate::raw); of two parts, the first is the
//! topic and the second the event. PUSH sockets get no answers, so the server logs an invalid message. The connection
//! goes on with the next frame.
//!
//! A length that a peer announces is checked against the limit at once, and never used to allocate memory: bytes are
//! stored as they arrive.

mod buffer;
mod command;
mod error;
mod frame;
mod greeting;
mod message;
mod parts;
mod pull;
#[cfg(test)]
mod tests;

pub use error::{COMMAND_LEN_MAX, ZmtpError};
pub use message::{Message, MessageError};
pub use pull::{HandedOver, Incoming, Pull};
