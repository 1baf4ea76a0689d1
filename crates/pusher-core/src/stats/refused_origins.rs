//! The origins of pages that were refused: for the status page, and to log each of them once an hour.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use parking_lot::Mutex;

/// Origins that were refused recently, in the order in which their refusals were logged.
///
/// Pages retry, so a single site could use up the rate limit of the log and hide the refusals of other sites.
#[derive(Debug, Default)]
pub(crate) struct RefusedOrigins(Mutex<IndexMap<String, Refused>>);

/// The refusals of one origin.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    logged_at: Instant,
    pub(crate) last_at: Instant,
    pub(crate) count: u64,
    /// The reason of the last one, and the setting that would allow it.
    pub(crate) explanation: String,
}

/// Most remembered origins. Bounds the memory, because a client can send any number of origins.
const REMEMBERED_MAX: usize = 64;
/// Most bytes of an origin or an explanation that are remembered.
const TEXT_LEN_MAX: usize = 1024;
/// Time after which the same origin is logged again.
const REMEMBERED_FOR: Duration = Duration::from_secs(3600);

impl RefusedOrigins {
    /// Records a refusal. Returns whether it should be logged now.
    pub(crate) fn refuse(&self, origin: &str, explanation: &str, now: Instant) -> bool {
        let (origin, explanation) = (cut(origin), cut(explanation));
        let mut origins = self.0.lock();
        let known = origins.get_mut(origin);
        if let Some(known) = known {
            known.last_at = now;
            known.count += 1;
            if known.explanation != explanation {
                explanation.clone_into(&mut known.explanation);
            }
            if now.saturating_duration_since(known.logged_at) < REMEMBERED_FOR {
                return false;
            }
        }
        let before = origins.shift_remove(origin);
        if origins.len() == REMEMBERED_MAX {
            origins.shift_remove_index(0);
        }
        let refused = Refused {
            logged_at: now,
            last_at: now,
            count: before.map_or(1, |before| before.count),
            explanation: explanation.to_owned(),
        };
        origins.insert(origin.to_owned(), refused);
        true
    }

    /// Returns the remembered origins, the last refused one first.
    pub(crate) fn list(&self) -> Vec<(String, Refused)> {
        let origins = self.0.lock();
        let origins = origins.iter();
        let mut list: Vec<_> = origins
            .map(|(origin, refused)| (origin.clone(), refused.clone()))
            .collect();
        list.sort_by_key(|(_, refused)| std::cmp::Reverse(refused.last_at));
        list
    }
}

/// Cuts a text at the end of a character.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_LEN_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_logged_once_per_hour_and_counted_each_time() {
        let refused = RefusedOrigins::default();
        let start = Instant::now();
        let refuse = |origin: &str, at| refused.refuse(origin, "why", at);
        assert!(refuse("a", start));
        assert!(!refuse("a", start + REMEMBERED_FOR / 2));
        assert!(refuse("b", start + REMEMBERED_FOR / 3));
        let last = start + REMEMBERED_FOR;
        assert!(refuse("a", last));
        let list = refused.list();
        let counts = list
            .iter()
            .map(|(origin, refused)| (&**origin, refused.count));
        assert_eq!(counts.collect::<Vec<_>>(), [("a", 3), ("b", 1)]);
        assert_eq!((list[0].1.last_at, &*list[0].1.explanation), (last, "why"));
        for other in 0..REMEMBERED_MAX {
            assert!(refuse(&other.to_string(), start));
        }
        assert_eq!(refused.list().len(), REMEMBERED_MAX);
        assert!(refuse("b", start), "the oldest origin is forgotten");
    }

    #[test]
    fn texts_are_cut() {
        let refused = RefusedOrigins::default();
        let long = "猫".repeat(TEXT_LEN_MAX);
        assert!(refused.refuse(&long, &long, Instant::now()));
        assert!(!refused.refuse(&long, &long, Instant::now()));
        let list = refused.list();
        assert_eq!(list[0].0, "猫".repeat(TEXT_LEN_MAX / 3));
        assert_eq!(list[0].1.explanation, list[0].0);
    }
}
