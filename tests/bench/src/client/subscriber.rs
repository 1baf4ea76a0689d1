//! One subscriber's connection.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use socket2::SockRef;

use super::dialect;
use super::page::Page;
use crate::servers::Kind;

/// A page's connection.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) page: Page,
    pub(super) stream: TcpStream,
    pub(super) state: State,
    /// An incomplete mark or answer.
    pub(super) unfinished: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Handshake,
    /// It has sent its subscription.
    Subscribing,
    /// It has received a warm-up event.
    Subscribed,
}

impl Subscriber {
    pub(super) fn open(web: SocketAddr, page: Page) -> Result<Self> {
        let stream = TcpStream::connect(web).context("can't connect a subscriber")?;
        // Closes with a reset. Otherwise thousands of ports would stay in TIME_WAIT for a minute.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        Ok(Self {
            page,
            stream,
            state: State::Connecting,
            unfinished: Vec::new(),
        })
    }

    /// Sends the request when the connection is established.
    pub(super) fn request(&mut self, kind: Kind, web: SocketAddr) -> Result<()> {
        self.say(&dialect::request(kind, web, &self.page))?;
        self.state = State::Handshake;
        Ok(())
    }

    /// Sends the subscription after the server's answer. Returns the length of that answer, or 0 if it is incomplete.
    pub(super) fn answered(&mut self, kind: Kind, bytes: &[u8]) -> Result<usize> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(0);
        };
        if !bytes.starts_with(dialect::success(kind)) {
            bail!("no subscription: {}", String::from_utf8_lossy(bytes));
        }
        if let Some(message) = dialect::subscribe(kind, &self.page) {
            self.say(&message)?;
        }
        self.state = State::Subscribing;
        Ok(end + 4)
    }

    fn say(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.stream.write(bytes);
        if written.context("can't write to the server")? < bytes.len() {
            bail!("the server does not read");
        }
        Ok(())
    }
}
