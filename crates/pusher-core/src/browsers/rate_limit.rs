//! How much one session says.

/// What one message counts.
const MESSAGE: u64 = 1000;

/// A bucket of tokens in 8 bytes, since every session has one. A message counts 1000, so that a rate in
/// messages a second is one in these a millisecond, and nothing is rounded.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    /// Since when less is owed, in milliseconds of the server's clock, the lower half: who is silent
    /// for 49 days may be forgotten less.
    since_ms: u32,
    /// What was said and is not yet forgotten.
    owed: u32,
}

impl RateLimit {
    /// Forgets what `per_second` allows for the time that has passed.
    pub(crate) fn rest(&mut self, now_ms: u64, per_second: u32) {
        let now_ms = now_ms as u32;
        let passed_ms = now_ms.wrapping_sub(self.since_ms);
        let forgotten = u64::from(passed_ms) * u64::from(per_second);
        self.since_ms = now_ms;
        self.owed =
            u32::try_from(forgotten).map_or(0, |forgotten| self.owed.saturating_sub(forgotten));
    }

    /// Counts one more; false if that is too much.
    pub(crate) fn take(&mut self, burst: u16) -> bool {
        let owed = u64::from(self.owed) + MESSAGE;
        let may = owed <= u64::from(burst) * MESSAGE;
        if let (true, Ok(owed)) = (may, u32::try_from(owed)) {
            self.owed = owed;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let mut pace = RateLimit::default();
        let mut said = |now_ms| {
            pace.rest(now_ms, 2);
            (0..100).filter(|_| pace.take(10)).count()
        };
        let wrap = 1 << 32;
        for (now_ms, expect) in [
            (0, 10),
            (499, 0),
            (500, 1),
            (999, 0),
            (1000, 1),
            (1000, 0),
            (4000, 6),
            (wrap - 1, 10),
            (wrap + 498, 0),
            (wrap + 499, 1),
            (wrap + 3998, 6),
        ] {
            assert_eq!(said(now_ms), expect, "{now_ms}");
        }
    }

    /// Whenever one looks: not a message more than the burst and the rate allow.
    #[test]
    fn no_second_has_more_than_the_rate() {
        for (burst, per_second) in [(1, 1), (5, 3), (100, 100), (7, 999)] {
            for start_ms in [0, 1, 500, 999, 123_456] {
                let mut pace = RateLimit::default();
                pace.rest(start_ms, per_second);
                let mut said = 0;
                for passed_ms in 0..3000 {
                    pace.rest(start_ms + passed_ms, per_second);
                    said += (0..200).filter(|_| pace.take(burst)).count() as u64;
                    let may = u64::from(burst) + passed_ms * u64::from(per_second) / 1000;
                    assert_eq!(said, may, "{burst} {per_second} {start_ms} {passed_ms}");
                }
            }
        }
    }

    #[test]
    fn the_largest_limits() {
        let mut pace = RateLimit::default();
        pace.rest(1000, u32::MAX);
        let said = (0..100_000).filter(|_| pace.take(u16::MAX)).count();
        assert_eq!(said, usize::from(u16::MAX));
        pace.rest(2000, u32::MAX);
        assert!(pace.take(1));
        pace.rest(2000, 0);
        assert!(!pace.take(1));
    }

    #[test]
    fn it_is_small() {
        assert!(size_of::<RateLimit>() <= 8);
    }
}
