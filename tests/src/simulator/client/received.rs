//! The received bytes of a stream of text.

use std::io::Read;
use std::net::TcpStream;

use super::super::timeout::is_timeout;
use super::subscriber::Lost;

/// Bytes that were received and not taken.
#[derive(Debug, Default)]
pub(crate) struct Received(Vec<u8>);

impl Received {
    /// Reads from the stream until its read timeout.
    pub(crate) fn read_from(&mut self, stream: &mut TcpStream) -> Result<(), Lost> {
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) => Err(Lost::Ended),
            Ok(len) => {
                self.0.extend_from_slice(&buffer[..len]);
                Ok(())
            }
            Err(error) if is_timeout(error.kind()) => Ok(()),
            Err(_) => Err(Lost::Ended),
        }
    }

    /// Removes and returns the text before `end`, if it has arrived.
    pub(crate) fn take_until(&mut self, end: &[u8]) -> Result<Option<String>, Lost> {
        let mut places = self.0.windows(end.len());
        let Some(len) = places.position(|bytes| bytes == end) else {
            return Ok(None);
        };
        let rest = self.0.split_off(len + end.len());
        let mut text = std::mem::replace(&mut self.0, rest);
        text.truncate(len);
        let text = String::from_utf8(text);
        text.map(Some)
            .map_err(|error| Lost::Wrong(error.to_string()))
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
