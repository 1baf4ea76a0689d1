//! The publisher. It decides when to connect, and when to connect again.

mod requests;
mod spooling;
mod users;

use std::path::Path;
use std::time::Duration;

use pusher_proto::{Position, native};

use crate::address::Address;
use crate::attempt::Operation;
use crate::batch::Batch;
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::event::Event;
use crate::limits::{TIMEOUT_MAX, TIMEOUT_MIN};
use crate::options::Options;
use crate::process::ProcessId;
use crate::receipt::Receipt;
use crate::spool::Spool;
use crate::token::Token;

/// Publishes to one pushd, over a connection that it opens at the first publish and keeps.
///
/// A forked child never uses its parent's connection: it opens its own.
#[derive(Debug)]
pub struct Publisher {
    address: Address,
    timeout: Duration,
    token: Option<Token>,
    spool: Option<Spool>,
    /// The number of events that this process had written to a spool before pushd's last answer to a DRAIN. `None`
    /// after pushd has refused an event: it accepts the next one only after a DRAIN.
    drained_count: Option<u64>,
    connection: Option<Connection>,
    /// The process that opened `connection`.
    process: ProcessId,
    last_request: u64,
    buffer: Vec<u8>,
}

impl Publisher {
    /// Returns a publisher that has not connected yet. Opens nothing.
    pub fn new(options: Options) -> Self {
        Self {
            spool: Spool::of(&options),
            drained_count: Some(0),
            address: options.address,
            timeout: options.timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX),
            token: options.token,
            connection: None,
            process: ProcessId::current(),
            last_request: 0,
            buffer: Vec::new(),
        }
    }

    /// Sends `event`, one complete JSON value, to every browser that is subscribed to `topic`, and
    /// waits for the receipt, never longer than the timeout.
    ///
    /// If the connection was closed meanwhile, connects again, once. If it ends after the event was written, the
    /// event is not sent again: browsers could get it twice.
    ///
    /// With [`Options::spool_dir`], an event that pushd cannot accept now is written to the spool.
    ///
    /// # Errors
    /// See [`Error`]. The message names the address, the time spent, the reason, and the next thing to check.
    pub fn publish(&mut self, topic: &str, event: &str) -> Result<Receipt, Error> {
        self.publish_event(&Event::new(topic, event))
    }

    /// As [`publish`](Self::publish), with an id or other options.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn publish_event(&mut self, event: &Event<'_>) -> Result<Receipt, Error> {
        self.abandon_inherited();
        self.publish_until(event, &Deadline::after(self.timeout))
    }

    /// Asks for the present position of pushd's log, and waits for the answer, never longer than the timeout.
    ///
    /// A program asks before it reads the data for a page. The page subscribes with the position as `since`, and so
    /// gets every event that was published in between.
    ///
    /// If the connection was closed meanwhile, or ends before the answer, connects again, once.
    ///
    /// # Errors
    /// See [`Error`]. An older pushd, which has no positions, is [`Error::Refused`].
    pub fn position(&mut self) -> Result<Position, Error> {
        self.abandon_inherited();
        self.position_until(&Deadline::after(self.timeout))
    }

    /// Sends every event of the batch and waits for the receipts. One timeout covers the whole batch.
    /// An empty batch sends nothing.
    ///
    /// Calls `settle` exactly once for each event, in order. If pushd refuses an event, the others are still
    /// published. If the connection fails or the timeout passes, each event without an answer gets
    /// that error.
    pub fn publish_batch(
        &mut self,
        batch: &Batch,
        mut settle: impl FnMut(Result<Receipt, &Error>),
    ) {
        if batch.is_empty() {
            return;
        }
        self.abandon_inherited();
        let deadline = Deadline::after(self.timeout);
        match self.spool.clone() {
            Some(spool) => self.publish_batch_or_spool(batch, &spool, &deadline, settle),
            None => self.publish_chunks(
                || batch.chunks(),
                || deadline,
                |answer| {
                    settle(answer);
                    true
                },
            ),
        }
    }

    /// Whether this process has kept a connection from its last publish. pushd may have closed it since: the next
    /// publish notices.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some() && self.process == ProcessId::current()
    }

    /// The address of pushd.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The publish token.
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The timeout of a publish.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sets the timeout of later publishes, clamped as in [`Options::timeout`].
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout.clamp(TIMEOUT_MIN, TIMEOUT_MAX);
    }

    /// Sets the directory of the spool, and the time to live of its events, for later publishes: as
    /// [`Options::spool_dir`] and [`Options::spool_ttl_s`].
    pub fn set_spool(&mut self, dir: Option<&Path>, ttl_s: u32) {
        if self.spool.is_some() != dir.is_some() {
            // The HELLO of the connection says whether there is a spool.
            self.abandon_inherited();
            self.connection = None;
        }
        self.spool = dir.map(|dir| match self.spool.take() {
            Some(spool) if spool.dir() == dir => spool.with_ttl(ttl_s),
            _ => Spool::new(dir, ttl_s, self.token.clone()),
        });
    }

    /// As [`position`](Self::position), for a caller that has checked for a fork already.
    pub(crate) fn position_until(&mut self, deadline: &Deadline) -> Result<Position, Error> {
        self.request(Operation::Position, deadline, |buffer, request| {
            native::encode_position_request(buffer, request);
            Ok(())
        })
    }

    /// Gives up the connection if another process opened it.
    pub(crate) fn abandon_inherited(&mut self) {
        let process = ProcessId::current();
        if self.process != process {
            self.process = process;
            if let Some(inherited) = self.connection.take() {
                inherited.abandon();
            }
        }
    }
}

impl Drop for Publisher {
    /// A forked child that never published gives up the inherited connection in the same way.
    fn drop(&mut self) {
        self.abandon_inherited();
    }
}
