//! WAMP v1 for one session: handles the browser's messages. It owns no socket.

use std::borrow::Cow;
use std::sync::Arc;

use pusher_proto::check_topic;
use pusher_proto::wamp::{
    CallId, ClientMessage, GAP_TOPIC, PingMark, PrefixLimits, Prefixes,
    Recipients as WireRecipients, Subprotocol, subscribed, text_frame,
};
use serde_json::value::RawValue;

use super::subscriptions::Subscriptions;
use super::violation::Violation;
use crate::application::Call;
use crate::connection::{Dialect, Session, SessionId};
use crate::context::Context;
use crate::hub::{
    Publish, PublishError, Recipients, Resume, ResumeRequest, Since, Subscription, marked_gap,
};
use crate::stats::{Source, TokenBucket, ViolationKind};

/// The WAMP state of a session. Dropping it removes the subscriptions.
pub(crate) struct WampSession {
    context: Arc<Context>,
    session: Session,
    topics: Subscriptions,
    prefixes: Prefixes,
    /// Limits the messages per second.
    rate_limit: TokenBucket,
    /// The session has published since the last call of `must_wait_for_room`.
    has_published: bool,
    /// The client's positions, if its address has a resume value.
    resume: Option<Arc<Resume>>,
}

impl WampSession {
    /// Begins a session.
    pub(crate) fn new(
        context: Arc<Context>,
        session: Session,
        resume: Option<ResumeRequest>,
    ) -> Self {
        let resume = resume.map(|resume| context.hub.resumes().begin(&resume, &session));
        Self {
            context,
            session,
            topics: Subscriptions::default(),
            prefixes: Prefixes::default(),
            rate_limit: TokenBucket::default(),
            has_published: false,
            resume,
        }
    }

    /// Forgets the client's positions: it does not come back.
    pub(crate) fn closed_by_client(&mut self) {
        if let Some(resume) = self.resume.take() {
            let now_ms = self.context.clock.now_ms();
            self.context.hub.resumes().end(&resume, false, now_ms);
        }
    }

    /// Handles a pong. Those behind events confirm them, and do not count against the rate limit.
    pub(crate) fn receive_pong(&mut self, payload: &[u8]) -> Result<(), Violation> {
        if let Some(resume) = &self.resume
            && let Some(PingMark { topic, sequence }) = PingMark::read(payload)
            && self.session.connection().take_expected_pong()
        {
            resume.confirm(topic, sequence);
            return Ok(());
        }
        self.count_message()
    }

    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Whether the session must wait for the hub, as publishers do: it has published, and the backlog is full.
    pub(crate) fn must_wait_for_room(&mut self) -> bool {
        std::mem::take(&mut self.has_published) && !self.context.hub.has_room()
    }

    /// Refills the rate limit for the time since the last call. Called for each read.
    pub(crate) fn refill_rate_limit(&mut self, now_ms: u64) {
        let per_second = self.context.live.limits().client_messages_per_second;
        self.rate_limit.refill(now_ms, per_second);
    }

    /// Counts one message or control frame against the rate limit.
    pub(crate) fn count_message(&mut self) -> Result<(), Violation> {
        let burst = self.context.live.limits().client_messages_burst;
        if self.rate_limit.take(burst) {
            return Ok(());
        }
        let per_second = self.context.live.limits().client_messages_per_second;
        let reason = format!("more than {per_second} messages a second");
        Err(violation(ViolationKind::MessageRate, reason))
    }

