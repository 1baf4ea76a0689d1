//! One subscriber's connection.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

use super::dialect;
use super::page::Page;
use super::transport::Transport;
use crate::servers::Kind;

/// A page's connection.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) page: Page,
    pub(super) transport: Transport,
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
    pub(super) fn new(transport: Transport, page: Page) -> Self {
        Self {
            page,
            transport,
            state: State::Connecting,
            unfinished: Vec::new(),
        }
    }

    /// Sends the request when the connection is established.
    pub(super) fn request(&mut self, kind: Kind, web: SocketAddr) -> Result<()> {
        let request = dialect::request(kind, web, &self.page);
        let written = self.transport.write(&request);
        written.context("can't write to the server")?;
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
            let written = self.transport.write(&message);
            written.context("can't write to the server")?;
        }
        self.state = State::Subscribing;
        Ok(end + 4)
    }
}
