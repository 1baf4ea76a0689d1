//! ZMTP, ZeroMQ's protocol, as far as a PULL socket needs it to hear PUSH sockets.
//!
//! [`Pull`] is one connection's state: [`feed`](Pull::feed) it bytes, then take messages with
//! [`next_message`](Pull::next_message) until there is none, and write what it appended to its
//! answers. Spoken are ZMTP 3.0 and 3.1 with the mechanism NULL, and ZMTP 2.0.
//!
//! | bytes | what |
//! |---|---|
//! | greeting of 3.x | `ff`, 8 of any value, `7f`, 3, minor version, mechanism (20, padded with 0), as-server, 31 of filler |
//! | greeting of 2.0 | `ff`, 8 of any value, `7f`, 1, socket type, an identity frame |
//! | frame | flags (1 MORE, 2 LONG, 4 COMMAND), length (1 byte, LONG: 8), body |
//! | command | a frame whose body is the name's length, the name, data |
//!
//! Each side sends the first ten bytes at once and goes on by what the other's next byte says, so
//! both versions begin alike. In 3.x `READY` follows, which names the socket types; PUSH is
//! answered by PULL, another type or mechanism by `ERROR`. A `PING` is answered by `PONG`.
//!
//! A message of one part is the JSON object of [`raw`](crate::raw); of two parts, the first is the
//! topic and the second the event. PUSH sockets get no answers, so what is wrong about a message
//! is the reader's to log; the frames around it stay readable.
//!
//! No memory is reserved for a length that a peer claims: an announced length is held against the
//! limit at once, and bytes are kept as they arrive.

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
pub use pull::{Incoming, Pull};
