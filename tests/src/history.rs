//! What was published and what arrived, and whether it could be so: nothing accepted is lost, nothing comes
//! twice, and everybody sees a topic's events in the order of their receipts.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Tells one publish from all others.
pub type Id = u64;

/// What became of a publish, as its publisher saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was answered.
    Receipt {
        /// The topic's sequence number.
        sequence: u64,
        /// How many browsers it was queued to.
        subscribers: u64,
    },
    /// It was sent whole, in a protocol without answers, to a daemon that took everything.
    Taken,
    /// Nobody can know: the publisher went, or the daemon, before there was an answer.
    Unknown,
    /// Only a part of it was sent.
    Broken,
}

/// One publish.
#[derive(Debug, Clone)]
pub struct Publish {
    /// Which one.
    pub id: Id,
    /// Its topic.
    pub topic: String,
    /// The connection that it was sent on.
    pub connection: u64,
    /// What became of it.
    pub fate: Fate,
}

/// What one subscriber got of one topic during one subscription, in order.
#[derive(Debug, Clone)]
pub struct Reading {
    /// For the complaints.
    pub subscriber: String,
    /// The topic.
    pub topic: String,
    /// The events.
    pub ids: Vec<Id>,
    /// Was subscribed before the first publish and read to the very end.
    pub stays: bool,
}

/// Everything that happened.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// In the order of their sending, for those of one connection.
    pub publishes: Vec<Publish>,
    /// In any order.
    pub readings: Vec<Reading>,
}

/// So many complaints are told; what is wrong once is often wrong a thousand times.
const TOLD_MAX: usize = 20;

impl History {
    /// Adds what somebody else saw.
    pub fn extend(&mut self, other: Self) {
        self.publishes.extend(other.publishes);
        self.readings.extend(other.readings);
    }

    /// How many publishes got a receipt.
    pub fn receipts(&self) -> usize {
        let answered = |publish: &&Publish| matches!(publish.fate, Fate::Receipt { .. });
        self.publishes.iter().filter(answered).count()
    }

    /// How many events arrived, all subscribers together.
    pub fn deliveries(&self) -> usize {
        self.readings.iter().map(|reading| reading.ids.len()).sum()
    }

    /// Fails if anything is wrong.
    #[track_caller]
    pub fn check(&self) {
        let complaints = self.complaints();
        let told = &complaints[..complaints.len().min(TOLD_MAX)];
        assert!(
            complaints.is_empty(),
            "{} complaints:\n{}",
            complaints.len(),
            told.join("\n")
        );
    }

    /// Everything that is wrong.
    pub fn complaints(&self) -> Vec<String> {
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
        let mut complaints = Vec::new();
        for (name, topic) in topics {
            topic.check(&mut |what| complaints.push(format!("topic {name}: {what}")));
        }
        complaints
    }
}

/// What happened in one topic. The events of the first subscriber who stayed are held against everything else.
#[derive(Default)]
struct Topic<'a> {
    publishes: Vec<&'a Publish>,
    staying: Vec<&'a Reading>,
    passing: Vec<&'a Reading>,
}

type Complain<'a> = &'a mut dyn FnMut(String);

impl Topic<'_> {
    fn check(&self, complain: Complain<'_>) {
        let Some(first) = self.staying.first() else {
            return complain("nobody stayed: nothing can be said".to_owned());
        };
        let mut places = HashMap::new();
        for (place, id) in first.ids.iter().enumerate() {
            if places.insert(*id, place).is_some() {
                complain(format!("{} got {id} twice", first.subscriber));
            }
        }
        self.check_origin(first, complain);
        self.check_arrival(&places, complain);
        self.check_receipts(&places, complain);
        self.check_order_of_connections(&places, complain);
        for other in &self.staying[1..] {
            check_same(first, other, complain);
        }
        for passing in &self.passing {
            check_part(first, passing, &places, complain);
        }
    }

    /// Every event was published, whole, to this topic.
    fn check_origin(&self, first: &Reading, complain: Complain<'_>) {
        let whole = self
            .publishes
            .iter()
            .filter(|publish| publish.fate != Fate::Broken);
        let whole: HashSet<Id> = whole.map(|publish| publish.id).collect();
        for id in first.ids.iter().filter(|id| !whole.contains(id)) {
            complain(format!("{id} arrived and was never sent here whole"));
        }
    }

    /// What was accepted is there.
    fn check_arrival(&self, places: &HashMap<Id, usize>, complain: Complain<'_>) {
        for publish in &self.publishes {
            let accepted = matches!(publish.fate, Fate::Receipt { .. } | Fate::Taken);
            if accepted && !places.contains_key(&publish.id) {
                complain(format!("{} is lost: {:?}", publish.id, publish.fate));
            }
        }
    }

    /// Since somebody stays, every event takes the next number: what is between two receipts is between the two
    /// events.
    fn check_receipts(&self, places: &HashMap<Id, usize>, complain: Complain<'_>) {
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
                complain(format!(
                    "{id} was queued to {subscribers} of {staying} who stayed"
                ));
            }
            if let Some(place) = places.get(&id) {
                numbered.push((*place as u64, sequence, id));
            }
        }
        numbered.sort_unstable();
        for pair in numbered.windows(2) {
            let ((place, sequence, id), (next_place, next_sequence, next_id)) = (pair[0], pair[1]);
            if next_sequence.checked_sub(sequence) != Some(next_place - place) {
                complain(format!(
                    "{next_id} came {} after {id}, but their numbers are {next_sequence} and {sequence}",
                    next_place - place
                ));
            }
        }
    }

    /// One connection's publishes are not rearranged.
    fn check_order_of_connections(&self, places: &HashMap<Id, usize>, complain: Complain<'_>) {
        let mut last: HashMap<u64, (usize, Id)> = HashMap::new();
        for publish in &self.publishes {
            let Some(&place) = places.get(&publish.id) else {
                continue;
            };
            let before = last.insert(publish.connection, (place, publish.id));
            if let Some((_, id)) = before.filter(|&(before, _)| before > place) {
                complain(format!("{} came before {id}, sent earlier", publish.id));
            }
        }
    }
}

