//! The log in memory as another process takes it over.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use pusher_proto::wamp::event_frame;

use super::entry::{Entry, NewEvent};
use super::topic_log::TopicLog;
use super::watermarks::Watermarks;
use super::{CLOCK_START_MS, Log, WATERMARKS_MAX};
use crate::connection::Topic;
use crate::handover;
use crate::hub::event_frame::EventFrame;
use crate::hub::recipients::Recipients;

impl Log {
    /// Returns all events and watermarks. `now_ms` is the time on the log's clock.
    pub(in crate::hub) fn hand_over(&self, now_ms: u64) -> handover::Log {
        let mut topics = Vec::new();
        let mut entries = Vec::new();
        for (index, (topic, log)) in self.topics.iter().enumerate() {
            topics.push(handover::LogTopic {
                topic: topic.to_string(),
                watermark: log.watermark(),
            });
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            entries.extend(log.after(0).map(|entry| encode(entry, index, now_ms)));
        }
        entries.sort_unstable_by_key(|entry| entry.sequence);
        let mut log = handover::Log {
            begin: self.begin,
            topics,
            entries,
            ..handover::Log::default()
        };
        self.watermarks.hand_over(&mut log);
        log
    }

    /// Continues with what [`hand_over`](Self::hand_over) has returned. An event whose topic is missing is left out.
    pub(in crate::hub) fn take_over(position: handover::Position, handed: handover::Log) -> Self {
        let mut log = Self::new(position.epoch);
        log.top = position.sequence;
        log.begin = handed.begin;
        log.watermarks = Watermarks::take_over(WATERMARKS_MAX, &handed);
        let topics: Vec<Topic> = handed
            .topics
            .iter()
            .map(|topic| Topic::from(&*topic.topic))
            .collect();
        let watermarks = handed.topics.iter().map(|topic| topic.watermark);
        let mut logs: HashMap<_, _, RandomState> = HashMap::default();
        logs.extend(topics.iter().cloned().zip(watermarks.map(TopicLog::new)));
        for entry in handed.entries {
            let Some(topic) = topics.get(entry.topic as usize) else {
                continue;
            };
            let entry = Arc::new(decode(topic, entry));
            log.len += entry.len();
            log.count += 1;
            log.order.push_back((entry.sequence, topic.clone()));
            if let Some(topic_log) = logs.get_mut(topic) {
                topic_log.push(entry);
            }
        }
        logs.retain(|_, log| !log.is_empty());
        log.topics = logs;
        log
    }
}

fn encode(entry: &Entry, topic: u32, now_ms: u64) -> handover::Entry {
    handover::Entry {
        sequence: entry.sequence,
        topic,
        age_ms: now_ms.saturating_sub(entry.at_ms),
        event: String::from_utf8_lossy(entry.event()).into_owned(),
        recipients: entry.recipients().map(Recipients::hand_over),
    }
}

fn decode(topic: &Topic, entry: handover::Entry) -> Entry {
    let event = NewEvent {
        frame: EventFrame::new(event_frame(topic, &entry.event), entry.event.len()),
        recipients: entry
            .recipients
            .map(|them| Arc::new(Recipients::take_over(them))),
        at_ms: CLOCK_START_MS - entry.age_ms.min(CLOCK_START_MS),
        channels: None,
    };
    Entry::new(entry.sequence, topic, event)
}
