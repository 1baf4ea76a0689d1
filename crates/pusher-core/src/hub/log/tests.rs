//! Random operations on a log and on a plain list of all events, which must agree.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::entry::ENTRY_COST;
use super::*;
use crate::config::LiveOptions;
use crate::handover;
use crate::hub::event_frame::EventFrame;

const EPOCH: u64 = 7;
const TOPICS: [&str; 5] = ["a", "ab", "b", "c", "d"];
const PATTERNS: [&[&str]; 5] = [&["*"], &["a*"], &["a", "c"], &["b", "d", "ab"], &[]];

#[derive(Debug, Clone)]
enum Step {
    Publish {
        topic: usize,
        len: usize,
        after_ms: u64,
    },
    Tick {
        after_ms: u64,
    },
    Reload {
        patterns: usize,
        limits: [usize; 4],
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let publish = (0..TOPICS.len(), 0..300_usize, 0..20_u64).prop_map(|(topic, len, after_ms)| {
        Step::Publish {
            topic,
            len,
            after_ms,
        }
    });
    let tick = (0..120_u64).prop_map(|after_ms| Step::Tick { after_ms });
    let limits = (0..4000_usize, 1..200_usize, 0..8_usize, 0..2000_usize);
    let reload =
        (0..PATTERNS.len(), limits).prop_map(|(patterns, (len, age, events, topic_len))| {
            Step::Reload {
                patterns,
                limits: [len, age, events, topic_len],
            }
        });
    vec(prop_oneof![20 => publish, 2 => tick, 1 => reload], 1..70)
}

fn options(patterns: usize, [len, age_ms, events, topic_len]: [usize; 4]) -> LiveOptions {
    let mut options = LiveOptions::default();
    let patterns = PATTERNS[patterns].iter();
    options.history = patterns.map(|pattern| pattern.parse().unwrap()).collect();
    options.limits.history_len_max = len;
    options.limits.history_age_max = Duration::from_millis(age_ms as u64);
    options.limits.history_topic_events_max = events;
    options.limits.history_topic_len_max = topic_len;
    options
}

/// An accepted event.
#[derive(Debug)]
struct Event {
    topic: &'static str,
    len: usize,
    at_ms: u64,
    is_kept: bool,
}

/// All events. The sequence number of an event is its index plus 1.
#[derive(Debug, Default)]
struct Model {
    events: Vec<Event>,
    options: LiveOptions,
    /// The end of the log when the set of topics with history last changed, for each topic that had no events then.
    floors: [usize; TOPICS.len()],
    now_ms: u64,
}

impl Model {
    fn kept(&self, topic: &str) -> impl Iterator<Item = u64> {
        let events = self.events.iter().zip(1..);
        events
            .filter(move |(event, _)| event.is_kept && event.topic == topic)
            .map(|(_, sequence)| sequence)
    }

    /// Returns the number of the topic's last event that is not kept, or of the last change of the topics with history.
    fn watermark(&self, topic: usize) -> u64 {
        let dropped = |event: &Event| event.topic == TOPICS[topic] && !event.is_kept;
        let last = self.events.iter().rposition(dropped);
        last.map_or(0, |at| at + 1).max(self.floors[topic]) as u64
    }

    fn len(&self) -> usize {
        let kept = self.events.iter().filter(|event| event.is_kept);
        kept.map(|event| event.len).sum()
    }

    fn publish(&mut self, topic: usize, len: usize) {
        let topic = TOPICS[topic];
        let is_kept = self.options.has_history(topic);
        self.events.push(Event {
            topic,
            len,
            at_ms: self.now_ms,
            is_kept,
        });
        if is_kept {
            self.drop_beyond();
        }
    }

    fn reload(&mut self, options: LiveOptions) {
        let is_same = options.history_selection() == self.options.history_selection();
        self.options = options;
        for event in &mut self.events {
            event.is_kept &= self.options.has_history(event.topic);
        }
        self.drop_beyond();
        for (at, topic) in TOPICS.iter().enumerate() {
            if !is_same && self.kept(topic).next().is_none() {
                self.floors[at] = self.events.len();
            }
        }
    }

    fn drop_beyond(&mut self) {
        let limits = self.options.limits.clone();
        for topic in TOPICS {
            while self.kept(topic).count() > limits.history_topic_events_max
                || self.len_of(topic) > limits.history_topic_len_max
            {
                let oldest = self.kept(topic).next().unwrap();
                self.events[oldest as usize - 1].is_kept = false;
            }
        }
        let oldest_ms = self
            .now_ms
            .saturating_sub(limits.history_age_max.as_millis() as u64);
        for at in 0..self.events.len() {
            let is_beyond =
                self.len() > limits.history_len_max || self.events[at].at_ms < oldest_ms;
            self.events[at].is_kept &= !is_beyond;
        }
    }

