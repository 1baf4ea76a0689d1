//! Opens a socket within a deadline.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::address::{Address, Resolved};
use crate::attempt::Stage;
use crate::connection_error::{ConnectionError, is_temporary};
use crate::deadline::Deadline;
use crate::socket::above_standard;

/// Idle time before the first TCP keep-alive probe. Probes keep routers from dropping the connection, and detect a
/// server that vanished before the next publish does.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);

/// Time between two probes. The system closes the connection after 9 without an answer (Linux' default).
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// Returns a connected, blocking, close-on-exec socket. Its descriptor is never 0, 1 or 2.
pub(crate) fn connect(address: &Address, deadline: &Deadline) -> Result<Socket, ConnectionError> {
    let socket = match address.resolve().map_err(ConnectionError::Connect)? {
        Resolved::Tcp(addresses) => connect_tcp(&addresses, deadline),
        Resolved::Unix(path) => connect_unix(path, deadline),
    }?;
    above_standard(socket).map_err(ConnectionError::Connect)
}

/// Tries the addresses in order. Each gets an equal share of the remaining time.
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
    // Otherwise the last packet of a large event waits for an acknowledgement (Nagle's algorithm).
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.connect_timeout(&address.into(), timeout)?;
    Ok(socket)
}

/// If the backlog of a unix socket is full, a non-blocking connect fails at once. A blocking connect waits for
/// room, for at most the write timeout.
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
