//! One publisher for all threads of a process, and another one for each forked child.

use std::ptr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use once_cell::race::OnceBox;
use pusher_proto::Position;

use crate::attempt::{Attempt, Operation, Stage};
use crate::deadline::{Deadline, Passed};
use crate::error::Error;
use crate::event::Event;
use crate::options::Options;
use crate::per_process::PerProcess;
use crate::presence::Presence;
use crate::publisher::Publisher;
use crate::random_id::RandomId;
use crate::receipt::Receipt;
use crate::spool::Spool;

/// The publisher of `push_publish`. A `OnceBox` never blocks: a fork in the middle of its first use leaves a working
/// child.
static PROCESS_WIDE: OnceBox<SharedPublisher> = OnceBox::new();

/// A publisher that every thread may use at any time, also in a forked child.
#[derive(Debug)]
pub(crate) struct SharedPublisher(PerProcess<Gate>);

/// Lets one thread of the process publish at a time.
#[derive(Debug)]
struct Gate {
    options: Options,
    timeout: Duration,
    spool: Option<Spool>,
    slot: Mutex<Slot>,
    returned: Condvar,
}

#[derive(Debug)]
struct Slot {
    /// `None` while a thread publishes.
    publisher: Option<Publisher>,
    /// The thread that took the publisher last.
    thread: ThreadMark,
    waiting_count: usize,
}

/// Returns the publisher of this process. Reads the options from the environment at the first call.
pub(crate) fn process_wide() -> Result<&'static SharedPublisher, Error> {
    PROCESS_WIDE
        .get_or_try_init(|| Options::from_env().map(|options| SharedPublisher::new(options).into()))
}

impl SharedPublisher {
    /// Returns a publisher that has not connected yet.
    pub(crate) fn new(options: Options) -> Self {
        Self(PerProcess::new(Gate::new(options)))
    }

    /// Waits for its turn and publishes. The timeout includes the wait.
    pub(crate) fn publish(&self, event: &Event<'_>) -> Result<Receipt, Error> {
        let gate = self.gate();
        let deadline = Deadline::after(gate.timeout);
        let Some(spool) = &gate.spool else {
            return gate.turn(Operation::Publish, &deadline, |publisher| {
                publisher.publish_until(event, &deadline)
            });
        };
        let made = event.id.is_none().then(RandomId::new);
        let event = event.or_id(made.as_ref());
        let result = gate.turn(Operation::Publish, &deadline, |publisher| {
            publisher.publish_until(&event, &deadline)
        });
        // The publisher writes to the spool itself. Here the wait for it can have been too long.
        result.or_else(|error| {
            let rescued = spool.rescue(&event, &error, &deadline);
            rescued.unwrap_or(Err(error))
        })
    }

    /// Waits for its turn and asks for the position. The timeout includes the wait.
    pub(crate) fn position(&self) -> Result<Position, Error> {
        let gate = self.gate();
        let deadline = Deadline::after(gate.timeout);
        gate.turn(Operation::Position, &deadline, |publisher| {
            publisher.position_until(&deadline)
        })
    }

    /// Waits for its turn and revokes the user's tickets. The timeout includes the wait.
    pub(crate) fn revoke(&self, sub: &str) -> Result<u64, Error> {
        let gate = self.gate();
        let deadline = Deadline::after(gate.timeout);
        gate.turn(Operation::Revoke, &deadline, |publisher| {
            publisher.revoke_until(sub, &deadline)
        })
    }

    /// Waits for its turn and asks for the members of a topic. The timeout includes the wait.
    pub(crate) fn presence(&self, topic: &str) -> Result<Presence, Error> {
        let gate = self.gate();
        let deadline = Deadline::after(gate.timeout);
        gate.turn(Operation::Presence, &deadline, |publisher| {
            publisher.presence_until(topic, &deadline)
        })
    }

    fn gate(&self) -> &Gate {
        self.0.get(|inherited| {
            inherited.abandon();
            Gate::new(inherited.options.clone())
        })
    }
}

impl Gate {
    fn new(options: Options) -> Self {
        let publisher = Publisher::new(options.clone());
        Self {
            spool: Spool::of(&options),
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

    /// Waits for the publisher and runs `operate` with it. The deadline began before the wait.
    fn turn<T>(
        &self,
        operation: Operation,
        deadline: &Deadline,
        operate: impl FnOnce(&mut Publisher) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let timed_out = || Error::Timeout {
            attempt: Attempt {
                operation,
                address: self.options.address.clone(),
                elapsed: deadline.elapsed(),
            },
            stage: Stage::Waiting,
        };
        let mut lease = self.lease(deadline).map_err(|Passed| timed_out())?;
        match &mut lease.publisher {
            Some(publisher) => operate(publisher),
            None => Err(timed_out()),
        }
    }

    /// Closes the inherited connection in a forked child. If a thread of the parent was using it at the fork, its
    /// state is unknown: the descriptor then stays open and unused.
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
    fn lease(&self, deadline: &Deadline) -> Result<Lease<'_>, Passed> {
        let mut slot = self.lock();
        let thread = ThreadMark::current();
        if slot.publisher.is_none() && slot.thread == thread {
            // This thread left its last publish by longjmp(), so the publisher is lost: make another one.
            slot.publisher = Some(Publisher::new(self.options.clone()));
        }
        slot.waiting_count += 1;
        let publisher = loop {
            if let Some(publisher) = slot.publisher.take() {
                slot.thread = thread;
                break Ok(publisher);
            }
            let remaining = match deadline.remaining() {
                Ok(remaining) => remaining,
                Err(passed) => break Err(passed),
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

    /// The slot stays consistent if a thread panics while it holds the lock, so poisoning is ignored.
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Identifies a running thread. Reading a thread-local's address needs no system call and no allocation.
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

/// The publisher, taken out of its slot. The drop puts it back, also during a panic.
struct Lease<'a> {
    gate: &'a Gate,
    publisher: Option<Publisher>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut slot = self.gate.lock();
        slot.publisher = self.publisher.take();
        // Waking a thread is a system call: skip it if no thread waits.
        if slot.waiting_count > 0 {
            self.gate.returned.notify_one();
        }
    }
}
