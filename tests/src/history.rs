//! The publishes and deliveries of a run, and the check of the promises: no accepted event is lost, no event arrives
//! twice, and every subscriber sees a topic's events in the order of their receipts.

use std::collections::{BTreeMap, HashMap, HashSet};

/// The id of a publish. It is unique in a run.
pub type Id = u64;

/// The result of a publish, as seen by its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The daemon sent a receipt.
    Receipt {
        /// The sequence number, among the events of all topics.
        sequence: u64,
        /// The number of browsers to which it was queued.
        subscribers: u64,
    },
    /// The publisher sent all of it in a protocol without answers, and the daemon read everything.
    Taken,
    /// The result is unknown: publisher or daemon ended before the answer.
    Unknown,
    /// The publisher sent only a part of it.
    Broken,
}

/// One publish.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Its id.
    pub id: Id,
    /// Its topic.
    pub topic: String,
    /// The connection that it was sent on.
    pub connection: u64,
    /// Its result.
    pub fate: Fate,
}

/// The events that one subscriber received during one subscription of one topic, in order.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Its name in error messages.
    pub subscriber: String,
    /// The topic.
    pub topic: String,
    /// The events.
    pub ids: Vec<Id>,
    /// Whether the subscription lasted from before the first publish to the end.
    pub stays: bool,
}

/// All publishes and readings of a run.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The publishes. Those of one connection are in the order in which they were sent.
    pub publishes: Vec<Publish>,
    /// The readings, in any order.
    pub readings: Vec<Reading>,
}

/// Largest number of errors in a message, because one bug often causes thousands.
const SHOWN_MAX: usize = 20;

impl History {
    /// Adds the observations of another thread.
    pub fn extend(&mut self, other: Self) {
        self.publishes.extend(other.publishes);
        self.readings.extend(other.readings);
    }

    /// Returns the number of publishes with a receipt.
    pub fn receipts(&self) -> usize {
        let answered = |publish: &&Publish| matches!(publish.fate, Fate::Receipt { .. });
        self.publishes.iter().filter(answered).count()
    }

    /// Returns the number of received events of all subscribers.
    pub fn deliveries(&self) -> usize {
        self.readings.iter().map(|reading| reading.ids.len()).sum()
    }

    /// Panics if a promise is broken.
    #[track_caller]
    pub fn check(&self) {
        let errors = self.errors();
        let shown = &errors[..errors.len().min(SHOWN_MAX)];
        assert!(
            errors.is_empty(),
            "{} errors:\n{}",
            errors.len(),
            shown.join("\n")
        );
    }

    /// Returns all broken promises.
    pub fn errors(&self) -> Vec<String> {
        let mut topics: BTreeMap<&str, Topic<'_>> = BTreeMap::new();
        for publish in &self.publishes {
            let topic = topics.entry(&publish.topic).or_default();
            topic.publishes.push(publish);
        }
        for reading in &self.readings {
            let topic = topics.entry(&reading.topic).or_default();
            match reading.stays {
                true => topic.staying.push(reading),
                false => topic.passing.push(reading),
            }
        }
        let mut errors = Vec::new();
        for (name, topic) in topics {
            topic.check(&mut |error| errors.push(format!("topic {name}: {error}")));
        }
        errors
    }
}

/// One topic of the history. The check compares everything with the events of the first staying subscriber.
#[derive(Default)]
struct Topic<'a> {
    publishes: Vec<&'a Publish>,
    staying: Vec<&'a Reading>,
    passing: Vec<&'a Reading>,
}

type Report<'a> = &'a mut dyn FnMut(String);

