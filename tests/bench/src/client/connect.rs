//! Connecting many pages.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mio::{Interest, Token};

use super::Client;
use super::subscriber::Subscriber;
use super::transport::Transport;

/// Largest number of concurrent handshakes of pages that do not come all at once.
const HANDSHAKES: usize = 128;
/// Time limit for connecting all subscribers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

impl Client<'_> {
    /// Connects all pages, with few concurrent handshakes.
    pub(super) fn open_all(&mut self) -> Result<()> {
        self.open(HANDSHAKES)
    }

    /// Connects all pages at once.
    pub(super) fn open_all_at_once(&mut self) -> Result<()> {
        self.open(self.scenario.connections())
    }

    /// Connects all pages, with at most `handshakes` concurrent handshakes.
    fn open(&mut self, handshakes: usize) -> Result<()> {
        let end = Instant::now() + CONNECT_TIMEOUT;
        while self.upgraded < self.scenario.connections() {
            if Instant::now() > end {
                let upgraded = self.upgraded;
                bail!("only {upgraded} connections after {CONNECT_TIMEOUT:?}");
            }
            let room = handshakes - (self.subscribers.len() - self.upgraded).min(handshakes);
            self.open_some(room.min(HANDSHAKES))?;
            let patience = match self.away.is_empty() || room <= HANDSHAKES {
                true => Duration::from_millis(100),
                false => Duration::ZERO,
            };
            self.receive(patience)?;
        }
        Ok(())
    }

    fn open_some(&mut self, count: usize) -> Result<()> {
        for page in self.away.drain(..count.min(self.away.len())) {
            let place = self.subscribers.len();
            let mut transport = Transport::open(self.server.web, self.tls.as_ref())?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(&mut transport.stream, Token(place), interest)?;
            self.subscribers.push(Subscriber::new(transport, page));
        }
        Ok(())
    }
}
