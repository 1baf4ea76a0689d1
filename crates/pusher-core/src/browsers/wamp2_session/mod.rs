//! WAMP v2 for one session: handles the browser's messages.

mod numbered_topics;
mod publish;

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use pusher_proto::ticket::TicketFault;
use pusher_proto::wamp::{DENIED_TOPIC, denied_event};
use pusher_proto::wamp2::{
    ClientMessage, ErrorUri, RequestType, error, goodbye, subscribed, unsubscribed, welcome,
};
use tokio::time::{Sleep, sleep};

use self::numbered_topics::NumberedTopics;
use super::presence;
use super::session_state::{NotAllowed, SessionState};
use super::violation::Violation;
use crate::connection::wamp2_subscription;
use crate::handover;
use crate::hub::Since;
use crate::stats::{BrowserRefusal, ViolationKind};

/// Close code of a normal end (RFC 6455, section 7.4.1).
const NORMAL: u16 = 1000;

/// The state of a session that only WAMP v2 has.
pub(super) enum Wamp2Session {
    /// Waits for HELLO until the timer ends.
    Opening(Pin<Box<Sleep>>),
    /// After WELCOME.
    Open(NumberedTopics),
}

/// Why a request fails, for the client.
struct Refused {
    error: ErrorUri,
    text: String,
}

impl Refused {
    fn new(error: ErrorUri, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { error, text }
    }
}

impl Wamp2Session {
    pub(super) fn new(state: &SessionState) -> Self {
        let timeout = state.context().live.limits().handshake_timeout;
        Self::Opening(Box::pin(sleep(timeout)))
    }

    /// Returns the state for another process.
    pub(super) fn hand_over(&self) -> handover::Protocol {
        handover::Protocol::Wamp2(match self {
            Self::Opening(_) => None,
            Self::Open(topics) => Some(topics.hand_over()),
        })
    }

    /// Continues a session of another process. If the numbers of its topics are others here, ends it without GOODBYE, so
    /// that its client comes back.
    pub(super) fn take_over(state: &SessionState, topics: Option<Vec<(u64, String)>>) -> Self {
        let Some(topics) = topics else {
            return Self::new(state);
        };
        Self::Open(NumberedTopics::take_over(topics).unwrap_or_else(|| {
            state.session().connection().finish(None);
            NumberedTopics::default()
        }))
    }

    /// Ready if the client has sent no HELLO in time. The session must end then, without ABORT, so that a client with a
    /// slow network comes back.
    pub(super) fn poll_late(
        &mut self,
        state: &SessionState,
        task: &mut TaskContext<'_>,
    ) -> Poll<()> {
        let Self::Opening(timer) = self else {
            return Poll::Pending;
        };
        ready!(timer.as_mut().poll(task));
        let context = state.context();
        let why = BrowserRefusal::HandshakeTimeout;
        let timeout = context.live.limits().handshake_timeout;
        let line = format_args!("refusing a browser: it sent no HELLO within {timeout:?}");
        let peer = state.session().peer_addr().to_string();
        let refused = &context.counters.browsers_refused;
        refused.refuse(why, &context.browser_log, &peer, line);
        Poll::Ready(())
    }

    /// Handles one message.
    pub(super) fn receive(
        &mut self,
        state: &mut SessionState,
        text: &str,
    ) -> Result<(), Violation> {
        tracing::trace!(session = %state.session().id(), len = text.len(), "message");
        let message = ClientMessage::decode(text).map_err(|error| violation(error.to_string()))?;
        match (self, message) {
            (this @ Self::Opening(_), ClientMessage::Hello { .. }) => {
                let number = state.session().id().number();
                send(state, &welcome(number, &state.context().server_ident));
                *this = Self::Open(NumberedTopics::default());
            }
            (Self::Opening(_), ClientMessage::Abort) => state.session().close(NORMAL, ""),
            (Self::Opening(_), _) => return Err(violation("the first message must be HELLO")),
            (Self::Open(topics), message) => receive_open(topics, state, message)?,
        }
        Ok(())
    }

    /// Ends the subscriptions that the session's ticket does not allow. The advanced profile has a message for that, but
    /// autobahn for Python closes the connection after it.
    pub(super) fn recheck(&mut self, state: &mut SessionState) {
        let Self::Open(topics) = self else {
            return;
        };
        for (topic, fault) in state.denied_topics() {
            topics.remove(wamp2_subscription(&topic));
            state.unsubscribe(&topic);
            count_refused(state, &topic, fault);
            if state.topics().contains(DENIED_TOPIC) {
                let event = denied_event(&topic, fault);
                state.session().send_own_event(DENIED_TOPIC, &event, false);
            }
        }
        presence::update(state.context(), state.session(), state.topics().iter());
    }
}