fn check_same(first: &Reading, other: &Reading, complain: Complain<'_>) {
    let differs = (0..first.ids.len().max(other.ids.len()))
        .find(|&place| first.ids.get(place) != other.ids.get(place));
    if let Some(place) = differs {
        complain(format!(
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

/// Whoever passed by saw everything between the first and the last that they saw.
fn check_part(
    first: &Reading,
    passing: &Reading,
    places: &HashMap<Id, usize>,
    complain: Complain<'_>,
) {
    let Some(begin) = passing.ids.first() else {
        return;
    };
    let Some(&place) = places.get(begin) else {
        return complain(format!(
            "{} got {begin}, which nobody else did",
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
        complain(format!(
            "{} got {got} where {expected} was to come",
            passing.subscriber
        ));
    } else if passing.ids.len() > first.ids.len() - place {
        complain(format!(
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

    /// Nothing is wrong here: two connections, and publishes of every fate.
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
    fn complains(part: &str, spoil: impl FnOnce(&mut History)) {
        let mut history = good();
        spoil(&mut history);
        let complaints = history.complaints();
        let told = complaints.iter().any(|complaint| complaint.contains(part));
        assert!(told, "`{part}` is not among {complaints:#?}");
    }

    #[test]
    fn a_good_history_is_good() {
        assert_eq!(good().complaints(), [""; 0]);
        assert_eq!((good().receipts(), good().deliveries()), (3, 13));
    }

    #[test]
    fn what_is_lost_is_seen() {
        let lose = |place: usize| {
            move |history: &mut History| {
                for reader in STAYING {
                    history.readings[reader].ids.remove(place);
                }
            }
        };
        complains("1 is lost: Receipt", lose(0));
        complains("11 is lost: Taken", lose(1));
        complains("12 is lost: Receipt", lose(3));
        // Nobody was promised these; but a number that was given says that there was an event.
        complains("12 came 1 after 1", |history| {
            history.publishes[4].fate = Fate::Unknown;
            history.publishes[1].fate = Fate::Unknown;
            for reader in STAYING {
                history.readings[reader].ids = vec![1, 12];
            }
        });
    }

    #[test]
    fn what_only_one_got_is_seen() {
        complains("event 4 of one is Some(3), of two None", |history| {
            history.readings[1].ids.pop();
        });
        complains("event 2 of one", |history| {
            history.readings[0].ids.remove(2);
        });
    }

    #[test]
    fn what_comes_twice_is_seen() {
        complains("one got 2 twice", |history| {
            for reader in STAYING {
                history.readings[reader].ids.insert(3, 2);
            }
        });
        complains("passing got 11 where 2", |history| {
            history.readings[PASSING].ids.insert(1, 11);
        });
    }

    #[test]
    fn wrong_order_is_seen() {
        complains("numbers are 6 and 7", |history| {
            for reader in STAYING {
                history.readings[reader].ids.swap(2, 3);
            }
        });
        complains("12 came before 11", |history| {
            for reader in STAYING {
                history.readings[reader].ids.swap(1, 3);
            }
        });
        complains("event 1 of one is Some(11), of two Some(2)", |history| {
            history.readings[1].ids.swap(1, 2);
        });
        complains("passing got 12 where 2", |history| {
            history.readings[PASSING].ids.swap(1, 2);
        });
    }

    #[test]
    fn what_nobody_sent_is_seen() {
        for id in [4, 99] {
            complains(&format!("{id} arrived and was never sent"), |history| {
                for reader in STAYING {
                    history.readings[reader].ids.push(id);
                }
            });
        }
        complains("passing got 99, which nobody else did", |history| {
            history.readings[PASSING].ids = vec![99];
        });
        complains("never sent here", |history| {
            history.publishes[1].topic = "other".to_owned();
        });
    }

    #[test]
    fn a_gap_of_somebody_who_passes_is_seen() {
        complains("passing got 12 where 2", |history| {
            history.readings[PASSING].ids.remove(1);
        });
        complains("passing got more than one", |history| {
            history.readings[PASSING].ids = vec![3, 13];
        });
    }

    #[test]
    fn receipts_that_can_not_be_are_seen() {
        complains("numbers are 6 and 6", |history| {
            history.publishes[5].fate = receipt(6);
        });
        complains("1 was queued to 1 of 2", |history| {
            history.publishes[0].fate = Fate::Receipt {
                sequence: 4,
                subscribers: 1,
            };
        });
        complains("1 was queued to 3 of 2", |history| {
            history.readings.truncate(2);
            history.publishes[0].fate = Fate::Receipt {
                sequence: 4,
                subscribers: 3,
            };
        });
        complains("nobody stayed", |history| {
            history.readings.drain(..2);
        });
    }
}