    /// Handles one message.
    pub(crate) fn receive(&mut self, text: &str) -> Result<(), Violation> {
        tracing::trace!(session = %self.session.id(), len = text.len(), "message");
        let connection = self.session.connection();
        let message = ClientMessage::decode(text, subprotocol(connection.dialect()))
            .map_err(|error| violation(ViolationKind::InvalidData, error.to_string()))?;
        match message {
            ClientMessage::Prefix { prefix, uri } => {
                let defined = self.prefixes.define(&prefix, &uri, self.prefix_limits());
                defined.map_err(|error| violation(ViolationKind::Prefixes, error.to_string()))
            }
            ClientMessage::Subscribe { topic, since } => self.subscribe(topic, since.as_deref()),
            ClientMessage::Unsubscribe { topic } => self.unsubscribe(topic),
            ClientMessage::Call {
                call_id,
                proc_uri,
                arguments,
            } => self.call(call_id, proc_uri, &arguments),
            ClientMessage::Publish {
                topic,
                event,
                recipients,
            } => self.publish(topic, event, &recipients),
            ClientMessage::Keepalive => {
                connection.send_keepalive();
                Ok(())
            }
        }
    }

    fn subscribe(&mut self, topic: Cow<'_, str>, since: Option<&str>) -> Result<(), Violation> {
        let topic = self.prefixes.resolve(topic);
        // The empty topic has no events, because the hub refuses publishes to it.
        if topic.is_empty() {
            return Ok(());
        }
        check_topic(&topic, self.context.live.limits().topic_len_max)
            .map_err(|error| violation(ViolationKind::TopicLen, error.to_string()))?;
        if !self
            .context
            .application
            .may_subscribe(&self.session, &topic)
        {
            tracing::debug!(session = %self.session.id(), %topic, "may not subscribe");
            return Ok(());
        }
        let since = match since {
            None => self.resumed_since(&topic),
            Some(text) => Since::parse(text),
        };
        let subscription = self.context.hub.subscribe(&self.session, &topic, since);
        if let Some(subscription) = subscription {
            self.confirm(&subscription);
            if let Some(resume) = &self.resume {
                let has_gap = !subscription.is_recovered;
                resume.subscribe(&subscription.topic, subscription.after, has_gap);
                self.context.hub.resumes().list(resume);
            }
            self.topics.insert(subscription.topic);
        }
        self.check_topics()
    }

    /// Returns where the subscription of a client with a resume value begins.
    fn resumed_since(&self, topic: &str) -> Since {
        // A client may have a handler for gaps, and so subscribe. Nobody publishes there, so nothing can be missing.
        let resume = self.resume.as_ref().filter(|_| topic != GAP_TOPIC);
        resume.map_or(Since::Now, |resume| {
            let at = |sequence| self.context.hub.position_of(sequence);
            resume.since(topic, at)
        })
    }

    /// Tells the client where its subscription begins, as far as its protocol can say that. The flusher runs on this
    /// thread, so no event of the topic can be sent before.
    fn confirm(&self, subscription: &Subscription) {
        let Subscription {
            topic,
            position,
            is_recovered,
            replayed,
            ..
        } = subscription;
        let connection = self.session.connection();
        match connection.dialect() {
            Dialect::Pushd1 => {
                let message = subscribed(topic, *position, *is_recovered, *replayed);
                connection.send(&text_frame(&message).into());
            }
            Dialect::WampResumed if !is_recovered => {
                connection.expect_pong();
                connection.send(&marked_gap(topic, *position).into());
            }
            _ => {}
        }
    }

    fn check_topics(&self) -> Result<(), Violation> {
        let limits = self.context.live.limits();
        let (max, len_max) = (limits.topics_max, limits.topics_len_max);
        if self.topics.len() > max {
            let reason = format!("more than {max} topics");
            return Err(violation(ViolationKind::Topics, reason));
        }
        if self.topics.bytes() > len_max {
            let reason = format!("more than {len_max} bytes of topics");
            return Err(violation(ViolationKind::TopicsLen, reason));
        }
        Ok(())
    }

    fn prefix_limits(&self) -> PrefixLimits {
        let limits = self.context.live.limits();
        PrefixLimits {
            count_max: limits.prefixes_max,
            bytes_max: limits.prefixes_len_max,
        }
    }

