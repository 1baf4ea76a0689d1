//! The connection to a publish listener (port 5555), over TCP or a unix socket.

use std::io;

use pusher_core::PublishAddress;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::wire::Wire;

/// Connects to a publish listener.
pub(crate) async fn connect(address: &PublishAddress) -> io::Result<Box<dyn Wire>> {
    Ok(match address {
        PublishAddress::Tcp(address) => Box::new(TcpStream::connect(address).await?),
        #[cfg(unix)]
        PublishAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
        #[cfg(not(unix))]
        PublishAddress::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
    })
}
