//! Permissions of the publishers' unix sockets.

/// Who may use a unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketAccess {
    /// The file's permissions; whoever may write to it may publish. Default 0660.
    pub mode: u32,
    /// The file's group; the process' own if it is `None`.
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
