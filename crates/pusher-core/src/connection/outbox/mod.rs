//! The outbox: frames that wait for one browser because its socket was full.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use pusher_proto::wamp::server_frame_len;

use super::Topic;
use crate::config::SlowPolicy;

/// Bytes that each piece counts in addition to its frames: about the memory of a [`Piece`] and its allocation. Without
/// it, many short pieces would use much more memory than the limit.
const PIECE_COST: usize = 64;

/// A bounded queue of frames, and the state of the connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// `None` if nothing is queued, so an idle connection keeps no memory.
    queue: Option<Box<Queue>>,
    state: State,
    /// Wakes the connection's task when it has something to do.
    waker: Option<Waker>,
}

/// The queued pieces. Never empty, except in the middle of a push.
#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// Bytes of all pieces.
    len: usize,
    /// Bytes that were sent since the queue was created.
    sent: u64,
    /// The value of `sent` at the last progress, and the time in ms when [`Outbox::stalled_ms`] noticed it.
    progress: Option<(u64, u64)>,
}

/// Whole frames. Only the first piece of the queue may begin within a frame.
#[derive(Debug)]
struct Piece {
    frames: Bytes,
    origin: Origin,
}

/// The rule for the events of a piece if there is no room.
#[derive(Debug)]
enum Origin {
    /// They must be sent.
    Required,
    /// They may be dropped.
    Droppable(DropPolicy),
    /// The log has them.
    Kept(KeptEvents),
}

/// Events of a topic that the log has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptEvents {
    pub(crate) topic: Topic,
    /// Sequence number of the first one.
    pub(crate) first: u64,
}

impl Piece {
    fn required(frames: Bytes) -> Self {
        let origin = Origin::Required;
        Self { frames, origin }
    }

    fn drop_policy(&self) -> Option<&DropPolicy> {
        match &self.origin {
            Origin::Droppable(policy) => Some(policy),
            Origin::Required | Origin::Kept(_) => None,
        }
    }
}

