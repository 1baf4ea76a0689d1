//! Errors that end a connection.

/// Longest command of a peer, in bytes. READY carries the peer's metadata, the others are short.
pub const COMMAND_LEN_MAX: usize = 4096;

/// Why a connection must end: send the answers and close.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZmtpError {
    /// The first bytes are not a ZMTP greeting.
    #[error("this is not a ZMTP greeting")]
    Greeting,
    /// A version that is not supported.
    #[error("only ZMTP 2.0 and 3.x are supported, the peer's version is {0}")]
    Version(u8),
    /// A peer that wants to authenticate or encrypt.
    #[error("only the security mechanism NULL is supported, the peer's is {0}")]
    Mechanism(String),
    /// A peer that is not a PUSH socket.
    #[error("only PUSH sockets can publish, the peer's is {0}")]
    SocketType(String),
    /// A frame with unknown flags, or with flags that are not allowed at this point.
    #[error("a frame has the wrong flags 0x{0:02x}")]
    Flags(u8),
    /// A command that cannot be decoded, or is not allowed at this point.
    #[error("a malformed command, or one out of turn")]
    Command,
    /// A command exceeds [`COMMAND_LEN_MAX`].
    #[error("a command is longer than {COMMAND_LEN_MAX} bytes")]
    CommandTooLong,
    /// All parts of a message together exceed the limit.
    #[error("the message is {len} bytes long, at most {max} are allowed")]
    MessageTooLong {
        /// Its length as far as its headers have come, in bytes.
        len: u64,
        /// The limit in bytes.
        max: usize,
    },
    /// This [`Pull`](super::Pull) refuses every peer: see [`Pull::deny`](super::Pull::deny).
    #[error("{0}")]
    Denied(&'static str),
    /// The peer has sent an ERROR, with this reason.
    #[error("the peer gave up: {0}")]
    Peer(String),
}

/// A name that the peer sent, escaped and at most 64 bytes of it, for an error message.
pub(super) fn shown(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(64)];
    shown.escape_ascii().to_string()
}
