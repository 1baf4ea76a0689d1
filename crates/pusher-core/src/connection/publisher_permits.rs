//! PublisherPermits of port 5555: how many publishers are connected, and which one gives way to another.
//!
//! If all permits are taken, a new publisher gets the permit of the longest idle one, whose connection is closed; its
//! client reopens it at the next publish. A few connections beyond the limit are accepted without a permit, to read
//! their request: the operator's requests are always answered, and a publisher gets `busy` if no other is idle.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::config::Limits;
use crate::config::Live;
use crate::stats::Counters;

/// Values of [`Shared::idle_since`] that are no times.
const BUSY: u64 = u64::MAX;
const LEAVING: u64 = u64::MAX - 1;

/// Is added to the time of those that give way last.
const LAST: u64 = 1 << 63;

/// All permits.
#[derive(Debug)]
pub(crate) struct PublisherPermits {
    live: Arc<Live>,
    counters: Arc<Counters>,
    /// Numbers the moments at which publishers become idle.
    moments: AtomicU64,
    table: Mutex<Table>,
    /// A connection has ended, or has become idle while somebody waits for that.
    changed: Notify,
    /// Connections that wait for a permit.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    /// Connections that have a permit, by id; at most `publishers_max`.
    granted: HashMap<u64, Arc<Shared>>,
    /// Connections without one; at most [`Limits::PUBLISHERS_RESERVE`].
    reserved: usize,
    last_id: u64,
}

/// Shared by a connection and by others that look for an idle one.
#[derive(Debug)]
struct Shared {
    idle_since: AtomicU64,
    leave: Notify,
}

/// A connection's place, with a permit or without; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct PublisherPermit {
    permits: Arc<PublisherPermits>,
    id: u64,
    shared: Arc<Shared>,
    /// The connection is busy although its last answer is written, as with a watcher.
    is_held: AtomicBool,
    /// The client would not notice the close and lose its next event, so others give way first.
    is_last: AtomicBool,
}

/// All permits are taken, and no publisher is idle.
#[derive(Debug, thiserror::Error)]
#[error("busy: publishers-max ({publishers_max}) is reached and no publisher is idle")]
pub(crate) struct Busy {
    publishers_max: usize,
}

