//! Permissions of the publish listener's unix sockets.

/// Permissions of a unix socket's file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketAccess {
    /// Mode of the file. Every user with write permission may publish. Default 0660.
    pub mode: u32,
    /// Group of the file. `None` for the group of the process.
    pub gid: Option<u32>,
}

impl Default for SocketAccess {
    fn default() -> Self {
        Self {
            mode: 0o660,
            gid: None,
        }
    }
}
