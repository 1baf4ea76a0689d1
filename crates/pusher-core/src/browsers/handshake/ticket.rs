//! The ticket that a request shows.

use std::borrow::Cow;

use pusher_proto::ticket::{COOKIE, Ticket, TicketFault};

use super::response::Response;
use crate::application::Request;
use crate::context::Context;

/// The name of the parameter.
const PARAMETER: &str = "ticket";

/// Returns the ticket of a request: the parameter, or else the cookie. `None` if there is none, or if the server has no
/// key.
pub(super) fn find(request: &Request, context: &Context) -> Option<Result<Ticket, TicketFault>> {
    context.live.options().ticket_keys.as_ref()?;
    let query = request.query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let parameter = parameters.find(|(name, _)| name == PARAMETER);
    let text = match parameter {
        Some((_, value)) => value,
        None => Cow::Borrowed(cookie(request)?),
    };
    Some(context.hub.tickets().verify(&text))
}

/// Returns the value of the cookie (RFC 6265, section 4.2.1). With several of this name, the browser sends that of the
/// longest path first.
fn cookie(request: &Request) -> Option<&str> {
    let cookies = request.values("Cookie").flat_map(|line| line.split(';'));
    let mut pairs = cookies.filter_map(|cookie| cookie.trim().split_once('='));
    pairs
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// Refuses an event stream if its ticket does not allow one of its topics.
pub(super) fn check_stream(
    context: &Context,
    request: &Request,
    topics: &[String],
    ticket: Option<&Result<Ticket, TicketFault>>,
) -> Result<(), Response> {
    let tickets = context.hub.tickets();
    for topic in topics {
        if let Err(fault) = tickets.check_ticket(ticket, topic) {
            tickets.refused(&request.peer_addr().to_string(), topic, fault);
            let origin = request.origin();
            return Err(Response::no_ticket(topic, fault, origin.as_deref()));
        }
    }
    Ok(())
}
