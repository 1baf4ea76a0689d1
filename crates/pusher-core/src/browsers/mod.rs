//! Port 8080: the handshake of browsers, and their sessions in WAMP v1 or as event streams.

#[cfg(test)]
mod faults;
mod handshake;
mod inbound;
mod message_boundary;
mod serve;
mod session_task;
mod stream_task;
mod subscriptions;
mod violation;
mod wamp_session;

pub(crate) use handshake::Response;
#[cfg(any(test, fuzzing))]
pub(crate) use inbound::decode;
pub(crate) use serve::serve;
