//! What waits for one browser because its socket did not take it at once.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;

/// A bounded queue of bytes, in order, and what becomes of the connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// As a rule there is none: an idle connection keeps no memory for what it once needed.
    queue: Option<Box<Queue>>,
    state: State,
    /// The connection's task, to be woken when there is something to do for it.
    waker: Option<Waker>,
}

/// Never empty.
#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    len: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Open,
    /// Nothing new is taken; what is queued still leaves.
    Finishing,
    /// Nothing leaves any more.
    Dropped,
}

/// The outbox has no room: the browser is a slow consumer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Outbox {
    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_none()
    }

    /// Bytes that are queued.
    pub(super) fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len)
    }

    /// Queues `bytes`; anything fits an empty outbox.
    pub(super) fn push(&mut self, bytes: Bytes, len_max: usize) -> Result<(), Full> {
        let queue = self.queue.as_ref();
        if queue.is_some_and(|queue| queue.len + bytes.len() > len_max) {
            return Err(Full);
        }
        self.push_last(bytes);
        Ok(())
    }

    fn push_last(&mut self, bytes: Bytes) {
        let queue = self.queue.get_or_insert_default();
        queue.len += bytes.len();
        queue.pieces.push_back(bytes);
        self.wake();
    }

    pub(super) fn front(&self) -> Option<&Bytes> {
        self.queue.as_ref()?.pieces.front()
    }

    /// The first `written` bytes of the front have left.
    pub(super) fn advance(&mut self, written: usize) {
        let Some(queue) = &mut self.queue else {
            return;
        };
        queue.len -= written;
        if let Some(front) = queue.pieces.front_mut() {
            if written < front.len() {
                *front = front.slice(written..);
                return;
            }
            queue.pieces.pop_front();
        }
        if queue.pieces.is_empty() {
            self.queue = None;
        }
    }

    /// Takes nothing more; `last` goes out behind what is queued.
    pub(super) fn finish(&mut self, last: Option<Bytes>) {
        if self.state != State::Open {
            return;
        }
        if let Some(last) = last {
            self.push_last(last);
        }
        self.state = State::Finishing;
        self.wake();
    }

    /// Throws away what is queued.
    pub(super) fn drop_all(&mut self) {
        self.queue = None;
        self.state = State::Dropped;
        self.wake();
    }

    pub(super) fn set_waker(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_rest_are_kept() {
        let mut outbox = Outbox::default();
        outbox.push(Bytes::from_static(b"abc"), 10).unwrap();
        outbox.push(Bytes::from_static(b"de"), 10).unwrap();
        outbox.advance(2);
        assert_eq!(outbox.front().unwrap().as_ref(), b"c");
        outbox.advance(1);
        assert_eq!(outbox.front().unwrap().as_ref(), b"de");
        outbox.advance(2);
        assert!(outbox.is_empty());
    }

    #[test]
    fn length_has_a_limit_that_one_event_may_exceed() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(Bytes::from_static(b"0123456789+"), 10), Ok(()));
        assert_eq!(outbox.push(Bytes::from_static(b"a"), 10), Err(Full));
        outbox.advance(2);
        assert_eq!(outbox.push(Bytes::from_static(b"a"), 10), Ok(()));
        assert_eq!(outbox.push(Bytes::from_static(b"b"), 10), Err(Full));
    }

    #[test]
    fn a_close_frame_goes_out_last() {
        let mut outbox = Outbox::default();
        outbox.push(Bytes::from_static(b"event"), 5).unwrap();
        outbox.finish(Some(Bytes::from_static(b"close")));
        outbox.finish(Some(Bytes::from_static(b"again")));
        outbox.advance(5);
        assert_eq!(outbox.front().unwrap().as_ref(), b"close");
        outbox.advance(5);
        assert!(outbox.is_empty() && outbox.state() == State::Finishing);
    }
}
