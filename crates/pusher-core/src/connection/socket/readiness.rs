//! Waiting for a socket, as work that tokio counts.

use std::future::poll_fn;
use std::io;

use tokio::net::TcpStream;

/// Waits until there may be something to read. Unlike `TcpStream::readable` this counts as work of the task: a loop
/// around it yields to other tasks now and then, although the peer has always sent more already.
pub(super) async fn readable(tcp: &TcpStream) -> io::Result<()> {
    poll_fn(|context| tcp.poll_read_ready(context)).await
}

/// As [`readable`], for writing.
pub(super) async fn writable(tcp: &TcpStream) -> io::Result<()> {
    poll_fn(|context| tcp.poll_write_ready(context)).await
}
