//! This process's publishers, one an address. They stay from request to request.
//!
//! Thread-local: right for a PHP with threads and for one without. No PHP code runs while they are
//! borrowed, so that nothing can leave a publish half done: neither `exit()` nor a fatal error.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pusher::{Address, Options, Publisher, Receipt};

use crate::breaker::Breaker;
use crate::failure::{Failure, Fault};
use crate::settings::Settings;

/// Most addresses that a process keeps publishers for; who wants more gives up the connection that
/// was not used for longest. One is what nearly everybody has.
const PUBLISHERS_MAX: usize = 8;

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::new()) };
}

struct State {
    /// The one that was used last is the last.
    kept: Vec<Kept>,
    counters: Counters,
}

struct Kept {
    publisher: Publisher,
    breaker: Breaker,
}

/// Since this process (or thread) began.
#[derive(Clone, Copy)]
pub(crate) struct Counters {
    /// Publishes that got a receipt.
    pub(crate) published: u64,
    /// Publishes that got none, tried or not; without the caller's mistakes.
    pub(crate) failed: u64,
}

/// What is known of one address.
pub(crate) struct Status {
    pub(crate) address: String,
    pub(crate) is_connected: bool,
    /// How long publishes are not tried, and why.
    pub(crate) open_for: Option<(Duration, String)>,
}

/// Publishes, unless the breaker for this address is open.
pub(crate) fn publish(settings: &Settings, topic: &str, event: &str) -> Result<Receipt, Failure> {
    STATE.with_borrow_mut(|state| {
        let result = state
            .kept(&settings.address)
            .publish(settings, topic, event);
        match &result {
            Ok(_) => state.counters.published += 1,
            Err(Failure::NotPublished(..)) => state.counters.failed += 1,
            Err(_) => {}
        }
        result
    })
}

pub(crate) fn counters() -> Counters {
    STATE.with_borrow(|state| state.counters)
}

/// The settings' address, and then the others that were published to.
pub(crate) fn status(settings: &Settings) -> Vec<Status> {
    STATE.with_borrow_mut(|state| {
        state.kept(&settings.address);
        let kept = state.kept.iter().rev();
        kept.map(|kept| kept.status(settings.retry)).collect()
    })
}

impl State {
    const fn new() -> Self {
        Self {
            kept: Vec::new(),
            counters: Counters {
                published: 0,
                failed: 0,
            },
        }
    }

    /// What there is for this address; made if there is nothing yet.
    fn kept(&mut self, address: &Address) -> &mut Kept {
        let found = self
            .kept
            .iter()
            .position(|kept| kept.publisher.address() == address);
        let kept = match found {
            Some(index) => self.kept.remove(index),
            None => Kept::new(address),
        };
        if self.kept.len() == PUBLISHERS_MAX {
            self.kept.remove(0);
        }
        self.kept.push(kept);
        let last = self.kept.len() - 1;
        &mut self.kept[last]
    }
}

impl Kept {
    fn new(address: &Address) -> Self {
        Self {
            publisher: Publisher::new(Options::new(address.clone())),
            breaker: Breaker::default(),
        }
    }

    fn publish(
        &mut self,
        settings: &Settings,
        topic: &str,
        event: &str,
    ) -> Result<Receipt, Failure> {
        if let Some(fault) = self.breaker.fault(settings.retry) {
            // A mistake is told whether pushd is there or not.
            pusher::check(topic, event).map_err(|error| Failure::mistake(&error))?;
            return Err(Failure::NotPublished(fault, settings.on_failure));
        }
        self.publisher.set_timeout(settings.timeout);
        let begin = Instant::now();
        match self.publisher.publish(topic, event) {
            Ok(receipt) => {
                self.breaker.close();
                Ok(receipt)
            }
            Err(error) if error.is_callers_mistake() => Err(Failure::mistake(&error)),
            Err(error) => {
                let fault = Fault::from(&error);
                self.breaker
                    .record(&fault, begin.elapsed(), settings.timeout);
                Err(Failure::NotPublished(fault, settings.on_failure))
            }
        }
    }

    fn status(&self, retry: Duration) -> Status {
        let open_for = self.breaker.open_for(retry);
        Status {
            address: self.publisher.address().to_string(),
            is_connected: self.publisher.is_connected(),
            open_for: open_for.map(|(left, fault)| (left, fault.message.clone())),
        }
    }
}
