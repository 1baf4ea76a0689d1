//! Listening sockets that the embedding program brings.

use std::net::TcpListener;

/// Sockets that listen already, such as those that systemd hands over: connections wait in them
/// while no server runs. A door that has any opens no address of [`Options`](crate::Options).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Listeners {
    /// Of the public door. On Linux TCP_DEFER_ACCEPT is set on them, as on those that are opened here.
    pub public: Vec<TcpListener>,
    /// Of the private door.
    pub private_tcp: Vec<TcpListener>,
    /// Of the private door; their files are left alone.
    #[cfg(unix)]
    pub private_unix: Vec<std::os::unix::net::UnixListener>,
}