impl Topic<'_> {
    fn check(&self, report: Report<'_>) {
        let Some(first) = self.staying.first() else {
            return report("no subscriber stayed: the check is impossible".to_owned());
        };
        let mut places = HashMap::new();
        for (place, id) in first.ids.iter().enumerate() {
            if places.insert(*id, place).is_some() {
                report(format!("{} got {id} twice", first.subscriber));
            }
        }
        self.check_origin(first, report);
        self.check_arrival(&places, report);
        self.check_receipts(&places, report);
        self.check_order_of_connections(&places, report);
        for other in &self.staying[1..] {
            check_same(first, other, report);
        }
        for passing in &self.passing {
            check_part(first, passing, &places, report);
        }
    }

    /// Every received event was published to this topic, completely.
    fn check_origin(&self, first: &Reading, report: Report<'_>) {
        let whole = self
            .publishes
            .iter()
            .filter(|publish| publish.fate != Fate::Broken);
        let whole: HashSet<Id> = whole.map(|publish| publish.id).collect();
        for id in first.ids.iter().filter(|id| !whole.contains(id)) {
            report(format!(
                "{id} arrived and was not completely published to this topic"
            ));
        }
    }

    /// Every accepted event was received.
    fn check_arrival(&self, places: &HashMap<Id, usize>, report: Report<'_>) {
        for publish in &self.publishes {
            let accepted = matches!(publish.fate, Fate::Receipt { .. } | Fate::Taken);
            if accepted && !places.contains_key(&publish.id) {
                report(format!("{} is lost: {:?}", publish.id, publish.fate));
            }
        }
    }

    /// A staying subscriber gets every event, in the order of the sequence numbers. All topics share the numbers, so there
    /// are at least as many between two receipts as there are events.
    fn check_receipts(&self, places: &HashMap<Id, usize>, report: Report<'_>) {
        let staying = self.staying.len() as u64;
        let mut numbered = Vec::new();
        for publish in &self.publishes {
            let Fate::Receipt {
                sequence,
                subscribers,
            } = publish.fate
            else {
                continue;
            };
            let (id, passing) = (publish.id, !self.passing.is_empty());
            if subscribers < staying || (subscribers > staying && !passing) {
                report(format!(
                    "{id} was queued to {subscribers} of {staying} staying subscribers"
                ));
            }
            if let Some(place) = places.get(&id) {
                numbered.push((*place as u64, sequence, id));
            }
        }
        numbered.sort_unstable();
        for pair in numbered.windows(2) {
            let ((place, sequence, id), (next_place, next_sequence, next_id)) = (pair[0], pair[1]);
            let numbers = next_sequence.checked_sub(sequence);
            if numbers.is_none_or(|numbers| numbers < next_place - place) {
                report(format!(
                    "{next_id} came {} after {id}, but their numbers are {next_sequence} and {sequence}",
                    next_place - place
                ));
            }
        }
    }

    /// The events of one connection keep their order.
    fn check_order_of_connections(&self, places: &HashMap<Id, usize>, report: Report<'_>) {
        let mut last: HashMap<u64, (usize, Id)> = HashMap::new();
        for publish in &self.publishes {
            let Some(&place) = places.get(&publish.id) else {
                continue;
            };
            let before = last.insert(publish.connection, (place, publish.id));
            if let Some((_, id)) = before.filter(|&(before, _)| before > place) {
                report(format!("{} came before {id}, sent earlier", publish.id));
            }
        }
    }
}

fn check_same(first: &Reading, other: &Reading, report: Report<'_>) {
    let differs = (0..first.ids.len().max(other.ids.len()))
        .find(|&place| first.ids.get(place) != other.ids.get(place));
    if let Some(place) = differs {
        report(format!(
            "event {place} of {} is {:?}, of {} {:?}; they got {} and {}",
            first.subscriber,
            first.ids.get(place),
            other.subscriber,
            other.ids.get(place),
            first.ids.len(),
            other.ids.len()
        ));
    }
}

