//! Figures of the last minutes, per second.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::context::Context;

/// Length of the history, in seconds.
const LEN_MAX: usize = 300;

const SECOND: Duration = Duration::from_secs(1);

/// Figures of each second.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<VecDeque<Second>>);

/// Figures of one second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Second {
    pub(super) events: u64,
    pub(super) deliveries: u64,
    /// Number of sessions at its end.
    pub(super) sessions: u64,
}

impl History {
    fn add(&self, second: Second) {
        let mut seconds = self.0.lock();
        if seconds.len() == LEN_MAX {
            seconds.pop_front();
        }
        seconds.push_back(second);
    }

    /// Returns one figure of every second, the oldest first.
    pub(super) fn row(&self, figure: impl Fn(&Second) -> u64) -> Vec<u64> {
        self.0.lock().iter().map(figure).collect()
    }
}

/// Records the history until the future is dropped.
pub(super) async fn record(context: &Context, history: &History) {
    let (mut events, mut deliveries) = totals(context);
    let mut ticks = interval(SECOND);
    // After a stall do not record a burst of very short seconds.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let (events_now, deliveries_now) = totals(context);
        history.add(Second {
            events: events_now - events,
            deliveries: deliveries_now - deliveries,
            sessions: context.hub.session_count() as u64,
        });
        (events, deliveries) = (events_now, deliveries_now);
    }
}

/// Returns the number of events and deliveries since the start.
fn totals(context: &Context) -> (u64, u64) {
    let events = context.counters.events.counts().total();
    (events, context.hub.delivery_count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_second_is_dropped_at_limit() {
        let history = History::default();
        for events in 0..=LEN_MAX as u64 {
            history.add(Second {
                events,
                deliveries: 0,
                sessions: 0,
            });
        }
        let row = history.row(|second| second.events);
        assert_eq!((row.len(), row[0], row[LEN_MAX - 1]), (LEN_MAX, 1, 300));
    }
}
