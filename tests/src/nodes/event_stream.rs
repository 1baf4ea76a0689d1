//! A follower with Server-Sent Events.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::heard::{Heard, number, position};
use crate::simulator::{Lost, POLL, Position, Received};

/// Longest time until the head of the answer.
const HEAD_MAX: Duration = Duration::from_secs(10);

pub(super) struct EventStream {
    stream: TcpStream,
    received: Received,
    /// The stream has everything up to here.
    at: Option<Position>,
    is_open: bool,
}

impl EventStream {
    pub(super) fn connect(
        address: SocketAddr,
        topic: &str,
        begin: &str,
        last: Option<Position>,
    ) -> Result<Self, Lost> {
        let ended = |_| Lost::Ended;
        let stream = TcpStream::connect_timeout(&address, HEAD_MAX).map_err(ended)?;
        stream.set_read_timeout(Some(POLL)).map_err(ended)?;
        let header = last.map(|last| format!("Last-Event-ID: {last}\r\n"));
        let mut open = Self {
            stream,
            received: Received::default(),
            at: last.or_else(|| Position::parse(begin).ok()),
            is_open: false,
        };
        let head = format!(
            "GET /events?topic={topic}&since={begin} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n",
            header.unwrap_or_default()
        );
        open.stream.write_all(head.as_bytes()).map_err(ended)?;
        let asked = Instant::now();
        loop {
            open.received.read_from(&mut open.stream)?;
            if let Some(head) = open.received.take_until(b"\r\n\r\n")? {
                return match head.split(' ').nth(1) {
                    Some("200") => Ok(open),
                    Some("503") => Err(Lost::Ended),
                    _ => Err(Lost::Wrong(head)),
                };
            }
            if asked.elapsed() > HEAD_MAX {
                return Err(Lost::Ended);
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns the last id.
    pub(super) fn at(&self) -> Option<Position> {
        self.at
    }

    pub(super) fn receive(&mut self, heard: &mut Vec<Heard>) -> Result<(), Lost> {
        // First the blocks that arrived together with the head of the answer: if the server has ended the stream, the read
        // below fails.
        while let Some(block) = self.received.take_until(b"\n\n")? {
            self.take(&block, heard)?;
        }
        self.received.read_from(&mut self.stream)
    }

    fn take(&mut self, block: &str, heard: &mut Vec<Heard>) -> Result<(), Lost> {
        let field = |name: &str| {
            let mut lines = block.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let Some(id) = field("id") else {
            return Ok(());
        };
        let at = position(id)?;
        match (field("event"), field("data")) {
            // Another place than the one asked for: a gap comes next.
            (Some("position"), _) if !self.is_open && self.at != Some(at) => return Ok(()),
            (Some("position"), _) => {}
            (Some("gap"), _) => heard.push(Heard::Gap(at)),
            (None, Some(data)) => heard.push(Heard::Event {
                position: Some(at),
                payload: number(data)?,
            }),
            _ => return Err(Lost::Wrong(format!("not an event: {block}"))),
        }
        self.at = Some(at);
        self.is_open = true;
        Ok(())
    }
}
