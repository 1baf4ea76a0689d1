//! The publishers of this process, one for each address and token. They live across requests.
//!
//! Thread-local, which is right for PHP with and without threads. No PHP code runs while they are borrowed, so
//! neither `exit()` nor a fatal error can interrupt a publish.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use pusher::c_api::codes::PUSH_ETIMEOUT;
use pusher::{Batch, Error, Event, Publisher, Receipt, SpoolFailure};

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
    /// Why the last event that was to be written to the spool could not be.
    spool_failure: Option<String>,
}

/// Counters since this process (or thread) began.
#[derive(Clone, Copy)]
pub(crate) struct Counters {
    /// Publishes that got a receipt of pushd.
    pub(crate) published: u64,
    /// Publishes that were written to the spool.
    pub(crate) spooled: u64,
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
    /// Why the last event that was to be written to the spool could not be.
    pub(crate) spool_failure: Option<String>,
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

/// Publishes. While the breaker for this address is open, writes to the spool if there is one.
pub(crate) fn publish(settings: &Settings, event: &Event) -> Result<Receipt, Failure> {
    STATE.with_borrow_mut(|state| {
        let kept = find_or_make(&mut state.kept, settings);
        let counters = &mut state.counters;
        let (result, failed) = match kept.breaker.not_tried(settings.retry) {
            Some(error) => {
                // A caller's mistake is reported even if pushd is not tried.
                pusher::check(event).map_err(|error| Failure::mistake(&error))?;
                let result = kept.spool_event(event, error);
                let result = result.map_err(|error| Failure::Failed(error, settings.on_failure));
                (result, &mut counters.short_circuited)
            }
            None => {
                let result = kept.attempt(
                    settings,
                    |publisher| publisher.publish_event(event),
                    |receipt| receipt.spooled,
                );
                (result, &mut counters.failed)
            }
        };
        match &result {
            Ok(receipt) if receipt.spooled => counters.spooled += 1,
            Ok(_) => counters.published += 1,
            Err(Failure::Failed(..)) => *failed += 1,
            Err(_) => {}
        }
        result
    })
}

/// Sends a request that publishes nothing, unless the breaker for this address is open. The counters count
/// publishes only.
pub(crate) fn ask<T>(
    settings: &Settings,
    call: impl FnOnce(&mut Publisher) -> Result<T, Error>,
) -> Result<T, Failure> {
    STATE.with_borrow_mut(|state| {
        let kept = find_or_make(&mut state.kept, settings);
        match kept.breaker.not_tried(settings.retry) {
            Some(error) => Err(Failure::Failed(error, settings.on_failure)),
            None => kept.attempt(settings, call, |_| false),
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
                let (receipts, error) = kept.spool_batch(batch, &error);
                (receipts, error, &mut counters.short_circuited)
            }
            None => {
                let (receipts, error) = kept.publish_batch(settings, batch);
                (receipts, error, &mut counters.failed)
            }
        };
        let published = Published { receipts, error };
        *missing += published.missing_count() as u64;
        for receipt in published.receipts.iter().flatten() {
            match receipt.spooled {
                true => counters.spooled += 1,
                false => counters.published += 1,
            }
        }
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
                spooled: 0,
                failed: 0,
                short_circuited: 0,
                deferred: 0,
            },
        }
    }
}

