//! The origins of the pages that are connected. Pages of one site share one copy, so a connection keeps two bytes.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU16;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

/// Most different origins at the same time. Connections of further ones are listed without an origin.
const ORIGINS_MAX: usize = 1024;

/// Longest origin, in bytes. A longer one is no origin of a browser: names of hosts have at most 253 bytes.
const ORIGIN_LEN_MAX: usize = 300;

/// The number of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OriginId(NonZeroU16);

/// The origins of all connections.
#[derive(Debug, Default)]
pub(crate) struct Origins(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    ids: HashMap<Arc<str>, OriginId, RandomState>,
    /// The origin with id `n` is at index `n - 1`.
    known: Vec<Known>,
    /// Ids without connections.
    free: Vec<OriginId>,
}

#[derive(Debug)]
struct Known {
    origin: Arc<str>,
    connections: usize,
}

impl Origins {
    /// Counts a connection of this origin. Call [`leave`](Self::leave) at its end. `None` if the origin is not kept.
    pub(super) fn enter(&self, origin: Option<&str>) -> Option<OriginId> {
        let origin = origin.filter(|origin| origin.len() <= ORIGIN_LEN_MAX)?;
        self.0.lock().enter(origin)
    }

    /// Forgets a connection, and its origin if it was the last one.
    pub(super) fn leave(&self, id: OriginId) {
        self.0.lock().leave(id);
    }

    /// Returns the text of an origin that has connections.
    pub(super) fn text(&self, id: OriginId) -> Arc<str> {
        self.0.lock().known[id.index()].origin.clone()
    }

    /// Returns the origins that `is_wanted`.
    pub(crate) fn matching(&self, is_wanted: impl Fn(&str) -> bool) -> HashSet<OriginId> {
        let table = self.0.lock();
        let wanted = table.ids.iter().filter(|(origin, _)| is_wanted(origin));
        wanted.map(|(_, id)| *id).collect()
    }
}

impl OriginId {
    fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

impl Table {
    fn enter(&mut self, origin: &str) -> Option<OriginId> {
        if let Some(id) = self.ids.get(origin) {
            self.known[id.index()].connections += 1;
            return Some(*id);
        }
        let origin = Arc::<str>::from(origin);
        let known = Known {
            origin: origin.clone(),
            connections: 1,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.known[id.index()] = known;
                id
            }
            None if self.known.len() < ORIGINS_MAX => {
                self.known.push(known);
                let number = u16::try_from(self.known.len()).ok()?;
                OriginId(NonZeroU16::new(number)?)
            }
            None => return None,
        };
        self.ids.insert(origin, id);
        Some(id)
    }

    fn leave(&mut self, id: OriginId) {
        let known = &mut self.known[id.index()];
        known.connections -= 1;
        if known.connections == 0 {
            self.ids.remove(&known.origin);
            self.free.push(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_once_and_until_its_last_connection_ends() {
        let origins = Origins::default();
        let enter = |origin: &str| origins.enter(Some(origin)).unwrap();
        let first = enter("https://a.example");
        let second = enter("https://a.example");
        let other = enter("https://b.example");
        assert_eq!(first, second);
        assert_ne!(first, other);
        assert_eq!(&*origins.text(first), "https://a.example");
        assert_eq!(
            origins.matching(|origin| origin.contains("b.")),
            [other].into()
        );
        origins.leave(first);
        assert_eq!(&*origins.text(second), "https://a.example");
        origins.leave(second);
        assert_eq!(origins.matching(|_| true), [other].into());
        let third = enter("https://c.example");
        assert_eq!(third, first, "the number is used again");
        assert_eq!(&*origins.text(third), "https://c.example");
        assert_eq!(origins.0.lock().known.len(), 2);
    }

    #[test]
    fn number_and_length_of_origins_are_limited() {
        let origins = Origins::default();
        assert_eq!(origins.enter(None), None);
        let longest = "o".repeat(ORIGIN_LEN_MAX);
        assert_eq!(origins.enter(Some(&format!("{longest}o"))), None);
        let first = origins.enter(Some(&longest)).unwrap();
        for n in 1..ORIGINS_MAX {
            assert!(origins.enter(Some(&n.to_string())).is_some());
        }
        assert_eq!(origins.enter(Some("one more")), None);
        assert_eq!(origins.enter(Some(&longest)), Some(first));
        origins.leave(first);
        assert_eq!(origins.enter(Some("one more")), None, "one is left");
        origins.leave(first);
        assert_eq!(origins.enter(Some("one more")), Some(first));
    }
}
