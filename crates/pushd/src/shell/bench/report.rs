//! The results at the end.

use serde_json::{Value, json};

use super::options::BenchOptions;
use super::tally::Counts;
use crate::shell::error::ShellError;

/// The results.
pub(super) struct Report<'a> {
    pub(super) options: &'a BenchOptions,
    pub(super) counts: &'a mut Counts,
}

impl Report<'_> {
    fn lost(&self) -> u64 {
        let expected = self.counts.published * u64::from(self.options.subscribers);
        expected.saturating_sub(self.counts.delivered)
    }

    fn per_second(&self, count: u64) -> u64 {
        (count as f64 / self.counts.took.as_secs_f64().max(f64::EPSILON)).round() as u64
    }

    /// Returns the median, the 99th percentile and the maximum, in microseconds.
    fn latency(&self) -> [(&'static str, u64); 3] {
        let latency = &self.counts.latency;
        [
            ("p50", latency.value_at_quantile(0.5)),
            ("p99", latency.value_at_quantile(0.99)),
            ("max", latency.max()),
        ]
    }

    /// Fails if a delivery was lost, repeated or out of order, or if the measurement ended early.
    pub(super) fn verdict(self) -> Result<(), ShellError> {
        let (doubled, reordered) = (self.counts.doubled, self.counts.reordered);
        let lost = self.lost();
        if let Some(error) = self.counts.failed.take() {
            return Err(error);
        }
        if lost + doubled + reordered > 0 {
            return Err(ShellError::Deliveries {
                lost,
                doubled,
                reordered,
            });
        }
        Ok(())
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
            "subscribers": self.options.subscribers,
            "size": self.options.size,
            "rate": self.options.rate,
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
        let BenchOptions {
            subscribers,
            rate,
            size,
            ..
        } = self.options;
        let Counts {
            published,
            delivered,
            doubled,
            reordered,
            took,
            ..
        } = &*self.counts;
        let rate = match rate {
            Some(rate) => format!("at --rate {rate}"),
            None => "each after the receipt of the one before".to_owned(),
        };
        let latency = self
            .latency()
            .map(|(name, us)| format!("{name} {} ms", us as f64 / 1e3));
        vec![
            format!("subscribers {subscribers}, events of {size} bytes"),
            format!(
                "publishes   {published} in {:.1} s: {} per second, {rate}",
                took.as_secs_f64(),
                self.per_second(*published)
            ),
            format!(
                "deliveries  {delivered}: {} per second",
                self.per_second(*delivered)
            ),
            format!("latency     {}, from publish to subscriber", latency.join(", ")),
            format!(
                "faults      {} lost, {doubled} doubled, {reordered} out of order",
                self.lost()
            ),
            "This command ran all subscribers in one thread. On the server's own machine they take processor time from \
             the server."
                .to_owned(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tally::{Arrival, Tally};
    use super::*;

    const NEXT: Arrival = Arrival::New { advance: 1 };

    /// Reports on two subscribers and two publishes.
    fn verdict(
        arrivals: impl IntoIterator<Item = Arrival>,
    ) -> (Result<(), ShellError>, Value, String) {
        let options = BenchOptions {
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
            options: &options,
            counts: &mut tally.counts(),
        };
        let (json, lines) = (report.json(), report.lines().join("\n"));
        (report.verdict(), json, lines)
    }

    #[test]
    fn complete_delivery_succeeds() {
        let (verdict, json, lines) = verdict([NEXT, NEXT, NEXT, NEXT]);
        assert!(verdict.is_ok(), "{verdict:?}");
        assert_eq!((&json["deliveries"], &json["lost"]), (&4.into(), &0.into()));
        assert!(
            lines.contains("0 lost, 0 doubled, 0 out of order"),
            "{lines}"
        );
    }

    #[test]
    fn each_kind_of_fault_is_counted_and_fails() {
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
            let error = verdict.unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
