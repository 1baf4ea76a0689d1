//! This process's publishers, one an address (and token). They stay from request to request.
//!
//! Thread-local: right for a PHP with threads and for one without. No PHP code runs while they are
//! borrowed, so that nothing can leave a publish half done: neither `exit()` nor a fatal error.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pusher::{Batch, Publisher, Receipt};

use crate::breaker::Breaker;
use crate::event::Event;
use crate::exception::PusherError;
use crate::failure::Failure;
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
    /// Publishes that were tried and got none; without the caller's mistakes.
    pub(crate) failed: u64,
    /// Publishes that were not tried, because the breaker was open.
    pub(crate) short_circuited: u64,
    /// Publishes that waited for the end of their request. They are in the other numbers too.
    pub(crate) deferred: u64,
}

/// What is known of one address.
pub(crate) struct Status {
    pub(crate) address: String,
    pub(crate) is_connected: bool,
    /// How long publishes are not tried, and why.
    pub(crate) open_for: Option<(Duration, String)>,
}

/// What became of a batch.
pub(crate) struct Published {
    /// One for each event, in order.
    pub(crate) receipts: Vec<Option<Receipt>>,
    /// Why the first that has none has none.
    pub(crate) fault: Option<PusherError>,
}

impl Published {
    pub(crate) fn missing_count(&self) -> usize {
        self.receipts.iter().filter(|one| one.is_none()).count()
    }
}

/// Publishes, unless the breaker for this address is open.
pub(crate) fn publish(settings: &Settings, event: &Event) -> Result<Receipt, Failure> {
    STATE.with_borrow_mut(|state| {
        let kept = find_or_make(&mut state.kept, settings);
        let counters = &mut state.counters;
        if let Some(fault) = kept.breaker.fault(settings.retry) {
            // A mistake is told whether pushd is there or not.
            let checked = pusher::check(event.topic, event.json, event.id);
            checked.map_err(|error| Failure::mistake(&error))?;
            counters.short_circuited += 1;
            return Err(Failure::NotPublished(fault, settings.on_failure));
        }
        let result = kept.publish(settings, event);
        match &result {
            Ok(_) => counters.published += 1,
            Err(Failure::NotPublished(..)) => counters.failed += 1,
            Err(_) => {}
        }
        result
    })
}

/// Publishes all of them, in the time of one.
pub(crate) fn publish_batch(settings: &Settings, batch: &Batch) -> Published {
    if batch.is_empty() {
        return Published {
            receipts: Vec::new(),
            fault: None,
        };
    }
    STATE.with_borrow_mut(|state| {
        let kept = find_or_make(&mut state.kept, settings);
        let counters = &mut state.counters;
        let (receipts, fault, missing) = match kept.breaker.fault(settings.retry) {
            Some(fault) => {
                let none = vec![None; batch.len()];
                (none, Some(fault), &mut counters.short_circuited)
            }
            None => {
                let (receipts, fault) = kept.publish_batch(settings, batch);
                (receipts, fault, &mut counters.failed)
            }
        };
        let published = Published { receipts, fault };
        let missing_count = published.missing_count();
        *missing += missing_count as u64;
        counters.published += (batch.len() - missing_count) as u64;
        published
    })
}

/// Counts what nobody here sees.
pub(crate) fn count(change: impl FnOnce(&mut Counters)) {
    STATE.with_borrow_mut(|state| change(&mut state.counters));
}

pub(crate) fn counters() -> Counters {
    STATE.with_borrow(|state| state.counters)
}

/// The settings' address, and then the others that were published to.
pub(crate) fn status(settings: &Settings) -> Vec<Status> {
    STATE.with_borrow_mut(|state| {
        find_or_make(&mut state.kept, settings);
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
                short_circuited: 0,
                deferred: 0,
            },
        }
    }
}

/// What there is for this address and token; made if there is nothing yet.
fn find_or_make<'a>(all: &'a mut Vec<Kept>, settings: &Settings) -> &'a mut Kept {
    let found = all.iter().position(|kept| kept.is_for(settings));
    let kept = match found {
        Some(index) => all.remove(index),
        None => Kept::new(settings),
    };
    if all.len() == PUBLISHERS_MAX {
        all.remove(0);
    }
    all.push(kept);
    let last = all.len() - 1;
    &mut all[last]
}

impl Kept {
    fn new(settings: &Settings) -> Self {
        Self {
            publisher: Publisher::new(settings.options()),
            breaker: Breaker::default(),
        }
    }

    fn is_for(&self, settings: &Settings) -> bool {
        *self.publisher.address() == settings.address
            && self.publisher.token() == settings.token.as_ref()
    }

    fn publish(&mut self, settings: &Settings, event: &Event) -> Result<Receipt, Failure> {
        self.publisher.set_timeout(settings.timeout);
        let begin = Instant::now();
        let answer = self
            .publisher
            .publish_with_id(event.topic, event.json, event.id);
        match answer {
            Ok(receipt) => {
                self.breaker.close();
                Ok(receipt)
            }
            Err(error) if error.is_callers_mistake() => Err(Failure::mistake(&error)),
            Err(error) => {
                let fault = PusherError::from(&error);
                self.breaker
                    .record(&fault, begin.elapsed(), settings.timeout);
                Err(Failure::NotPublished(fault, settings.on_failure))
            }
        }
    }

    /// The receipts, and why the first one that is missing is.
    fn publish_batch(
        &mut self,
        settings: &Settings,
        batch: &Batch,
    ) -> (Vec<Option<Receipt>>, Option<PusherError>) {
        self.publisher.set_timeout(settings.timeout);
        let begin = Instant::now();
        let mut receipts = Vec::with_capacity(batch.len());
        let mut fault = None;
        // The last that is not the caller's mistake: what took so long.
        let mut slow = None;
        self.publisher.publish_batch(batch, |answer| {
            if let Err(error) = answer {
                fault.get_or_insert_with(|| PusherError::from(error));
                if !error.is_callers_mistake() {
                    slow = Some(PusherError::from(error));
                }
            }
            receipts.push(answer.ok());
        });
        match &slow {
            None => self.breaker.close(),
            Some(fault) => self
                .breaker
                .record(fault, begin.elapsed(), settings.timeout),
        }
        (receipts, fault)
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
