//! Opens the doors.

mod doors;
#[cfg(unix)]
mod socket_file;
mod speak_first;

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::address::PublishAddress;

#[cfg(unix)]
pub(crate) use socket_file::SocketFile;

pub use doors::Listeners;
pub(crate) use doors::{Doors, check_token};

/// Connections that the kernel holds until they are accepted: all browsers come back at once after a restart. More than
/// net.core.somaxconn, as a rule 4096, it does not hold.
const ACCEPT_BACKLOG: i32 = 4096;

/// Who may use a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketAccess {
    /// The file's permissions; whoever may write to it may publish. Default 0660.
    pub mode: u32,
    /// The file's group; the process' own if it is `None`.
    pub gid: Option<u32>,
}

impl Default for SocketAccess {
    fn default() -> Self {
        Self {
            mode: 0o660,
            gid: None,
        }
    }
}

/// A listening socket of the private door.
#[derive(Debug)]
pub(crate) enum PrivateListener {
    Tcp(TcpListener),
    /// The file goes with the listener, if that was opened here.
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, Option<SocketFile>),
}

impl PrivateListener {
    pub(crate) fn open(address: &PublishAddress, access: &SocketAccess) -> io::Result<Self> {
        match address {
            PublishAddress::Tcp(address) => tcp(*address).map(Self::Tcp),
            #[cfg(unix)]
            PublishAddress::Unix(path) => {
                let (socket, file) = unix(path, access)?;
                Ok(Self::Unix(socket.into(), Some(file)))
            }
            #[cfg(not(unix))]
            PublishAddress::Unix(_) => {
                let _for_unix_only = access;
                let text = "there are no unix sockets on this system";
                Err(io::Error::new(io::ErrorKind::Unsupported, text))
            }
        }
    }

    /// Where it listens, with the port that the system chose.
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

    fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.set_nonblocking(true),
            #[cfg(unix)]
            Self::Unix(listener, _) => listener.set_nonblocking(true),
        }
    }
}

pub(crate) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the connections of the last run to be forgotten.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(unix)]
fn unix(path: &std::path::Path, access: &SocketAccess) -> io::Result<(Socket, SocketFile)> {
    socket_file::make_way(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    let file = SocketFile::created(path, access)?;
    // Nobody can connect before `listen`, whatever the permissions were until now.
    file.allow()?;
    socket.listen(ACCEPT_BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket, file))
}
