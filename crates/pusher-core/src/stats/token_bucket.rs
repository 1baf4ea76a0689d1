//! A token bucket: the rate limit of sessions and of log lines.

/// The cost of one message in units. A rate in messages per second is then the same number of units per millisecond, so
/// refills are exact.
const MESSAGE: u64 = 1000;

/// A token bucket in 8 bytes, because every session has one.
#[derive(Debug, Default)]
pub(crate) struct TokenBucket {
    /// Time of the last refill, as the low 32 bits of a clock in ms. It wraps after 49 days, which only delays one
    /// refill.
    refilled_ms: u32,
    /// The cost of the taken messages, minus the refills. 0 is a full bucket.
    used: u32,
}

impl TokenBucket {
    /// Refills the bucket for the time since the last refill.
    pub(crate) fn refill(&mut self, now_ms: u64, per_second: u32) {
        let now_ms = now_ms as u32;
        let passed_ms = now_ms.wrapping_sub(self.refilled_ms);
        let refill = u64::from(passed_ms) * u64::from(per_second);
        self.refilled_ms = now_ms;
        self.used = u32::try_from(refill).map_or(0, |refill| self.used.saturating_sub(refill));
    }

    /// Takes messages out of a bucket that holds `burst` of them. Returns false if there are fewer.
    pub(crate) fn take(&mut self, messages: u16, burst: u16) -> bool {
        let used = u64::from(self.used) + u64::from(messages) * MESSAGE;
        let may = used <= u64::from(burst) * MESSAGE;
        if let (true, Ok(used)) = (may, u32::try_from(used)) {
            self.used = used;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_a_burst_and_then_the_rate() {
        let mut bucket = TokenBucket::default();
        let mut taken_at = |now_ms| {
            bucket.refill(now_ms, 2);
            (0..100).filter(|_| bucket.take(1, 10)).count()
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
            assert_eq!(taken_at(now_ms), expect, "{now_ms}");
        }
    }

    #[test]
    fn several_messages_are_taken_at_once_or_not_at_all() {
        let mut bucket = TokenBucket::default();
        assert!(bucket.take(7, 10));
        assert!(!bucket.take(4, 10));
        assert!(bucket.take(3, 10));
        assert!(!bucket.take(1, 10));
    }

    #[test]
    fn never_allows_more_than_burst_and_rate() {
        for (burst, per_second) in [(1, 1), (5, 3), (100, 100), (7, 999)] {
            for start_ms in [0, 1, 500, 999, 123_456] {
                let mut bucket = TokenBucket::default();
                bucket.refill(start_ms, per_second);
                let mut taken = 0;
                for passed_ms in 0..3000 {
                    bucket.refill(start_ms + passed_ms, per_second);
                    taken += (0..200).filter(|_| bucket.take(1, burst)).count() as u64;
                    let may = u64::from(burst) + passed_ms * u64::from(per_second) / 1000;
                    assert_eq!(taken, may, "{burst} {per_second} {start_ms} {passed_ms}");
                }
            }
        }
    }

    #[test]
    fn largest_limits_do_not_overflow() {
        let mut bucket = TokenBucket::default();
        bucket.refill(1000, u32::MAX);
        let taken = (0..100_000).filter(|_| bucket.take(1, u16::MAX)).count();
        assert_eq!(taken, usize::from(u16::MAX));
        bucket.refill(2000, u32::MAX);
        assert!(bucket.take(1, 1));
        bucket.refill(2000, 0);
        assert!(!bucket.take(1, 1));
    }

    #[test]
    fn size_is_8_bytes() {
        assert_eq!(size_of::<TokenBucket>(), 8);
    }
}
