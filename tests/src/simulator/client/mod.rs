//! Subscribers of a run. Each keeps its position as the protocol says, through cuts and restarts.

mod event_stream;
mod follow;
mod pushd1;
mod received;
mod subscriber;
mod wamp;
mod web_socket;

pub(crate) use received::Received;
pub(crate) use subscriber::Lost;
pub(super) use subscriber::{Command, Subscriber};
pub(crate) use web_socket::{Arrival, WebClient, element};