/// A topic whose events may be dropped for a slow consumer, and which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DropPolicy {
    pub(crate) topic: Topic,
    pub(crate) policy: SlowPolicy,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Open,
    /// Accepts no frames, but still sends the queued ones.
    Finishing,
    /// Accepts and sends nothing.
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

    /// Returns the queued bytes.
    pub(super) fn len(&self) -> usize {
        self.queue.as_ref().map_or(0, |queue| queue.len)
    }

    /// Queues frames that must not be dropped. Fails if more than `len_max` bytes are queued behind the piece that is
    /// being sent. The new frames and that piece do not count, so one large event never makes a browser a slow
    /// consumer.
    ///
    /// Drops queued events that may be dropped, to make room. Returns how many.
    pub(super) fn push(&mut self, frames: Bytes, len_max: usize) -> Result<u64, Full> {
        let queue = self.queue.get_or_insert_default();
        let dropped = queue.make_room(len_max);
        if queue.is_full(len_max) {
            return Err(Full);
        }
        self.push_last(Piece::required(frames));
        Ok(dropped)
    }

    /// Queues frames of events that the log has. If there is no room, removes the queued events that the log has, except
    /// for the piece that is being sent, and returns them.
    pub(super) fn push_kept(
        &mut self,
        frames: Bytes,
        events: KeptEvents,
        len_max: usize,
    ) -> Result<u64, Vec<KeptEvents>> {
        let queue = self.queue.get_or_insert_default();
        let dropped = queue.make_room(len_max);
        if queue.is_full(len_max) {
            return Err(queue.take_kept());
        }
        let origin = Origin::Kept(events);
        self.push_last(Piece { frames, origin });
        Ok(dropped)
    }

    /// Removes the events of a topic that the log has, except those of the first piece.
    pub(super) fn remove_kept(&mut self, topic: &str) {
        let Some(queue) = &mut self.queue else {
            return;
        };
        let mut index = 1;
        while let Some(piece) = queue.pieces.get(index) {
            match &piece.origin {
                Origin::Kept(events) if *events.topic == *topic => queue.remove(index),
                _ => index += 1,
            }
        }
    }

    /// Queues frames without a check of the limits.
    pub(super) fn push_unbounded(&mut self, frames: Bytes) {
        self.push_last(Piece::required(frames));
    }

    /// Queues frames of a topic whose events may be dropped. The first `begun` bytes are sent already. Returns the
    /// number of dropped events, both new and queued ones.
    pub(super) fn push_droppable(
        &mut self,
        frames: &Bytes,
        begun: usize,
        drop_policy: &DropPolicy,
        len_max: usize,
    ) -> u64 {
        // The browser has the first bytes of a frame, so it must get the rest of that frame.
        let begun_end = end_of_begun(frames, begun);
        if begun < begun_end {
            self.push_last(Piece::required(frames.slice(begun..begun_end)));
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
            origin: Origin::Droppable(drop_policy.clone()),
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

    /// Removes `written` bytes from the front, which the socket has accepted.
    pub(super) fn advance(&mut self, written: usize) {
        let Some(queue) = &mut self.queue else {
            return;
        };
        queue.len -= written;
        queue.sent += written as u64;
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

    /// Returns the time since the browser last read something, in ms. `None` if nothing is queued.
    ///
    /// The time begins at the first call that sees no progress, so it is too short by up to the interval between two
    /// calls.
    pub(super) fn stalled_ms(&mut self, now_ms: u64) -> Option<u64> {
        let queue = self.queue.as_mut()?;
        match queue.progress {
            Some((sent, since_ms)) if sent == queue.sent => Some(now_ms.saturating_sub(since_ms)),
            _ => {
                queue.progress = Some((queue.sent, now_ms));
                Some(0)
            }
        }
    }

    /// Empties the outbox for another process, and ends it. Returns the bytes to send first, and the events to read from
    /// the log behind them.
    pub(super) fn hand_over(&mut self) -> (Vec<u8>, Vec<KeptEvents>) {
        let mut bytes = Vec::with_capacity(self.len());
        let mut kept = Vec::new();
        for piece in self.queue.take().into_iter().flat_map(|queue| queue.pieces) {
            match piece.origin {
                Origin::Kept(events) => kept.push(events),
                Origin::Required | Origin::Droppable(_) => bytes.extend_from_slice(&piece.frames),
            }
        }
        self.drop_all();
        (bytes, kept)
    }

    /// Accepts no more frames. Sends `last` after the queued ones.
    pub(super) fn finish(&mut self, last: Option<Bytes>) {
        if self.state != State::Open {
            return;
        }
        if let Some(frames) = last {
            self.push_last(Piece::required(frames));
        }
        self.state = State::Finishing;
        self.wake();
    }

    /// Discards the queue, and accepts no more frames.
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

    /// Wakes the connection's task.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Queue {
    /// Whether more than `len_max` bytes are queued.
    ///
    /// The first piece does not count if its events must not be dropped: it is being sent, and an event larger than
    /// `len_max` would otherwise leave no room for the next one. If `len_max` is 0 (memory is full), it counts.
    fn is_full(&self, len_max: usize) -> bool {
        let front = self.pieces.front();
        let is_exempt = |piece: &&Piece| piece.drop_policy().is_none() && len_max > 0;
        let exempt = front.filter(is_exempt);
        let exempt = exempt.map_or(0, |piece| piece.frames.len() + PIECE_COST);
        self.len + self.pieces.len() * PIECE_COST - exempt > len_max
    }

    /// Drops the oldest events that may be dropped, until the rest is within the limit. Returns how many.
    fn make_room(&mut self, len_max: usize) -> u64 {
        let mut dropped = 0;
        while self.is_full(len_max) {
            let mut pieces = self.pieces.iter();
            let Some(index) = pieces.position(|piece| piece.drop_policy().is_some()) else {
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

    /// Drops the queued events of a topic. Returns how many.
    fn drop_topic(&mut self, drop_policy: &DropPolicy) -> u64 {
        let is_older = |piece: &Piece| piece.drop_policy() == Some(drop_policy);
        let mut dropped = 0;
        while let Some(index) = self.pieces.iter().position(is_older) {
            dropped += count(&self.pieces[index].frames);
            self.remove(index);
        }
        dropped
    }

    /// Removes the events that the log has, except those of the first piece, of which a part may be sent. Returns them.
    fn take_kept(&mut self) -> Vec<KeptEvents> {
        let mut taken = Vec::new();
        let mut rest = self.pieces.split_off(self.pieces.len().min(1));
        for piece in rest.drain(..) {
            match piece.origin {
                Origin::Kept(events) => {
                    self.len -= piece.frames.len();
                    taken.push(events);
                }
                _ => self.pieces.push_back(piece),
            }
        }
        taken
    }

    fn remove(&mut self, index: usize) {
        if let Some(piece) = self.pieces.remove(index) {
            self.len -= piece.frames.len();
        }
    }

    /// Splits the front, of which `written` bytes were sent. The rest of a frame that was begun becomes a piece that
    /// must not be dropped.
    fn split_begun(&mut self, written: usize) {
        let Some(Piece { frames, origin }) = self.pieces.pop_front() else {
            return;
        };
        let mut begun_end = frames.len();
        if let Origin::Droppable(_) = origin {
            begun_end = end_of_begun(&frames, written);
            if begun_end < frames.len() {
                let frames = frames.slice(begun_end..);
                self.pieces.push_front(Piece { frames, origin });
            }
        }
        if written < begun_end {
            let begun = frames.slice(written..begun_end);
            self.pieces.push_front(Piece::required(begun));
        }
    }
}

/// Returns the end of the frame that contains byte `begun - 1`. 0 if `begun` is 0.
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

/// Returns the length of the first frame, if another one follows.
fn first_of_several(frames: &[u8]) -> Option<usize> {
    server_frame_len(frames).filter(|&len| len < frames.len())
}

/// Returns the number of frames.
fn count(mut frames: &[u8]) -> u64 {
    let mut count = 1;
    while let Some(len) = first_of_several(frames) {
        frames = &frames[len..];
        count += 1;
    }
    count
}
