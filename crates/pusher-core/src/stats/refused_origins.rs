//! Which refused origins are logged.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use parking_lot::Mutex;

/// Origins that were refused lately. The operator reads of each once in a while: one site's pages
/// that try again and again must not hide another's.
#[derive(Debug, Default)]
pub(crate) struct RefusedOrigins(Mutex<IndexMap<String, Instant>>);

/// How many of them are remembered, and how long.
const REMEMBERED_MAX: usize = 64;
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

impl RefusedOrigins {
    /// Whether the operator is to hear of it now.
    pub(crate) fn is_news(&self, origin: &str, now: Instant) -> bool {
        let mut told = self.0.lock();
        let is_known = |at: &Instant| now.saturating_duration_since(*at) < REMEMBERED_FOR;
        if told.get(origin).is_some_and(is_known) {
            return false;
        }
        told.shift_remove(origin);
        if told.len() == REMEMBERED_MAX {
            told.shift_remove_index(0);
        }
        told.insert(origin.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_origin_is_told_once_in_a_while() {
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
        assert!(refused.is_news("b", start), "the oldest was forgotten");
    }
}
