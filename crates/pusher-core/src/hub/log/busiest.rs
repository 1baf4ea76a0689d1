//! The topics that have the most events now.

use std::cmp::Ordering;

use super::Log;
use super::topic_log::TopicLog;
use crate::config::Limits;
use crate::connection::Topic;

/// Time over which events are counted, in ms.
const WINDOW_MS: u64 = 10_000;

/// Shortest time over which they are counted, for topics whose older events the log has dropped.
const WINDOW_MS_MIN: u64 = 1000;

impl Log {
    /// Returns at most `n` topics that had events in the last [`WINDOW_MS`], the busiest first. Equal ones are sorted by name.
    pub(in crate::hub) fn busiest(&self, n: usize, now_ms: u64, limits: &Limits) -> Vec<Topic> {
        let topics = self.topics.iter();
        let rates = topics.map(|(topic, log)| (self.rate(log, now_ms, limits), topic));
        let mut rates: Vec<_> = rates.filter(|(rate, _)| *rate > 0.0).collect();
        rates.sort_by(|(rate, topic), (other_rate, other)| {
            let by_rate = other_rate.partial_cmp(rate).unwrap_or(Ordering::Equal);
            by_rate.then_with(|| topic.cmp(other))
        });
        let busiest = rates.into_iter().take(n);
        busiest.map(|(_, topic)| topic.clone()).collect()
    }

    /// Returns the events of a topic per second, over the last [`WINDOW_MS`].
    pub(in crate::hub) fn events_per_s(&self, topic: &str, now_ms: u64, limits: &Limits) -> f64 {
        let log = self.topics.get(topic);
        log.map_or(0.0, |log| self.rate(log, now_ms, limits))
    }

    fn rate(&self, log: &TopicLog, now_ms: u64, limits: &Limits) -> f64 {
        let since_ms = now_ms.saturating_sub(WINDOW_MS);
        if log.newest().is_none_or(|newest| newest.at_ms <= since_ms) {
            return 0.0;
        }
        let count = log.count() - log.count_until(since_ms);
        let complete_since_ms = self.complete_since_ms(log, limits).max(since_ms);
        let window_ms = now_ms.saturating_sub(complete_since_ms).max(WINDOW_MS_MIN);
        count as f64 * 1000.0 / window_ms as f64
    }

    /// Returns the time since which the log has all events of a topic. 0 if it has not dropped any recently.
    fn complete_since_ms(&self, log: &TopicLog, limits: &Limits) -> u64 {
        let is_topic_full = log.count() >= limits.history_topic_events_max
            || log.len() > limits.history_topic_len_max / 2;
        let oldest = match is_topic_full {
            true => log.oldest(),
            false if self.len > limits.history_len_max / 2 => {
                let oldest = self.order.front();
                let log = oldest.and_then(|(_, topic)| self.topics.get(topic));
                log.and_then(TopicLog::oldest)
            }
            false => None,
        };
        oldest.map_or(0, |oldest| oldest.at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::event_frame::EventFrame;
    use crate::hub::log::NewEvent;

    const NOW_MS: u64 = 100_000;

    /// Appends an event of this age.
    fn append(log: &mut Log, topic: &str, age_ms: u64, limits: &Limits) {
        let event = NewEvent {
            frame: EventFrame::new(b"1]".to_vec(), 1),
            recipients: None,
            at_ms: NOW_MS - age_ms,
            channels: None,
        };
        log.append(&topic.into(), event, limits);
    }

    #[test]
    fn topics_are_sorted_by_their_events_in_the_last_seconds() {
        let limits = Limits::default();
        let mut log = Log::new(1);
        for age_ms in [60_000, 59_000, 10_000] {
            append(&mut log, "old", age_ms, &limits);
        }
        append(&mut log, "b", 9_999, &limits);
        for _ in 0..3 {
            append(&mut log, "busy", 5_000, &limits);
        }
        append(&mut log, "a", 1, &limits);
        let busiest = |n| log.busiest(n, NOW_MS, &limits);
        let names = ["busy", "a", "b"].map(Topic::from);
        assert_eq!(busiest(9), names);
        assert_eq!(busiest(1), names[..1]);
        let rate = |topic| log.events_per_s(topic, NOW_MS, &limits);
        assert_eq!([rate("busy"), rate("old"), rate("?")], [0.3, 0.0, 0.0]);
    }

    #[test]
    fn dropped_events_shorten_the_time() {
        let limits = Limits {
            history_topic_events_max: 100,
            ..Limits::default()
        };
        let mut log = Log::new(1);
        for n in 0..500 {
            append(&mut log, "t", 5_000 - n * 10, &limits);
        }
        // The last 100 of them took a second.
        assert_eq!(log.events_per_s("t", NOW_MS, &limits), 100.0);
        let limits = Limits {
            history_len_max: 50 * 200,
            ..Limits::default()
        };
        let mut log = Log::new(1);
        for n in 0..500 {
            append(&mut log, "t", 10_000 - n * 20, &limits);
        }
        let rate = log.events_per_s("t", NOW_MS, &limits);
        assert!((40.0..60.0).contains(&rate), "{rate}");
    }
}
