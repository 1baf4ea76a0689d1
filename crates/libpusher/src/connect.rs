//! Opens sockets within a deadline.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::address::{Address, Resolved};
use crate::connection_error::{ConnectionError, is_temporary};
use crate::deadline::Deadline;
use crate::error::Stage;

/// After how long an idle connection is probed, so that routers do not forget it, and a server that vanished is noticed
/// before the next publish.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Time between two probes without an answer. (After how many the connection is lost is the system's: 9.)
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// A connected, blocking socket that is closed on exec. Never one of the three standard descriptors.
pub(crate) fn connect(address: &Address, deadline: &Deadline) -> Result<Socket, ConnectionError> {
    let socket = match address.resolve().map_err(ConnectionError::Connect)? {
        Resolved::Tcp(addresses) => connect_tcp(&addresses, deadline),
        Resolved::Unix(path) => connect_unix(path, deadline),
    }?;
    above_standard(socket).map_err(ConnectionError::Connect)
}

/// In a program that has closed its stdout, its output would go to pushd.
fn above_standard(socket: Socket) -> io::Result<Socket> {
    if socket.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(socket);
    }
    // The standard library duplicates to 3 and above.
    Ok(Socket::from(OwnedFd::from(socket).try_clone()?))
}

/// Tries the host's addresses one after the other; each may take its share of the time left.
fn connect_tcp(addresses: &[SocketAddr], deadline: &Deadline) -> Result<Socket, ConnectionError> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for (index, address) in addresses.iter().enumerate() {
        let Ok(remaining) = deadline.remaining() else {
            return Err(ConnectionError::Timeout(Stage::Connecting));
        };
        let attempts_left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        match connect_one(*address, remaining / attempts_left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    match last.kind() {
        ErrorKind::TimedOut => Err(ConnectionError::Timeout(Stage::Connecting)),
        _ => Err(ConnectionError::Connect(last)),
    }
}

fn connect_one(address: SocketAddr, timeout: Duration) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Without it a big event's last packet waits for an acknowledgement.
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.connect_timeout(&address.into(), timeout)?;
    Ok(socket)
}

/// A unix socket whose backlog is full refuses a non-blocking connect at once: a blocking one waits
/// for room, as long as the write timeout says.
fn connect_unix(path: &Path, deadline: &Deadline) -> Result<Socket, ConnectionError> {
    let address = SockAddr::unix(path).map_err(ConnectionError::Connect)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(ConnectionError::Connect)?;
    loop {
        let Ok(remaining) = deadline.remaining() else {
            return Err(ConnectionError::Timeout(Stage::Connecting));
        };
        let limited = socket.set_write_timeout(Some(remaining));
        match limited.and_then(|()| socket.connect(&address)) {
            Ok(()) => return Ok(socket),
            Err(error) if is_temporary(&error) => {}
            Err(error) => return Err(ConnectionError::Connect(error)),
        }
    }
}
