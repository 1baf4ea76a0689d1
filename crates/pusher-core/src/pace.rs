//! How much one session says.

/// A bucket of tokens in 4 bytes, since every session has one: it counts in whole seconds, and
/// these only as long as pings go: a session that is silent for longer is dropped.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Since when less is owed, in seconds of the server's clock, the lower half.
    since_s: u16,
    /// What was said and is not yet forgotten.
    owed: u16,
}

impl Pace {
    /// Forgets `per_second` for every second that has passed.
    pub(crate) fn rest(&mut self, now_ms: u64, per_second: u32) {
        let now_s = (now_ms / 1000) as u16;
        let seconds = now_s.wrapping_sub(self.since_s);
        let forgotten = u32::from(seconds).saturating_mul(per_second);
        self.since_s = now_s;
        self.owed = u16::try_from(u32::from(self.owed).saturating_sub(forgotten)).unwrap_or(0);
    }

    /// Counts one more; false if that is too much.
    pub(crate) fn take(&mut self, burst: u16) -> bool {
        let may = self.owed < burst;
        self.owed += u16::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let mut pace = Pace::default();
        let mut said = |now_ms| {
            pace.rest(now_ms, 2);
            (0..100).filter(|_| pace.take(10)).count()
        };
        for (now_ms, expect) in [
            (0, 10),
            (999, 0),
            (1000, 2),
            (1000, 0),
            (4000, 6),
            (65_535_000, 10),
            (65_536_000, 2),
            (65_539_999, 6),
        ] {
            assert_eq!(said(now_ms), expect, "{now_ms}");
        }
    }

    #[test]
    fn the_largest_limits() {
        let mut pace = Pace::default();
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
        assert!(size_of::<Pace>() <= 4);
    }
}
