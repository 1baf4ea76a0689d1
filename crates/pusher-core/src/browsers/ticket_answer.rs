//! The answer to a ticket.

use pusher_proto::ticket::{Ticket, TicketFault};
use pusher_proto::wamp::{ticket_accepted, ticket_refused};

use crate::unix_time::unix_s;

/// Returns the message TICKET for a verified ticket.
pub(super) fn ticket_answer(ticket: &Result<Ticket, TicketFault>) -> String {
    match ticket {
        Ok(ticket) => ticket_accepted(ticket.expires_s().saturating_sub(unix_s()) * 1000),
        Err(fault) => ticket_refused(*fault),
    }
}
