//! The floor: a server that does nothing but write a prebuilt frame to every socket.
//!
//! `push-floor WEB_ADDRESS PUBLISH_ADDRESS write|batch [KEPT]`
//!
//! A WebSocket that connects to `/TOPIC` is a subscriber. Publishers write one JSON object a line, which begins with
//! `{"category":"TOPIC"`. With `write`, the server writes each event once for each subscriber. With `batch`, it
//! writes all events of one read at once. It has no limits and no pings, and it keeps all bytes that a socket does not
//! take: it is not for real use.
//!
//! It keeps the first KEPT events of each topic (default 0). A new subscriber sends a message, and gets an answer and
//! these events: with `write` in one write for each event, with `batch` in one write for all. For these, it waits until
//! the socket takes all bytes.

mod unsent;

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};
use tungstenite::handshake::derive_accept_key;
use unsent::{Frames, Unsent};

const WEB: Token = Token(0);
const PUBLISH: Token = Token(1);
/// Token of the first connection.
const FIRST: usize = 2;
/// Size of a read, in bytes.
const READ_LEN: usize = 256 * 1024;
/// Connections that wait to be accepted. pushd has the same.
const BACKLOG: i32 = 4096;
/// The answer to a subscriber's message, as long as that of `pushd.1`.
const SUBSCRIBED: &[u8] = b"\x81\x2d[9,\"topic\",\"6d1f3c5a9be02478-12345\",true,100]";
/// The start of every published line.
const LINE_START: &[u8] = b"{\"category\":\"";

struct Floor {
    poll: Poll,
    batch: bool,
    /// Events that each topic keeps for new subscribers.
    kept_max: usize,
    connections: Vec<Option<Connection>>,
    topics: HashMap<Vec<u8>, Topic>,
    unsent: Unsent,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// An incomplete request or line.
    unfinished: Vec<u8>,
    role: Role,
    /// The kept events of its topic.
    kept: Rc<Kept>,
    /// Bytes of them that are sent.
    sent: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// A connection that will be a subscriber.
    Handshake,
    /// It still has to send a message to get the kept events.
    Upgraded,
    Subscriber,
    Publisher,
}

#[derive(Default)]
struct Topic {
    /// Indices in `connections`.
    subscribers: Vec<usize>,
    /// The frames to write.
    frames: Vec<u8>,
    kept: Rc<Kept>,
}

/// The frames for new subscribers.
#[derive(Default, Clone)]
struct Kept {
    frames: Vec<u8>,
    /// The end of each frame.
    ends: Vec<usize>,
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ([web, publish, how], kept) = words.split_first_chunk().with_context(usage)?;
    let kept_max = match kept {
        [] => 0,
        [kept] => kept.parse()?,
        _ => bail!(usage()),
    };
    let poll = Poll::new()?;
    let mut web = listen(web)?;
    let mut publish = listen(publish)?;
    poll.registry()
        .register(&mut web, WEB, Interest::READABLE)?;
    poll.registry()
        .register(&mut publish, PUBLISH, Interest::READABLE)?;
    let mut floor = Floor {
        poll,
        batch: how == "batch",
        kept_max,
        connections: Vec::new(),
        topics: HashMap::new(),
        unsent: Unsent::default(),
        buffer: vec![0; READ_LEN],
    };
    let mut events = Events::with_capacity(1024);
    loop {
        match floor.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled.context("can't wait for events")?,
        }
        for event in &events {
            match event.token() {
                WEB => floor.accept(&web, Role::Handshake)?,
                PUBLISH => floor.accept(&publish, Role::Publisher)?,
                Token(token) => {
                    if event.is_readable() {
                        floor.read(token - FIRST);
                    }
                    if event.is_writable() {
                        floor.send_kept(token - FIRST);
                        floor.send_unsent(token - FIRST);
                    }
                }
            }
        }
    }
}

