//! What is said while it runs and at the end.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::tally::Counts;
use super::{Failed, Wish};

/// How often progress is shown.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);

/// A line on the terminal that is written anew; nothing where there is none.
pub(super) struct Progress {
    is_terminal: bool,
    shown: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            shown: None,
        }
    }

    /// Not more often than makes sense.
    pub(super) fn show(&mut self, text: impl FnOnce() -> String) {
        let is_early = self.shown.is_some_and(|shown| shown.elapsed() < INTERVAL);
        if self.is_terminal && !is_early {
            self.shown = Some(Instant::now());
            self.write(&text());
        }
    }

    /// The terminal's line is empty again.
    pub(super) fn clear(&mut self) {
        if self.is_terminal && self.shown.take().is_some() {
            self.write("");
        }
    }

    fn write(&self, text: &str) {
        let mut stderr = io::stderr();
        let _closed = write!(stderr, "\r{text}\x1b[K").and_then(|()| stderr.flush());
    }
}

/// The figures.
pub(super) struct Report<'a> {
    pub(super) wish: &'a Wish,
    pub(super) counts: &'a Counts,
}

impl Report<'_> {
    fn lost(&self) -> u64 {
        let expected = self.counts.published * u64::from(self.wish.subscribers);
        expected.saturating_sub(self.counts.delivered)
    }

    fn per_second(&self, count: u64) -> u64 {
        (count as f64 / self.counts.took.as_secs_f64().max(f64::EPSILON)).round() as u64
    }

    /// At the quantiles that are shown, and the longest, in microseconds.
    fn latency(&self) -> [(&'static str, u64); 3] {
        let latency = &self.counts.latency;
        [
            ("p50", latency.value_at_quantile(0.5)),
            ("p99", latency.value_at_quantile(0.99)),
            ("max", latency.max()),
        ]
    }

    /// An error if an event was lost, doubled or out of order, or if there was an end before the end.
    pub(super) fn verdict(&self) -> Result<(), Failed> {
        let Counts {
            doubled, reordered, ..
        } = *self.counts;
        let lost = self.lost();
        match &self.counts.failed {
            Some(why) => Err(why.clone()),
            None if lost + doubled + reordered > 0 => Err(format!(
                "of the deliveries {lost} were lost, {doubled} doubled and {reordered} out of order"
            )),
            None => Ok(()),
        }
    }

    pub(super) fn json(&self) -> Value {
        let Counts {
            published,
            delivered,
            doubled,
            reordered,
            ..
        } = *self.counts;
        let latency: serde_json::Map<_, _> = self
            .latency()
            .into_iter()
            .map(|(name, us)| (name.to_owned(), us.into()))
            .collect();
        json!({
            "subscribers": self.wish.subscribers,
            "size": self.wish.size,
            "rate": self.wish.rate,
            "seconds": (self.counts.took.as_secs_f64() * 1e3).round() / 1e3,
            "publishes": published,
            "publishes_per_second": self.per_second(published),
            "deliveries": delivered,
            "deliveries_per_second": self.per_second(delivered),
            "latency_us": latency,
            "lost": self.lost(),
            "doubled": doubled,
            "reordered": reordered,
        })
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let Wish {
            subscribers,
            rate,
            size,
            ..
        } = self.wish;
        let Counts {
            published,
            delivered,
            doubled,
            reordered,
            took,
            ..
        } = self.counts;
        let pace = match rate {
            Some(rate) => format!("{rate} a second were asked for"),
            None => "as fast as receipts came".to_owned(),
        };
        let latency = self
            .latency()
            .map(|(name, us)| format!("{name} {} ms", us as f64 / 1e3));
        vec![
            format!("subscribers {subscribers}, events of {size} bytes"),
            format!(
                "publishes   {published} in {:.1} s: {} a second, {pace}",
                took.as_secs_f64(),
                self.per_second(*published)
            ),
            format!(
                "deliveries  {delivered}: {} a second",
                self.per_second(*delivered)
            ),
            format!("latency     {}, from publish to subscriber", latency.join(", ")),
            format!(
                "faults      {} lost, {doubled} doubled, {reordered} out of order",
                self.lost()
            ),
            "The subscribers were this command, in one thread: on the server's own machine they take processor \
             time from it."
                .to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tally::{Arrival, Tally};
    use super::*;

    const NEXT: Arrival = Arrival::New { advance: 1 };

    /// With two subscribers and two publishes.
    fn verdict(arrivals: impl IntoIterator<Item = Arrival>) -> (Result<(), Failed>, Value, String) {
        let wish = Wish {
            subscribers: 2,
            rate: None,
            time: Duration::from_secs(1),
            size: 512,
        };
        let tally = Tally::new(0).unwrap();
        tally.publish();
        tally.publish();
        for arrival in arrivals {
            tally.deliver(arrival, Duration::ZERO);
        }
        let report = Report {
            wish: &wish,
            counts: &tally.counts(),
        };
        (report.verdict(), report.json(), report.lines().join("\n"))
    }

    #[test]
    fn when_all_has_arrived_it_is_good() {
        let (verdict, json, lines) = verdict([NEXT, NEXT, NEXT, NEXT]);
        assert_eq!(verdict, Ok(()));
        assert_eq!((&json["deliveries"], &json["lost"]), (&4.into(), &0.into()));
        assert!(
            lines.contains("0 lost, 0 doubled, 0 out of order"),
            "{lines}"
        );
    }

    #[test]
    fn each_fault_is_counted_and_makes_it_fail() {
        for (arrivals, what) in [
            (vec![NEXT, NEXT, NEXT], "1 were lost, 0 doubled and 0 out"),
            (
                vec![NEXT, NEXT, NEXT, NEXT, Arrival::Again],
                "0 were lost, 1 doubled and 0 out",
            ),
            (
                vec![NEXT, NEXT, Arrival::New { advance: 2 }, Arrival::Late],
                "0 were lost, 0 doubled and 1 out",
            ),
            (Vec::new(), "4 were lost"),
        ] {
            let (verdict, ..) = verdict(arrivals);
            let error = verdict.unwrap_err();
            assert!(error.contains(what), "{error}");
        }
    }
}