    fn len_of(&self, topic: &str) -> usize {
        let kept = self.kept(topic);
        kept.map(|sequence| self.events[sequence as usize - 1].len)
            .sum()
    }
}

fn new_event(number: usize, len: usize, at_ms: u64) -> NewEvent {
    let text = format!("{number}]");
    let mut frame = vec![b'x'; len];
    frame.extend(text.as_bytes());
    NewEvent {
        frame: EventFrame::new(frame, text.len() - 1),
        recipients: None,
        at_ms,
        channels: None,
    }
}

fn sequences(read: Read) -> Option<Vec<u64>> {
    match read {
        Read::Gap => None,
        Read::Entries { entries, has_more } => {
            assert!(!has_more);
            for entry in &entries {
                assert_eq!(entry.event(), entry.sequence.to_string().as_bytes());
            }
            Some(entries.iter().map(|entry| entry.sequence).collect())
        }
    }
}

/// Reads in chunks of some bytes, from a sequence number that is not a gap.
fn in_chunks(log: &Log, topics: &[Topic], mut after: u64, len_max: usize) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let read = match topics {
            [topic] => log.read(topic, after, len_max),
            _ => log.read_several(topics, after, len_max),
        };
        let Read::Entries { entries, has_more } = read else {
            panic!("gap after {after}");
        };
        all.extend(entries.iter().map(|entry| entry.sequence));
        // A chunk ends with the entry that reaches its length.
        let len = |entries: &[Arc<Entry>]| -> usize {
            entries.iter().map(|entry| entry.frame().len()).sum()
        };
        let before_last = &entries[..entries.len().saturating_sub(1)];
        assert!(len(before_last) < len_max);
        assert!(len(&entries) >= len_max || !has_more);
        if !has_more {
            return all;
        }
        after = *all.last().unwrap();
    }
}

/// Checks a topic, read behind every sequence number. `is_exact` is false if the log may report gaps where none are.
fn check_topic(log: &Log, model: &Model, at: usize, is_exact: bool) {
    let topic = TOPICS[at];
    let kept: Vec<u64> = model.kept(topic).collect();
    for after in 0..=log.top {
        let missed: Vec<u64> = kept.iter().copied().filter(|&kept| kept > after).collect();
        let is_complete = after >= model.watermark(at);
        let read = sequences(log.read(topic, after, usize::MAX));
        if is_exact || !is_complete {
            assert_eq!(read.is_some(), is_complete, "{topic} after {after}");
        }
        let known = log.complete_after(topic, log.at(after)).ok();
        assert_eq!(known, read.is_some().then_some(after));
        if let Some(read) = &read {
            assert_eq!(*read, missed, "{topic} after {after}");
            assert_eq!(in_chunks(log, &[topic.into()], after, 400), missed);
        }
        let all_after: Vec<u64> = log
            .after(topic, after)
            .map(|entry| entry.sequence)
            .collect();
        assert_eq!(all_after, missed);
        assert_eq!(log.count_after(topic, after), missed.len() as u64);
        let has_after = log.has_after(topic, after);
        assert_eq!(has_after, !missed.is_empty() || read.is_none());
    }
    for count in [0, 1, 2, 5, usize::MAX] {
        let last = &kept[kept.len().saturating_sub(count)..];
        let before = log.before_last(topic, count);
        assert_eq!(before, last.first().map_or(log.top, |first| first - 1));
        let read = sequences(log.read(topic, before, usize::MAX));
        assert_eq!(read.as_deref().unwrap_or_default(), last);
    }
}

fn check_several(log: &Log, after: u64) {
    let topics = ["a", "b", "d"].map(Topic::from);
    let each: Option<Vec<_>> = topics
        .iter()
        .map(|topic| sequences(log.read(topic, after, usize::MAX)))
        .collect();
    let together = sequences(log.read_several(&topics, after, usize::MAX));
    let expected = each.map(|each| {
        let mut all = each.concat();
        all.sort_unstable();
        all
    });
    assert_eq!(together, expected);
    if let Some(expected) = expected {
        assert_eq!(in_chunks(log, &topics, after, 400), expected);
    }
}

fn check_events(log: &Log, model: &Model, is_exact: bool) {
    assert_eq!(log.top, model.events.len() as u64);
    for (at, topic) in TOPICS.iter().enumerate() {
        // Without history, the hub reads nothing.
        if model.options.has_history(topic) {
            check_topic(log, model, at, is_exact);
        }
    }
    for after in 0..=log.top {
        check_several(log, after);
    }
}

/// Checks the log of a process that takes over, whose clock is at its start.
fn check_handed_over(log: &Log, model: &Model, is_exact: bool) {
    let position = handover::Position {
        epoch: EPOCH,
        sequence: log.top,
    };
    let taken = Log::take_over(position, log.hand_over(model.now_ms));
    check_events(&taken, model, is_exact);
    let (before, after) = (log.totals(model.now_ms), taken.totals(CLOCK_START_MS));
    assert_eq!((after.events, after.age_ms), (before.events, before.age_ms));
    let entries = taken.topics.keys().flat_map(|topic| taken.after(topic, 0));
    assert_eq!(taken.len, entries.map(|entry| entry.len()).sum::<usize>());
    assert_eq!(taken.order.len(), taken.count);
}

