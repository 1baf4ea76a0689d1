//! Publishers at the publish listener: raw JSON, as the recipe's `entry.php` writes it, and the native protocol.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::WAIT_MS;
use crate::stream::Stream;

/// Connects, writes one raw JSON object and closes, as a PHP page does at its end.
#[track_caller]
pub fn publish_raw(address: SocketAddr, json: &str) {
    Publisher::connect(address).send(json.as_bytes());
}

/// Publishes raw JSON through a unix socket.
#[track_caller]
pub fn publish_raw_at(path: &Path, json: &str) {
    let sent = UnixStream::connect(path).and_then(|mut stream| stream.write_all(json.as_bytes()));
    sent.unwrap_or_else(|error| panic!("can't publish at {}: {error}", path.display()));
}

/// One connection.
#[derive(Debug)]
pub struct Publisher {
    stream: BufReader<Stream>,
}

impl Publisher {
    /// Connects without sending anything.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_with_patience(address, WAIT_MS)
    }

    /// Connects without sending anything. A write fails after `wait_ms`.
    #[track_caller]
    pub fn connect_with_patience(address: SocketAddr, wait_ms: u64) -> Self {
        Self {
            stream: BufReader::new(Stream::connect(address, wait_ms)),
        }
    }

    /// Sends these bytes in one write.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream
            .get_mut()
            .write_all(bytes)
            .unwrap_or_else(|error| panic!("can't write to the publish listener: {error}"));
    }

    /// Sends these bytes. A closed connection is no error. Returns whether all were sent in time.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.get_mut().write_all(bytes).is_ok()
    }

    /// Shuts down our side of the connection.
    pub fn end_of_file(&self) {
        self.stream.get_ref().end_of_file();
    }

    /// Resets the connection, like a killed process. The daemon may lose unread data.
    pub fn reset(&self) {
        self.stream.get_ref().reset_at_end();
    }

    /// Returns the next answer of the HTTP protocol: its status and body.
    #[track_caller]
    pub fn http_answer(&mut self) -> (u16, String) {
        let status = self.answer_line();
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut len = 0;
        loop {
            let header = self.answer_line().to_lowercase();
            if let Some(value) = header.strip_prefix("content-length:") {
                len = value.trim().parse().expect("a length");
            }
            if header == "\r" {
                break;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).expect("a whole body");
        let body = String::from_utf8(body).expect("UTF-8");
        (status.expect("a status"), body)
    }

    /// Returns the next line of the native protocol.
    #[track_caller]
    pub fn answer(&mut self) -> Value {
        let line = self.answer_line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
    }

    /// Returns the next line of the native protocol, or `None` if the daemon closed.
    #[track_caller]
    pub fn next_answer(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("an answer is JSON")),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no answer for {WAIT_MS} ms: {error}"),
        }
    }

    /// Returns the exact bytes of the next line of the native protocol, without its end.
    #[track_caller]
    pub fn answer_line(&mut self) -> String {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => panic!("the daemon closed where an answer was expected"),
            Ok(_) => line.trim_end_matches('\n').to_owned(),
            Err(error) => panic!("no answer for {WAIT_MS} ms: {error}"),
        }
    }

    /// Waits until the daemon closes, and returns its output before that.
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
