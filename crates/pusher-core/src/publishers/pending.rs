//! Publishes of one connection that wait for their receipts.
//!
//! The messages of one read are accepted one after the other, and then wait together: for one write to the log on disk,
//! or for one batch to the shared log.

use std::collections::VecDeque;

use pusher_proto::Receipt;

use super::submit::accept;
use crate::context::Context;
use crate::hub::{Accepted, Publish, PublishError};

/// Most publishes that wait.
const PENDING_MAX: usize = 1024;

/// Accepted publishes, oldest first, each with the tag that its protocol needs for the answer.
pub(super) struct Pending<T>(VecDeque<(T, Result<Accepted, PublishError>)>);

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Pending<T> {
    /// Publishes as soon as the hub has room. Returns false if the hub refuses the event.
    pub(super) async fn publish(
        &mut self,
        context: &Context,
        publish: Publish<'_>,
        tag: T,
    ) -> bool {
        let accepted = accept(context, publish).await;
        let is_accepted = accepted.is_ok();
        self.0.push_back((tag, accepted));
        is_accepted
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= PENDING_MAX
    }

    /// Waits for the next receipt. `None` if all are there.
    pub(super) async fn next(
        &mut self,
        context: &Context,
    ) -> Option<(T, Result<Receipt, PublishError>)> {
        let (tag, accepted) = self.0.pop_front()?;
        let receipt = match accepted {
            Ok(accepted) => accepted.receipt(&context.hub).await,
            Err(error) => Err(error),
        };
        Some((tag, receipt))
    }
}
