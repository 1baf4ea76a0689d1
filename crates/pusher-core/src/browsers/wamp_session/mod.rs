//! WAMP v1 for one session: handles the browser's messages.

mod deny;
mod publish;
mod tickets;

use std::borrow::Cow;
use std::sync::Arc;

use pusher_proto::PRESENCE_PREFIX;
use pusher_proto::wamp::{
    CallId, ClientMessage, GAP_TOPIC, PingMark, PrefixLimits, Prefixes, Subprotocol, subscribed,
};
use serde_json::value::RawValue;

use self::deny::deny;
use super::session_state::{NotAllowed, SessionState};
use super::violation::Violation;
use crate::application::Call;
use crate::connection::Dialect;
use crate::handover::{self, WampDialect};
use crate::hub::{Resume, ResumeRequest, Since, Subscription, marked_gap};
use crate::stats::ViolationKind;

/// The state of a session that only WAMP v1 has.
pub(super) struct WampSession {
    prefixes: Prefixes,
    /// The client's positions, if its address has a resume value.
    resume: Option<Arc<Resume>>,
}

impl WampSession {
    /// Begins a session.
    pub(super) fn new(state: &SessionState, resume: Option<ResumeRequest>) -> Self {
        let resumes = state.context().hub.resumes();
        Self {
            prefixes: Prefixes::default(),
            resume: resume.map(|resume| resumes.begin(&resume, state.session())),
        }
    }

    /// Returns the state for another process.
    pub(super) fn hand_over(&self, dialect: WampDialect) -> handover::Protocol {
        let owned = |(prefix, uri): (&str, &str)| (prefix.to_owned(), uri.to_owned());
        handover::Protocol::Wamp {
            dialect,
            prefixes: self.prefixes.iter().map(owned).collect(),
            resume: self.resume.as_ref().map(|resume| resume.key()),
        }
    }

    /// Continues a session of another process.
    pub(super) fn take_over(
        state: &SessionState,
        prefixes: &[(String, String)],
        resume: Option<(u64, u64)>,
    ) -> Self {
        let mut session = Self::new(state, None);
        let limits = prefix_limits(state);
        for (prefix, uri) in prefixes {
            if let Err(error) = session.prefixes.define(prefix, uri, limits) {
                tracing::debug!(%error, "dropped a prefix that was handed over");
            }
        }
        let resumes = state.context().hub.resumes();
        session.resume = resume.map(|key| resumes.take_over_session(key, state.session()));
        session
    }

    /// Forgets the client's positions: it does not come back.
    pub(super) fn closed_by_client(&mut self, state: &SessionState) {
        self.end_resume(state, false);
    }

    /// Keeps the client's positions for a while: it may come back.
    pub(super) fn ended(&mut self, state: &SessionState) {
        self.end_resume(state, true);
    }

    fn end_resume(&mut self, state: &SessionState, is_kept: bool) {
        if let Some(resume) = self.resume.take() {
            let context = state.context();
            let now_ms = context.clock.now_ms();
            context.hub.resumes().end(&resume, is_kept, now_ms);
        }
    }

    /// Handles a pong. Those behind events confirm them, and do not count against the rate limit.
    pub(super) fn receive_pong(
        &mut self,
        state: &mut SessionState,
        payload: &[u8],
    ) -> Result<(), Violation> {
        if let Some(resume) = &self.resume
            && let Some(PingMark { topic, sequence }) = PingMark::read(payload)
            && state.session().connection().take_expected_pong()
        {
            resume.confirm(topic, sequence);
            return Ok(());
        }
        state.count_message()
    }

    /// Handles one message.
    pub(super) fn receive(
        &mut self,
        state: &mut SessionState,
        text: &str,
    ) -> Result<(), Violation> {
        tracing::trace!(session = %state.session().id(), len = text.len(), "message");
        let connection = state.session().connection();
        let message = ClientMessage::decode(text, subprotocol(connection.dialect()))
            .map_err(|error| Violation::new(ViolationKind::InvalidData, error.to_string()))?;
        match message {
            ClientMessage::Prefix { prefix, uri } => {
                let limits = prefix_limits(state);
                let defined = self.prefixes.define(&prefix, &uri, limits);
                defined.map_err(|error| Violation::new(ViolationKind::Prefixes, error.to_string()))
            }
            ClientMessage::Subscribe { topic, since } => {
                self.subscribe(state, topic, since.as_deref())
            }
            ClientMessage::Unsubscribe { topic } => {
                let topic = self.prefixes.resolve(topic);
                self.end_subscription(state, &topic);
                Ok(())
            }
            ClientMessage::Call {
                call_id,
                proc_uri,
                arguments,
            } => self.call(state, call_id, proc_uri, &arguments),
            ClientMessage::Publish {
                topic,
                event,
                recipients,
            } => self.publish(state, topic, event, &recipients),
            ClientMessage::Ticket { ticket } => self.renew_ticket(state, &ticket),
            ClientMessage::Keepalive => {
                connection.send_keepalive();
                Ok(())
            }
        }
    }

