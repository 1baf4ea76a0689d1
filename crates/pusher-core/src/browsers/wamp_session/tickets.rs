//! The ticket of a session, and the topics that it allows.

use super::WampSession;
use super::deny::deny;
use crate::browsers::presence;
use crate::browsers::session_state::SessionState;
use crate::browsers::ticket_answer::ticket_answer;
use crate::browsers::violation::Violation;

impl WampSession {
    /// Replaces the session's ticket, if the new one is valid.
    pub(super) fn renew_ticket(
        &mut self,
        state: &mut SessionState,
        text: &str,
    ) -> Result<(), Violation> {
        let session = state.session();
        let tickets = state.context().hub.tickets();
        let verified = tickets.verify(text);
        session.connection().send_text(&ticket_answer(&verified));
        match verified {
            // Checking all topics again may take long, so a client must not be able to cause it for nothing.
            Ok(ticket) if tickets.ticket_of(session.id()).as_ref() == Some(&ticket) => {}
            Ok(ticket) => {
                tickets.hold(session, Ok(ticket));
                // Nor too often with two tickets in turn.
                state.count_rechecks()?;
                self.recheck(state);
            }
            Err(fault) => tracing::debug!(session = %session.id(), %fault, "ticket refused"),
        }
        Ok(())
    }

    /// Ends the subscriptions that the session's ticket does not allow.
    pub(in crate::browsers) fn recheck(&mut self, state: &mut SessionState) {
        for (topic, fault) in state.denied_topics() {
            self.end_subscription(state, &topic);
            deny(state, &topic, fault);
        }
        presence::update(state.context(), state.session(), state.topics().iter());
    }
}