    fn unsubscribe(&mut self, topic: Cow<'_, str>) -> Result<(), Violation> {
        let topic = self.prefixes.resolve(topic);
        let Some(topic) = self.context.hub.unsubscribe(&self.session, &topic) else {
            return Ok(());
        };
        self.topics.remove(&topic);
        // Not at the end of a session: then the queued events are still sent.
        self.session.connection().remove_kept(&topic);
        if let Some(resume) = &self.resume {
            resume.unsubscribe(&topic);
            self.context.hub.resumes().list(resume);
        }
        self.context.application.unsubscribed(&self.session, &topic);
        Ok(())
    }

    fn call(
        &self,
        id: CallId<'_>,
        proc_uri: Cow<'_, str>,
        arguments: &[&RawValue],
    ) -> Result<(), Violation> {
        let proc_uri = self.prefixes.resolve(proc_uri);
        // A prefix makes a short message a long URI, and CALLERROR repeats the URI: limit it like a topic.
        let max = self.context.live.limits().topic_len_max;
        if proc_uri.len() > max {
            let reason = format!("the procedure's URI is longer than {max} bytes");
            return Err(violation(ViolationKind::TopicLen, reason));
        }
        let proc_uri = proc_uri.into_owned();
        let call = Call::new(self.session.clone(), id.as_json(), proc_uri, arguments);
        self.context.application.call(call);
        Ok(())
    }

    fn publish(
        &mut self,
        topic: Cow<'_, str>,
        event: &str,
        recipients: &WireRecipients<'_>,
    ) -> Result<(), Violation> {
        let topic = self.prefixes.resolve(topic);
        let application = &self.context.application;
        if !application.may_publish(&self.session, &topic, event) {
            return Err(violation(
                ViolationKind::Publish,
                "not allowed to publish".to_owned(),
            ));
        }
        self.has_published = true;
        let recipients = self.recipients(recipients);
        let hub = &self.context.hub;
        let published = hub.accept(Publish {
            topic: &topic,
            event,
            recipients,
            id: None,
            source: Source::Browser,
        });
        let error = match published {
            // During shutdown send no close frame for this: some clients do not reconnect after one.
            Ok(accepted) => {
                accepted.without_receipt(hub);
                return Ok(());
            }
            Err(PublishError::Ending) => return Ok(()),
            Err(error) => error,
        };
        let kind = match error {
            PublishError::Topic(_) => ViolationKind::TopicLen,
            PublishError::EventTooLong { .. } => ViolationKind::EventLen,
            _ => ViolationKind::InvalidData,
        };
        Err(violation(kind, error.to_string()))
    }

    /// Converts the recipients of a PUBLISH. `None` means all subscribers.
    fn recipients(&self, wire: &WireRecipients<'_>) -> Option<Recipients> {
        if *wire == WireRecipients::default() {
            return None;
        }
        let parse =
            |ids: &[Cow<'_, str>]| ids.iter().filter_map(|id| SessionId::parse(id)).collect();
        let mut exclude: Vec<_> = parse(&wire.exclude);
        if wire.exclude_me {
            exclude.push(self.session.id());
        }
        let eligible = (!wire.eligible.is_empty()).then(|| parse(&wire.eligible));
        Some(Recipients { exclude, eligible })
    }
}

impl Drop for WampSession {
    fn drop(&mut self) {
        for topic in std::mem::take(&mut self.topics) {
            self.context.hub.unsubscribe(&self.session, &topic);
        }
        self.context.hub.shards()[self.session.shard()].remove_session(&self.session);
        if let Some(resume) = &self.resume {
            let now_ms = self.context.clock.now_ms();
            self.context.hub.resumes().end(resume, true, now_ms);
        }
        self.context.application.closed(&self.session);
    }
}

/// Returns the subprotocol in which a session's messages are read.
fn subprotocol(dialect: Dialect) -> Subprotocol {
    match dialect {
        Dialect::Pushd1 => Subprotocol::Pushd1,
        _ => Subprotocol::Wamp,
    }
}

fn violation(kind: ViolationKind, reason: String) -> Violation {
    Violation { kind, reason }
}
