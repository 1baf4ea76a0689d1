//! The messages of subscribers and publishers for each kind of server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use pusher_proto::ticket::{TicketKeys, TicketRequest};

use super::mark::{Mark, put_event};
use super::page::Page;
use super::trigger;
use crate::servers::{CHANNELS_KEY, Kind, Server, TICKET_KEYS};

/// Time limit for a server to read or answer a publish.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than any scenario.
const TICKET_TTL_S: u64 = 3600;

/// Returns the request that opens a subscriber's connection.
pub(super) fn request(kind: Kind, web: SocketAddr, page: &Page) -> Vec<u8> {
    let Page { number, topic, .. } = page;
    let path = match (kind, &page.since) {
        (Kind::SocketIo, _) => format!("/socket.io/?EIO=4&transport=websocket&topic={topic}"),
        (Kind::Resume, _) => format!("/?resume=page-{topic}-{number:010}"),
        (Kind::Channels | Kind::Soketi, _) => format!("/app/{CHANNELS_KEY}?protocol=7"),
        (Kind::Sse, None) => format!("/events?topic={topic}"),
        (Kind::Sse, Some(since)) => format!("/events?topic={topic}&since={since}"),
        _ => format!("/{topic}"),
    };
    if kind == Kind::Sse {
        return format!("GET {path} HTTP/1.1\r\nHost: {web}\r\n\r\n").into_bytes();
    }
    let subprotocol = match kind {
        Kind::Pushd1 => "Sec-WebSocket-Protocol: pushd.1, wamp\r\n",
        kind if speaks_wamp(kind) => "Sec-WebSocket-Protocol: wamp\r\n",
        _ => "",
    };
    let more = match kind {
        Kind::Ticket | Kind::Everything => format!("Cookie: pushd_ticket={}\r\n", ticket(page)),
        Kind::Compressed => "Sec-WebSocket-Extensions: permessage-deflate\r\n".to_owned(),
        _ => String::new(),
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {web}\r\n{more}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

/// Signs a ticket of a user of its own.
fn ticket(page: &Page) -> String {
    let keys: TicketKeys = TICKET_KEYS.parse().expect("TICKET_KEYS is a key file");
    let request = TicketRequest {
        topics: &[&page.topic],
        ttl_s: TICKET_TTL_S,
        sub: Some(&page.number.to_string()),
        info: None,
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ticket = keys.sign(&request, since.unwrap_or_default().as_secs());
    ticket.expect("a topic of the benchmark is short")
}

/// Returns the start of the answer to a request that is accepted.
pub(super) fn success(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Sse => b"HTTP/1.1 200 ",
        _ => b"HTTP/1.1 101 ",
    }
}

/// Returns the next message of a subscriber. It is empty if the path names the topic.
pub(super) fn subscribe(kind: Kind, page: &Page) -> Option<Vec<u8>> {
    let topic = &page.topic;
    match (kind, &page.since) {
        (Kind::Pushd1, Some(since)) => Some(client_frame(&format!(
            "[5,\"{topic}\",{{\"since\":\"{since}\"}}]"
        ))),
        (kind, _) if speaks_wamp(kind) => Some(client_frame(&format!("[5,\"{topic}\"]"))),
        (Kind::Channels | Kind::Soketi, _) => Some(client_frame(&format!(
            r#"{{"event":"pusher:subscribe","data":{{"channel":"{topic}"}}}}"#
        ))),
        // Engine.IO message, Socket.IO connect.
        (Kind::SocketIo, _) => Some(client_frame("40")),
        (Kind::Nats, _) => Some(client_frame(&format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB {topic} 1\r\n"
        ))),
        _ => None,
    }
}

/// Whether the server tells each subscriber its position in the log.
pub(super) fn has_positions(kind: Kind) -> bool {
    matches!(kind, Kind::Pushd1 | Kind::Sse)
}

/// Returns the position of a new subscription in the bytes behind the server's answer, if they are complete.
pub(super) fn position(kind: Kind, bytes: &[u8]) -> Option<String> {
    let (before, end): (&[&[u8]], _) = match kind {
        Kind::Sse => (&[b"id: "], b'\n'),
        _ => (&[b"[9,\"", b"\",\""], b'"'),
    };
    let mut rest = bytes;
    for text in before {
        rest = &rest[memchr::memmem::find(rest, text)? + text.len()..];
    }
    let len = memchr::memchr(end, rest)?;
    Some(String::from_utf8_lossy(&rest[..len]).into_owned())
}

/// For libraries, we write the server program. It does the same work as pushd. So do the floors, as far as they can.
fn speaks_wamp(kind: Kind) -> bool {
    match kind {
        Kind::UWebSockets | Kind::UWebSocketsTls | Kind::Ws | Kind::Floor | Kind::FloorBatch => {
            true
        }
        kind => kind.is_pushd() && !matches!(kind, Kind::Sse | Kind::Channels),
    }
}

/// Bytes by which the message of an event is longer in the Pusher Channels protocol than in WAMP.
const CHANNELS_MORE: usize = 47;

/// Returns the length of an event that has `len` bytes in WAMP. Pages get as many bytes in the Pusher Channels protocol.
fn event_len(kind: Kind, len: usize) -> usize {
    match kind {
        Kind::Channels | Kind::Soketi => len - CHANNELS_MORE,
        _ => len,
    }
}

/// Returns a text frame. A client must mask its frames; the mask is zero.
fn client_frame(text: &str) -> Vec<u8> {
    debug_assert!(text.len() <= 125, "short enough for the shortest header");
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// A publisher's connection.
#[derive(Debug)]
pub struct Publisher {
    kind: Kind,
    address: SocketAddr,
    stream: TcpStream,
    event: Vec<u8>,
    message: Vec<u8>,
}

impl Publisher {
    /// Connects to the server.
    pub fn connect(server: &Server) -> Result<Self> {
        let mut publisher = Self {
            kind: server.kind,
            address: server.publish,
            stream: connect(server.publish)?,
            event: Vec::new(),
            message: Vec::new(),
        };
        if publisher.kind == Kind::Nats {
            let hello = b"CONNECT {\"verbose\":false}\r\n";
            publisher.stream.write_all(hello)?;
        }
        Ok(publisher)
    }

    /// Publishes an event with the mark, of `len` bytes, and waits for the answer if the server sends one.
    pub fn publish(&mut self, topic: &str, mark: Mark, len: usize) -> Result<()> {
        put_event(&mut self.event, topic, mark, event_len(self.kind, len));
        if self.kind == Kind::Soketi {
            self.event = trigger::body(topic, &self.event)?;
        }
        let len = self.event.len();
        let (before, after) = match self.kind {
            Kind::Soketi => (trigger::head(&self.event, len)?, ""),
            Kind::Nats => (format!("PUB {topic} {len}\r\n"), "\r\n"),
            Kind::Nchan | Kind::NchanTls => (
                format!("POST /{topic} HTTP/1.1\r\nHost: publish\r\nContent-Length: {len}\r\n\r\n"),
                "",
            ),
            _ => (String::new(), "\n"),
        };
        self.message.clear();
        self.message.extend_from_slice(before.as_bytes());
        self.message.extend_from_slice(&self.event);
        self.message.extend_from_slice(after.as_bytes());
        let written = self.stream.write_all(&self.message);
        written.context("the server does not take publishes")?;
        match self.kind {
            Kind::Nchan | Kind::NchanTls => self.read_answer(),
            Kind::Soketi => {
                self.read_answer()?;
                // Soketi closes the connection after each answer.
                self.stream = connect(self.address)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_answer(&mut self) -> Result<()> {
        let mut answer = [0; 4096];
        let len = self
            .stream
            .read(&mut answer)
            .context("no answer to a publish")?;
        if !answer[..len].starts_with(b"HTTP/1.1 20") {
            let answer = String::from_utf8_lossy(&answer[..len]);
            bail!("a publish was refused: {answer}");
        }
        Ok(())
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).context("can't connect the publisher")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PUBLISH_TIMEOUT))?;
    stream.set_write_timeout(Some(PUBLISH_TIMEOUT))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::mark;
    use crate::scenario::EVENT_LEN;

    #[test]
    fn events_have_the_same_length_in_wamp_and_pusher_channels() {
        let mark = Mark {
            kind: mark::Kind::Measured,
            sequence: 1,
            at_ns: 2,
        };
        let event = |kind| {
            let mut event = Vec::new();
            put_event(&mut event, "t1", mark, event_len(kind, EVENT_LEN));
            String::from_utf8(event).unwrap()
        };
        let wamp = format!(r#"[8,"t1",{}]"#, event(Kind::Pushd));
        let data = event(Kind::Channels).replace('"', "\\\"");
        let channels = format!(r#"{{"event":"message","channel":"t1","data":"{data}"}}"#);
        assert_eq!(channels.len(), wamp.len());
    }

    #[test]
    fn positions_are_found_when_they_are_complete() {
        let stream: &[u8] = b"retry: 3741\nevent: position\nid: 6d1f-12\ndata: ";
        let frame: &[u8] = b"\x81\x20[12,25000,1000]\x81\x18[9,\"t1\",\"6d1f-12\",true,0]";
        for (kind, bytes) in [(Kind::Sse, stream), (Kind::Pushd1, frame)] {
            assert_eq!(position(kind, bytes).as_deref(), Some("6d1f-12"));
            let end = memchr::memmem::find(bytes, b"-12").unwrap() + 3;
            assert_eq!(position(kind, &bytes[..end]), None);
        }
    }
}
