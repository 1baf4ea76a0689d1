//! Which event has which place in the log, as far as publishers and subscribers saw it.

use std::collections::{BTreeMap, HashMap};

use super::event::EventId;
use super::position::Position;
use super::record::{Fate, Note, Record, Sent, Tick};
use super::settings::HistoryBounds;

/// Bytes that the daemon counts for an event in addition to its frame, and the most that the frame adds to the event.
const ENTRY_COST: usize = 160;
const FRAME_COST_MAX: usize = 100;

/// All events with known places.
#[derive(Debug)]
pub(super) struct Truth<'a> {
    sent: HashMap<EventId, &'a Sent>,
    /// The events of all topics.
    events: BTreeMap<Position, EventId>,
    /// The events of each topic.
    topics: HashMap<usize, BTreeMap<Position, EventId>>,
    places: HashMap<EventId, Vec<Position>>,
    /// Number and bytes of the events that may have a place that nobody saw.
    unseen: usize,
    unseen_len: usize,
    has_lost_log: bool,
    /// The first receipt of each epoch, if several nodes share the log.
    first_receipts: HashMap<u64, Tick>,
    /// Whether a restart may forget publish ids although the epoch continues.
    forgets_ids: bool,
    /// Contradictions.
    pub(super) errors: Vec<String>,
}

impl<'a> Truth<'a> {
    pub(super) fn new(record: &'a Record) -> Self {
        let mut truth = Self {
            sent: record.sent.iter().map(|sent| (sent.id, sent)).collect(),
            events: BTreeMap::new(),
            topics: HashMap::new(),
            places: HashMap::new(),
            unseen: 0,
            unseen_len: 0,
            has_lost_log: record.has_lost_log,
            first_receipts: HashMap::new(),
            forgets_ids: record.forgets_ids,
            errors: Vec::new(),
        };
        for sent in &record.sent {
            if let Fate::Accepted { position, at } = sent.fate {
                truth.place(sent.topic, sent.id, position, "its receipt");
                if record.is_shared {
                    let first = truth.first_receipts.entry(position.epoch).or_insert(at);
                    *first = at.min(*first);
                }
            }
        }
        for (index, subscriber) in record.subscribers.iter().enumerate() {
            for note in &subscriber.notes {
                if let Note::Event {
                    topic,
                    id,
                    position,
                } = note
                {
                    truth.see(*topic, *id, *position, &format!("subscriber {index}"));
                }
            }
        }
        let unseen = record.sent.iter();
        let unseen = unseen.filter(|sent| !truth.places.contains_key(&sent.id));
        let lens: Vec<usize> = unseen.map(counted_len).collect();
        truth.unseen = lens.len();
        truth.unseen_len = lens.iter().sum();
        truth.check_order(record);
        truth.check_epochs(record);
        truth
    }

    fn see(&mut self, topic: usize, id: EventId, position: Option<Position>, who: &str) {
        match self.sent.get(&id) {
            Some(sent) if sent.topic == topic && sent.fate != Fate::Refused => {}
            sent => {
                let text = format!("{who} got event {id} on topic {topic}, which was {sent:?}");
                self.errors.push(text);
            }
        }
        if let Some(position) = position {
            self.place(topic, id, position, who);
        }
    }

    /// Records a place. A place never stands for two events, and in an epoch an event has one place.
    fn place(&mut self, topic: usize, id: EventId, position: Position, who: &str) {
        match self.events.insert(position, id) {
            Some(known) if known == id => return,
            Some(known) => {
                let text = format!("{position} stands for {known}, and by {who} for {id}");
                return self.errors.push(text);
            }
            None => {}
        }
        self.topics.entry(topic).or_default().insert(position, id);
        let places = self.places.entry(id).or_default();
        let is_repeated =
            self.forgets_ids && self.sent.get(&id).is_some_and(|sent| sent.attempts > 1);
        if let Some(other) = places.iter().find(|place| place.epoch == position.epoch)
            && !is_repeated
        {
            let text = format!("{id} is at {other}, and by {who} at {position}");
            self.errors.push(text);
        }
        places.push(position);
    }

