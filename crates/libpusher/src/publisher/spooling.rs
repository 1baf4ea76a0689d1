//! Publishes with a spool: the order of this process's events, and the events that pushd cannot accept now.

use pusher_proto::native::{self, ErrorCode};

use super::Publisher;
use crate::answer::Drained;
use crate::attempt::Operation;
use crate::batch::Batch;
use crate::deadline::Deadline;
use crate::encode::encode;
use crate::error::Error;
use crate::event::Event;
use crate::random_id::RandomId;
use crate::receipt::Receipt;
use crate::spool::{Spool, SpoolFailure, spooled_count};

impl Publisher {
    /// Writes an event to the spool without trying to publish it, for a caller that already knows that pushd does not
    /// answer. Check the event with [`check`](crate::check) first.
    ///
    /// # Errors
    /// [`SpoolFailure`]. The event is not in the spool then.
    pub fn spool_event(&self, event: &Event<'_>) -> Result<Receipt, SpoolFailure> {
        let spool = self.spool.as_ref().ok_or(SpoolFailure::Off)?;
        spool.append(event, &Deadline::after(self.timeout))?;
        Ok(Receipt::of_spool())
    }

    /// As [`spool_event`](Self::spool_event), for every event of the batch. Calls `settle` exactly once for each event,
    /// in order.
    pub fn spool_batch(
        &self,
        batch: &Batch,
        mut settle: impl FnMut(Result<Receipt, SpoolFailure>),
    ) {
        for event in batch.messages() {
            settle(event.with(|event| self.spool_event(event)));
        }
    }

    /// As [`publish_event`](Self::publish_event), for a caller that has checked for a fork already.
    pub(crate) fn publish_until(
        &mut self,
        event: &Event<'_>,
        deadline: &Deadline,
    ) -> Result<Receipt, Error> {
        if self.spool.is_none() {
            return self.publish_now(event, deadline);
        }
        let made = event.id.is_none().then(RandomId::new);
        let event = event.or_id(made.as_ref());
        let result = self
            .drain(deadline)
            .and_then(|()| self.publish_now(&event, deadline));
        match (&self.spool, result) {
            (Some(spool), Err(error)) => {
                spool.rescue(&event, &error, deadline).unwrap_or(Err(error))
            }
            (_, result) => result,
        }
    }

    fn publish_now(&mut self, event: &Event<'_>, deadline: &Deadline) -> Result<Receipt, Error> {
        let answer: Result<pusher_proto::Receipt, Error> =
            self.request(Operation::Publish, deadline, |buffer, request| {
                encode(buffer, request, event)
            });
        if answer.as_ref().is_err_and(Error::is_temporary) {
            self.drained_count = None;
        }
        Ok(answer?.into())
    }

    /// Publishes the batch, and writes the events to the spool that pushd cannot accept now.
    pub(super) fn publish_batch_or_spool(
        &mut self,
        batch: &Batch,
        spool: &Spool,
        deadline: &Deadline,
        mut settle: impl FnMut(Result<Receipt, &Error>),
    ) {
        let batch = batch.with_ids();
        let mut messages = batch.messages();
        let mut settle = |answer: Result<Receipt, &Error>| {
            let rescued = match (messages.next(), answer) {
                (Some(message), Err(error)) => {
                    message.with(|event| spool.rescue(event, error, deadline))
                }
                _ => None,
            };
            match &rescued {
                Some(rescued) => settle(rescued.as_ref().copied()),
                None => settle(answer),
            }
            true
        };
        match self.drain(deadline) {
            Ok(()) => self.publish_chunks(|| batch.chunks(), || *deadline, settle),
            Err(error) => {
                for _ in 0..batch.len() {
                    settle(Err(&error));
                }
            }
        }
    }

    /// Asks pushd to publish its spool first, if this process has written to a spool since the last time. Without this,
    /// an event could overtake an earlier one of this process.
    pub(super) fn drain(&mut self, deadline: &Deadline) -> Result<(), Error> {
        let spooled_count = spooled_count();
        if self.spool.is_none() || self.drained_count == Some(spooled_count) {
            return Ok(());
        }
        let drained: Result<Drained, Error> =
            self.request(Operation::Drain, deadline, |buffer, request| {
                native::encode_drain(buffer, request);
                Ok(())
            });
        match drained {
            Ok(Drained) => {}
            // An older pushd has no spool.
            Err(Error::Refused { name, .. }) if name == ErrorCode::UnknownType.name() => {}
            Err(error) => return Err(error),
        }
        self.drained_count = Some(spooled_count);
        Ok(())
    }
}
