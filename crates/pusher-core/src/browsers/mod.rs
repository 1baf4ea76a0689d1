//! Port 8080: the handshake of browsers, and their sessions in one of the WebSocket protocols or as event streams.

mod channels_session;
#[cfg(test)]
mod faults;
mod handed_over;
mod handshake;
mod inbound;
mod message_boundary;
mod presence;
mod protocol;
mod read_buffer;
mod serve;
mod session_end;
mod session_state;
mod session_task;
mod stream_task;
mod subscriptions;
mod ticket_answer;
mod violation;
mod wamp2_session;
mod wamp_session;

pub(crate) use handed_over::take_over;
pub(crate) use handshake::Response;
#[cfg(any(test, fuzzing))]
pub(crate) use inbound::decode;
pub(crate) use serve::{Arriving, serve};
