//! The calls on a socket that Unix and Windows have in different forms.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{Identity, above_standard, peek_now, send, send_now};
#[cfg(windows)]
pub(crate) use windows::{Identity, above_standard, peek_now, send, send_now};
