//! PUBLISH: a browser that may publish.

use std::sync::Arc;

use pusher_proto::wamp2::{ErrorUri, Publish, RequestType, error, published};

use crate::browsers::session_state::SessionState;
use crate::connection::Session;
use crate::context::Context;
use crate::hub::{Accepted, PublishError, Recipients};
use crate::stats::PublishRefusal;

/// Why a publish fails.
struct Refused {
    error: ErrorUri,
    text: String,
    kind: PublishRefusal,
}

impl Refused {
    /// `None` during a shutdown: the client connects again.
    fn from_error(error: &PublishError) -> Option<Self> {
        let (uri, kind) = match error {
            PublishError::Ending => return None,
            PublishError::Topic(_) => (ErrorUri::InvalidUri, PublishRefusal::BadTopic),
            PublishError::EventTooLong { .. } => {
                (ErrorUri::PayloadSizeExceeded, PublishRefusal::EventTooLarge)
            }
            PublishError::LogUnavailable(_) => {
                (ErrorUri::NetworkFailure, PublishRefusal::LogUnavailable)
            }
            PublishError::Overloaded => (ErrorUri::NetworkFailure, PublishRefusal::Overloaded),
            PublishError::Event(_) | PublishError::SharedLog => {
                (ErrorUri::InvalidArgument, PublishRefusal::BadMessage)
            }
        };
        Some(Self {
            error: uri,
            text: error.to_string(),
            kind,
        })
    }
}

/// Publishes to the subscribers of a topic. With the option `acknowledge`, the client gets an answer.
pub(super) fn publish(state: &mut SessionState, publish: &Publish<'_>) {
    let accepted = match check(state, publish) {
        Ok(()) => accept(state, publish).map_err(|error| Refused::from_error(&error)),
        Err(refused) => Err(Some(refused)),
    };
    let (context, session) = (state.context(), state.session());
    match accepted {
        Ok(accepted) if publish.acknowledge => {
            let answer = acknowledge(
                context.clone(),
                session.clone(),
                publish.request,
                publish.topic.to_string(),
                accepted,
            );
            context.tasks.browsers.spawn(answer);
        }
        Err(Some(refused)) => {
            let request = publish.acknowledge.then_some(publish.request);
            refuse(context, session, request, &publish.topic, &refused);
        }
        Ok(_) | Err(None) => {}
    }
}

fn check(state: &SessionState, publish: &Publish<'_>) -> Result<(), Refused> {
    let (error, text, kind) = if publish.is_selective {
        let text = "of the options that select subscribers, only exclude_me is supported";
        (ErrorUri::OptionNotAllowed, text, PublishRefusal::BadMessage)
    } else {
        let application = &state.context().application;
        if application.may_publish(state.session(), &publish.topic, &publish.event) {
            return Ok(());
        }
        let text = "not allowed to publish";
        (ErrorUri::NotAuthorized, text, PublishRefusal::Denied)
    };
    let text = text.to_owned();
    Err(Refused { error, text, kind })
}

fn accept(state: &mut SessionState, publish: &Publish<'_>) -> Result<Accepted, PublishError> {
    // An event for everybody is cheaper, and most publishers are not subscribed.
    let is_restricted = publish.exclude_me && state.topics().contains(&publish.topic);
    let recipients = is_restricted.then(|| Recipients {
        exclude: vec![state.session().id()],
        ..Recipients::default()
    });
    state.publish(&publish.topic, &publish.event, recipients)
}

/// Answers when the event is as safe as the options say.
async fn acknowledge(
    context: Arc<Context>,
    session: Session,
    request: u64,
    topic: String,
    accepted: Accepted,
) {
    match accepted.receipt(&context.hub).await {
        Ok(receipt) => session
            .connection()
            .send_text(&published(request, receipt.sequence)),
        Err(error) => {
            if let Some(refused) = Refused::from_error(&error) {
                refuse(&context, &session, Some(request), &topic, &refused);
            }
        }
    }
}

/// Counts and logs a refused publish. Answers it if the client wants an answer, by the id of its `request`.
fn refuse(
    context: &Context,
    session: &Session,
    request: Option<u64>,
    topic: &str,
    refused: &Refused,
) {
    let Refused {
        error: uri,
        text,
        kind,
    } = refused;
    let line = format_args!("refused a publish to {topic:?}: {text}");
    let peer = session.peer_addr().to_string();
    let refused = &context.counters.publishes_refused;
    refused.refuse(*kind, &context.browser_log, &peer, line);
    if let Some(request) = request {
        session
            .connection()
            .send_text(&error(RequestType::Publish, request, *uri, text));
    }
}
