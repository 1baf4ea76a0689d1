//! A subscriber's observations, and how far it has come.

use super::event::EventId;
use super::position::Position;
use super::record::{End, From, Note};
use super::subscriber_plan::{Flaw, FlawKind};

/// The observations of one subscriber so far.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    pub(super) notes: Vec<Note>,
    topics: Vec<usize>,
    flaw: Option<Flaw>,
    events: usize,
    /// An event that a flaw reports later.
    delayed: Option<Note>,
}

impl Notebook {
    pub(super) fn new(topics: &[usize], flaw: Option<Flaw>) -> Self {
        Self {
            topics: topics.to_vec(),
            flaw,
            ..Self::default()
        }
    }

    pub(super) fn connected(&mut self) {
        self.notes.push(Note::Connected);
    }

    pub(super) fn begin(&mut self, topic: usize, from: From) {
        self.notes.push(Note::Begin { topic, from });
    }

    pub(super) fn new_page(&mut self, topic: usize, begin: Option<Position>) {
        self.notes.push(Note::NewPage { topic, begin });
    }

    pub(super) fn event(&mut self, topic: usize, id: EventId, position: Option<Position>) {
        let note = Note::Event {
            topic,
            id,
            position,
        };
        self.events += 1;
        let kind = self.flaw.filter(|flaw| self.events > flaw.after);
        match (kind.map(|flaw| flaw.kind), self.delayed.take()) {
            (None, _) => self.notes.push(note),
            (Some(FlawKind::Drop), _) => self.flaw = None,
            (Some(FlawKind::Double), _) => {
                self.flaw = None;
                self.notes.extend([note.clone(), note]);
            }
            (Some(FlawKind::Swap), None) => self.delayed = Some(note),
            (Some(FlawKind::Swap), Some(before)) => {
                if matches!(before, Note::Event { topic: other, .. } if other == topic) {
                    self.flaw = None;
                    self.notes.extend([note, before]);
                } else {
                    self.notes.push(before);
                    self.delayed = Some(note);
                }
            }
        }
    }

    pub(super) fn gap(&mut self, topics: &[usize], position: Position) {
        let topics = topics.to_vec();
        self.notes.push(Note::Gap { topics, position });
    }

    /// Whether the subscriber has come to the end of a topic. The last gap decides: after it was told of one in the epoch of
    /// the end, it may have connected to a node that has not read so far, and hears of an older one there.
    fn has_reached(&self, topic: usize, end: &End) -> bool {
        let decided = self.notes.iter().rev().find_map(|note| match note {
            Note::Event { id, .. } => (*id == end.id).then_some(true),
            Note::Gap { topics, position } => topics.contains(&topic).then_some(
                position.epoch == end.position.epoch && position.sequence >= end.position.sequence,
            ),
            _ => None,
        });
        decided == Some(true)
    }

    /// Returns the topics whose ends the subscriber has not reached.
    pub(super) fn missing(&self, ends: &[End]) -> Vec<usize> {
        let topics = self.topics.iter().copied();
        topics
            .filter(|&topic| !self.has_reached(topic, &ends[topic]))
            .collect()
    }
}
