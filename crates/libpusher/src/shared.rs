//! One publisher for many threads, which wait for each other, and for forks, which part.

use std::ptr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use once_cell::race::OnceBox;
use pusher_proto::Receipt;

use crate::deadline::Deadline;
use crate::error::{Attempt, Error, Stage};
use crate::options::Options;
use crate::per_process::PerProcess;
use crate::publisher::Publisher;

/// The C library's own, for `push_publish`. Nobody ever waits for a `OnceBox`: a fork in the middle
/// of its first use leaves a child that goes on by itself.
static PROCESS_WIDE: OnceBox<SharedPublisher> = OnceBox::new();

/// A publisher that every thread may use at any time, and every forked child too.
#[derive(Debug)]
pub(crate) struct SharedPublisher(PerProcess<Gate>);

/// Lets the threads of one process publish one after the other.
#[derive(Debug)]
struct Gate {
    options: Options,
    timeout: Duration,
    slot: Mutex<Slot>,
    returned: Condvar,
}

#[derive(Debug)]
struct Slot {
    /// `None` while a thread publishes.
    publisher: Option<Publisher>,
    /// The thread that took it last.
    thread: ThreadMark,
    waiting_count: usize,
}

/// Publishes over this process's connection, with the options of the environment at first use.
pub(crate) fn publish(topic: &str, event: &str) -> Result<Receipt, Error> {
    let make = || Options::from_env().map(|options| SharedPublisher::new(options).into());
    PROCESS_WIDE
        .get_or_try_init(make)?
        .publish(topic, event, None)
}

impl SharedPublisher {
    /// One that has not connected yet.
    pub(crate) fn new(options: Options) -> Self {
        Self(PerProcess::new(Gate::new(options)))
    }

    /// Publishes when no other thread does. The deadline holds for waiting too.
    pub(crate) fn publish(
        &self,
        topic: &str,
        event: &str,
        id: Option<&str>,
    ) -> Result<Receipt, Error> {
        let gate = self.0.get(|inherited| {
            inherited.abandon();
            Gate::new(inherited.options.clone())
        });
        let deadline = Deadline::after(gate.timeout);
        gate.lease(&deadline)?.publish(topic, event, id, &deadline)
    }
}

impl Gate {
    fn new(options: Options) -> Self {
        let publisher = Publisher::new(options.clone());
        Self {
            timeout: publisher.timeout(),
            options,
            slot: Mutex::new(Slot {
                publisher: Some(publisher),
                thread: ThreadMark::current(),
                waiting_count: 0,
            }),
            returned: Condvar::new(),
        }
    }

    /// In a forked child: closes the inherited connection. If a thread of the parent was using it
    /// at the fork, nobody can say what it is like, and its descriptor stays open, unused.
    fn abandon(&self) {
        let slot = match self.slot.try_lock() {
            Ok(slot) => Some(slot),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut slot) = slot
            && let Some(publisher) = &mut slot.publisher
        {
            publisher.abandon_inherited();
        }
    }

    /// Waits until no other thread publishes, at most until the deadline.
    fn lease(&self, deadline: &Deadline) -> Result<Lease<'_>, Error> {
        let mut slot = self.lock();
        let thread = ThreadMark::current();
        if slot.publisher.is_none() && slot.thread == thread {
            // This thread left its last publish by longjmp(), with the publisher in it: nobody will
            // bring that back.
            slot.publisher = Some(Publisher::new(self.options.clone()));
        }
        slot.waiting_count += 1;
        let publisher = loop {
            if let Some(publisher) = slot.publisher.take() {
                slot.thread = thread;
                break Ok(publisher);
            }
            let Ok(remaining) = deadline.remaining() else {
                break Err(self.timed_out(deadline));
            };
            let woken = self.returned.wait_timeout(slot, remaining);
            (slot, _) = woken.unwrap_or_else(PoisonError::into_inner);
        };
        slot.waiting_count -= 1;
        publisher.map(|publisher| Lease {
            gate: self,
            publisher: Some(publisher),
        })
    }

    /// A panic while the lock was held leaves nothing half-done that matters.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timed_out(&self, deadline: &Deadline) -> Error {
        Error::Timeout {
            attempt: Attempt {
                address: self.options.address.clone(),
                elapsed: deadline.elapsed(),
            },
            stage: Stage::Waiting,
        }
    }
}

/// Tells one living thread from another, at no cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ThreadMark(usize);

impl ThreadMark {
    fn current() -> Self {
        thread_local! {
            static MARK: u8 = const { 0 };
        }
        MARK.with(|mark| Self(ptr::from_ref(mark).addr()))
    }
}

/// The publisher, taken out of its slot; it comes back even through a panic.
struct Lease<'a> {
    gate: &'a Gate,
    publisher: Option<Publisher>,
}

impl Lease<'_> {
    fn publish(
        &mut self,
        topic: &str,
        event: &str,
        id: Option<&str>,
        deadline: &Deadline,
    ) -> Result<Receipt, Error> {
        match &mut self.publisher {
            Some(publisher) => publisher.publish_until(topic, event, id, deadline),
            None => Err(self.gate.timed_out(deadline)),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut slot = self.gate.lock();
        slot.publisher = self.publisher.take();
        // To wake somebody is a system call, to look whether somebody waits is none.
        if slot.waiting_count > 0 {
            self.gate.returned.notify_one();
        }
    }
}
