//! A connection to the publish listener, with the native protocol.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::SockRef;

use super::position::Position;
use super::shared::Shared;
use super::timeout::is_timeout;
use super::{POLL, WAIT};

pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
    /// Indexes of the events that were sent on this connection and have no answer, in order.
    pub(super) unanswered: VecDeque<usize>,
}

impl Connection {
    /// Connects to a node. The numbers of the nodes repeat.
    pub(super) fn open(shared: &Shared, node: usize) -> Option<Self> {
        let address = &shared.publish[node % shared.publish.len()];
        let mut stream = TcpStream::connect_timeout(address, WAIT).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(POLL)).ok()?;
        stream.set_write_timeout(Some(WAIT)).ok()?;
        stream.write_all(b"[1,1]\n").ok()?;
        Some(Self {
            stream: BufReader::new(stream),
            line: Vec::new(),
            unanswered: VecDeque::new(),
        })
    }

    /// Returns the next answer, or `None` if there is none yet.
    pub(super) fn answer(&mut self) -> Result<Option<Value>, String> {
        match self.stream.read_until(b'\n', &mut self.line) {
            Ok(_) if self.line.ends_with(b"\n") => {
                let line = std::mem::take(&mut self.line);
                let answer = serde_json::from_slice(&line);
                answer.map(Some).map_err(|error| error.to_string())
            }
            Ok(_) => Err("closed".to_owned()),
            Err(error) if is_timeout(error.kind()) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn send(&mut self, message: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(message.as_bytes())
    }

    /// Makes the close a reset.
    pub(super) fn reset_at_end(&self) {
        let _gone = SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO));
    }
}

/// Asks a node for the end of the log, and then others while it is down.
pub(super) fn position(shared: &Shared, node: usize) -> Result<Position, String> {
    let begun = Instant::now();
    for node in node.. {
        if begun.elapsed() > WAIT || shared.is_failed() {
            break;
        }
        if let Some(answer) = ask_position(shared, node) {
            return Position::parse(answer[2].as_str().unwrap_or_default());
        }
        thread::sleep(POLL);
    }
    Err("no answer to POSITION".to_owned())
}

/// Returns the answer, or `None` if the connection is lost before.
fn ask_position(shared: &Shared, node: usize) -> Option<Value> {
    let mut open = Connection::open(shared, node)?;
    open.send("[6,0]\n").ok()?;
    let begun = Instant::now();
    while begun.elapsed() < WAIT {
        match open.answer() {
            Ok(Some(answer)) if answer[0] == 7 => return Some(answer),
            Ok(Some(answer)) if answer[0] == 5 => return None,
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}
