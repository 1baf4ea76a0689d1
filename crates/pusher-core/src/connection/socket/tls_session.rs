//! A TLS session: rustls between received, decrypted and encrypted bytes.
//!
//! rustls runs without buffers of its own, because it would keep 4 KiB for each idle connection. The buffers here have memory
//! only while they have bytes.

use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use tokio::net::TcpStream;

use super::faults::{self, SocketCall};

/// Most bytes of one read.
const READ_LEN: usize = 4 * 1024;

/// Room for what TLS adds to a record. If it is too small, rustls says how much it needs.
const RECORD_OVERHEAD: usize = 64;

pub(super) struct TlsSession {
    rustls: UnbufferedServerConnection,
    /// Received bytes of an incomplete record or handshake message. rustls limits their length.
    received: Vec<u8>,
    /// Decrypted bytes that nobody has taken.
    decrypted: Vec<u8>,
    /// Encrypted bytes that the system has not taken.
    unsent: Vec<u8>,
    /// The peer has said that it sends no more.
    has_ended: bool,
}

impl Debug for TlsSession {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSession").finish_non_exhaustive()
    }
}

impl TlsSession {
    pub(super) fn new(config: Arc<ServerConfig>) -> io::Result<Self> {
        Ok(Self {
            rustls: UnbufferedServerConnection::new(config).map_err(io::Error::other)?,
            received: Vec::new(),
            decrypted: Vec::new(),
            unsent: Vec::new(),
            has_ended: false,
        })
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.rustls.is_handshaking()
    }

    pub(super) fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Appends the decrypted bytes to `buffer`. Returns their number.
    pub(super) fn take_decrypted(&mut self, buffer: &mut Vec<u8>) -> usize {
        let decrypted = std::mem::take(&mut self.decrypted);
        buffer.extend_from_slice(&decrypted);
        decrypted.len()
    }

    /// Sends all encrypted bytes. Returns `WouldBlock` if some remain.
    pub(super) fn send(&mut self, tcp: &TcpStream) -> io::Result<()> {
        while self.has_unsent() {
            let may = faults::before(SocketCall::Write, self.unsent.len())?;
            let len = tcp.try_write(&self.unsent[..may])?;
            self.unsent.drain(..len);
        }
        self.unsent = Vec::new();
        Ok(())
    }

    /// Reads once and decrypts. Returns 0 at the end of the stream.
    pub(super) fn receive(&mut self, tcp: &TcpStream) -> io::Result<usize> {
        let mut memory = [0; READ_LEN];
        let may = faults::before(SocketCall::Read, memory.len())?;
        // Not `read_once`: the last read of the handshake may contain the request too. The socket must then still count
        // as ready, although no more data arrives.
        let len = tcp.try_read(&mut memory[..may])?;
        self.received.extend_from_slice(&memory[..len]);
        if let Err(error) = self.process() {
            // Sends the alert, if that is possible without waiting.
            let _unsent = self.send(tcp);
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        Ok(len)
    }

    /// Encrypts one record.
    pub(super) fn encrypt(&mut self, record: &[u8]) -> io::Result<()> {
        let UnbufferedStatus { state, .. } = self.rustls.process_tls_records(&mut self.received);
        match state.map_err(io::Error::other)? {
            ConnectionState::WriteTraffic(mut traffic) => {
                let room = record.len() + RECORD_OVERHEAD;
                let encrypt = |room: &mut [u8]| traffic.encrypt(record, room);
                append(&mut self.unsent, room, encrypt).map_err(io::Error::other)
            }
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Encrypts close_notify, unless the session is closed.
    pub(super) fn close(&mut self) {
        let UnbufferedStatus { state, .. } = self.rustls.process_tls_records(&mut self.received);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = state {
            let close = |room: &mut [u8]| traffic.queue_close_notify(room);
            let _exhausted = append(&mut self.unsent, RECORD_OVERHEAD, close);
        }
    }

    /// Decrypts all complete records, and encrypts TLS's own answers to them: the handshake, a key update, an alert.
    fn process(&mut self) -> Result<(), rustls::Error> {
        let mut result = Ok(());
        loop {
            let UnbufferedStatus { discard, state } =
                self.rustls.process_tls_records(&mut self.received);
            let mut is_done = false;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        self.decrypted.extend_from_slice(record?.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    let encode = |room: &mut [u8]| data.encode(room);
                    append(&mut self.unsent, 0, encode)
                        .map_err(|error| rustls::Error::General(error.to_string()))?;
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.has_ended = true,
                Ok(_) => is_done = true,
                // The next call may return an alert. One that fails again has none.
                Err(error) => {
                    is_done = result.is_err();
                    result = Err(error);
                }
            }
            self.received.drain(..discard);
            if is_done {
                break;
            }
        }
        if self.received.is_empty() {
            self.received = Vec::new();
        }
        result
    }
}

/// An error that may say how many bytes are needed.
trait Required {
    fn required(&self) -> Option<usize>;
}

impl Required for EncodeError {
    fn required(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl Required for EncryptError {
    fn required(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::EncryptExhausted => None,
        }
    }
}

/// Appends what `put` writes. It gets `room` bytes first, and then as many as it requires.
fn append<E: Required>(
    bytes: &mut Vec<u8>,
    mut room: usize,
    mut put: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), E> {
    let begin = bytes.len();
    loop {
        bytes.resize(begin + room, 0);
        let error = match put(&mut bytes[begin..]) {
            Ok(len) => {
                bytes.truncate(begin + len);
                return Ok(());
            }
            Err(error) => error,
        };
        bytes.truncate(begin);
        room = match error.required() {
            Some(required) if required > room => required,
            _ => return Err(error),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs `len` bytes.
    fn put(len: usize) -> impl FnMut(&mut [u8]) -> Result<usize, EncryptError> {
        move |room| match room.get_mut(..len) {
            Some(room) => {
                room.fill(1);
                Ok(len)
            }
            None => Err(InsufficientSizeError { required_size: len }.into()),
        }
    }

    #[test]
    fn too_little_room_grows_and_too_much_is_cut() {
        for room in [0, 3, 4, 100] {
            let mut bytes = vec![0];
            append(&mut bytes, room, put(4)).unwrap();
            assert_eq!(bytes, [0, 1, 1, 1, 1], "{room}");
        }
    }

    #[test]
    fn failure_appends_nothing() {
        let mut bytes = vec![0];
        let exhausted = |_: &mut [u8]| Err(EncryptError::EncryptExhausted);
        assert!(append(&mut bytes, 8, exhausted).is_err());
        assert_eq!(bytes, [0]);
    }
}
