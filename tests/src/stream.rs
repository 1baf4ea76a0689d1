//! A TCP connection with timeouts for reads and writes, so that a test fails instead of hanging.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

/// The connection. The kernel does not restart an interrupted read that has a timeout: a stopped and continued
/// process, such as a paused container, would see an error. So this type retries it.
#[derive(Debug)]
pub struct Stream(TcpStream);

impl Stream {
    /// Connects. Each read and write has the timeout `wait_ms`.
    #[track_caller]
    pub fn connect(address: SocketAddr, wait_ms: u64) -> Self {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("can't connect to {address}: {error}"));
        let wait = Some(Duration::from_millis(wait_ms));
        stream.set_read_timeout(wait).expect("a timeout can be set");
        stream
            .set_write_timeout(wait)
            .expect("a timeout can be set");
        stream.set_nodelay(true).expect("Nagle can be switched off");
        Self(stream)
    }

    /// Shuts down our side of the connection. A closed peer is no error.
    pub fn end_of_file(&self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }

    /// Makes the close a reset. The peer loses its unread data.
    pub fn reset_at_end(&self) {
        let _ = SockRef::from(&self.0).set_linger(Some(Duration::ZERO));
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.read(buffer))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        uninterrupted(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn uninterrupted(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match operation() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_operation_is_retried() {
        let mut results = vec![
            Ok(7),
            Err(ErrorKind::Interrupted.into()),
            Err(ErrorKind::Interrupted.into()),
        ];
        assert_eq!(uninterrupted(|| results.pop().unwrap()).unwrap(), 7);
        let error = uninterrupted(|| Err(ErrorKind::TimedOut.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
