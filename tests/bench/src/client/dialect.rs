//! The messages of subscribers and publishers for each kind of server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::servers::Kind;

/// Time limit for a server to read or answer a publish.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the request that opens a subscriber's WebSocket.
pub fn request(kind: Kind, web: SocketAddr, topic: &str) -> Vec<u8> {
    let path = match kind {
        Kind::SocketIo => format!("/socket.io/?EIO=4&transport=websocket&topic={topic}"),
        _ => format!("/{topic}"),
    };
    let subprotocol = match speaks_wamp(kind) {
        true => "Sec-WebSocket-Protocol: wamp\r\n",
        false => "",
    };
    format!(
        "GET {path} HTTP/1.1\r\nHost: {web}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{subprotocol}\r\n"
    )
    .into_bytes()
}

/// Returns the next message of a subscriber. It is empty if the path names the topic.
pub fn subscribe(kind: Kind, topic: &str) -> Option<Vec<u8>> {
    match kind {
        kind if speaks_wamp(kind) => Some(client_frame(&format!("[5,\"{topic}\"]"))),
        // Engine.IO message, Socket.IO connect.
        Kind::SocketIo => Some(client_frame("40")),
        Kind::Nats => Some(client_frame(&format!(
            "CONNECT {{\"verbose\":false}}\r\nSUB {topic} 1\r\n"
        ))),
        _ => None,
    }
}

/// For libraries, we write the server program. It does the same work as pushd.
fn speaks_wamp(kind: Kind) -> bool {
    matches!(kind, Kind::Pushd | Kind::UWebSockets | Kind::Ws)
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
    stream: TcpStream,
    message: Vec<u8>,
}

impl Publisher {
    /// Connects to the server.
    pub fn connect(kind: Kind, publish: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(publish).context("can't connect the publisher")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PUBLISH_TIMEOUT))?;
        stream.set_write_timeout(Some(PUBLISH_TIMEOUT))?;
        let mut publisher = Self {
            kind,
            stream,
            message: Vec::new(),
        };
        if kind == Kind::Nats {
            let hello = b"CONNECT {\"verbose\":false}\r\n";
            publisher.stream.write_all(hello)?;
        }
        Ok(publisher)
    }

    /// Publishes an event, and waits for the answer if the server sends one.
    pub fn publish(&mut self, topic: &str, event: &[u8]) -> Result<()> {
        let len = event.len();
        let (before, after) = match self.kind {
            Kind::Nats => (format!("PUB {topic} {len}\r\n"), "\r\n"),
            Kind::Nchan => (
                format!("POST /{topic} HTTP/1.1\r\nHost: publish\r\nContent-Length: {len}\r\n\r\n"),
                "",
            ),
            _ => (String::new(), "\n"),
        };
        self.message.clear();
        self.message.extend_from_slice(before.as_bytes());
        self.message.extend_from_slice(event);
        self.message.extend_from_slice(after.as_bytes());
        let written = self.stream.write_all(&self.message);
        written.context("the server does not take publishes")?;
        match self.kind {
            Kind::Nchan => self.read_answer(),
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
