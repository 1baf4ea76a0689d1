//! Opens the listeners of both ports.

mod backlog;
mod bound;
mod defer_accept;
mod handed_over;
mod listeners;
mod publish_listener;
#[cfg(unix)]
mod socket_file;
mod tcp;

pub(crate) use bound::{BoundListeners, check_live, check_token};
pub use listeners::Listeners;
pub(crate) use publish_listener::PublishListener;
#[cfg(unix)]
pub(crate) use socket_file::SocketFile;
