//! The publishers of this process, one for each address and token. They live across requests.
//!
//! Thread-local, which is right for PHP with and without threads. No PHP code runs while they are borrowed, so
//! neither `exit()` nor a fatal error can interrupt a publish.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pusher::{Batch, Error, Event, Position, Publisher, Receipt};

use crate::breaker::Breaker;
use crate::exception::PusherError;
use crate::failure::Failure;
use crate::settings::Settings;

/// Most publishers that a process keeps. One more replaces the least recently used one. Nearly every site has one.
const PUBLISHERS_MAX: usize = 8;

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::new()) };
}

struct State {
    /// Ordered by use, the most recent last.
    kept: Vec<Kept>,
    counters: Counters,
}

struct Kept {
    publisher: Publisher,
    breaker: Breaker,
}

/// Counters since this process (or thread) began.
#[derive(Clone, Copy)]
pub(crate) struct Counters {
    /// Publishes that got a receipt.
    pub(crate) published: u64,
    /// Publishes that were tried and got no receipt, without the caller's mistakes.
    pub(crate) failed: u64,
    /// Publishes that were not tried, because the breaker was open.
    pub(crate) short_circuited: u64,
    /// Publishes that were deferred to the end of their request. The other counters include them.
    pub(crate) deferred: u64,
}

/// The state of one publisher, for phpinfo().
pub(crate) struct Status {
    pub(crate) address: String,
    pub(crate) is_connected: bool,
    /// How long the breaker stays open, and the error that opened it.
    pub(crate) open_for: Option<(Duration, String)>,
}

/// The result of a batch.
pub(crate) struct Published {
    /// One entry for each event, in order.
    pub(crate) receipts: Vec<Option<Receipt>>,
    /// The error of the first event without a receipt.
    pub(crate) error: Option<PusherError>,
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
        if let Some(error) = kept.breaker.not_tried(settings.retry) {
            // A caller's mistake is reported even if pushd is not tried.
            let checked = pusher::check(event);
            checked.map_err(|error| Failure::mistake(&error))?;
            counters.short_circuited += 1;
            return Err(Failure::Failed(error, settings.on_failure));
        }
        let result = kept.attempt(settings, |publisher| publisher.publish_event(event));
        match &result {
            Ok(_) => counters.published += 1,
            Err(Failure::Failed(..)) => counters.failed += 1,
            Err(_) => {}
        }
        result
    })
}

/// Asks for the position, unless the breaker for this address is open. The counters count publishes only.
pub(crate) fn position(settings: &Settings) -> Result<Position, Failure> {
    STATE.with_borrow_mut(|state| {
        let kept = find_or_make(&mut state.kept, settings);
        match kept.breaker.not_tried(settings.retry) {
            Some(error) => Err(Failure::Failed(error, settings.on_failure)),
            None => kept.attempt(settings, Publisher::position),
        }
    })
}

/// Publishes all events, within one timeout.
pub(crate) fn publish_batch(settings: &Settings, batch: &Batch) -> Published {
    if batch.is_empty() {
        return Published {
            receipts: Vec::new(),
            error: None,
        };
    }
    STATE.with_borrow_mut(|state| {
        let kept = find_or_make(&mut state.kept, settings);
        let counters = &mut state.counters;
        let (receipts, error, missing) = match kept.breaker.not_tried(settings.retry) {
            Some(error) => {
                let none = vec![None; batch.len()];
                (none, Some(error), &mut counters.short_circuited)
            }
            None => {
                let (receipts, error) = kept.publish_batch(settings, batch);
                (receipts, error, &mut counters.failed)
            }
        };
        let published = Published { receipts, error };
        let missing_count = published.missing_count();
        *missing += missing_count as u64;
        counters.published += (batch.len() - missing_count) as u64;
        published
    })
}

/// Changes the counters, for callers that count events of their own.
pub(crate) fn count(change: impl FnOnce(&mut Counters)) {
    STATE.with_borrow_mut(|state| change(&mut state.counters));
}

pub(crate) fn counters() -> Counters {
    STATE.with_borrow(|state| state.counters)
}

/// Returns the state of the publisher of these settings, and then of the others.
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

/// Returns the publisher for this address and token. Makes it if there is none.
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

    /// Runs `call`, and tells the breaker how it went.
    fn attempt<T>(
        &mut self,
        settings: &Settings,
        call: impl FnOnce(&mut Publisher) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.publisher.set_timeout(settings.timeout);
        let begin = Instant::now();
        match call(&mut self.publisher) {
            Ok(answer) => {
                self.breaker.close();
                Ok(answer)
            }
            Err(error) if error.is_callers_mistake() => Err(Failure::mistake(&error)),
            Err(error) => {
                let error = PusherError::from(&error);
                self.breaker
                    .record(&error, begin.elapsed(), settings.timeout);
                Err(Failure::Failed(error, settings.on_failure))
            }
        }
    }

    /// Returns the receipts, and the first error.
    fn publish_batch(
        &mut self,
        settings: &Settings,
        batch: &Batch,
    ) -> (Vec<Option<Receipt>>, Option<PusherError>) {
        self.publisher.set_timeout(settings.timeout);
        let begin = Instant::now();
        let mut receipts = Vec::with_capacity(batch.len());
        let mut first_error = None;
        // The last error that is not the caller's mistake. It decides whether the breaker opens.
        let mut slow = None;
        self.publisher.publish_batch(batch, |answer| {
            if let Err(error) = answer {
                first_error.get_or_insert_with(|| PusherError::from(error));
                if !error.is_callers_mistake() {
                    slow = Some(PusherError::from(error));
                }
            }
            receipts.push(answer.ok());
        });
        match &slow {
            None => self.breaker.close(),
            Some(error) => self
                .breaker
                .record(error, begin.elapsed(), settings.timeout),
        }
        (receipts, first_error)
    }

    fn status(&self, retry: Duration) -> Status {
        let open_for = self.breaker.open_for(retry);
        Status {
            address: self.publisher.address().to_string(),
            is_connected: self.publisher.is_connected(),
            open_for: open_for.map(|(left, error)| (left, error.message.clone())),
        }
    }
}
