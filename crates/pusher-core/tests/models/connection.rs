//! Models of the permits, and what the files of the hub need of the connections.

#[path = "../../src/connection/permit_state.rs"]
mod permit_state;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use shuttle::{future, thread};

use permit_state::{PermitState, Waiting};

/// The name of a topic.
pub(crate) type Topic = Arc<str>;

/// A session without a socket.
#[derive(Debug, Clone)]
pub(crate) struct Session;

impl Session {
    pub(crate) fn connection(&self) -> &Self {
        self
    }

    pub(crate) fn drop_all(&self) {}
}

/// Tells a publisher to leave if it is idle, as a connection does that wants its permit.
fn evict(publisher: &PermitState) -> Option<()> {
    let since = publisher.idle_since()?;
    publisher.tell_to_leave(since).then_some(())
}

fn must_leave(publisher: &PermitState) -> bool {
    let mut leave = pin!(publisher.must_leave());
    let mut context = Context::from_waker(Waker::noop());
    leave.as_mut().poll(&mut context).is_ready()
}

#[test]
fn a_waiting_connection_sees_that_a_publisher_becomes_idle() {
    crate::check(|| {
        let publisher = PermitState::new();
        let waiting = Arc::new(Waiting::default());
        let connections: Vec<_> = (0..2)
            .map(|_| {
                let (publisher, waiting) = (publisher.clone(), waiting.clone());
                thread::spawn(move || {
                    future::block_on(waiting.until_idle(|| evict(&publisher)));
                    // As the server does, now that the publisher is this connection.
                    publisher.grant();
                    publisher.idle(2);
                    waiting.wake_for_idle();
                })
            })
            .collect();
        publisher.idle(1);
        waiting.wake_for_idle();
        for connection in connections {
            connection.join().unwrap();
        }
    });
}

#[test]
fn a_publisher_is_busy_or_has_to_leave() {
    crate::check(|| {
        let publisher = PermitState::new();
        publisher.idle(1);
        let connection = {
            let publisher = publisher.clone();
            thread::spawn(move || evict(&publisher).is_some())
        };
        publisher.busy();
        let was_leaving = publisher.is_leaving();
        let is_evicted = connection.join().unwrap();
        assert_eq!(is_evicted, was_leaving, "a busy publisher lost its permit");
        assert_eq!(is_evicted, must_leave(&publisher));
        assert_eq!(publisher.idle_since(), None);
    });
}

#[test]
fn one_idle_publisher_gives_way_to_one_connection() {
    crate::check(|| {
        let publisher = PermitState::new();
        publisher.idle(1);
        let connections: Vec<_> = (0..2)
            .map(|_| {
                let publisher = publisher.clone();
                thread::spawn(move || evict(&publisher).is_some())
            })
            .collect();
        let granted = connections
            .into_iter()
            .map(|connection| connection.join().unwrap());
        assert_eq!(granted.filter(|is_granted| *is_granted).count(), 1);
    });
}
