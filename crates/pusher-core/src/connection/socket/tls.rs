//! TLS on a socket. rustls does no I/O of its own, so this module moves its bytes.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::readiness::{readable, writable};
use super::tls_session::TlsSession;

/// Most bytes that are encrypted at once: one record. The next record is encrypted only when the system has accepted
/// the last one, which bounds the memory of a browser that does not read.
const RECORD_LEN: usize = 16 * 1024;

/// An encrypted connection.
#[derive(Debug)]
pub(crate) struct Tls {
    tcp: TcpStream,
    /// Never locked across an await.
    session: Mutex<TlsSession>,
}

impl Tls {
    /// Performs the handshake.
    pub(super) async fn accept(tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut session = TlsSession::new(config)?;
        loop {
            match session.send(&tcp) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    writable(&tcp).await?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if !session.is_handshaking() {
                break;
            }
            readable(&tcp).await?;
            match session.receive(&tcp) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let session = Mutex::new(session);
        Ok(Self { tcp, session })
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session.lock();
        let mut written = 0;
        for record in bytes.chunks(RECORD_LEN) {
            match session.send(&self.tcp) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && written > 0 => break,
                Err(error) => return Err(error),
            }
            session.encrypt(record)?;
            written += record.len();
        }
        match session.send(&self.tcp) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(written),
        }
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.session.lock().has_unsent()
    }

    pub(super) fn try_send(&self) -> io::Result<()> {
        match self.session.lock().send(&self.tcp) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        }
    }

    /// Reads from the socket once, and appends all decrypted bytes to the buffer. No decrypted byte may stay in the session,
    /// because no event of the socket would wake the task for it.
    pub(super) fn try_read_buf(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut session = self.session.lock();
        let received = session.receive(&self.tcp);
        // May have bytes from the handshake's last read, even if this read returned none.
        let len = session.take_decrypted(buffer);
        // Responses of TLS itself, such as a key update. If the socket is full, they wait for the next write.
        let _unsent = session.send(&self.tcp);
        match received {
            _ if len > 0 || session.has_ended() => Ok(len),
            Ok(0) => Ok(0),
            Ok(_) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(error),
        }
    }

    /// Sends close_notify, if that is possible without waiting.
    pub(super) fn close_session(&self) {
        let mut session = self.session.lock();
        session.close();
        let _unsent = session.send(&self.tcp);
    }
}
