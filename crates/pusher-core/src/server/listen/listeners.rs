//! Listening sockets that the embedding program provides.

use std::net::TcpListener;

/// Sockets that are already listening, for example from systemd socket activation, where connections wait in the socket
/// during a restart. A listener with sockets here ignores its addresses in [`Options`](crate::Options).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Listeners {
    /// Sockets of the public listener. On Linux the server sets TCP_DEFER_ACCEPT, as on its own sockets.
    pub public: Vec<TcpListener>,
    /// TCP sockets of the publish listener.
    pub publish_tcp: Vec<TcpListener>,
    /// Unix sockets of the publish listener. The server does not remove their files.
    #[cfg(unix)]
    pub publish_unix: Vec<std::os::unix::net::UnixListener>,
}

impl Listeners {
    /// Whether there are sockets of the publish listener.
    pub fn has_publish(&self) -> bool {
        #[cfg(unix)]
        if !self.publish_unix.is_empty() {
            return true;
        }
        !self.publish_tcp.is_empty()
    }
}