fn check(log: &Log, model: &Model, is_exact: bool) {
    check_events(log, model, is_exact);
    let kept = model.events.iter().filter(|event| event.is_kept);
    let oldest_ms = kept.clone().next().map(|event| event.at_ms);
    let totals = LogTotals {
        events: kept.count() as u64,
        len: model.len() as u64,
        age_ms: oldest_ms.map_or(0, |at_ms| model.now_ms - at_ms),
    };
    assert_eq!(log.totals(model.now_ms), totals);
    assert!(log.len <= model.options.limits.history_len_max);
    assert!(log.order.len() <= 2 * log.count + STALE_SLACK);
    for position in [
        log.at(log.top + 1),
        Position {
            epoch: EPOCH ^ 1,
            sequence: log.top,
        },
    ] {
        assert!(log.complete_after("a", position).is_err());
    }
}

fn run(steps: &[Step], watermarks_max: usize) {
    let mut log = Log::with_watermarks_max(EPOCH, watermarks_max);
    let mut model = Model {
        options: options(0, [3000, 100, 5, 1500]),
        ..Model::default()
    };
    for step in steps {
        match *step {
            Step::Publish {
                topic,
                len,
                after_ms,
            } => {
                model.now_ms += after_ms;
                let event = new_event(model.events.len() + 1, len, model.now_ms);
                model.publish(topic, event.frame.len() + ENTRY_COST);
                let topic = TOPICS[topic];
                let result = match model.options.has_history(topic) {
                    true => {
                        let topic = topic.into();
                        let (entry, is_kept) = log.append(&topic, event, &model.options.limits);
                        (entry.sequence, is_kept)
                    }
                    false => (log.skip(), false),
                };
                let expected = model.events.last().unwrap().is_kept;
                assert_eq!(result, (model.events.len() as u64, expected));
            }
            Step::Tick { after_ms } => {
                model.now_ms += after_ms;
                model.drop_beyond();
                log.drop_beyond(model.now_ms, &model.options.limits);
            }
            Step::Reload { patterns, limits } => {
                let before = model.options.clone();
                model.reload(options(patterns, limits));
                log.apply(&before, &model.options, model.now_ms);
            }
        }
        check(&log, &model, watermarks_max >= TOPICS.len() * 2);
    }
    check_handed_over(&log, &model, watermarks_max >= TOPICS.len() * 2);
}

#[test]
fn a_log_continues_that_of_the_last_run() {
    let limits = LiveOptions::default().limits;
    let age_max_ms = limits.history_age_max.as_millis() as u64;
    let mut log = Log::new(EPOCH ^ 1);
    for (sequence, topic, age_ms) in [(2, "a", age_max_ms + 1), (4, "a", age_max_ms), (6, "b", 0)] {
        let event = new_event(sequence as usize, 5, CLOCK_START_MS - age_ms);
        log.restore(sequence, &topic.into(), event, &limits);
        assert_eq!(log.position().sequence, sequence);
    }
    log.continue_from(EPOCH, 9, 3);
    assert_eq!(log.position(), log.at(9));
    assert_eq!(log.at(9).epoch, EPOCH);
    for topic in ["a", "b", "c"] {
        assert_eq!(log.complete_after(topic, log.at(2)), Err(Gap::Forgotten));
        assert_eq!(log.complete_after(topic, log.at(3)), Ok(3));
    }
    assert_eq!(
        [2, 3].map(|after| log.gap_behind(after)),
        [Gap::SharedLog, Gap::Slow]
    );
    let names = ["c", "a"].map(String::from);
    assert_eq!([0, 2].map(|n| log.watermark_of_all(&names[..n])), [0, 3]);
    let topics = ["a", "b"].map(Topic::from);
    assert_eq!(
        sequences(log.read_several(&topics, 3, usize::MAX)),
        Some(vec![4, 6])
    );
    assert_eq!(log.known_topic("a").map(|topic| &**topic), Some("a"));
    assert_eq!(log.known_topic("c"), None);
    let position = handover::Position {
        epoch: EPOCH,
        sequence: 9,
    };
    let taken = Log::take_over(position, log.hand_over(CLOCK_START_MS));
    assert_eq!(taken.gap_behind(2), Gap::SharedLog);
    log.move_to(20);
    let (entry, is_kept) = log.append(&topics[0], new_event(21, 5, CLOCK_START_MS), &limits);
    assert_eq!((entry.sequence, is_kept), (21, true));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn reader_gets_all_events_or_gap(steps in steps()) {
        run(&steps, 2 * TOPICS.len());
    }

    #[test]
    fn small_table_of_watermarks_hides_no_gap(steps in steps()) {
        run(&steps, 2);
    }
}
