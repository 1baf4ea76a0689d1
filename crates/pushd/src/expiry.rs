//! Certificates end, and often nobody notices before the visitors do: it is said 30 days before, and again at the
//! end; once a day, and whenever the certificate is read.

use std::future::pending;
use std::time::{Duration, SystemTime};

use pusher_core::Certificate;
use tokio::time::{Instant, sleep_until};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Programs that renew certificates have done so before.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Whether a certificate lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// For so long, which is long enough.
    Long(Duration),
    /// For so long only.
    Short(Duration),
    /// It ended so long ago.
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

    /// What is wrong, if anything is.
    pub(crate) fn warning(self) -> Option<String> {
        match self {
            Self::Long(_) => None,
            Self::Short(left) => Some(format!("the certificate ends in {}", days(left))),
            Self::Ended(over) => Some(format!(
                "the certificate ended {} ago: browsers refuse it",
                days(over)
            )),
        }
    }

    /// When there may be something new to say.
    fn next_look(self) -> Duration {
        match self {
            Self::Long(left) => DAY.min(left - SOON),
            Self::Short(left) => DAY.min(left),
            Self::Ended(_) => DAY,
        }
    }
}

/// What is wrong with how long the certificate lasts, if anything is.
pub(crate) fn warning(certificate: &Certificate) -> Option<String> {
    let lasts = Lasts::at(SystemTime::now(), certificate.not_after()?);
    lasts.warning()
}

pub(crate) fn days(time: Duration) -> String {
    match time.as_secs() / DAY.as_secs() {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Looks at the certificate in force, and tells the log.
#[derive(Debug)]
pub(crate) struct Expiry {
    not_after: Option<SystemTime>,
    /// At the latest so soon after the last one.
    next: Instant,
}

impl Expiry {
    /// Looks at once.
    pub(crate) fn look_at(certificate: Option<&Certificate>) -> Self {
        let mut expiry = Self {
            not_after: certificate.and_then(Certificate::not_after),
            next: Instant::now(),
        };
        expiry.look();
        expiry
    }

    /// Ready when it is time to look again; never without a certificate.
    pub(crate) async fn due(&self) {
        match self.not_after {
            Some(_) => sleep_until(self.next).await,
            None => pending().await,
        }
    }

    pub(crate) fn look(&mut self) {
        let Some(not_after) = self.not_after else {
            return;
        };
        let lasts = Lasts::at(SystemTime::now(), not_after);
        // A second later than the moment itself, which clocks know in their own way.
        self.next = Instant::now() + lasts.next_look() + Duration::from_secs(1);
        let todo = "renew it; new files are noticed";
        match (lasts, lasts.warning()) {
            (Lasts::Ended(_), Some(what)) => tracing::error!("{what}; {todo}"),
            (_, Some(what)) => tracing::warn!("{what}; {todo}"),
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
    fn thirty_days_before_the_end_are_soon() {
        let (day, month) = (DAY.as_secs(), SOON.as_secs());
        for (before, after, warning, next) in [
            (0, 2 * month, None, DAY),
            (0, month + 60, None, Duration::from_secs(60)),
            (0, month, Some("the certificate ends in 30 days"), DAY),
            (0, 2 * day - 1, Some("the certificate ends in a day"), DAY),
            (
                0,
                60,
                Some("the certificate ends in less than a day"),
                Duration::from_secs(60),
            ),
            (
                60,
                0,
                Some("the certificate ended less than a day ago: browsers refuse it"),
                DAY,
            ),
            (
                3 * day,
                0,
                Some("the certificate ended 3 days ago: browsers refuse it"),
                DAY,
            ),
        ] {
            let lasts = lasts(before, after);
            assert_eq!(lasts.warning().as_deref(), warning);
            assert_eq!(lasts.next_look(), next, "{lasts:?}");
        }
    }

    fn until(left: Duration) -> Expiry {
        Expiry {
            not_after: Some(SystemTime::now() + left),
            next: Instant::now(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_said_once_a_day() {
        let mut expiry = until(20 * DAY);
        expiry.look();
        for _ in 0..3 {
            let last = Instant::now();
            expiry.due().await;
            let passed = last.elapsed();
            assert!(passed >= DAY && passed < DAY + Duration::from_secs(3));
            expiry.look();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_certificate_there_is_nothing_to_say() {
        let mut expiry = Expiry::look_at(None);
        expiry.look();
        let due = tokio::time::timeout(100 * DAY, expiry.due()).await;
        assert!(due.is_err());
    }
}
