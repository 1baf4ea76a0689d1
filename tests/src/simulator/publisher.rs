//! Publishers of a run. They send several events before they read the receipts, and repeat events with a publish id after
//! a lost connection.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::event::{EventId, event_text};
use super::plan::Plan;
use super::position::Position;
use super::publish_connection::Connection;
use super::record::{Fate, Sent};
use super::shared::Shared;
use super::subscriber_plan::TOPICS;
use super::{POLL, STOPPED, WAIT};
use crate::random::Random;

/// Most events without a receipt.
const UNANSWERED_MAX: usize = 20;

/// Ids of a publisher begin with its index.
const INDEX_SHIFT: u32 = 32;

/// An event to publish.
struct Event {
    topic: usize,
    len: usize,
    has_id: bool,
}

/// A publisher with its unanswered events.
pub(super) struct Publisher<'a> {
    shared: &'a Shared,
    index: usize,
    sent: Vec<Sent>,
    /// Indexes of events that have to be sent again.
    again: VecDeque<usize>,
    has_id: Vec<bool>,
    connection: Option<Connection>,
    /// Number of attempts to connect. Each one is to the next node.
    connects: usize,
}

/// Publishes the events of the plan, as many as are allowed so far. Returns when all have a result.
pub(super) fn publish(shared: &Shared, plan: &Plan, index: usize) -> Result<Vec<Sent>, String> {
    let mut random = Random::new(plan.seed * 100 + index as u64);
    let mut publisher = Publisher::new(shared, index);
    let all = plan.phases * plan.events_per_phase;
    let mut begun = 0;
    let mut heard = Instant::now();
    while begun < all || publisher.is_waiting() {
        if begun < all.min(shared.allowed()) && publisher.has_room() {
            publisher.send_new(&Event {
                topic: random.below(plan.topics),
                len: match random.once_in(plan.large_every) {
                    true => random.below(plan.large_len),
                    false => random.below(100),
                },
                has_id: random.once_in(2),
            });
            shared.count_sent();
            begun += 1;
            heard = Instant::now();
        } else if publisher.advance()? || !publisher.is_waiting() {
            heard = Instant::now();
        }
        if shared.is_failed() {
            return Err(STOPPED.to_owned());
        }
        if heard.elapsed() > WAIT {
            return Err(format!("publisher {index}: no answer for {WAIT:?}"));
        }
    }
    Ok(publisher.sent)
}

impl<'a> Publisher<'a> {
    pub(super) fn new(shared: &'a Shared, index: usize) -> Self {
        Self {
            shared,
            index,
            sent: Vec::new(),
            again: VecDeque::new(),
            has_id: Vec::new(),
            connection: None,
            connects: 0,
        }
    }

    /// Publishes events of one topic with ids until all have receipts.
    pub(super) fn publish_all(
        mut self,
        topic: usize,
        lens: impl IntoIterator<Item = usize>,
    ) -> Result<Vec<Sent>, String> {
        let begun = Instant::now();
        for len in lens {
            let event = Event {
                topic,
                len,
                has_id: true,
            };
            self.send_new(&event);
        }
        while self.is_waiting() {
            self.advance()?;
            if self.shared.is_failed() {
                return Err(STOPPED.to_owned());
            }
            if begun.elapsed() > WAIT {
                return Err(format!("publisher {}: too few receipts", self.index));
            }
        }
        Ok(self.sent)
    }

    fn has_room(&self) -> bool {
        let unanswered = self.connection.as_ref().map(|open| open.unanswered.len());
        self.again.is_empty() && unanswered.unwrap_or(0) < UNANSWERED_MAX
    }

    fn is_waiting(&self) -> bool {
        let connection = self.connection.as_ref();
        !self.again.is_empty() || connection.is_some_and(|open| !open.unanswered.is_empty())
    }

    fn send_new(&mut self, event: &Event) {
        let &Event { topic, len, has_id } = event;
        let index = self.sent.len();
        self.sent.push(Sent {
            id: ((self.index as EventId + 1) << INDEX_SHIFT) + index as EventId,
            topic,
            len,
            at: self.shared.tick(),
            attempts: 0,
            fate: Fate::Unknown,
        });
        self.has_id.push(has_id);
        self.send(index);
    }

