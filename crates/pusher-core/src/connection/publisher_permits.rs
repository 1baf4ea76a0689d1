//! Connection limits for the publish listener, and the choice of the publisher that gives way to a new one.
//!
//! If all permits are taken, a new publisher gets the permit of the one that has been idle longest. The server closes
//! that connection, and its client reopens it for the next publish.
//!
//! A few more connections are accepted without a permit ([`Limits::PUBLISHERS_RESERVE`]), so that the server can read
//! their first request. Requests of the operator need no permit, so they are always answered. A publisher gets `busy`
//! if no other publisher is idle.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::time::timeout;

use super::permit_state::{PermitState, Waiting};
use crate::config::Limits;
use crate::config::Live;
use crate::stats::Counters;

/// Added to the time of publishers that give way last, so that it is later than all other times.
const GIVES_WAY_LAST: u64 = 1 << 63;

/// The permits of the publish listener.
#[derive(Debug)]
pub(crate) struct PublisherPermits {
    live: Arc<Live>,
    counters: Arc<Counters>,
    /// Number of times that a publisher became idle: a logical clock for [`PermitState::idle`].
    idle_clock: AtomicU64,
    table: Mutex<Table>,
    waiting: Waiting,
}

#[derive(Debug, Default)]
struct Table {
    /// Connections that have a permit, by id; at most `publishers_max`.
    granted: HashMap<u64, Arc<PermitState>>,
    /// Number of connections without one; at most [`Limits::PUBLISHERS_RESERVE`].
    reserved: usize,
    last_id: u64,
}

/// The admission of one connection, with or without a permit. Released when it is dropped.
#[derive(Debug)]
pub(crate) struct PublisherPermit {
    permits: Arc<PublisherPermits>,
    id: u64,
    state: Arc<PermitState>,
    /// The connection is busy although its last answer is written, for example because it watches a topic.
    is_held: AtomicBool,
    /// The client would not notice the close and would lose its next event, so others give way first.
    gives_way_last: AtomicBool,
    /// The last request was an operator's: for the status page or metrics, for instance.
    is_operator: AtomicBool,
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
            idle_clock: AtomicU64::new(0),
            table: Mutex::default(),
            waiting: Waiting::default(),
        }
    }

    /// Admits a connection, with a permit if one is left. Waits while the reserve is used up too. Meanwhile new
    /// connections wait in the kernel's accept queue.
    pub(crate) async fn enter(self: &Arc<Self>) -> PublisherPermit {
        self.waiting.until(|| self.try_enter()).await
    }

    /// Returns a permit for a connection that was handed over, also beyond the limit.
    pub(crate) fn take_over(self: &Arc<Self>) -> PublisherPermit {
        let mut table = self.table.lock();
        let state = PermitState::new();
        table.last_id += 1;
        let id = table.last_id;
        table.granted.insert(id, state.clone());
        self.permit(id, state)
    }

    fn try_enter(self: &Arc<Self>) -> Option<PublisherPermit> {
        let mut table = self.table.lock();
        let state = PermitState::new();
        let id = table.last_id + 1;
        if table.granted.len() < self.live.limits().publishers_max {
            table.granted.insert(id, state.clone());
        } else if table.reserved < Limits::PUBLISHERS_RESERVE {
            table.reserved += 1;
        } else {
            return None;
        }
        table.last_id = id;
        Some(self.permit(id, state))
    }

    fn permit(self: &Arc<Self>, id: u64, state: Arc<PermitState>) -> PublisherPermit {
        PublisherPermit {
            permits: self.clone(),
            id,
            state,
            is_held: AtomicBool::new(false),
            gives_way_last: AtomicBool::new(false),
            is_operator: AtomicBool::new(false),
        }
    }
}

impl Table {
    /// Takes the permit of the connection that has been idle longest, and tells it to leave. Returns false if none is
    /// idle.
    fn evict(&mut self) -> bool {
        loop {
            let idle = self
                .granted
                .iter()
                .filter_map(|(&id, state)| state.idle_since().map(|since| (since, id)));
            let Some((since, id)) = idle.min() else {
                return false;
            };
            // If the connection became busy in the meantime, try the next one.
            if self.granted[&id].tell_to_leave(since) {
                self.granted.remove(&id);
                return true;
            }
        }
    }
}

impl PublisherPermit {
    /// Whether the connection has no permit: it never had one, or another connection took it over.
    pub(crate) fn is_without_permit(&self) -> bool {
        !self.permits.table.lock().granted.contains_key(&self.id)
    }

    /// Whether the connection never had a permit.
    pub(crate) fn is_newcomer(&self) -> bool {
        self.is_without_permit() && !self.state.is_leaving()
    }

    /// Takes a permit for a connection that turns out to be a publisher's, if it has none yet. The permit is a free
    /// one, or that of the publisher that has been idle longest. That publisher counts in the reserve until it has
    /// left.
    ///
    /// If no publisher is idle, waits up to [`Limits::PERMIT_WAIT_MAX`] for one: a publish takes less than a
    /// millisecond.
    pub(crate) async fn acquire(&self) -> Result<(), Busy> {
        let Err(busy) = self.try_acquire() else {
            return Ok(());
        };
        let waiting = &self.permits.waiting;
        let acquire = waiting.until_idle(|| self.try_acquire().ok());
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
        self.state.grant();
        table.granted.insert(self.id, self.state.clone());
        Ok(())
    }

