//! Waits for a socket, within tokio's budget for one task.

use std::future::poll_fn;
use std::io;

use tokio::net::TcpStream;

/// Waits until the socket is readable.
///
/// Unlike `TcpStream::readable`, it uses up the task's cooperative budget. So a loop around it yields to other tasks,
/// even if the peer sends faster than the loop reads.
pub(super) async fn readable(tcp: &TcpStream) -> io::Result<()> {
    poll_fn(|context| tcp.poll_read_ready(context)).await
}

/// Waits until the socket is writable. Uses up the budget like [`readable`].
pub(super) async fn writable(tcp: &TcpStream) -> io::Result<()> {
    poll_fn(|context| tcp.poll_write_ready(context)).await
}
