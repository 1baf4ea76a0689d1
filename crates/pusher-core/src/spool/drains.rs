//! Requests to drain the spool, and their ends.

use tokio::sync::{Notify, watch};

/// Counts requests to drain, and those that are done.
#[derive(Debug, Default)]
pub(crate) struct Drains {
    requested: watch::Sender<u64>,
    done: watch::Sender<u64>,
    wanted: Notify,
}

impl Drains {
    /// Waits until everything is drained that is in the spool now.
    pub(crate) async fn drained(&self) {
        let mut done = self.done.subscribe();
        let mut number = 0;
        self.requested.send_modify(|requested| {
            *requested += 1;
            number = *requested;
        });
        self.wanted.notify_one();
        // The sender lives as long as this.
        let _done = done.wait_for(|done| *done >= number).await;
    }

    /// Waits for the next request.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Begins to drain. Returns a number for [`end`](Self::end).
    pub(crate) fn begin(&self) -> u64 {
        *self.requested.borrow()
    }

    /// Ends the requests that were made before [`begin`](Self::begin).
    pub(crate) fn end(&self, number: u64) {
        self.done.send_replace(number);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_request_ends_with_a_drain_that_began_after_it() {
        let drains = Drains::default();
        let mut task = Context::from_waker(Waker::noop());
        let before = drains.begin();
        let mut request = pin!(drains.drained());
        assert!(request.as_mut().poll(&mut task).is_pending());
        drains.end(before);
        assert!(request.as_mut().poll(&mut task).is_pending());
        drains.end(drains.begin());
        assert_eq!(request.as_mut().poll(&mut task), Poll::Ready(()));
    }
}
