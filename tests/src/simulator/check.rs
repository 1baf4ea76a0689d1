//! The check of a run: what each subscriber must have seen.

use std::collections::HashSet;

use super::event::EventId;
use super::position::Position;
use super::record::{End, Fate, From, Note, Observations, Record, Tick};
use super::settings::{HistoryBounds, Settings};
use super::subscriber_plan::Kind;
use super::truth::Truth;

/// Returns all broken promises.
pub(super) fn errors(record: &Record, settings: &Settings) -> Vec<String> {
    let mut truth = Truth::new(record);
    let mut errors = std::mem::take(&mut truth.errors);
    for (index, subscriber) in record.subscribers.iter().enumerate() {
        let mut report = |text: String| {
            errors.push(format!(
                "subscriber {index} ({:?}): {text}",
                subscriber.kind
            ));
        };
        for &topic in &subscriber.topics {
            let mut reader = Reader {
                truth: &truth,
                bounds: &settings.history,
                is_replayed: settings.replayed.contains(&topic),
                kind: subscriber.kind,
                topic,
                topics: &subscriber.topics,
                has: Has::Nothing,
                last_on_connection: None,
                unplaced: HashSet::new(),
                run_begin: record.begin,
                report: &mut |text| report(format!("topic {topic}: {text}")),
            };
            for note in &subscriber.notes {
                reader.read(note);
            }
            reader.end(&record.ends[topic]);
        }
        check_tops(subscriber, record, &mut report);
    }
    errors
}

/// A position that the daemon calls the end of its log is behind all earlier receipts, and before all later publishes. A
/// node of several may not have read the last entries of the shared log yet.
fn check_tops(subscriber: &Observations, record: &Record, report: &mut dyn FnMut(String)) {
    for note in &subscriber.notes {
        let &Note::Top {
            position: top,
            asked,
            told,
        } = note
        else {
            continue;
        };
        for sent in &record.sent {
            let Fate::Accepted { position, at } = sent.fate else {
                continue;
            };
            let is_before = at < asked && !record.is_shared;
            let is_behind = told < sent.at;
            let is_above = position.sequence > top.sequence;
            if position.epoch == top.epoch && ((is_before && is_above) || (is_behind && !is_above))
            {
                report(format!(
                    "the end of the log was {top} at {asked} to {told}, but {sent:?}"
                ));
            }
        }
    }
}

/// What a subscriber has of a topic.
#[derive(Debug, Clone, Copy)]
enum Has {
    /// It is not subscribed, or its protocol does not say since when.
    Nothing,
    /// Everything up to a position.
    Until(Position),
    /// It gets the last events before a position first.
    Latest { position: Position, count: u64 },
    /// It gets all events that were sent after a moment.
    SentAfter(Tick),
}

/// Follows one subscriber's observations of one topic.
struct Reader<'a> {
    truth: &'a Truth<'a>,
    bounds: &'a HistoryBounds,
    /// Whether a new subscription gets the last events again.
    is_replayed: bool,
    kind: Kind,
    topic: usize,
    topics: &'a [usize],
    has: Has,
    /// The last event of the topic on this connection.
    last_on_connection: Option<Position>,
    /// Received events without a known place.
    unplaced: HashSet<EventId>,
    /// The end of the log when the run began.
    run_begin: Position,
    report: &'a mut dyn FnMut(String),
}