impl PublisherPermits {
    pub(crate) fn new(live: Arc<Live>, counters: Arc<Counters>) -> Self {
        Self {
            live,
            counters,
            moments: AtomicU64::new(0),
            table: Mutex::default(),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A place for a connection, with a permit if there is one. Waits while the places beyond the limit are taken too:
    /// meanwhile the kernel holds those who connect.
    pub(crate) async fn enter(self: &Arc<Self>) -> PublisherPermit {
        loop {
            let changed = self.changed.notified();
            if let Some(permit) = self.try_enter() {
                return permit;
            }
            changed.await;
        }
    }

    fn try_enter(self: &Arc<Self>) -> Option<PublisherPermit> {
        let mut table = self.table.lock();
        let shared = Arc::new(Shared {
            idle_since: AtomicU64::new(BUSY),
            leave: Notify::new(),
        });
        let id = table.last_id + 1;
        if table.granted.len() < self.live.limits().publishers_max {
            table.granted.insert(id, shared.clone());
        } else if table.reserved < Limits::PUBLISHERS_RESERVE {
            table.reserved += 1;
        } else {
            return None;
        }
        table.last_id = id;
        Some(PublisherPermit {
            permits: self.clone(),
            id,
            shared,
            is_held: AtomicBool::new(false),
            is_last: AtomicBool::new(false),
        })
    }
}

impl Table {
    /// Has the connection that has been idle longest leave; false if none is idle.
    fn evict(&mut self) -> bool {
        loop {
            let idle = self.granted.iter().filter_map(|(&id, shared)| {
                let since = shared.idle_since.load(SeqCst);
                (since < LEAVING).then_some((since, id))
            });
            let Some((since, id)) = idle.min() else {
                return false;
            };
            let state = &self.granted[&id].idle_since;
            // It may have begun something meanwhile.
            if state
                .compare_exchange(since, LEAVING, Relaxed, Relaxed)
                .is_ok()
                && let Some(shared) = self.granted.remove(&id)
            {
                shared.leave.notify_one();
                return true;
            }
        }
    }
}

impl PublisherPermit {
    /// Whether the connection came in beyond the limit, or has to leave.
    pub(crate) fn is_reserved(&self) -> bool {
        !self.permits.table.lock().granted.contains_key(&self.id)
    }

    /// Whether the connection came in beyond the limit and never had a permit.
    pub(crate) fn is_newcomer(&self) -> bool {
        self.is_reserved() && self.shared.idle_since.load(Relaxed) != LEAVING
    }

    /// Takes a permit for a connection that turns out to be a publisher's, if it has none yet: one that is left, or that
    /// of the publisher that has been idle longest, which takes this one's place until it has left. If none is idle, waits
    /// for [`Limits::PERMIT_WAIT_MAX`]: a publish takes less than a millisecond.
    pub(crate) async fn acquire(&self) -> Result<(), Busy> {
        let Err(busy) = self.try_acquire() else {
            return Ok(());
        };
        let permits = &self.permits;
        let _waiting = Waiting::begin(&permits.waiting);
        let acquire = async {
            loop {
                let changed = permits.changed.notified();
                if self.try_acquire().is_ok() {
                    return;
                }
                changed.await;
            }
        };
        let acquired = timeout(Limits::PERMIT_WAIT_MAX, acquire).await;
        acquired.map_err(|_| busy)
    }

    fn try_acquire(&self) -> Result<(), Busy> {
        let publishers_max = self.permits.live.limits().publishers_max;
        let mut table = self.permits.table.lock();
        if table.granted.contains_key(&self.id) {
            return Ok(());
        }
        if table.granted.len() < publishers_max {
            table.reserved -= 1;
        } else if table.evict() {
            self.permits.counters.publishers_gave_way.add(1);
        } else {
            return Err(Busy { publishers_max });
        }
        self.shared.idle_since.store(BUSY, Relaxed);
        table.granted.insert(self.id, self.shared.clone());
        Ok(())
    }

    /// Nothing is half-read or unanswered: the connection may give way.
    pub(crate) fn idle(&self) {
        if !self.is_held.load(Relaxed) {
            let last = u64::from(self.is_last.load(Relaxed)) * LAST;
            let now = self.permits.moments.fetch_add(1, Relaxed) + last;
            let state = &self.shared.idle_since;
            // One that was idle before stays so; one that must leave must leave.
            // Either a connection that waits sees that this one is idle, or this one sees that a connection waits.
            let _unchanged = state.compare_exchange(BUSY, now, SeqCst, Relaxed);
            if self.permits.waiting.load(SeqCst) > 0 {
                self.permits.changed.notify_waiters();
            }
        }
    }

    /// Others give way before this one.
    pub(crate) fn gives_way_last(&self) {
        self.is_last.store(true, Relaxed);
    }

    /// Something has arrived.
    pub(crate) fn busy(&self) {
        let state = &self.shared.idle_since;
        let since = state.load(Relaxed);
        if since < LEAVING {
            // If it has to leave meanwhile, it does so when it is idle again.
            let _must_leave = state.compare_exchange(since, BUSY, Relaxed, Relaxed);
        }
    }

    /// While held, the connection is busy and [`idle`](Self::idle) has no effect.
    pub(crate) fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Relaxed);
        self.busy();
    }

    /// Waits until the connection has to give way.
    pub(crate) async fn must_leave(&self) {
        self.shared.leave.notified().await;
    }
}

