//! Figures of the last minutes, hours and day, for the charts of the status page.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use crate::context::Context;

const SECOND: Duration = Duration::from_secs(1);

/// A stretch of time that a chart can show. The steps of all windows are about 50 KiB together.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The name in requests.
    pub(crate) name: &'static str,
    step_s: u64,
    steps_max: usize,
}

/// All windows, shortest first.
pub(crate) const WINDOWS: [Window; 3] = [
    Window {
        name: "5m",
        step_s: 1,
        steps_max: 300,
    },
    Window {
        name: "1h",
        step_s: 10,
        steps_max: 360,
    },
    Window {
        name: "1d",
        step_s: 300,
        steps_max: 288,
    },
];

/// The steps of all windows.
#[derive(Debug, Default)]
pub(crate) struct History([Mutex<Steps>; WINDOWS.len()]);

#[derive(Debug, Default)]
struct Steps {
    /// The oldest first. Only the last one can still grow.
    steps: VecDeque<Step>,
}

/// Figures of one second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Second {
    pub(super) events: u64,
    pub(super) deliveries: u64,
    /// Number of connections with a session, at its end.
    pub(super) sessions: u64,
    /// Bytes of queued events, at its end.
    pub(super) queued_len: u64,
}

/// Figures of some seconds.
#[derive(Debug, Clone, Copy)]
struct Step {
    seconds: u64,
    events: Rate,
    deliveries: Rate,
    /// The maximum.
    sessions: u64,
    /// The maximum.
    queued_len: u64,
}

/// A number of events over some seconds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    sum: u64,
    /// Most in one second.
    peak: u64,
}

impl History {
    fn add(&self, second: Second) {
        for (window, steps) in WINDOWS.iter().zip(&self.0) {
            steps.lock().add(window, second);
        }
    }

    /// Returns the figures of each step of a window as JSON, the oldest first. The last step may be incomplete. Events are
    /// per second.
    pub(super) fn json(&self, window: &'static Window) -> Value {
        let index = WINDOWS.iter().position(|known| known == window);
        let steps = self.0[index.unwrap_or(0)].lock();
        let steps = &steps.steps;
        let numbers = |figure: fn(&Step) -> u64| steps.iter().map(figure).collect::<Vec<_>>();
        let means = |rate: fn(&Step) -> Rate| {
            let means = steps.iter().map(|step| rate(step).mean(step.seconds));
            means.collect::<Vec<_>>()
        };
        json!({
            "window": window.name,
            "step_s": window.step_s,
            "steps_max": window.steps_max,
            "last_s": steps.back().map_or(0, |step| step.seconds),
            "events": means(|step| step.events),
            "events_peak": numbers(|step| step.events.peak),
            "deliveries": means(|step| step.deliveries),
            "deliveries_peak": numbers(|step| step.deliveries.peak),
            "sessions": numbers(|step| step.sessions),
            "queued_len": numbers(|step| step.queued_len),
        })
    }
}

impl Steps {
    fn add(&mut self, window: &Window, second: Second) {
        match self.steps.back_mut() {
            Some(last) if last.seconds < window.step_s => last.add(second),
            _ => {
                if self.steps.len() == window.steps_max {
                    self.steps.pop_front();
                }
                self.steps.push_back(Step::new(second));
            }
        }
    }
}

impl Step {
    fn new(second: Second) -> Self {
        let rate = |count| Rate {
            sum: count,
            peak: count,
        };
        Self {
            seconds: 1,
            events: rate(second.events),
            deliveries: rate(second.deliveries),
            sessions: second.sessions,
            queued_len: second.queued_len,
        }
    }

    fn add(&mut self, second: Second) {
        self.seconds += 1;
        self.events.add(second.events);
        self.deliveries.add(second.deliveries);
        self.sessions = self.sessions.max(second.sessions);
        self.queued_len = self.queued_len.max(second.queued_len);
    }
}

impl Rate {
    fn add(&mut self, count: u64) {
        self.sum += count;
        self.peak = self.peak.max(count);
    }

    /// Returns the mean of a second, with two digits behind the point.
    fn mean(self, seconds: u64) -> f64 {
        if self.sum.is_multiple_of(seconds) {
            return (self.sum / seconds) as f64;
        }
        (self.sum as f64 * 100.0 / seconds as f64).round() / 100.0
    }
}

impl Window {
    /// Returns the window with this name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        WINDOWS.iter().find(|window| window.name == name)
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
            queued_len: context.counters.events_len.get(),
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

    /// Returns a second with this number in each figure.
    fn second(number: u64) -> Second {
        Second {
            events: number,
            deliveries: number,
            sessions: number,
            queued_len: number,
        }
    }

    fn json(history: &History, window: &str) -> Value {
        history.json(Window::find(window).unwrap())
    }

    #[test]
    fn oldest_step_is_dropped_at_limit() {
        let history = History::default();
        let day_s = 24 * 60 * 60;
        for number in 0..=day_s {
            history.add(second(number));
        }
        for (window, len, first) in [("5m", 300, 86_101), ("1h", 360, 82_819), ("1d", 288, 599)] {
            let rows = json(&history, window);
            let sessions = rows["sessions"].as_array().unwrap();
            assert_eq!(
                (sessions.len(), &sessions[0]),
                (len, &json!(first)),
                "{window}"
            );
            assert_eq!(sessions[len - 1], day_s, "{window}");
        }
    }

    #[test]
    fn steps_have_mean_peak_and_maximum() {
        let history = History::default();
        for number in [1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, 1, 3] {
            history.add(second(number));
        }
        let hour = json(&history, "1h");
        assert_eq!(hour["events"], json!([0.6, 2.33]));
        assert_eq!(hour["events_peak"], json!([5, 3]));
        assert_eq!(hour["deliveries"], hour["events"]);
        assert_eq!(hour["sessions"], json!([5, 3]));
        assert_eq!((&hour["step_s"], &hour["last_s"]), (&json!(10), &json!(3)));
        let minutes = json(&history, "5m");
        assert_eq!(minutes["events"].as_array().unwrap().len(), 13);
        assert_eq!(minutes["events"][2], json!(5.0));
    }
}
