//! On Windows, a setting of the socket says for all calls whether they wait. There is no fork.

use std::io;
use std::mem::MaybeUninit;

use socket2::Socket;

/// Returns 1 if there is a byte to read and 0 at the end of the stream. Does not wait.
pub(crate) fn peek_now(socket: &Socket) -> io::Result<usize> {
    now(socket, || socket.peek(&mut [MaybeUninit::uninit()]))
}

/// Writes the bytes that the socket takes without waiting, and returns their number.
pub(crate) fn send_now(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    now(socket, || socket.send(bytes))
}

/// Waits for room, for at most the write timeout.
pub(crate) fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    socket.send(bytes)
}

fn now<T>(socket: &Socket, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    socket.set_nonblocking(true)?;
    let result = call();
    socket.set_nonblocking(false)?;
    result
}

/// A handle has never the number of a standard stream.
#[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
pub(crate) fn above_standard(socket: Socket) -> io::Result<Socket> {
    Ok(socket)
}

/// There is no fork, so a socket needs no identity.
#[derive(Debug)]
pub(crate) struct Identity;

impl Identity {
    /// Returns the socket, and its identity.
    pub(crate) fn of(socket: Socket) -> (Socket, Self) {
        (socket, Self)
    }

    /// Closes the socket.
    pub(crate) fn close(&self, socket: Socket) {
        drop(socket);
    }
}
