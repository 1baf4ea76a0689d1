//! The file of a unix socket: what the last server left, who may use it, and its end.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::backlog::ACCEPT_BACKLOG;
use crate::config::SocketAccess;

/// The file of a socket that this process listens on; removed when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Identity,
    access: SocketAccess,
}

/// Device and number: tells our file from one that another process has put in its place.
type Identity = (u64, u64);

impl SocketFile {
    /// For a socket that was bound to this path just now.
    fn created(path: &Path, access: &SocketAccess) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(&fs::symlink_metadata(path)?),
            access: access.clone(),
        })
    }

    /// Whether the path still leads to it. Nobody can connect otherwise, and the listening socket does not notice.
    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|there| identity(&there) == self.identity)
    }

    /// Listens again at the same path if the file was removed; `None` if it is there.
    pub(crate) fn listen_again(&self) -> io::Result<Option<(UnixListener, Self)>> {
        if self.is_there() {
            return Ok(None);
        }
        let (socket, file) = listen(&self.path, &self.access)?;
        Ok(Some((socket.into(), file)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn allow(&self) -> io::Result<()> {
        if let Some(gid) = self.access.gid {
            chown(&self.path, None, Some(gid)).map_err(|error| {
                let text = format!("cannot give the socket to group {gid}: {error}");
                io::Error::new(error.kind(), text)
            })?;
        }
        fs::set_permissions(&self.path, Permissions::from_mode(self.access.mode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.is_there() {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "cannot remove the publishers' socket");
        }
    }
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}

/// Listens on a new unix socket. The file that a dead server left there is removed.
pub(super) fn listen(path: &Path, access: &SocketAccess) -> io::Result<(Socket, SocketFile)> {
    make_way(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::created(path, access)?;
    // Nobody can connect before `listen`, whatever the permissions were until now.
    file.allow()?;
    socket.listen(ACCEPT_BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket, file))
}

/// Removes a socket that nobody listens on any more. An error if somebody does, or if it is
/// something else.
fn make_way(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !there.file_type().is_socket() {
        let text = "there is a file that is no socket";
        return Err(io::Error::new(ErrorKind::AlreadyExists, text));
    }
    match connect(path) {
        // A full queue is somebody's too.
        Ok(()) => Err(already_listening()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(already_listening()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn already_listening() -> io::Error {
    let text = "somebody is already listening there";
    io::Error::new(ErrorKind::AddrInUse, text)
}

/// Never waits: a server that was stopped does not accept.
fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