impl Reader<'_> {
    fn read(&mut self, note: &Note) {
        match *note {
            Note::Connected => self.last_on_connection = None,
            Note::Begin { topic, from } if topic == self.topic => self.begin(from),
            Note::Event {
                topic,
                id,
                position,
            } if topic == self.topic => self.event(id, position),
            // All topics of a stream share the position.
            Note::Event {
                position: Some(position),
                ..
            } if self.kind == Kind::EventStream => self.quiet(position),
            Note::Quiet { topic, position } if topic == self.topic => self.quiet(position),
            Note::Gap {
                ref topics,
                position,
            } if topics.contains(&self.topic) => self.gap(position),
            Note::NewPage { topic, begin } if topic == self.topic => {
                self.has = begin.map_or(Has::Nothing, Has::Until);
                self.run_begin = begin.unwrap_or(self.run_begin);
            }
            Note::Left { topic } if topic == self.topic => self.leave(),
            _ => {}
        }
    }

    fn begin(&mut self, from: From) {
        self.has = match from {
            From::Position(position) => Has::Until(position),
            From::Latest { position, count } => Has::Latest { position, count },
            From::Before(tick) => Has::SentAfter(tick),
        };
    }

    fn leave(&mut self) {
        // A position says where the next subscription continues.
        if self.kind != Kind::Wamp {
            return;
        }
        self.has = Has::Nothing;
        if self.is_replayed {
            self.last_on_connection = None;
        }
    }

    fn event(&mut self, id: EventId, position: Option<Position>) {
        let epoch = match self.has {
            Has::Until(position) | Has::Latest { position, .. } => Some(position.epoch),
            Has::Nothing | Has::SentAfter(_) => self.last_on_connection.map(|last| last.epoch),
        };
        // Perhaps only subscribers without positions saw it, and its receipt was lost.
        let Some(place) = position.or_else(|| self.truth.place_of(id, epoch)) else {
            self.unplaced.insert(id);
            return;
        };
        if epoch.is_some_and(|epoch| epoch != place.epoch) {
            return (self.report)(format!(
                "event {id} at {place}, but it was not told of a gap"
            ));
        }
        if let Some(last) = self.last_on_connection
            && last.sequence >= place.sequence
        {
            (self.report)(format!(
                "event {id} at {place} came after the one at {last} on the same connection"
            ));
        }
        if matches!(self.has, Has::Nothing) && self.is_replayed {
            return;
        }
        self.check_missing(id, place);
        self.last_on_connection = Some(place);
        self.has = match self.has {
            Has::Nothing => Has::Nothing,
            // An event that comes again.
            Has::Until(has) if has.sequence > place.sequence => Has::Until(has),
            _ => Has::Until(place),
        };
    }

    /// Reports events that had to come before this one.
    fn check_missing(&mut self, id: EventId, place: Position) {
        let mut missing = match self.has {
            Has::Nothing => return,
            Has::Until(has) if has.sequence >= place.sequence => {
                if self.kind != Kind::Wamp {
                    (self.report)(format!("event {id} at {place} came behind {has}"));
                }
                match self.last_on_connection {
                    Some(last) => self.truth.between(self.topic, last, place.sequence),
                    None => Vec::new(),
                }
            }
            Has::Until(has) => {
                let after = self.last_on_connection.map_or(has, |last| last.min(has));
                self.truth.between(self.topic, after, place.sequence)
            }
            Has::Latest { position, count } => {
                let rest = place.at(place.sequence.saturating_sub(1));
                let rest = self.truth.between(self.topic, rest, position.sequence + 1);
                if rest.is_empty() || rest.len() as u64 > count {
                    (self.report)(format!(
                        "the last {count} events before {position} were to come, but {id} at {place} \
                         came, with {} events behind it",
                        rest.len()
                    ));
                }
                return;
            }
            Has::SentAfter(tick) => {
                let start = place.at(0);
                let before = self.truth.between(self.topic, start, place.sequence);
                let is_due = |id: &EventId| self.truth.sent_at(*id) > tick;
                before.into_iter().filter(is_due).collect()
            }
        };
        missing.retain(|id| !self.unplaced.contains(id));
        if !missing.is_empty() {
            (self.report)(format!(
                "before event {id} at {place}, {} are missing: {missing:?} (it had {:?}, {:?})",
                missing.len(),
                self.has,
                self.last_on_connection
            ));
        }
    }

    fn quiet(&mut self, position: Position) {
        let Has::Until(has) = self.has else {
            return (self.report)(format!("quiet up to {position} in state {:?}", self.has));
        };
        let missing = self.truth.between(self.topic, has, position.sequence + 1);
        if !missing.is_empty() {
            (self.report)(format!(
                "no events between {has} and {position}, but there are {missing:?}"
            ));
        }
        self.has = Has::Until(has.at(has.sequence.max(position.sequence)));
    }

    fn gap(&mut self, position: Position) {
        // It may be about the subscription that has ended.
        if matches!(self.has, Has::Nothing) && self.is_replayed {
            return;
        }
        if let Has::Until(has) = self.has {
            // Plain WAMP continues from a confirmed position, which the client does not know.
            let (topics, after) = match self.kind {
                Kind::EventStream => (self.topics, has),
                Kind::Pushd1 => (std::slice::from_ref(&self.topic), has),
                Kind::Wamp => (std::slice::from_ref(&self.topic), self.run_begin),
            };
            if after.epoch == position.epoch && position.sequence < after.sequence {
                (self.report)(format!("a gap at {position} behind {after}"));
            }
            let why = self.truth.why_no_gap(topics, after, position, self.bounds);
            if let Some(text) = why {
                (self.report)(text);
            }
        }
        self.has = Has::Until(position);
        // Everything on this connection is now behind the gap.
        self.last_on_connection = Some(position);
    }

    /// Every subscriber reaches the last event.
    fn end(&mut self, end: &End) {
        let has_all = match self.has {
            Has::Until(has) => has.epoch == end.position.epoch && has >= end.position,
            Has::SentAfter(tick) => self.truth.sent_at(end.id) < tick,
            Has::Latest { .. } => false,
            Has::Nothing => self.kind == Kind::Wamp,
        };
        if !has_all {
            (self.report)(format!("it has {:?}, but the end is {end:?}", self.has));
        }
    }
}