    /// Sends an event. Without a connection, it is sent later.
    fn send(&mut self, index: usize) {
        let Some(open) = &mut self.connection else {
            return self.again.push_back(index);
        };
        let sent = &mut self.sent[index];
        sent.attempts += 1;
        let Sent { id, topic, len, .. } = *sent;
        let topic = json!(TOPICS[topic]);
        let options = match self.has_id[index] {
            true => format!(",{{\"id\":\"{id}\"}}"),
            false => String::new(),
        };
        let message = format!("[3,{index},{topic},{}{options}]\n", event_text(id, len));
        open.unanswered.push_back(index);
        if open.send(&message).is_err() {
            self.lose();
        }
    }

    /// Connects, sends one event again, or waits briefly for an answer. Returns whether something was done.
    fn advance(&mut self) -> Result<bool, String> {
        if let Some(cut) = self.shared.cuts.get(self.index)
            && cut.swap(false, Ordering::SeqCst)
        {
            self.cut();
        }
        let Some(open) = &mut self.connection else {
            self.connection = Connection::open(self.shared, self.index + self.connects);
            self.connects += 1;
            if self.connection.is_none() {
                thread::sleep(POLL);
            }
            return Ok(self.connection.is_some());
        };
        if open.unanswered.len() < UNANSWERED_MAX
            && let Some(index) = self.again.pop_front()
        {
            self.send(index);
            return Ok(true);
        }
        if open.unanswered.is_empty() {
            thread::sleep(POLL);
            return Ok(false);
        }
        match open.answer() {
            Ok(None) => Ok(false),
            Ok(Some(answer)) => self.take(&answer).map(|()| true),
            Err(_) => {
                self.lose();
                Ok(true)
            }
        }
    }

    fn take(&mut self, answer: &Value) -> Result<(), String> {
        let open = self.connection.as_mut().ok_or("no connection")?;
        match (answer[0].as_u64(), answer[1].as_u64()) {
            (Some(2), _) => Ok(()),
            (Some(4), Some(request)) if open.unanswered.pop_front() == Some(index_of(request)) => {
                // The first attempt may be in a log that is lost. Then there is no position.
                let Some(position) = answer[4]["position"].as_str() else {
                    return self.check_repeated(index_of(request), answer);
                };
                let position = Position::parse(position)?;
                if answer[2] != position.sequence {
                    return Err(format!("two sequence numbers in {answer}"));
                }
                let at = self.shared.tick();
                self.sent[index_of(request)].fate = Fate::Accepted { position, at };
                Ok(())
            }
            (Some(5), None) => {
                // Nothing is published behind the last answer.
                let refused = std::mem::take(&mut open.unanswered);
                refused.into_iter().for_each(|index| self.refuse(index));
                self.connection = None;
                Ok(())
            }
            (Some(5), Some(request)) if open.unanswered.pop_front() == Some(index_of(request)) => {
                self.refuse(index_of(request));
                Ok(())
            }
            _ => Err(format!(
                "publisher {}: unexpected answer {answer}",
                self.index
            )),
        }
    }

    fn check_repeated(&self, index: usize, answer: &Value) -> Result<(), String> {
        let sent = &self.sent[index];
        match sent.attempts > 1 && answer[4]["stored"] == "no" {
            true => Ok(()),
            false => Err(format!("no position in {answer} for {sent:?}")),
        }
    }

    /// Sends a refused event again if it has an id. An earlier attempt may have been accepted, so it is not refused.
    fn refuse(&mut self, index: usize) {
        match self.has_id[index] {
            true => self.again.push_back(index),
            false if self.shared.is_refusal_final() => self.sent[index].fate = Fate::Refused,
            false => {}
        }
    }

    /// Resets the connection.
    fn cut(&mut self) {
        if let Some(open) = &self.connection {
            open.reset_at_end();
        }
        self.lose();
    }

    /// Gives the connection up. Events with an id are sent again.
    fn lose(&mut self) {
        let Some(open) = self.connection.take() else {
            return;
        };
        let again = open.unanswered.into_iter();
        self.again.extend(again.filter(|&index| self.has_id[index]));
    }
}

fn index_of(request: u64) -> usize {
    usize::try_from(request).unwrap_or(usize::MAX)
}
