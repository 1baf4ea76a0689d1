//! A connection in both directions, whichever transport it uses.

use tokio::io::{AsyncRead, AsyncWrite};

/// A TCP, TLS or unix stream.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}
