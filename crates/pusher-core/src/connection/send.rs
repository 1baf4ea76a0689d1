//! Writes frames to a browser, or queues them.

use std::fmt;
use std::io;

use bytes::Bytes;

use super::outbox::{Full, Outbox, State};
use super::{Common, Connection, DropPolicy, KeptEvents, Topic};
use crate::stats::SlowConsumer;

impl Connection {
    /// Prefetches the cache lines that [`send`](Self::send) will touch.
    pub(crate) fn prefetch(&self) {
        // Without `black_box` the compiler would remove these reads.
        std::hint::black_box((self.outbox.is_locked(), self.socket.is_tls()));
    }

    /// Writes whole WebSocket frames, and queues the bytes that the socket does not accept. Drops the browser as a slow
    /// consumer if its outbox is full.
    pub(crate) fn send(&self, frames: &Bytes) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        let reason = if self.common.is_memory_full() {
            SlowConsumer::Memory
        } else {
            let outbox_len_max = self.common.live.limits().outbox_len_max;
            match outbox.push(frames.slice(written..), outbox_len_max) {
                Ok(dropped) => return self.common.count_dropped(dropped),
                Err(Full) => SlowConsumer::Outbox,
            }
        };
        drop(outbox);
        self.drop_slow(reason);
    }

    /// Writes frames of a topic with a drop policy. If the outbox is full, the policy says which events are dropped, and the
    /// browser stays connected.
    pub(crate) fn send_droppable(&self, frames: &Bytes, drop_policy: &DropPolicy) {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return;
        };
        let len_max = match self.common.is_memory_full() {
            true => 0,
            false => self.common.live.limits().outbox_len_max,
        };
        let dropped = outbox.push_droppable(frames, written, drop_policy, len_max);
        self.common.count_dropped(dropped);
    }

    /// Writes frames of events that the log has. If there is no room for them, returns the events that the browser has
    /// to read from the log: these, and queued ones, which it removes from the outbox.
    pub(crate) fn send_kept(
        &self,
        frames: &Bytes,
        topic: &Topic,
        first: u64,
    ) -> Result<(), Vec<KeptEvents>> {
        let mut outbox = self.outbox.lock();
        let Some(written) = self.try_write(&mut outbox, frames) else {
            return Ok(());
        };
        let rest = frames.slice(written..);
        if written > 0 {
            // The browser has the first bytes, so it must get the rest.
            outbox.push_unbounded(rest);
            return Ok(());
        }
        let len_max = match self.common.is_memory_full() {
            true => 0,
            false => self.common.live.limits().outbox_len_max,
        };
        let topic = topic.clone();
        let events = KeptEvents { topic, first };
        match outbox.push_kept(rest, events.clone(), len_max) {
            Ok(dropped) => self.common.count_dropped(dropped),
            Err(mut behind) => {
                behind.push(events);
                return Err(behind);
            }
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
        let written = match outbox.is_empty() {
            false => 0,
            true => match self.socket.write_now(frames) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => {
                    outbox.drop_all();
                    return None;
                }
            },
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
