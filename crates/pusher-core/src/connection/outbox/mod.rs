//! What waits for one browser because its socket did not take it at once.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use pusher_proto::wamp::server_frame_len;

use super::Topic;
use crate::config::SlowPolicy;

/// What a piece counts beside its bytes, so that many short ones can't take more than they seem to.
const PIECE_COST: usize = 64;

/// A bounded queue of bytes, in order, and what becomes of the connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// As a rule there is none: an idle connection keeps no memory for what it once needed.
    queue: Option<Box<Queue>>,
    state: State,
    /// The connection's task, to be woken when there is something to do for it.
    waker: Option<Waker>,
}

/// Empty only while something is about to be added.
#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    len: usize,
    /// Bytes that have left since the queue is there.
    left: u64,
    /// When was how much of that gone; for [`Outbox::stalled_ms`].
    seen: Option<(u64, u64)>,
}

/// Whole frames; only the first piece may have lost a part of its first.
#[derive(Debug)]
struct Piece {
    frames: Bytes,
    /// Whose events these are, if they may be left out.
    drop_policy: Option<DropPolicy>,
}

/// A topic whose events may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DropPolicy {
    pub(crate) topic: Topic,
    pub(crate) policy: SlowPolicy,
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

    /// Queues frames that must all arrive, unless more than `len_max` waits already behind those that are
    /// being sent: so a large event never drops a browser that has yet to take the one before. Events that
    /// may be left out make room; returns how many were.
    pub(super) fn push(&mut self, frames: Bytes, len_max: usize) -> Result<u64, Full> {
        let queue = self.queue.get_or_insert_default();
        let dropped = queue.make_room(len_max);
        if queue.is_full(len_max) {
            return Err(Full);
        }
        self.push_last(Piece {
            frames,
            drop_policy: None,
        });
        Ok(dropped)
    }

    /// Queues frames of a topic whose events may be left out, the first `begun` bytes of which have
    /// left already. Returns how many events were left out, of these and of others.
    pub(super) fn push_droppable(
        &mut self,
        frames: &Bytes,
        begun: usize,
        drop_policy: &DropPolicy,
        len_max: usize,
    ) -> u64 {
        let begun_end = end_of_begun(frames, begun);
        if begun < begun_end {
            self.push_last(Piece {
                frames: frames.slice(begun..begun_end),
                drop_policy: None,
            });
        }
        let mut frames = frames.slice(begun_end..);
        if frames.is_empty() {
            return 0;
        }
        let queue = self.queue.get_or_insert_default();
        let mut dropped = 0;
        if drop_policy.policy == SlowPolicy::KeepLatest {
            while let Some(len) = first_of_several(&frames) {
                frames = frames.slice(len..);
                dropped += 1;
            }
            dropped += queue.drop_topic(drop_policy);
        }
        dropped += queue.make_room(len_max);
        if queue.is_full(len_max) {
            return dropped + count(&frames);
        }
        self.push_last(Piece {
            frames,
            drop_policy: Some(drop_policy.clone()),
        });
        dropped
    }

    fn push_last(&mut self, piece: Piece) {
        let queue = self.queue.get_or_insert_default();
        queue.len += piece.frames.len();
        queue.pieces.push_back(piece);
        self.wake();
    }

    pub(super) fn front(&self) -> Option<&Bytes> {
        let queue = self.queue.as_ref()?;
        queue.pieces.front().map(|piece| &piece.frames)
    }

    /// The first `written` bytes of the front have left.
    pub(super) fn advance(&mut self, written: usize) {
        let Some(queue) = &mut self.queue else {
            return;
        };
        queue.len -= written;
        queue.left += written as u64;
        if let Some(front) = queue.pieces.front_mut() {
            if written < front.frames.len() {
                queue.split_begun(written);
                return;
            }
            queue.pieces.pop_front();
        }
        if queue.pieces.is_empty() {
            self.queue = None;
        }
    }

    /// For how long the browser has taken nothing although something waits, as far as those who
    /// asked before could see. `None` if nothing waits.
    pub(super) fn stalled_ms(&mut self, now_ms: u64) -> Option<u64> {
        let queue = self.queue.as_mut()?;
        match queue.seen {
            Some((left, since_ms)) if left == queue.left => Some(now_ms.saturating_sub(since_ms)),
            _ => {
                queue.seen = Some((queue.left, now_ms));
                Some(0)
            }
        }
    }

    /// Takes nothing more; `last` goes out behind what is queued.
    pub(super) fn finish(&mut self, last: Option<Bytes>) {
        if self.state != State::Open {
            return;
        }
        if let Some(frames) = last {
            self.push_last(Piece {
                frames,
                drop_policy: None,
            });
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

    /// There is something to do for the connection's task.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Queue {
    /// Whether more than `len_max` bytes wait. The first piece is being sent and does not count, unless its
    /// events may be left out: otherwise an event larger than `len_max` would leave no room behind it. If
    /// `len_max` is 0 it does count.
    fn is_full(&self, len_max: usize) -> bool {
        let front = self.pieces.front();
        let is_sent = |piece: &&Piece| piece.drop_policy.is_none() && len_max > 0;
        let sent = front.filter(is_sent);
        let sent = sent.map_or(0, |piece| piece.frames.len() + PIECE_COST);
        self.len + self.pieces.len() * PIECE_COST - sent > len_max
    }

    /// Leaves the oldest events out that may be, until the rest is within the limit; how many.
    fn make_room(&mut self, len_max: usize) -> u64 {
        let mut dropped = 0;
        while self.is_full(len_max) {
            let mut pieces = self.pieces.iter();
            let Some(index) = pieces.position(|piece| piece.drop_policy.is_some()) else {
                break;
            };
            let frames = &mut self.pieces[index].frames;
            match first_of_several(frames) {
                Some(len) => {
                    *frames = frames.slice(len..);
                    self.len -= len;
                }
                None => self.remove(index),
            }
            dropped += 1;
        }
        dropped
    }

    /// Leaves out what waits of a topic; how many events.
    fn drop_topic(&mut self, drop_policy: &DropPolicy) -> u64 {
        let is_older = |piece: &Piece| piece.drop_policy.as_ref() == Some(drop_policy);
        let mut dropped = 0;
        while let Some(index) = self.pieces.iter().position(is_older) {
            dropped += count(&self.pieces[index].frames);
            self.remove(index);
        }
        dropped
    }

    fn remove(&mut self, index: usize) {
        if let Some(piece) = self.pieces.remove(index) {
            self.len -= piece.frames.len();
        }
    }

    /// A part of the front has left: the rest of the frame that is begun must follow it.
    fn split_begun(&mut self, written: usize) {
        let Some(Piece {
            frames,
            drop_policy,
        }) = self.pieces.pop_front()
        else {
            return;
        };
        let mut begun_end = frames.len();
        if let Some(drop_policy) = drop_policy {
            begun_end = end_of_begun(&frames, written);
            if begun_end < frames.len() {
                self.pieces.push_front(Piece {
                    frames: frames.slice(begun_end..),
                    drop_policy: Some(drop_policy),
                });
            }
        }
        if written < begun_end {
            self.pieces.push_front(Piece {
                frames: frames.slice(written..begun_end),
                drop_policy: None,
            });
        }
    }
}

/// Where the frame ends whose first bytes are among the first `begun` of whole frames.
fn end_of_begun(frames: &[u8], begun: usize) -> usize {
    let mut end = 0;
    while end < begun {
        let Some(len) = server_frame_len(&frames[end..]) else {
            return frames.len();
        };
        end += len;
    }
    end.min(frames.len())
}

/// Length of the first frame, if another follows.
fn first_of_several(frames: &[u8]) -> Option<usize> {
    server_frame_len(frames).filter(|&len| len < frames.len())
}

/// How many frames these are.
fn count(mut frames: &[u8]) -> u64 {
    let mut count = 1;
    while let Some(len) = first_of_several(frames) {
        frames = &frames[len..];
        count += 1;
    }
    count
}
