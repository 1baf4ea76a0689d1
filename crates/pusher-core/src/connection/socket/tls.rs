//! TLS on a socket, by rustls, which knows no sockets: here are its bytes moved.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;

use super::faults::{self, Call};
use super::readiness::{readable, writable};

/// Most that is encrypted before the system has taken what was encrypted before, in bytes: one
/// record. So what rustls keeps for a browser that does not read is bounded.
const RECORD_LEN: usize = 16 * 1024;

/// An encrypted connection.
#[derive(Debug)]
pub(crate) struct Tls {
    tcp: TcpStream,
    // Held for the time of a call, and never across an await.
    session: Mutex<ServerConnection>,
}

/// The socket as rustls wants it.
struct Bare<'a>(&'a TcpStream);

impl Read for Bare<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = faults::before(Call::Read, buffer.len())?;
        // Not `read_once`: the last read of the handshake may have brought the request along, and the socket must then
        // count as ready although nothing more comes.
        self.0.try_read(&mut buffer[..len])
    }
}

impl Write for Bare<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = faults::before(Call::Write, bytes.len())?;
        self.0.try_write(&bytes[..len])
    }

    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let len = slices.iter().map(|slice| slice.len()).sum();
        let may = faults::before(Call::Write, len)?;
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
    /// Shakes hands.
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

    /// Takes one read's worth from the system, and hands over all that it completes: nothing that
    /// is decrypted stays behind, for nobody would be woken for it.
    pub(super) fn try_read_buf(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let mut session = self.session.lock();
        let received = receive(&self.tcp, &mut session);
        // What the handshake had brought along comes first, and needs no further read.
        let len_before = buffer.len();
        let is_end = match session.reader().read_to_end(buffer) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            // The connection was cut.
            Err(_) => true,
        };
        let len = buffer.len() - len_before;
        // Answers of TLS itself. Whoever does not take them does not get them.
        let _unsent = send(&self.tcp, &mut session);
        match received {
            _ if len > 0 || is_end => Ok(len),
            Ok(0) => Ok(0),
            Ok(_) => Err(ErrorKind::WouldBlock.into()),
            Err(error) => Err(error),
        }
    }

    /// Tells the browser that nothing more comes, if that is possible without waiting.
    pub(super) fn close_session(&self) {
        let mut session = self.session.lock();
        session.send_close_notify();
        let _unsent = send(&self.tcp, &mut session);
    }
}

/// Sends all that is encrypted; `WouldBlock` if some of it stays.
fn send(tcp: &TcpStream, session: &mut ServerConnection) -> io::Result<()> {
    while session.wants_write() {
        session.write_tls(&mut Bare(tcp))?;
    }
    Ok(())
}

/// Receives once and decrypts; 0 is the end.
fn receive(tcp: &TcpStream, session: &mut ServerConnection) -> io::Result<usize> {
    let len = session.read_tls(&mut Bare(tcp))?;
    if let Err(error) = session.process_new_packets() {
        // The other side is told why, if that is possible without waiting.
        let _unsent = send(tcp, session);
        return Err(io::Error::new(ErrorKind::InvalidData, error));
    }
    Ok(len)
}
