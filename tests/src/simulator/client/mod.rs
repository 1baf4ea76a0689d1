//! Subscribers of a run. Each keeps its position as the protocol says, through cuts and restarts.

mod event_stream;
mod follow;
mod pushd1;
mod subscriber;
mod wamp;
mod web_socket;

pub(super) use subscriber::{Command, Subscriber};
