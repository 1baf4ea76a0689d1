//! A subscriber, whatever its protocol.

use std::net::SocketAddr;
use std::sync::mpsc::Receiver;

use super::super::notebook::Notebook;
use super::super::position::Position;
use super::super::shared::Shared;
use super::super::subscriber_plan::{Flaw, SubscriberPlan};

/// An order for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator) enum Command {
    /// The connection may be dead: look.
    Probe,
    /// Close the connection, and connect again.
    Leave,
    /// Close the connection, forget everything, and connect as a new page. Then [settle](Shared::settle).
    NewPage,
    /// Unsubscribe from the topic with this index of its own, and subscribe again.
    Resubscribe(usize),
}

/// Why a connection is over.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It ended, or the client gave it up.
    Ended,
    /// Another page takes the client's place.
    NewPage,
    /// The daemon broke the protocol.
    Wrong(String),
}

/// One protocol.
pub(super) trait Client {
    /// Connects and subscribes.
    fn connect(&mut self, book: &mut Notebook) -> Result<(), Lost>;
    /// Handles what arrives within a short time.
    fn receive(&mut self, book: &mut Notebook) -> Result<(), Lost>;
    /// Looks whether the connection still works.
    fn probe(&mut self) -> Result<(), Lost>;
    /// Closes the connection in the protocol's way.
    fn leave(&mut self);
    /// Becomes a new page without a connection. `begin` is the present end of the log.
    fn become_new(&mut self, begin: Option<Position>, book: &mut Notebook);
    /// Unsubscribes and subscribes again. Reports to [`Shared::settle`] when the daemon has processed it.
    fn resubscribe(&mut self, topic: usize, book: &mut Notebook) -> Result<(), Lost>;
    /// Asks for an answer behind everything that the daemon has sent.
    fn begin_barrier(&mut self) -> Result<(), Lost>;
    /// Whether the answer has come.
    fn is_barrier_passed(&self) -> bool;
}

/// A subscriber's part of the plan, and its links to the run.
pub(in crate::simulator) struct Subscriber<'a> {
    pub(in crate::simulator) shared: &'a Shared,
    pub(in crate::simulator) index: usize,
    pub(in crate::simulator) plan: &'a SubscriberPlan,
    pub(in crate::simulator) flaw: Option<Flaw>,
    /// The address to connect to.
    pub(in crate::simulator) address: SocketAddr,
    /// The position at the beginning of the run.
    pub(in crate::simulator) begin: Position,
    pub(in crate::simulator) commands: Receiver<Command>,
}
