//! Owner and permissions of the state directory. Events may be private, so only the server's user gets access.

#[cfg(unix)]
pub(crate) use unix::private;
#[cfg(unix)]
pub(super) use unix::{check, private_directory};

#[cfg(not(unix))]
pub(crate) use other::private;
#[cfg(not(unix))]
pub(super) use other::{check, private_directory};

#[cfg(unix)]
mod unix {
    use std::fs::{self, DirBuilder, OpenOptions};
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
    use std::path::Path;

    use super::super::error::StoreError;

    /// Permission bits with which a group or everybody can write.
    const WRITABLE: u32 = 0o022;

    /// Checks that the directory belongs to the user of this process, and that no other user can write to it.
    pub(in super::super) fn check(path: &Path) -> Result<(), StoreError> {
        let found = fs::metadata(path).map_err(|source| StoreError::io("read", path, source))?;
        let (owner, user) = (found.uid(), nix::unistd::geteuid().as_raw());
        if owner != user {
            return Err(StoreError::Owner {
                path: path.to_owned(),
                owner,
                user,
            });
        }
        let mode = found.mode() & 0o7777;
        if mode & WRITABLE != 0 {
            return Err(StoreError::Writable {
                path: path.to_owned(),
                mode,
            });
        }
        Ok(())
    }

    /// Lets a file that is created have no other users. If the file is a named pipe, opening it fails, and does not wait for
    /// its reader.
    pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600).custom_flags(nix::libc::O_NONBLOCK)
    }

    pub(in super::super) fn private_directory(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder.mode(0o700)
    }
}

#[cfg(not(unix))]
mod other {
    use std::fs::{DirBuilder, OpenOptions};
    use std::path::Path;

    use super::super::error::StoreError;

    pub(in super::super) fn check(_: &Path) -> Result<(), StoreError> {
        Ok(())
    }

    pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(in super::super) fn private_directory(builder: &mut DirBuilder) -> &mut DirBuilder {
        builder
    }
}
