//! TLS on a socket. rustls does no I/O of its own, so this module moves its bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;

use super::faults::{self, SocketCall};
use super::readiness::{readable, writable};

/// Most bytes that are encrypted at once: one record. The next record is encrypted only when the system has accepted
/// the last one, which bounds the memory that rustls holds for a browser that does not read.
const RECORD_LEN: usize = 16 * 1024;

/// An encrypted connection.
#[derive(Debug)]
pub(crate) struct Tls {
    tcp: TcpStream,
    /// Never locked across an await.
    session: Mutex<ServerConnection>,
}

/// The socket as the `Read` and `Write` that rustls expects.
struct TcpIo<'a>(&'a TcpStream);

impl Read for TcpIo<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = faults::before(SocketCall::Read, buffer.len())?;
        // Not `read_once`: the last read of the handshake may contain the request too. The socket must then still count
        // as ready, although no more data arrives.
        self.0.try_read(&mut buffer[..len])
    }
}

impl Write for TcpIo<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = faults::before(SocketCall::Write, bytes.len())?;
        self.0.try_write(&bytes[..len])
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        let may = faults::before(SocketCall::Write, len)?;
        match slices.first() {
            Some(first) if may < len => self.0.try_write(&first[..may.min(first.len())]),
            _ => self.0.try_write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tls {
    /// Performs the handshake.
    pub(super) async fn accept(tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<Self> {
        let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
        while session.is_handshaking() || session.wants_write() {
            match send(&tcp, &mut session) {
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
            match receive(&tcp, &mut session) {
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
            match send(&self.tcp, &mut session) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && written > 0 => break,
                Err(error) => return Err(error),
            }
            session.writer().write_all(record)?;
            written += record.len();
        }
        match send(&self.tcp, &mut session) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(written),
        }
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.session.lock().wants_write()
    }

    pub(super) fn try_send(&self) -> io::Result<()> {
        match send(&self.tcp, &mut self.session.lock()) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        }
    }

    /// Reads from the socket once, and appends all decrypted bytes to the buffer. No decrypted byte may stay in rustls,
    /// because no event of the socket would wake the task for it.
    pub(super) fn try_read_buf(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut session = self.session.lock();
        let received = receive(&self.tcp, &mut session);
        // May have bytes from the handshake's last read, even if this read returned none.
        let len_before = buffer.len();
        let is_end = match session.reader().read_to_end(buffer) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            // The peer closed the socket without close_notify.
            Err(_) => true,
        };
        let len = buffer.len() - len_before;
        // Responses of TLS itself, such as a key update. If the socket is full, they wait for the next write.
        let _unsent = send(&self.tcp, &mut session);
        match received {
            _ if len > 0 || is_end => Ok(len),
            Ok(0) => Ok(0),
            Ok(_) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(error),
        }
    }

    /// Sends close_notify, if that is possible without waiting.
    pub(super) fn close_session(&self) {
        let mut session = self.session.lock();
        session.send_close_notify();
        let _unsent = send(&self.tcp, &mut session);
    }
}

/// Sends all encrypted bytes. Returns `WouldBlock` if some remain.
fn send(tcp: &TcpStream, session: &mut ServerConnection) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut TcpIo(tcp))?;
    }
    Ok(())
}

/// Reads once and decrypts. Returns 0 at the end of the stream.
fn receive(tcp: &TcpStream, session: &mut ServerConnection) -> io::Result<usize> {
    let len = session.read_tls(&mut TcpIo(tcp))?;
    if let Err(error) = session.process_new_packets() {
        // Sends the alert, if that is possible without waiting.
        let _unsent = send(tcp, session);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    Ok(len)
}