/// Handles a message after HELLO.
fn receive_open(
    topics: &mut NumberedTopics,
    state: &mut SessionState,
    message: ClientMessage<'_>,
) -> Result<(), Violation> {
    match message {
        ClientMessage::Hello { .. } => return Err(violation("a second HELLO")),
        ClientMessage::Authenticate => {
            return Err(violation("AUTHENTICATE without a CHALLENGE"));
        }
        ClientMessage::Abort => state.session().close(NORMAL, ""),
        ClientMessage::Goodbye => {
            send(state, &goodbye());
            state.session().close(NORMAL, "");
        }
        ClientMessage::Publish(publish) => publish::publish(state, &publish),
        ClientMessage::Subscribe {
            request,
            topic,
            is_pattern,
        } => {
            if let Err(refused) = subscribe(topics, state, request, &topic, is_pattern) {
                refuse(state, RequestType::Subscribe, request, &refused);
            }
        }
        ClientMessage::Unsubscribe {
            request,
            subscription,
        } => match topics.remove(subscription) {
            Some(topic) => {
                state.unsubscribe(&topic);
                send(state, &unsubscribed(request));
            }
            None => {
                let refused = Refused::new(
                    ErrorUri::NoSuchSubscription,
                    "there is no such subscription",
                );
                refuse(state, RequestType::Unsubscribe, request, &refused);
            }
        },
        ClientMessage::Procedure {
            request_type,
            request,
        } => {
            let error = match request_type {
                RequestType::Call => ErrorUri::NoSuchProcedure,
                RequestType::Unregister => ErrorUri::NoSuchRegistration,
                _ => ErrorUri::NotAuthorized,
            };
            let refused = Refused::new(error, "this server has no procedures");
            refuse(state, request_type, request, &refused);
        }
    }
    Ok(())
}

fn subscribe(
    topics: &mut NumberedTopics,
    state: &mut SessionState,
    request: u64,
    topic: &str,
    is_pattern: bool,
) -> Result<(), Refused> {
    if is_pattern {
        let text = "subscriptions to patterns are not supported: subscribe to each topic";
        return Err(Refused::new(ErrorUri::OptionNotAllowed, text));
    }
    let number = wamp2_subscription(topic);
    match topics.get(number) {
        // One more handler of the client.
        Some(known) if **known == *topic => {
            send(state, &subscribed(request, number));
            return Ok(());
        }
        Some(_) => {
            let text = "a topic of the session has the same number";
            return Err(Refused::new(ErrorUri::InvalidUri, text));
        }
        None => {}
    }
    may_subscribe(state, topic)?;
    let Some(subscription) = state.subscribe(topic, Since::Now) else {
        return Ok(());
    };
    if let Err(violation) = state.check_topics() {
        state.unsubscribe(topic);
        return Err(Refused::new(ErrorUri::NotAuthorized, violation.reason));
    }
    topics.insert(number, subscription.topic.clone());
    send(state, &subscribed(request, number));
    state.subscribed(&subscription.topic);
    Ok(())
}

fn may_subscribe(state: &SessionState, topic: &str) -> Result<(), Refused> {
    state.may_subscribe(topic).map_err(|reason| match reason {
        NotAllowed::Topic(error) => Refused::new(ErrorUri::InvalidUri, error.to_string()),
        NotAllowed::Ticket(fault) => {
            count_refused(state, topic, fault);
            Refused::new(ErrorUri::NotAuthorized, fault.code())
        }
        NotAllowed::Application => {
            Refused::new(ErrorUri::NotAuthorized, "not allowed to subscribe")
        }
    })
}

fn count_refused(state: &SessionState, topic: &str, fault: TicketFault) {
    let peer = state.session().peer_addr().to_string();
    state.context().hub.tickets().refused(&peer, topic, fault);
}

fn refuse(state: &SessionState, request_type: RequestType, request: u64, refused: &Refused) {
    let Refused { error: uri, text } = refused;
    send(state, &error(request_type, request, *uri, text));
}

fn send(state: &SessionState, text: &str) {
    state.session().connection().send_text(text);
}

fn violation(reason: impl Into<String>) -> Violation {
    Violation::new(ViolationKind::InvalidData, reason.into())
}