/// Returns the publisher for this address and token, with these settings. Makes it if there is none.
fn find_or_make<'a>(all: &'a mut Vec<Kept>, settings: &Settings) -> &'a mut Kept {
    let found = all.iter().position(|kept| kept.is_for(settings));
    let mut kept = match found {
        Some(index) => all.remove(index),
        None => Kept::new(settings),
    };
    kept.publisher.set_timeout(settings.timeout);
    kept.publisher
        .set_spool(settings.spool.as_deref(), settings.spool_ttl_s);
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
            spool_failure: None,
        }
    }

    fn is_for(&self, settings: &Settings) -> bool {
        *self.publisher.address() == settings.address
            && self.publisher.token() == settings.token.as_ref()
    }

    /// Runs `call`, and tells the breaker how it went. `is_spooled` says whether pushd failed in spite of the answer.
    fn attempt<T>(
        &mut self,
        settings: &Settings,
        call: impl FnOnce(&mut Publisher) -> Result<T, Error>,
        is_spooled: impl FnOnce(&T) -> bool,
    ) -> Result<T, Failure> {
        let begin = Instant::now();
        match call(&mut self.publisher) {
            Ok(answer) => {
                let failure = is_spooled(&answer).then(|| not_accepted(begin.elapsed()));
                self.tell_breaker(failure.as_ref(), begin, settings);
                Ok(answer)
            }
            Err(error) if error.is_callers_mistake() => Err(Failure::mistake(&error)),
            Err(error) => {
                self.remember(&error);
                let error = PusherError::from(&error);
                self.tell_breaker(Some(&error), begin, settings);
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
        let begin = Instant::now();
        let mut receipts = Vec::with_capacity(batch.len());
        let mut first_error = None;
        // The last failure that is not the caller's mistake. It decides whether the breaker opens.
        let mut slow = None;
        let mut not_spooled = None;
        self.publisher.publish_batch(batch, |answer| {
            match answer {
                Ok(receipt) if receipt.spooled => slow = Some(not_accepted(begin.elapsed())),
                Ok(_) => {}
                Err(error) => {
                    first_error.get_or_insert_with(|| PusherError::from(error));
                    if !error.is_callers_mistake() {
                        slow = Some(PusherError::from(error));
                    }
                    not_spooled = spool_failure(error).or(not_spooled.take());
                }
            }
            receipts.push(answer.ok());
        });
        self.spool_failure = not_spooled.or(self.spool_failure.take());
        self.tell_breaker(slow.as_ref(), begin, settings);
        (receipts, first_error)
    }

    /// Writes the event to the spool, because pushd is not tried. Otherwise returns `error` and the reason.
    fn spool_event(&mut self, event: &Event, error: PusherError) -> Result<Receipt, PusherError> {
        let spooled = self.publisher.spool_event(event);
        spooled.map_err(|failure| self.not_spooled(&error, &failure))
    }

    /// Does the same with a batch. Returns the receipts, and the first error.
    fn spool_batch(
        &mut self,
        batch: &Batch,
        error: &PusherError,
    ) -> (Vec<Option<Receipt>>, Option<PusherError>) {
        let mut receipts = Vec::with_capacity(batch.len());
        let mut first_failure = None;
        self.publisher.spool_batch(batch, |spooled| {
            receipts.push(
                spooled
                    .map_err(|failure| first_failure.get_or_insert(failure))
                    .ok(),
            );
        });
        let first_error = first_failure.map(|failure| self.not_spooled(error, &failure));
        (receipts, first_error)
    }

    fn not_spooled(&mut self, error: &PusherError, failure: &SpoolFailure) -> PusherError {
        match failure {
            SpoolFailure::Off => error.clone(),
            failure => {
                self.spool_failure = Some(failure.to_string());
                error.clone().and(failure)
            }
        }
    }

    fn remember(&mut self, error: &Error) {
        self.spool_failure = spool_failure(error).or(self.spool_failure.take());
    }

    fn tell_breaker(&mut self, error: Option<&PusherError>, begin: Instant, settings: &Settings) {
        match error {
            None => self.breaker.close(),
            Some(error) => self
                .breaker
                .record(error, begin.elapsed(), settings.timeout),
        }
    }

    fn status(&self, retry: Duration) -> Status {
        let open_for = self.breaker.open_for(retry);
        Status {
            address: self.publisher.address().to_string(),
            is_connected: self.publisher.is_connected(),
            open_for: open_for.map(|(left, error)| (left, error.message.clone())),
            spool_failure: self.spool_failure.clone(),
        }
    }
}

/// The error that opens the breaker if an event went to the spool.
fn not_accepted(elapsed: Duration) -> PusherError {
    PusherError {
        code: PUSH_ETIMEOUT,
        message: format!(
            "pushd did not accept an event within {} ms, and it went to the spool",
            elapsed.as_millis()
        ),
    }
}

/// Why an event could not be written to the spool, if it should have been.
fn spool_failure(error: &Error) -> Option<String> {
    match error {
        Error::NotSpooled { failure, .. } => Some(failure.to_string()),
        _ => None,
    }
}
