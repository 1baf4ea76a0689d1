//! Limits the log lines about refused origins: one line per origin and hour.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use parking_lot::Mutex;

/// Origins whose refusal was logged recently.
///
/// Pages retry, so a single site could use up the rate limit of the log and hide the refusals of other sites.
#[derive(Debug, Default)]
pub(crate) struct RefusedOrigins(Mutex<IndexMap<String, Instant>>);

/// Most remembered origins. Bounds the memory, because a client can send any number of origins.
const REMEMBERED_MAX: usize = 64;
/// Time after which the same origin is logged again.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

impl RefusedOrigins {
    /// Whether the refusal of this origin should be logged now. If so, records that it was.
    pub(crate) fn is_news(&self, origin: &str, now: Instant) -> bool {
        let mut logged = self.0.lock();
        let is_known = |at: &Instant| now.saturating_duration_since(*at) < REMEMBERED_FOR;
        if logged.get(origin).is_some_and(is_known) {
            return false;
        }
        logged.shift_remove(origin);
        if logged.len() == REMEMBERED_MAX {
            logged.shift_remove_index(0);
        }
        logged.insert(origin.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_logged_once_per_hour() {
        let refused = RefusedOrigins::default();
        let start = Instant::now();
        assert!(refused.is_news("a", start));
        assert!(!refused.is_news("a", start + REMEMBERED_FOR / 2));
        assert!(refused.is_news("b", start));
        assert!(refused.is_news("a", start + REMEMBERED_FOR));
        for other in 0..REMEMBERED_MAX {
            assert!(refused.is_news(&other.to_string(), start));
        }
        assert_eq!(refused.0.lock().len(), REMEMBERED_MAX);
        assert!(
            refused.is_news("b", start),
            "the oldest origin is forgotten"
        );
    }
}