fn listen(address: &str) -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.parse::<SocketAddr>()?.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn usage() -> &'static str {
    "usage: push-floor WEB_ADDRESS PUBLISH_ADDRESS write|batch [KEPT]"
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener, role: Role) -> Result<()> {
        while let Ok((mut stream, _)) = listener.accept() {
            // The next read finds a closed peer.
            let _ = stream.set_nodelay(true);
            let token = Token(FIRST + self.connections.len());
            let interest = match self.kept_max {
                0 => Interest::READABLE,
                _ => Interest::READABLE | Interest::WRITABLE,
            };
            self.poll
                .registry()
                .register(&mut stream, token, interest)?;
            self.connections.push(Some(Connection {
                stream,
                unfinished: Vec::new(),
                role,
                kept: Rc::default(),
                sent: 0,
            }));
        }
        Ok(())
    }

    fn read(&mut self, place: usize) {
        let mut buffer = std::mem::take(&mut self.buffer);
        while let Some(connection) = &mut self.connections[place] {
            match connection.stream.read(&mut buffer) {
                Ok(len @ 1..) => self.take(place, &buffer[..len]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // Its index is not used again.
                Ok(0) | Err(_) => {
                    self.connections[place] = None;
                    self.unsent.remove(place);
                }
            }
        }
        self.buffer = buffer;
    }

    fn take(&mut self, place: usize, bytes: &[u8]) {
        let Some(connection) = &mut self.connections[place] else {
            return;
        };
        match connection.role {
            Role::Subscriber => {}
            Role::Upgraded => {
                // Its end would be found by the next read.
                let _ = connection.stream.write(SUBSCRIBED);
                connection.role = Role::Subscriber;
                self.send_kept(place);
            }
            Role::Handshake => {
                connection.unfinished.extend_from_slice(bytes);
                if connection.unfinished.ends_with(b"\r\n\r\n") {
                    self.shake_hands(place);
                }
            }
            Role::Publisher => {
                let mut rest = std::mem::take(&mut connection.unfinished);
                rest.extend_from_slice(bytes);
                let end = memchr::memrchr(b'\n', &rest).map_or(0, |end| end + 1);
                let unfinished = rest.split_off(end);
                connection.unfinished = unfinished;
                self.publish(&rest);
            }
        }
    }

    fn shake_hands(&mut self, place: usize) {
        let Some(connection) = &mut self.connections[place] else {
            return;
        };
        let request = std::mem::take(&mut connection.unfinished);
        let request = String::from_utf8_lossy(&request);
        let path = request.split(' ').nth(1).unwrap_or("/");
        let key = request
            .split_once("Sec-WebSocket-Key: ")
            .and_then(|(_, rest)| rest.lines().next());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.unwrap_or("").as_bytes())
        );
        let _ = connection.stream.write(answer.as_bytes());
        connection.role = match self.kept_max {
            0 => Role::Subscriber,
            _ => Role::Upgraded,
        };
        let topic = path.trim_start_matches('/').as_bytes().to_vec();
        let topic = self.topics.entry(topic).or_default();
        topic.subscribers.push(place);
        connection.kept = topic.kept.clone();
    }

    /// Writes kept events until the socket takes no more.
    fn send_kept(&mut self, place: usize) {
        let Some(connection) = &mut self.connections[place] else {
            return;
        };
        let Connection {
            stream, kept, sent, ..
        } = connection;
        while connection.role == Role::Subscriber && *sent < kept.frames.len() {
            let end = match self.batch {
                true => kept.frames.len(),
                false => kept.ends[kept.ends.partition_point(|end| end <= sent)],
            };
            match stream.write(&kept.frames[*sent..end]) {
                Ok(len) => *sent += len,
                // After an error, the next read finds the end of the connection.
                Err(_) => return,
            }
        }
    }

    fn send_unsent(&mut self, place: usize) {
        if let Some(connection) = &mut self.connections[place] {
            self.unsent.send(place, &mut connection.stream);
        }
    }

    /// Publishes complete lines.
    fn publish(&mut self, lines: &[u8]) {
        let mut touched = Vec::new();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let line = &line[..line.len() - 1];
            let name = line.strip_prefix(LINE_START).unwrap_or(b"");
            let name = &name[..memchr::memchr(b'"', name).unwrap_or(0)];
            let topic = match self.topics.get_mut(name) {
                Some(topic) => topic,
                None if self.kept_max == 0 => continue,
                None => self.topics.entry(name.to_vec()).or_default(),
            };
            if topic.frames.is_empty() {
                touched.push(name);
            }
            put_frame(&mut topic.frames, line);
            if topic.kept.ends.len() < self.kept_max {
                let kept = Rc::make_mut(&mut topic.kept);
                put_frame(&mut kept.frames, line);
                kept.ends.push(kept.frames.len());
            }
            if !self.batch {
                self.write_all(name);
            }
        }
        for name in touched {
            self.write_all(name);
        }
    }

    /// Writes the frames of a topic to its subscribers.
    fn write_all(&mut self, name: &[u8]) {
        let Some(topic) = self.topics.get_mut(name) else {
            return;
        };
        if topic.frames.is_empty() {
            return;
        }
        let mut frames = Frames::new(&topic.frames);
        for &place in &topic.subscribers {
            if let Some(connection) = &mut self.connections[place] {
                let (registry, stream) = (self.poll.registry(), &mut connection.stream);
                let token = Token(FIRST + place);
                self.unsent
                    .write(registry, (place, token), stream, &mut frames);
            }
        }
        topic.frames.clear();
    }
}

/// Returns an unmasked text frame.
fn put_frame(frames: &mut Vec<u8>, payload: &[u8]) {
    frames.push(0x81);
    match payload.len() {
        len @ 0..=125 => frames.push(len as u8),
        len @ 126..=0xffff => {
            frames.push(126);
            frames.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            frames.push(127);
            frames.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frames.extend_from_slice(payload);
}
