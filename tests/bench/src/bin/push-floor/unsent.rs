//! Bytes that sockets did not take: the rest of large events.

use std::collections::{HashMap, VecDeque};
use std::io::{ErrorKind, Write};
use std::rc::Rc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// The unsent bytes of all connections, without a limit. An entry stays when it is empty: it means that the poll tells
/// when the connection is writable.
#[derive(Default)]
pub(crate) struct Unsent(HashMap<usize, VecDeque<Rest>>);

/// Frames of which the first `sent` bytes are sent.
struct Rest {
    frames: Rc<[u8]>,
    sent: usize,
}

/// Frames for several connections. They are copied when the first of these does not take all bytes.
pub(crate) struct Frames<'a> {
    bytes: &'a [u8],
    copy: Option<Rc<[u8]>>,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, copy: None }
    }

    fn rest(&mut self, sent: usize) -> Rest {
        let frames = self.copy.get_or_insert_with(|| self.bytes.into());
        Rest {
            frames: Rc::clone(frames),
            sent,
        }
    }
}

impl Unsent {
    /// Writes the frames to the connection at `place`, and keeps the bytes that it does not take.
    pub(crate) fn write(
        &mut self,
        registry: &Registry,
        (place, token): (usize, Token),
        stream: &mut TcpStream,
        frames: &mut Frames<'_>,
    ) {
        // Most runs have no large events, and then a delivery is nothing but the write.
        let known = match self.0.is_empty() {
            true => None,
            false => self.0.get_mut(&place),
        };
        if let Some(queue) = known
            && !queue.is_empty()
        {
            return queue.push_back(frames.rest(0));
        }
        let sent = match stream.write(frames.bytes) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            // The next read finds the end of the connection.
            Err(_) => return,
        };
        if sent == frames.bytes.len() {
            return;
        }
        let queue = self.0.entry(place).or_insert_with(|| {
            let interest = Interest::READABLE | Interest::WRITABLE;
            // Without it, the client notices that bytes are missing.
            let _ = registry.reregister(stream, token, interest);
            VecDeque::new()
        });
        queue.push_back(frames.rest(sent));
    }

    /// Sends what the connection, which has become writable, takes.
    pub(crate) fn send(&mut self, place: usize, stream: &mut TcpStream) {
        let Some(queue) = self.0.get_mut(&place) else {
            return;
        };
        while let Some(rest) = queue.front_mut() {
            match stream.write(&rest.frames[rest.sent..]) {
                Ok(len) => rest.sent += len,
                Err(_) => return,
            }
            if rest.sent < rest.frames.len() {
                return; // The socket is full.
            }
            queue.pop_front();
        }
    }

    /// Forgets a connection that has ended.
    pub(crate) fn remove(&mut self, place: usize) {
        self.0.remove(&place);
    }
}
