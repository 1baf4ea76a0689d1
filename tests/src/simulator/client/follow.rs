//! Follows the topics of a subscriber to their ends.

use std::thread;
use std::time::{Duration, Instant};

use super::super::notebook::Notebook;
use super::super::publish_connection::position;
use super::super::record::Observations;
use super::super::subscriber_plan::{Kind, SubscriberPlan};
use super::super::{POLL, STOPPED, WAIT};
use super::event_stream::EventStream;
use super::pushd1::Pushd1;
use super::subscriber::{Client, Command, Lost, Subscriber};
use super::wamp::Wamp;

/// Longest wait for the answer to a question, before the connection is given up.
const BARRIER_MAX: Duration = Duration::from_secs(2);

impl Subscriber<'_> {
    /// Follows its topics to their ends.
    pub(in crate::simulator) fn follow(self) -> Result<Observations, String> {
        let SubscriberPlan { kind, topics, .. } = self.plan;
        let mut client: Box<dyn Client + '_> = match kind {
            Kind::Pushd1 => Box::new(Pushd1::new(&self)),
            Kind::Wamp => Box::new(Wamp::new(&self)),
            Kind::EventStream => Box::new(EventStream::new(&self)),
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
                    let begin = self
                        .plan
                        .has_position
                        .then(|| position(self.shared, self.index + book.notes.len()));
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
        loop {
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
            self.barrier(client, book)?;
            // Unless this node has not read so far, and told of an older gap.
            if self.has_all(book) {
                return Ok(());
            }
        }
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
