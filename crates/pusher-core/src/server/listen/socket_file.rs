//! The file of a unix socket: replaces a stale file, sets the permissions, and removes the file at the end.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::backlog::ACCEPT_BACKLOG;
use crate::config::SocketAccess;

/// The file of a socket that this process listens on. Dropping it removes the file.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Identity,
    access: SocketAccess,
    /// Another process listens on it from now on.
    is_kept: bool,
}

/// Device and inode number. They distinguish our file from another one at the same path.
type Identity = (u64, u64);

impl SocketFile {
    /// Describes the file of a socket that was just bound to `path`.
    fn created(path: &Path, access: &SocketAccess) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(&fs::symlink_metadata(path)?),
            access: access.clone(),
            is_kept: false,
        })
    }

    /// Describes the file of a socket that another process has created at `path`. `None` if it is not there any more.
    pub(super) fn taken_over(path: &Path, access: &SocketAccess) -> Option<Self> {
        let file = Self::created(path, access).and_then(|file| {
            file.set_access()?;
            Ok(file)
        });
        file.inspect_err(|error| {
            let path = path.display();
            tracing::warn!(%path, %error, "cannot take the file of the publish socket over");
        })
        .ok()
    }

    /// Leaves the file where it is. Returns its path.
    pub(crate) fn keep(mut self) -> PathBuf {
        self.is_kept = true;
        self.path.clone()
    }

    /// Whether the path still names this file. Otherwise no client can connect, and the socket reports no error.
    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|there| identity(&there) == self.identity)
    }

    /// Listens again at the same path if the file was removed. `None` if the file exists.
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

    /// Sets the group and the mode of the file.
    fn set_access(&self) -> io::Result<()> {
        if let Some(gid) = self.access.gid {
            chown(&self.path, None, Some(gid)).map_err(|error| {
                let text = format!("cannot change the group of the socket to {gid}: {error}");
                io::Error::new(error.kind(), text)
            })?;
        }
        fs::set_permissions(&self.path, Permissions::from_mode(self.access.mode))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_kept || !self.is_there() {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            let path = self.path.display();
            tracing::warn!(%path, %error, "cannot remove the publish socket");
        }
    }
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino())
}

/// Listens on a new unix socket. Removes the file of a server that is gone.
pub(super) fn listen(path: &Path, access: &SocketAccess) -> io::Result<(Socket, SocketFile)> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::created(path, access)?;
    // No client can connect before `listen`, so the initial permissions do no harm.
    file.set_access()?;
    socket.listen(ACCEPT_BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket, file))
}

/// Removes a socket file without a listener. Fails if a process listens on it, or if it is not a socket.
fn remove_stale(path: &Path) -> io::Result<()> {
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !file.file_type().is_socket() {
        let text = "a file that is not a socket exists there";
        return Err(io::Error::new(ErrorKind::AlreadyExists, text));
    }
    match connect(path) {
        // A full accept queue also means a listener.
        Ok(()) => Err(already_listening()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(already_listening()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
    }
}

fn already_listening() -> io::Error {
    let text = "another process is already listening there";
    io::Error::new(ErrorKind::AddrInUse, text)
}

/// Connects without blocking, because a stopped process does not accept.
fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
