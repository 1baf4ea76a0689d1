//! Subscribers of a run. Each keeps its position as the protocol says, through cuts and restarts.

mod event_stream;
mod pushd1;
mod wamp;
mod web_socket;

use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use super::notebook::Notebook;
use super::plan::{Flaw, Kind, SubscriberPlan};
use super::position::Position;
use super::publisher::position;
use super::record::Observations;
use super::shared::Shared;
use super::{POLL, STOPPED, WAIT};

/// Longest wait for the answer to a question, before the connection is given up.
const BARRIER_MAX: Duration = Duration::from_secs(2);

/// An order for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
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
enum Lost {
    /// It ended, or the client gave it up.
    Ended,
    /// Another page takes the client's place.
    NewPage,
    /// The daemon broke the protocol.
    Wrong(String),
}

/// One protocol.
trait Client {
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
pub(super) struct Subscriber<'a> {
    pub(super) shared: &'a Shared,
    pub(super) index: usize,
    pub(super) plan: &'a SubscriberPlan,
    pub(super) flaw: Option<Flaw>,
    /// The address to connect to.
    pub(super) address: SocketAddr,
    /// The position at the beginning of the run.
    pub(super) begin: Position,
    pub(super) commands: Receiver<Command>,
}

impl Subscriber<'_> {
    /// Follows its topics to their ends.
    pub(super) fn follow(self) -> Result<Observations, String> {
        let SubscriberPlan { kind, topics, .. } = self.plan;
        let mut client: Box<dyn Client + '_> = match kind {
            Kind::Pushd1 => Box::new(pushd1::Pushd1::new(&self)),
            Kind::Wamp => Box::new(wamp::Wamp::new(&self)),
            Kind::EventStream => Box::new(event_stream::EventStream::new(&self)),
        };
        let mut book = Notebook::new(topics, self.flaw);
        let mut ending = None;
        let mut is_ready = false;
        let mut new_pages = 0;
        loop {
            let connected = client.connect(&mut book);
            let is_connected = connected.is_ok();
            let session = connected.and_then(|()| {
                if !is_ready || new_pages > 0 {
                    self.barrier(&mut *client, &mut book)?;
                    self.shared.settle(std::mem::take(&mut new_pages));
                    if !std::mem::replace(&mut is_ready, true) {
                        self.shared.count_ready();
                    }
                }
                self.session(&mut *client, &mut book)
            });
            match session {
                Ok(()) => break,
                Err(Lost::Wrong(text)) => return Err(format!("{}: {text}", self.name())),
                Err(Lost::Ended) => {}
                Err(Lost::NewPage) => {
                    client.leave();
                    let begin = self.plan.has_position.then(|| position(self.shared));
                    client.become_new(begin.transpose()?, &mut book);
                    new_pages += 1;
                }
            }
            if !is_connected {
                thread::sleep(POLL);
            }
            self.check_time(&mut ending, &book)?;
        }
        Ok(Observations {
            kind: *kind,
            topics: topics.clone(),
            notes: book.notes,
        })
    }

    fn name(&self) -> String {
        format!("subscriber {} ({:?})", self.index, self.plan.kind)
    }

    /// Uses one connection until it is lost, or everything has arrived.
    fn session(&self, client: &mut dyn Client, book: &mut Notebook) -> Result<(), Lost> {
        let mut ending = None;
        while !self.has_all(book) {
            while let Ok(command) = self.commands.try_recv() {
                match command {
                    Command::Probe => client.probe()?,
                    Command::Leave => {
                        client.leave();
                        return Err(Lost::Ended);
                    }
                    Command::NewPage => return Err(Lost::NewPage),
                    Command::Resubscribe(topic) => client.resubscribe(topic, book)?,
                }
            }
            client.receive(book)?;
            self.check_time(&mut ending, book).map_err(Lost::Wrong)?;
        }
        // Nothing may come behind the last events.
        self.barrier(client, book)
    }

    fn barrier(&self, client: &mut dyn Client, book: &mut Notebook) -> Result<(), Lost> {
        let begun = Instant::now();
        client.begin_barrier()?;
        while !client.is_barrier_passed() {
            client.receive(book)?;
            self.check_failed().map_err(Lost::Wrong)?;
            // The connection may be half-open.
            if begun.elapsed() > BARRIER_MAX {
                return Err(Lost::Ended);
            }
        }
        Ok(())
    }

    fn check_failed(&self) -> Result<(), String> {
        match self.shared.is_failed() {
            true => Err(STOPPED.to_owned()),
            false => Ok(()),
        }
    }

    fn has_all(&self, book: &Notebook) -> bool {
        let ends = self.shared.ends.get();
        ends.is_some_and(|ends| book.missing(ends).is_empty())
    }

    /// Fails if the last events are published, and have not come for too long.
    fn check_time(&self, ending: &mut Option<Instant>, book: &Notebook) -> Result<(), String> {
        self.check_failed()?;
        let Some(ends) = self.shared.ends.get() else {
            return Ok(());
        };
        if ending.get_or_insert_with(Instant::now).elapsed() < WAIT {
            return Ok(());
        }
        let missing = book.missing(ends);
        let last = book.notes.len().saturating_sub(5);
        Err(format!(
            "{}: the ends of topics {missing:?} have not come for {WAIT:?}; its last notes: {:?}",
            self.name(),
            &book.notes[last..]
        ))
    }
}
