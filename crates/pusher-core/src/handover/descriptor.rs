//! A socket without its event loop. It moves between runtimes and between processes.

use std::io;

/// The descriptor of a socket.
#[cfg(unix)]
pub type Descriptor = std::os::fd::OwnedFd;

/// There is none on systems without a hand-over.
#[cfg(not(unix))]
#[derive(Debug)]
pub enum Descriptor {}

/// Returns a second descriptor of a socket.
#[cfg(unix)]
pub(crate) fn duplicate(socket: &impl std::os::fd::AsFd) -> io::Result<Descriptor> {
    socket.as_fd().try_clone_to_owned()
}

#[cfg(not(unix))]
pub(crate) fn duplicate<S>(_: &S) -> io::Result<Descriptor> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A socket that can be taken off its event loop, and put on another one.
pub(crate) trait Movable: Sized {
    fn into_descriptor(self) -> io::Result<Descriptor>;

    /// Registers the socket with the event loop of this thread.
    fn from_descriptor(descriptor: Descriptor) -> io::Result<Self>;
}

#[cfg(unix)]
mod unix {
    use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

    use super::{Descriptor, Movable, io};

    macro_rules! movable {
        ($($socket:ty, $std:ty;)*) => {$(
            impl Movable for $socket {
                fn into_descriptor(self) -> io::Result<Descriptor> {
                    Ok(self.into_std()?.into())
                }

                fn from_descriptor(descriptor: Descriptor) -> io::Result<Self> {
                    Self::from_std(<$std>::from(descriptor))
                }
            }
        )*};
    }

    movable! {
        TcpListener, std::net::TcpListener;
        TcpStream, std::net::TcpStream;
        UnixListener, std::os::unix::net::UnixListener;
        UnixStream, std::os::unix::net::UnixStream;
    }
}

#[cfg(not(unix))]
mod other {
    use tokio::net::{TcpListener, TcpStream};

    use super::{Descriptor, Movable, io};

    macro_rules! not_movable {
        ($($socket:ty),*) => {$(
            impl Movable for $socket {
                fn into_descriptor(self) -> io::Result<Descriptor> {
                    Err(io::ErrorKind::Unsupported.into())
                }

                fn from_descriptor(descriptor: Descriptor) -> io::Result<Self> {
                    match descriptor {}
                }
            }
        )*};
    }

    not_movable!(TcpListener, TcpStream);
}
