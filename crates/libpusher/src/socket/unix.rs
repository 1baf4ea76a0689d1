//! On Unix, a flag says for each call whether it waits. A forked child inherits the sockets of its parent.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use socket2::Socket;

/// Returns 1 if there is a byte to read and 0 at the end of the stream. Does not wait.
pub(crate) fn peek_now(socket: &Socket) -> io::Result<usize> {
    let mut byte = [MaybeUninit::uninit()];
    socket.recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT)
}

/// Writes the bytes that the socket takes without waiting, and returns their number. Never raises SIGPIPE.
pub(crate) fn send_now(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    socket.send_with_flags(bytes, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
}

/// Waits for room, for at most the write timeout. Never raises SIGPIPE.
pub(crate) fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    socket.send_with_flags(bytes, libc::MSG_NOSIGNAL)
}

/// If a program has closed its stdout, a new socket gets that number, and the program's output would go to pushd.
pub(crate) fn above_standard(socket: Socket) -> io::Result<Socket> {
    if socket.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(socket);
    }
    // The standard library duplicates to 3 and above.
    Ok(Socket::from(OwnedFd::from(socket).try_clone()?))
}

/// Device and inode. They tell a socket from another file that later got the same descriptor number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity(Option<(u64, u64)>);

impl Identity {
    /// Returns the socket, and its identity.
    pub(crate) fn of(socket: Socket) -> (Socket, Self) {
        let file = File::from(OwnedFd::from(socket));
        let identity = Self::of_file(&file);
        (Socket::from(OwnedFd::from(file)), identity)
    }

    fn of_file(file: &File) -> Self {
        let metadata = file.metadata().ok();
        Self(metadata.map(|metadata| (metadata.dev(), metadata.ino())))
    }

    /// Closes the descriptor if it still belongs to the same socket, without sending anything.
    pub(crate) fn close(&self, socket: Socket) {
        let file = File::from(OwnedFd::from(socket));
        if self.0.is_none() || Self::of_file(&file) != *self {
            let _not_ours = file.into_raw_fd();
        }
    }
}