/// A passing subscriber received every event between its first and its last one.
fn check_part(first: &Reading, passing: &Reading, places: &HashMap<Id, usize>, report: Report<'_>) {
    let Some(begin) = passing.ids.first() else {
        return;
    };
    let Some(&place) = places.get(begin) else {
        return report(format!(
            "{} got {begin}, but no other subscriber did",
            passing.subscriber
        ));
    };
    let expected = first.ids[place..].iter();
    let differs = passing
        .ids
        .iter()
        .zip(expected)
        .find(|(got, ref_)| got != ref_);
    if let Some((got, expected)) = differs {
        report(format!(
            "{} got {got} instead of {expected}",
            passing.subscriber
        ));
    } else if passing.ids.len() > first.ids.len() - place {
        report(format!(
            "{} got more than {}",
            passing.subscriber, first.subscriber
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAYING: [usize; 2] = [0, 1];
    const PASSING: usize = 2;

    fn publish(id: Id, connection: u64, fate: Fate) -> Publish {
        Publish {
            id,
            topic: "t".to_owned(),
            connection,
            fate,
        }
    }

    fn receipt(sequence: u64) -> Fate {
        Fate::Receipt {
            sequence,
            subscribers: 2,
        }
    }

    /// A history without errors: two connections, and publishes with every result.
    fn good() -> History {
        let reading = |subscriber: &str, ids: &[Id], stays| Reading {
            subscriber: subscriber.to_owned(),
            topic: "t".to_owned(),
            ids: ids.to_owned(),
            stays,
        };
        History {
            publishes: vec![
                publish(1, 1, receipt(4)),
                publish(2, 1, receipt(6)),
                publish(3, 1, Fate::Unknown),
                publish(4, 1, Fate::Broken),
                publish(11, 2, Fate::Taken),
                publish(12, 2, receipt(7)),
                publish(13, 2, Fate::Unknown),
            ],
            readings: vec![
                reading("one", &[1, 11, 2, 12, 3], true),
                reading("two", &[1, 11, 2, 12, 3], true),
                reading("passing", &[11, 2, 12], false),
                reading("passing too early", &[], false),
            ],
        }
    }

    #[track_caller]
    fn reports(part: &str, spoil: impl FnOnce(&mut History)) {
        let mut history = good();
        spoil(&mut history);
        let errors = history.errors();
        let is_found = errors.iter().any(|error| error.contains(part));
        assert!(is_found, "`{part}` is not among {errors:#?}");
    }

    #[test]
    fn a_correct_history_passes() {
        assert_eq!(good().errors(), [""; 0]);
        assert_eq!((good().receipts(), good().deliveries()), (3, 13));
    }

    #[test]
    fn lost_events_are_found() {
        let lose = |place: usize| {
            move |history: &mut History| {
                for reader in STAYING {
                    history.readings[reader].ids.remove(place);
                }
            }
        };
        reports("1 is lost: Receipt", lose(0));
        reports("11 is lost: Taken", lose(1));
        reports("12 is lost: Receipt", lose(3));
    }

    #[test]
    fn an_event_at_one_subscriber_only_is_found() {
        reports("event 4 of one is Some(3), of two None", |history| {
            history.readings[1].ids.pop();
        });
        reports("event 2 of one", |history| {
            history.readings[0].ids.remove(2);
        });
    }

    #[test]
    fn duplicates_are_found() {
        reports("one got 2 twice", |history| {
            for reader in STAYING {
                history.readings[reader].ids.insert(3, 2);
            }
        });
        reports("passing got 11 instead of 2", |history| {
            history.readings[PASSING].ids.insert(1, 11);
        });
    }

    #[test]
    fn wrong_order_is_found() {
        reports("numbers are 6 and 7", |history| {
            for reader in STAYING {
                history.readings[reader].ids.swap(2, 3);
            }
        });
        reports("12 came before 11", |history| {
            for reader in STAYING {
                history.readings[reader].ids.swap(1, 3);
            }
        });
        reports("event 1 of one is Some(11), of two Some(2)", |history| {
            history.readings[1].ids.swap(1, 2);
        });
        reports("passing got 12 instead of 2", |history| {
            history.readings[PASSING].ids.swap(1, 2);
        });
    }

    #[test]
    fn events_that_were_not_sent_are_found() {
        for id in [4, 99] {
            reports(&format!("{id} arrived and was not"), |history| {
                for reader in STAYING {
                    history.readings[reader].ids.push(id);
                }
            });
        }
        reports("passing got 99, but no other subscriber did", |history| {
            history.readings[PASSING].ids = vec![99];
        });
        reports("not completely published", |history| {
            history.publishes[1].topic = "other".to_owned();
        });
    }

    #[test]
    fn a_gap_at_a_passing_subscriber_is_found() {
        reports("passing got 12 instead of 2", |history| {
            history.readings[PASSING].ids.remove(1);
        });
        reports("passing got more than one", |history| {
            history.readings[PASSING].ids = vec![3, 13];
        });
    }

    #[test]
    fn impossible_receipts_are_found() {
        reports("numbers are 6 and 6", |history| {
            history.publishes[5].fate = receipt(6);
        });
        reports("1 was queued to 1 of 2", |history| {
            history.publishes[0].fate = Fate::Receipt {
                sequence: 4,
                subscribers: 1,
            };
        });
        reports("1 was queued to 3 of 2", |history| {
            history.readings.truncate(2);
            history.publishes[0].fate = Fate::Receipt {
                sequence: 4,
                subscribers: 3,
            };
        });
        reports("no subscriber stayed", |history| {
            history.readings.drain(..2);
        });
    }
}