    fn subscribe(
        &mut self,
        state: &mut SessionState,
        topic: Cow<'_, str>,
        since: Option<&str>,
    ) -> Result<(), Violation> {
        let topic = self.prefixes.resolve(topic);
        // The empty topic has no events, because the hub refuses publishes to it.
        if topic.is_empty() {
            return Ok(());
        }
        match state.may_subscribe(&topic) {
            Ok(()) => {}
            Err(NotAllowed::Topic(error)) => {
                return Err(Violation::new(ViolationKind::TopicLen, error.to_string()));
            }
            Err(NotAllowed::Ticket(fault)) => {
                deny(state, &topic, fault);
                return Ok(());
            }
            Err(NotAllowed::Application) => return Ok(()),
        }
        let since = match since {
            // The members come first, so older changes are of no use.
            _ if topic.starts_with(PRESENCE_PREFIX) => Since::Now,
            None => self.resumed_since(state, &topic),
            Some(text) => Since::parse(text),
        };
        if let Some(subscription) = state.subscribe(&topic, since) {
            confirm(state, &subscription);
            if let Some(resume) = &self.resume {
                let has_gap = !subscription.is_recovered;
                resume.subscribe(&subscription.topic, subscription.after, has_gap);
                state.context().hub.resumes().list(resume);
            }
            state.subscribed(&subscription.topic);
        }
        state.check_topics()
    }

    /// Returns where the subscription of a client with a resume value begins.
    fn resumed_since(&self, state: &SessionState, topic: &str) -> Since {
        // A client may have a handler for gaps, and so subscribe. Nobody publishes there, so nothing can be missing.
        let resume = self.resume.as_ref().filter(|_| topic != GAP_TOPIC);
        resume.map_or(Since::Now, |resume| {
            let at = |sequence| state.context().hub.position_of(sequence);
            resume.since(topic, at)
        })
    }

    fn end_subscription(&mut self, state: &mut SessionState, topic: &str) {
        if state.unsubscribe(topic)
            && let Some(resume) = &self.resume
        {
            resume.unsubscribe(topic);
            state.context().hub.resumes().list(resume);
        }
    }

    fn call(
        &self,
        state: &SessionState,
        id: CallId<'_>,
        proc_uri: Cow<'_, str>,
        arguments: &[&RawValue],
    ) -> Result<(), Violation> {
        let proc_uri = self.prefixes.resolve(proc_uri);
        // A prefix makes a short message a long URI, and CALLERROR repeats the URI: limit it like a topic.
        let max = state.context().live.limits().topic_len_max;
        if proc_uri.len() > max {
            let reason = format!("the procedure's URI is longer than {max} bytes");
            return Err(Violation::new(ViolationKind::TopicLen, reason));
        }
        let proc_uri = proc_uri.into_owned();
        let call = Call::new(state.session().clone(), id.as_json(), proc_uri, arguments);
        state.context().application.call(call);
        Ok(())
    }
}

/// Tells the client where its subscription begins, as far as its protocol can say that. No event of the topic is sent
/// before.
fn confirm(state: &SessionState, subscription: &Subscription) {
    let Subscription {
        topic,
        position,
        is_recovered,
        replayed,
        ..
    } = subscription;
    let connection = state.session().connection();
    match connection.dialect() {
        Dialect::Pushd1 => {
            connection.send_text(&subscribed(topic, *position, *is_recovered, *replayed));
        }
        Dialect::WampResumed if !is_recovered => {
            connection.expect_pong();
            connection.send(&marked_gap(topic, *position).into());
        }
        _ => {}
    }
}

fn prefix_limits(state: &SessionState) -> PrefixLimits {
    let limits = state.context().live.limits();
    PrefixLimits {
        count_max: limits.prefixes_max,
        bytes_max: limits.prefixes_len_max,
    }
}

/// Returns the subprotocol in which a session's messages are read.
fn subprotocol(dialect: Dialect) -> Subprotocol {
    match dialect {
        Dialect::Pushd1 => Subprotocol::Pushd1,
        _ => Subprotocol::Wamp,
    }
}
