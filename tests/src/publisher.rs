//! Publishers at the private door: raw JSON, as the recipe's `entry.php` writes it, and the native protocol.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;

use serde_json::Value;

use crate::WAIT_MS;
use crate::stream::Stream;

/// Connects, writes one raw JSON object and closes, as a PHP page does at its end.
#[track_caller]
pub fn publish_raw(address: SocketAddr, json: &str) {
    Publisher::connect(address).send(json.as_bytes());
}

/// One connection.
#[derive(Debug)]
pub struct Publisher {
    stream: BufReader<Stream>,
}

impl Publisher {
    /// Connects, and says nothing yet.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self {
            stream: BufReader::new(Stream::connect(address, WAIT_MS)),
        }
    }

    /// Sends these bytes in one write.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream
            .get_mut()
            .write_all(bytes)
            .unwrap_or_else(|error| panic!("can't write to the private door: {error}"));
    }

    /// Sends these bytes if the daemon still takes them.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    /// Ends our side of the connection.
    pub fn end_of_file(&self) {
        self.stream.get_ref().end_of_file();
    }

    /// The next line of the native protocol.
    #[track_caller]
    pub fn answer(&mut self) -> Value {
        let line = self.answer_line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
    }

    /// The next line of the native protocol, to the byte, without its end.
    #[track_caller]
    pub fn answer_line(&mut self) -> String {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => panic!("the daemon closed where an answer was expected"),
            Ok(_) => line.trim_end_matches('\n').to_owned(),
            Err(error) => panic!("no answer for {WAIT_MS} ms: {error}"),
        }
    }

    /// Waits until the daemon closes; what it said before.
    #[track_caller]
    pub fn until_closed(&mut self) -> String {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the daemon has not closed after {WAIT_MS} ms: {error}"),
        }
        String::from_utf8_lossy(&rest).into_owned()
    }
}
