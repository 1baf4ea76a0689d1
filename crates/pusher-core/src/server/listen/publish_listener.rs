//! One socket of the publish listener.

use std::io;
use std::net::TcpListener;

#[cfg(unix)]
use super::socket_file::{self, SocketFile};
use super::tcp;
use crate::config::{PublishAddress, SocketAccess};

/// A socket of the publish listener.
#[derive(Debug)]
pub(crate) enum PublishListener {
    Tcp(TcpListener),
    /// The file is removed with the listener. `None` for an inherited socket.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, Option<SocketFile>),
}

impl PublishListener {
    pub(crate) fn open(address: &PublishAddress, access: &SocketAccess) -> io::Result<Self> {
        match address {
            PublishAddress::Tcp(address) => tcp::listen(*address).map(Self::Tcp),
            #[cfg(unix)]
            PublishAddress::Unix(path) => {
                let (socket, file) = socket_file::listen(path, access)?;
                Ok(Self::Unix(socket.into(), Some(file)))
            }
            #[cfg(not(unix))]
            PublishAddress::Unix(_) => {
                let _unix_only = access;
                let text = "this system does not support unix sockets";
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// Returns the address, with the port that the system chose.
    pub(crate) fn address(&self) -> Option<PublishAddress> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(PublishAddress::Tcp),
            #[cfg(unix)]
            Self::Unix(_, Some(file)) => Some(PublishAddress::Unix(file.path().to_owned())),
            #[cfg(unix)]
            Self::Unix(listener, None) => {
                let address = listener.local_addr().ok()?;
                Some(PublishAddress::Unix(address.as_pathname()?.to_owned()))
            }
        }
    }

    pub(super) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.set_nonblocking(true),
            #[cfg(unix)]
            Self::Unix(listener, _) => listener.set_nonblocking(true),
        }
    }
}