    /// An event that is published after the receipt of another has a greater number.
    fn check_order(&mut self, record: &Record) {
        let mut accepted: Vec<(Position, &Sent, Tick)> = Vec::new();
        for sent in &record.sent {
            if let Fate::Accepted { position, at } = sent.fate {
                accepted.push((position, sent, at));
            }
        }
        accepted.sort_unstable_by_key(|(position, ..)| *position);
        let mut latest: Option<(Position, &Sent)> = None;
        for (position, sent, answered) in accepted {
            if let Some((before, other)) =
                latest.filter(|(before, _)| before.epoch == position.epoch)
                && answered < other.at
            {
                let text = format!(
                    "{} at {before} was sent after the receipt of {} at {position}",
                    other.id, sent.id
                );
                self.errors.push(text);
            }
            if latest
                .is_none_or(|(before, other)| before.epoch != position.epoch || other.at < sent.at)
            {
                latest = Some((position, sent));
            }
        }
    }

    fn check_epochs(&mut self, record: &Record) {
        let mut epochs: Vec<u64> = self.events.keys().map(|place| place.epoch).collect();
        epochs.dedup();
        if epochs.len() > record.epochs_max {
            let (count, starts) = (epochs.len(), record.starts);
            let text = format!("{count} epochs in {starts} starts: {epochs:x?}");
            self.errors.push(text);
        }
    }

    /// Returns the place of an event, if possible one of this epoch. `None` if it may have a place that nobody saw.
    pub(super) fn place_of(&self, id: EventId, epoch: Option<u64>) -> Option<Position> {
        let places = self.places.get(&id)?;
        let mut same = places.iter().filter(|place| Some(place.epoch) == epoch);
        let (same, second) = (same.next(), same.next());
        if second.is_some() {
            return None;
        }
        let other = places.last();
        let other = other.filter(|place| !self.may_have_other_place(id, place.epoch));
        same.or(other).copied()
    }

    /// Whether an event of this epoch may have a place in another one, too. If Redis ends before it replies, a node sends an
    /// event again, to the next Redis.
    fn may_have_other_place(&self, id: EventId, epoch: u64) -> bool {
        let Some(sent) = self.sent.get(&id) else {
            return false;
        };
        let first_receipt = self.first_receipts.get(&epoch);
        sent.attempts > 1 || first_receipt.is_some_and(|first| sent.at < *first)
    }

    pub(super) fn sent_at(&self, id: EventId) -> Tick {
        self.sent.get(&id).map_or(0, |sent| sent.at)
    }

    /// Returns the events of a topic behind `after` and before `until`, which is a place in the same epoch.
    pub(super) fn between(&self, topic: usize, after: Position, until: u64) -> Vec<EventId> {
        let first = after.at(after.sequence + 1);
        let Some(events) = self.topics.get(&topic) else {
            return Vec::new();
        };
        if first.sequence >= until {
            return Vec::new();
        }
        let range = events.range(first..after.at(until));
        range.map(|(_, id)| *id).collect()
    }

    /// Whether the log, at `end`, may have dropped an event of a topic behind `after`. `None` if so, otherwise why not.
    pub(super) fn why_no_gap(
        &self,
        topics: &[usize],
        after: Position,
        end: Position,
        bounds: &HistoryBounds,
    ) -> Option<String> {
        let is_exact = bounds.age_max_ms > 60_000 && !self.has_lost_log;
        if after.epoch != end.epoch || !is_exact {
            return None;
        }
        let behind_end = end.sequence + 1;
        let all: Vec<_> = (self.events)
            .range(after.at(after.sequence + 1)..after.at(behind_end.max(after.sequence + 1)))
            .collect();
        // Numbers that nobody saw may be events of any topic.
        let numbers = usize::try_from(end.sequence.saturating_sub(after.sequence));
        let unseen = numbers.unwrap_or(usize::MAX) - all.len();
        let unseen = unseen.min(self.unseen);
        let unseen_len = if unseen > 0 { self.unseen_len } else { 0 };
        let total: usize = all.iter().map(|(_, id)| self.len_of(**id)).sum();
        if total + unseen_len > bounds.len_max {
            return None;
        }
        for &topic in topics {
            let events = self.between(topic, after, behind_end);
            let len: usize = events.iter().map(|id| self.len_of(*id)).sum();
            let could_drop = events.len() + unseen > bounds.topic_events_max
                || len + unseen_len > bounds.topic_len_max;
            // The log forgets only what it had.
            if could_drop && events.len() + unseen > 0 {
                return None;
            }
        }
        Some(format!(
            "a gap at {end} behind {after}, although the log has all {} events",
            all.len()
        ))
    }

    fn len_of(&self, id: EventId) -> usize {
        self.sent.get(&id).map_or(0, |sent| counted_len(sent))
    }
}

/// Returns at least the bytes that an event counts in the log.
fn counted_len(sent: &Sent) -> usize {
    sent.len + ENTRY_COST + FRAME_COST_MAX
}
