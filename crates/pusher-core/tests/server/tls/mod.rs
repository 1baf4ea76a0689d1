//! The public listener with TLS.

mod certificate;
mod handshake;
mod sessions;
mod support;
