//! A subscriber's socket, with or without TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use socket2::SockRef;

/// Size of a read, in bytes.
const READ_LEN: usize = 256 * 1024;
/// Room for a TLS record of which the first bytes came with an earlier read: 16 KiB of text, and its overhead.
const RECORD_ROOM: usize = 32 * 1024;

/// The socket and its TLS connection.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

/// The buffers that all sockets share.
#[derive(Debug)]
pub(super) struct Buffers {
    /// What the server sent, after decryption.
    pub(super) text: Vec<u8>,
    /// The same before decryption.
    sealed: Vec<u8>,
}

/// The size of a read.
pub(super) struct Received {
    /// Bytes at the start of `text`.
    pub(super) text_len: usize,
    /// Bytes from the socket.
    pub(super) wire_len: usize,
    /// Whether the socket is drained, so that a further read would only say so.
    pub(super) is_drained: bool,
}

impl Buffers {
    pub(super) fn new() -> Self {
        Self {
            text: vec![0; READ_LEN + RECORD_ROOM],
            sealed: vec![0; READ_LEN],
        }
    }
}

impl Transport {
    /// Begins to connect.
    pub(super) fn open(web: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let stream = TcpStream::connect(web).context("can't connect a subscriber")?;
        // Closes with a reset. Otherwise thousands of ports would stay in TIME_WAIT for a minute.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let connect = |config: &Arc<ClientConfig>| -> Result<_> {
            let name = ServerName::try_from("localhost")?;
            let connection = ClientConnection::new(Arc::clone(config), name)?;
            Ok(Box::new(connection))
        };
        Ok(Self {
            stream,
            tls: tls.map(connect).transpose()?,
        })
    }

    /// Reads what the server sent. The end of the stream is an error.
    pub(super) fn read(&mut self, buffers: &mut Buffers) -> io::Result<Received> {
        let Buffers { text, sealed } = buffers;
        let buffer = match self.tls {
            None => &mut text[..READ_LEN],
            Some(_) => &mut sealed[..],
        };
        let wire_len = self.stream.read(buffer)?;
        if wire_len == 0 {
            let text = "the server has closed it";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        let text_len = match &mut self.tls {
            None => wire_len,
            Some(tls) => decrypt(tls, &sealed[..wire_len], text)?,
        };
        self.flush()?;
        Ok(Received {
            text_len,
            wire_len,
            is_drained: wire_len < READ_LEN,
        })
    }

    /// Writes a message, which is short enough for any socket. During the TLS handshake, it waits for the end of that.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes)?,
            None => {
                if self.stream.write(bytes)? < bytes.len() {
                    return Err(ErrorKind::WriteZero.into());
                }
            }
        }
        self.flush()
    }

    /// Sends the TLS records that are ready.
    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.stream)?;
            }
        }
        Ok(())
    }
}

/// Decrypts what was read. Returns the length of the text, which may be 0: a part of the handshake or of a record.
fn decrypt(tls: &mut ClientConnection, mut sealed: &[u8], text: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while !sealed.is_empty() {
        tls.read_tls(&mut sealed)?;
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        let end = len + state.plaintext_bytes_to_read();
        tls.reader().read_exact(&mut text[len..end])?;
        len = end;
        if state.peer_has_closed() {
            let text = "the server has closed its TLS connection";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
    }
    Ok(len)
}