/// Counts a connection that waits for a permit.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Drop for PublisherPermit {
    fn drop(&mut self) {
        let mut table = self.permits.table.lock();
        if table.granted.remove(&self.id).is_none() {
            table.reserved -= 1;
        }
        drop(table);
        self.permits.changed.notify_waiters();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure is a failed test")]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn permits(publishers_max: usize) -> Arc<PublisherPermits> {
        let limits = Limits {
            publishers_max,
            ..Limits::default()
        };
        Arc::new(PublisherPermits::new(
            Arc::new(limits.into()),
            Arc::default(),
        ))
    }

    fn must_leave(permit: &PublisherPermit) -> bool {
        let leave = std::pin::pin!(permit.must_leave());
        leave.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn the_longest_idle_gives_way() {
        let permits = permits(3);
        let connected: Vec<_> = (0..3).map(|_| permits.try_enter().unwrap()).collect();
        for permit in [&connected[1], &connected[0], &connected[2]] {
            permit.idle();
        }
        // It was idle first, and is again: now it is the last.
        connected[1].busy();
        connected[1].idle();
        connected[0].idle();
        let newcomers: Vec<_> = (0..4).map(|_| permits.try_enter().unwrap()).collect();
        for (newcomer, leaving) in newcomers.iter().zip([0, 2, 1]) {
            assert!(newcomer.is_reserved());
            newcomer.try_acquire().unwrap();
            assert!(!newcomer.is_reserved());
            newcomer.try_acquire().unwrap();
            assert!(must_leave(&connected[leaving]));
        }
        newcomers[3].try_acquire().unwrap_err();
        assert_eq!(permits.counters.publishers_gave_way.get(), 3);
        let table = permits.table.lock();
        assert_eq!((table.granted.len(), table.reserved), (3, 4));
    }

    #[test]
    fn who_would_lose_something_gives_way_last() {
        let permits = permits(2);
        let connected: Vec<_> = (0..2).map(|_| permits.try_enter().unwrap()).collect();
        connected[0].gives_way_last();
        connected[0].idle();
        connected[1].idle();
        let newcomers: Vec<_> = (0..2).map(|_| permits.try_enter().unwrap()).collect();
        for (newcomer, leaving) in newcomers.iter().zip([1, 0]) {
            newcomer.try_acquire().unwrap();
            assert!(must_leave(&connected[leaving]));
        }
    }

    #[test]
    fn who_is_busy_or_held_stays() {
        let permits = permits(2);
        let busy = permits.try_enter().unwrap();
        busy.idle();
        busy.busy();
        let held = permits.try_enter().unwrap();
        held.hold(true);
        held.idle();
        let newcomer = permits.try_enter().unwrap();
        newcomer.try_acquire().unwrap_err();
        held.hold(false);
        held.idle();
        newcomer.try_acquire().unwrap();
        assert!(must_leave(&held) && !must_leave(&busy));
    }

    #[test]
    fn who_begins_something_while_it_has_to_leave_leaves_afterwards() {
        let permits = permits(1);
        let first = permits.try_enter().unwrap();
        first.idle();
        let second = permits.try_enter().unwrap();
        second.try_acquire().unwrap();
        first.busy();
        first.idle();
        assert!(must_leave(&first));
        drop((first, second));
        let table = permits.table.lock();
        assert_eq!((table.granted.len(), table.reserved), (0, 0));
    }

    #[test]
    fn beyond_the_limit_there_are_so_many_places_and_no_more() {
        let permits = permits(1);
        let all = 1 + Limits::PUBLISHERS_RESERVE;
        let mut connected: Vec<_> = (0..all).map(|_| permits.try_enter().unwrap()).collect();
        assert!(permits.try_enter().is_none());
        let mut context = Context::from_waker(Waker::noop());
        let mut enter = std::pin::pin!(permits.enter());
        assert!(enter.as_mut().poll(&mut context).is_pending());
        connected.pop();
        assert!(enter.as_mut().poll(&mut context).is_ready());
    }
}
