//! Writes frames to a browser, or queues them.

use std::fmt;
use std::io;

use bytes::Bytes;

use super::outbox::{Full, Outbox, State};
use super::{Common, Connection, DropPolicy, KeptEvents, Topic};
use crate::stats::SlowConsumer;

/// The treatment of bytes that do not fit into the socket's send buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OverflowRule<'a> {
    /// They are queued. If there is no room, the browser is dropped as a slow consumer.
    Queue,
    /// They are queued. If there is no room, the policy says which events are dropped, and the browser stays connected.
    Drop(&'a DropPolicy),
    /// They are events that the log has, from sequence number `first`. They are queued. If there is no room, the browser
    /// has to read them from the log.
    ReadLog { topic: &'a Topic, first: u64 },
}

/// The events that a browser has to read from the log: new ones, and queued ones, which its outbox no longer has.
pub(crate) type Behind = Vec<KeptEvents>;

/// Work that must wait until the outbox is unlocked.
pub(crate) enum AfterUnlock {
    Nothing,
    DropSlow(SlowConsumer),
    FallBehind(Behind),
}

impl Connection {
    /// Prefetches the cache lines that [`send`](Self::send) will touch.
    pub(crate) fn prefetch(&self) {
        // Without `black_box` the compiler would remove these reads.
        std::hint::black_box((self.outbox.is_locked(), self.socket.is_tls()));
    }

    /// Writes whole WebSocket frames, and queues the bytes that the socket does not accept. Drops the browser as a slow
    /// consumer if its outbox is full.
    pub(crate) fn send(&self, frames: &Bytes) {
        // Only events that the log has can be read from there.
        let _no_behind = self.send_events(frames, OverflowRule::Queue);
    }

    /// Writes frames. Treats the bytes that do not fit into the socket's send buffer by `rule`. Returns the events that the
    /// session has to read from the log.
    pub(crate) fn send_events(&self, frames: &Bytes, rule: OverflowRule<'_>) -> Result<(), Behind> {
        let mut outbox = self.outbox.lock();
        let work = match self.try_write(&mut outbox, frames) {
            Some(written) => self.queue(&mut outbox, frames, written, rule),
            None => AfterUnlock::Nothing,
        };
        drop(outbox);
        self.conclude(work)
    }

    /// Queues the frames behind the `written` bytes.
    pub(super) fn queue(
        &self,
        outbox: &mut Outbox,
        frames: &Bytes,
        written: usize,
        rule: OverflowRule<'_>,
    ) -> AfterUnlock {
        let is_memory_full = self.common.is_memory_full();
        let len_max = match is_memory_full {
            true => 0,
            false => self.common.live.limits().outbox_len_max,
        };
        let dropped = match rule {
            OverflowRule::Queue if is_memory_full => {
                return AfterUnlock::DropSlow(SlowConsumer::Memory);
            }
            OverflowRule::Queue => match outbox.push(frames.slice(written..), len_max) {
                Ok(dropped) => dropped,
                Err(Full) => return AfterUnlock::DropSlow(SlowConsumer::Outbox),
            },
            OverflowRule::Drop(policy) => outbox.push_droppable(frames, written, policy, len_max),
            // The browser has the first bytes, so it must get the rest.
            OverflowRule::ReadLog { .. } if written > 0 => {
                outbox.push_unbounded(frames.slice(written..));
                0
            }
            OverflowRule::ReadLog { topic, first } => {
                let topic = topic.clone();
                let events = KeptEvents { topic, first };
                match outbox.push_kept(frames.clone(), events.clone(), len_max) {
                    Ok(dropped) => dropped,
                    Err(mut behind) => {
                        behind.push(events);
                        return AfterUnlock::FallBehind(behind);
                    }
                }
            }
        };
        self.common.count_dropped(dropped);
        AfterUnlock::Nothing
    }

    /// Does the work that had to wait until the outbox is unlocked.
    pub(super) fn conclude(&self, work: AfterUnlock) -> Result<(), Behind> {
        match work {
            AfterUnlock::Nothing => {}
            AfterUnlock::DropSlow(reason) => self.drop_slow(reason),
            AfterUnlock::FallBehind(behind) => return Err(behind),
        }
        Ok(())
    }

    /// Writes events from the log. The outbox must be empty: it takes the bytes that the socket does not accept. If
    /// queued events use all their memory, drops the browser instead: it can come back with its position.
    pub(crate) fn send_chunk(&self, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        if self.common.is_memory_full() {
            drop(outbox);
            self.drop_slow(SlowConsumer::Memory);
        } else {
            outbox.push_unbounded(frames.slice(written..));
        }
    }

    /// Writes a ping. It is short and rare, so it does not count against the limit of the outbox: a slow consumer that
    /// reads from the log must not be dropped for it.
    pub(super) fn send_ping(&self, ping: &Bytes) {
        let mut outbox = self.outbox.lock();
        if let Some(written) = self.try_write(&mut outbox, ping) {
            outbox.push_unbounded(ping.slice(written..));
        }
    }

    /// Writes to the socket if the outbox is empty. Returns the number of bytes that the socket accepted, or `None` if
    /// there is nothing to queue: all is written, or the connection is ending.
    fn try_write(&self, outbox: &mut Outbox, frames: &Bytes) -> Option<usize> {
        if outbox.state() != State::Open {
            return None;
        }
        let sent = match outbox.is_empty() {
            false => Ok(0),
            true => self.socket.write_now(frames),
        };
        self.note_sent(outbox, frames, sent)
    }

    /// Handles the result of a write to the socket. Returns the same as [`try_write`](Self::try_write).
    pub(super) fn note_sent(
        &self,
        outbox: &mut Outbox,
        frames: &Bytes,
        sent: io::Result<usize>,
    ) -> Option<usize> {
        let written = match sent {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(_) => {
                outbox.drop_all();
                return None;
            }
        };
        if self.socket.has_unsent() {
            // The connection's task sends it when the socket is ready again.
            outbox.wake();
        }
        (written < frames.len()).then_some(written)
    }

    /// Drops a slow consumer: closes the connection with a reset and discards its outbox.
    pub(crate) fn drop_slow(&self, reason: SlowConsumer) {
        self.drop_all();
        self.reset_on_close();
        let Common { live, counters, .. } = &*self.common;
        let limits = live.limits();
        let peer = self.peer().to_string();
        let log = |text: fmt::Arguments<'_>| {
            let refused = &counters.slow_consumers;
            refused.refuse(reason, &self.common.browser_log, &peer, text);
        };
        match reason {
            SlowConsumer::Outbox => log(format_args!(
                "dropped a slow browser: its outbox has more than {} bytes (outbox-len-max)",
                limits.outbox_len_max
            )),
            SlowConsumer::Stall => log(format_args!(
                "dropped a slow browser: it has read nothing for {:?} (write-timeout)",
                limits.write_timeout
            )),
            // See `count_slow_reader`.
            SlowConsumer::History => {}
            SlowConsumer::Memory => log(format_args!(
                "dropped a slow browser: all queued events have {} bytes, at most {} are allowed (events-len-max)",
                counters.events_len.get(),
                limits.events_len_max
            )),
        }
    }
}