    /// Marks the connection as idle: it has no incomplete or unanswered message, so it may give way.
    pub(crate) fn idle(&self) {
        if !self.is_held.load(Relaxed) {
            let last = u64::from(self.gives_way_last.load(Relaxed)) * GIVES_WAY_LAST;
            let now = self.permits.idle_clock.fetch_add(1, Relaxed) + last;
            self.state.idle(now);
            self.permits.waiting.wake_for_idle();
        }
    }

    /// Lets all other publishers give way before this one.
    pub(crate) fn set_gives_way_last(&self) {
        self.gives_way_last.store(true, Relaxed);
    }

    /// Records whether the last request was an operator's. Such a connection is no publisher, although it has a permit.
    pub(crate) fn set_operator(&self, is_operator: bool) {
        let was_operator = self.is_operator.swap(is_operator, Relaxed);
        let operators = &self.permits.counters.operators;
        match (was_operator, is_operator) {
            (false, true) => _ = operators.add(1),
            (true, false) => operators.remove(1),
            (true, true) | (false, false) => {}
        }
    }

    /// Marks the connection as busy: bytes have arrived.
    pub(crate) fn busy(&self) {
        self.state.busy();
    }

    /// While held, the connection is busy and [`idle`](Self::idle) has no effect.
    pub(crate) fn hold(&self, is_held: bool) {
        self.is_held.store(is_held, Relaxed);
        self.busy();
    }

    /// Waits until the connection has to give way.
    pub(crate) async fn must_leave(&self) {
        self.state.must_leave().await;
    }
}

impl Drop for PublisherPermit {
    fn drop(&mut self) {
        self.set_operator(false);
        let mut table = self.permits.table.lock();
        if table.granted.remove(&self.id).is_none() {
            table.reserved -= 1;
        }
        drop(table);
        self.permits.waiting.wake();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure is a failed test")]
mod tests {
    use std::task::{Context as TaskContext, Poll, Waker};

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
        leave.poll(&mut TaskContext::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn the_longest_idle_publisher_gives_way() {
        let permits = permits(3);
        let connected: Vec<_> = (0..3).map(|_| permits.try_enter().unwrap()).collect();
        for permit in [&connected[1], &connected[0], &connected[2]] {
            permit.idle();
        }
        // This one was idle first. Idle again, it is now the last.
        connected[1].busy();
        connected[1].idle();
        connected[0].idle();
        let newcomers: Vec<_> = (0..4).map(|_| permits.try_enter().unwrap()).collect();
        for (newcomer, leaving) in newcomers.iter().zip([0, 2, 1]) {
            assert!(newcomer.is_without_permit());
            newcomer.try_acquire().unwrap();
            assert!(!newcomer.is_without_permit());
            newcomer.try_acquire().unwrap();
            assert!(must_leave(&connected[leaving]));
        }
        newcomers[3].try_acquire().unwrap_err();
        assert_eq!(permits.counters.publishers_gave_way.get(), 3);
        let table = permits.table.lock();
        assert_eq!((table.granted.len(), table.reserved), (3, 4));
    }

    #[test]
    fn a_publisher_that_would_lose_an_event_gives_way_last() {
        let permits = permits(2);
        let connected: Vec<_> = (0..2).map(|_| permits.try_enter().unwrap()).collect();
        connected[0].set_gives_way_last();
        connected[0].idle();
        connected[1].idle();
        let newcomers: Vec<_> = (0..2).map(|_| permits.try_enter().unwrap()).collect();
        for (newcomer, leaving) in newcomers.iter().zip([1, 0]) {
            newcomer.try_acquire().unwrap();
            assert!(must_leave(&connected[leaving]));
        }
    }

    #[test]
    fn busy_and_held_publishers_do_not_give_way() {
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
    fn a_publisher_that_is_busy_when_told_to_leave_leaves_afterwards() {
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
    fn operators_are_counted_until_they_publish_or_leave() {
        let permits = permits(3);
        let operators = &permits.counters.operators;
        let [first, second] = [(); 2].map(|()| permits.try_enter().unwrap());
        for permit in [&first, &first, &second] {
            permit.set_operator(true);
        }
        assert_eq!(operators.get(), 2);
        first.set_operator(false);
        first.set_operator(false);
        assert_eq!(operators.get(), 1);
        drop((first, second));
        assert_eq!(operators.get(), 0);
    }

    #[test]
    fn the_reserve_is_limited() {
        let permits = permits(1);
        let all = 1 + Limits::PUBLISHERS_RESERVE;
        let mut connected: Vec<_> = (0..all).map(|_| permits.try_enter().unwrap()).collect();
        assert!(permits.try_enter().is_none());
        let mut context = TaskContext::from_waker(Waker::noop());
        let mut enter = std::pin::pin!(permits.enter());
        assert!(enter.as_mut().poll(&mut context).is_pending());
        connected.pop();
        assert!(enter.as_mut().poll(&mut context).is_ready());
    }
}
