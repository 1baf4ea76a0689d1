//! Warns in the log before the certificate expires: from 30 days before, once a day, and each time it is loaded.
//! Otherwise the visitors often notice first.

use std::future::pending;
use std::time::{Duration, SystemTime};

use pusher_core::Certificate;
use tokio::time::{Instant, sleep_until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Time before the end at which warnings begin. Programs that renew certificates do so earlier.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long a certificate is still valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// Longer than `SOON`.
    Long(Duration),
    /// Not longer than `SOON`.
    Short(Duration),
    /// It expired this long ago.
    Ended(Duration),
}

impl Lasts {
    pub(crate) fn at(now: SystemTime, not_after: SystemTime) -> Self {
        match not_after.duration_since(now) {
            Ok(left) if left > SOON => Self::Long(left),
            Ok(left) => Self::Short(left),
            Err(over) => Self::Ended(over.duration()),
        }
    }

    /// Returns the warning, if there is a reason for one.
    pub(crate) fn warning(self) -> Option<String> {
        match self {
            Self::Long(_) => None,
            Self::Short(left) => Some(format!("the certificate expires in {}", days(left))),
            Self::Ended(over) => Some(format!(
                "the certificate expired {} ago: browsers refuse it",
                days(over)
            )),
        }
    }

    /// Returns the time until the next check.
    fn next_check(self) -> Duration {
        match self {
            Self::Long(left) => DAY.min(left - SOON),
            Self::Short(left) => DAY.min(left),
            Self::Ended(_) => DAY,
        }
    }
}

/// Returns a warning if the certificate expires soon or has expired.
pub(crate) fn warning(certificate: &Certificate) -> Option<String> {
    let lasts = Lasts::at(SystemTime::now(), certificate.not_after()?);
    lasts.warning()
}

/// Formats a time in whole days.
pub(crate) fn days(time: Duration) -> String {
    match time.as_secs() / DAY.as_secs() {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Checks the certificate in use, and logs warnings.
#[derive(Debug)]
pub(crate) struct Expiry {
    not_after: Option<SystemTime>,
    /// When to check again.
    next: Instant,
}

impl Expiry {
    /// Checks a certificate at once.
    pub(crate) fn new(certificate: Option<&Certificate>) -> Self {
        let mut expiry = Self {
            not_after: certificate.and_then(Certificate::not_after),
            next: Instant::now(),
        };
        expiry.check();
        expiry
    }

    /// Returns when the next check is due. Never returns without a certificate.
    pub(crate) async fn due(&self) {
        match self.not_after {
            Some(_) => sleep_until(self.next).await,
            None => pending().await,
        }
    }

    /// Logs a warning if there is a reason, and sets the time of the next check.
    pub(crate) fn check(&mut self) {
        let Some(not_after) = self.not_after else {
            return;
        };
        let lasts = Lasts::at(SystemTime::now(), not_after);
        // One second later than the exact moment: the two clocks may differ slightly.
        self.next = Instant::now() + lasts.next_check() + Duration::from_secs(1);
        let todo = "renew it (new files are loaded automatically)";
        match (lasts, lasts.warning()) {
            (Lasts::Ended(_), Some(text)) => tracing::error!("{text}; {todo}"),
            (_, Some(text)) => tracing::warn!("{text}; {todo}"),
            (_, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts(before: u64, after: u64) -> Lasts {
        let start = SystemTime::UNIX_EPOCH;
        let at = |seconds| start + Duration::from_secs(seconds);
        Lasts::at(at(before), at(after))
    }

    #[test]
    fn warnings_begin_30_days_before_the_end() {
        let (day, month) = (DAY.as_secs(), SOON.as_secs());
        for (before, after, warning, next) in [
            (0, 2 * month, None, DAY),
            (0, month + 60, None, Duration::from_secs(60)),
            (0, month, Some("the certificate expires in 30 days"), DAY),
            (
                0,
                2 * day - 1,
                Some("the certificate expires in a day"),
                DAY,
            ),
            (
                0,
                60,
                Some("the certificate expires in less than a day"),
                Duration::from_secs(60),
            ),
            (
                60,
                0,
                Some("the certificate expired less than a day ago: browsers refuse it"),
                DAY,
            ),
            (
                3 * day,
                0,
                Some("the certificate expired 3 days ago: browsers refuse it"),
                DAY,
            ),
        ] {
            let lasts = lasts(before, after);
            assert_eq!(lasts.warning().as_deref(), warning);
            assert_eq!(lasts.next_check(), next, "{lasts:?}");
        }
    }

    fn until(left: Duration) -> Expiry {
        Expiry {
            not_after: Some(SystemTime::now() + left),
            next: Instant::now(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn warning_comes_once_a_day() {
        let mut expiry = until(20 * DAY);
        expiry.check();
        for _ in 0..3 {
            let last = Instant::now();
            expiry.due().await;
            let passed = last.elapsed();
            assert!(passed >= DAY && passed < DAY + Duration::from_secs(3));
            expiry.check();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_check_is_due_without_a_certificate() {
        let mut expiry = Expiry::new(None);
        expiry.check();
        let due = tokio::time::timeout(100 * DAY, expiry.due()).await;
        assert!(due.is_err());
    }
}
