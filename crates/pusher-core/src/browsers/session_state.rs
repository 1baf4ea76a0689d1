//! The state of a browser's session that all WebSocket protocols share: its subscriptions, and its rate limit.

use std::sync::Arc;

use pusher_proto::ticket::TicketFault;
use pusher_proto::{TopicError, check_topic};

use super::presence;
use super::session_end::end_session;
use super::subscriptions::Subscriptions;
use super::violation::Violation;
use crate::connection::{KeptEvents, Session, Topic};
use crate::context::Context;
use crate::handover;
use crate::hub::{Accepted, Progress, Publish, PublishError, Recipients, Since, Subscription};
use crate::stats::{Source, TokenBucket, ViolationKind};
use crate::tickets::UsersFull;

/// Subscriptions that are checked again in the time of an average message.
const RECHECKS_PER_MESSAGE: usize = 10;

/// The shared state of one session. Dropping it removes the subscriptions.
pub(super) struct SessionState {
    context: Arc<Context>,
    session: Session,
    topics: Subscriptions,
    /// Limits the messages per second.
    rate_limit: TokenBucket,
    /// The session has published since the last call of `must_wait_for_room`.
    has_published: bool,
}

/// Why a session may not subscribe to a topic.
#[derive(Debug)]
pub(super) enum NotAllowed {
    Topic(TopicError),
    Ticket(TicketFault),
    Application,
}

impl SessionState {
    pub(super) fn new(context: Arc<Context>, session: Session) -> Self {
        Self {
            context,
            session,
            topics: Subscriptions::default(),
            rate_limit: TokenBucket::default(),
            has_published: false,
        }
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn topics(&self) -> &Subscriptions {
        &self.topics
    }

    /// Whether the session must wait for the hub, as publishers do: it has published, and the backlog is full.
    pub(super) fn must_wait_for_room(&mut self) -> bool {
        std::mem::take(&mut self.has_published) && !self.context.hub.has_room()
    }

    /// Refills the rate limit for the time since the last call. Called for each read.
    pub(super) fn refill_rate_limit(&mut self, now_ms: u64) {
        let per_second = self.context.live.limits().client_messages_per_second;
        self.rate_limit.refill(now_ms, per_second);
    }

    /// Counts one message or control frame against the rate limit.
    pub(super) fn count_message(&mut self) -> Result<(), Violation> {
        self.count_messages(1)
    }

    /// Counts a check of all subscriptions, which may take as long as many messages. It is half of the burst at most.
    pub(super) fn count_rechecks(&mut self) -> Result<(), Violation> {
        let messages = self.topics.len() / RECHECKS_PER_MESSAGE;
        let most = self.context.live.limits().client_messages_burst / 2;
        self.count_messages(u16::try_from(messages).map_or(most, |it| it.min(most)))
    }

    fn count_messages(&mut self, messages: u16) -> Result<(), Violation> {
        let burst = self.context.live.limits().client_messages_burst;
        if self.rate_limit.take(messages, burst) {
            return Ok(());
        }
        let per_second = self.context.live.limits().client_messages_per_second;
        let reason = format!("more than {per_second} messages a second");
        Err(Violation::new(ViolationKind::MessageRate, reason))
    }

    /// Whether the session may subscribe to a topic.
    pub(super) fn may_subscribe(&self, topic: &str) -> Result<(), NotAllowed> {
        self.check_topic(topic)?;
        let tickets = self.context.hub.tickets();
        let checked = tickets.check(self.session.id(), topic);
        checked.map_err(NotAllowed::Ticket)?;
        self.ask_application(topic)
    }

    /// Like [`may_subscribe`](Self::may_subscribe), for a topic that the site has allowed in another way than by a ticket.
    pub(super) fn may_subscribe_signed(&self, topic: &str) -> Result<(), NotAllowed> {
        self.check_topic(topic)?;
        self.ask_application(topic)
    }

    fn check_topic(&self, topic: &str) -> Result<(), NotAllowed> {
        let len_max = self.context.live.limits().topic_len_max;
        check_topic(topic, len_max).map_err(NotAllowed::Topic)
    }

    fn ask_application(&self, topic: &str) -> Result<(), NotAllowed> {
        let application = &self.context.application;
        match application.may_subscribe(&self.session, topic) {
            true => Ok(()),
            false => {
                tracing::debug!(session = %self.session.id(), %topic, "may not subscribe");
                Err(NotAllowed::Application)
            }
        }
    }

    /// Subscribes to a topic that the session [may](Self::may_subscribe) subscribe to. The flusher runs on this thread, so
    /// no event of the topic is sent before the caller returns to the event loop. Returns `None` if the session is
    /// subscribed already. Then call [`subscribed`](Self::subscribed).
    pub(super) fn subscribe(&mut self, topic: &str, since: Since) -> Option<Subscription> {
        let subscription = self.context.hub.subscribe(&self.session, topic, since)?;
        self.topics.insert(subscription.topic.clone());
        Some(subscription)
    }

    /// Tells presence of a new subscription. Call it after the protocol has confirmed the subscription.
    pub(super) fn subscribed(&self, topic: &Topic) {
        presence::subscribed(&self.context, &self.session, topic, false);
    }

    /// Checks the number of subscriptions, and their length.
    pub(super) fn check_topics(&self) -> Result<(), Violation> {
        let limits = self.context.live.limits();
        let (max, len_max) = (limits.topics_max, limits.topics_len_max);
        if self.topics.len() > max {
            let reason = format!("more than {max} topics");
            return Err(Violation::new(ViolationKind::Topics, reason));
        }
        if self.topics.bytes() > len_max {
            let reason = format!("more than {len_max} bytes of topics");
            return Err(Violation::new(ViolationKind::TopicsLen, reason));
        }
        Ok(())
    }

    /// Returns the subscriptions that the session's ticket does not allow.
    pub(super) fn denied_topics(&self) -> Vec<(Topic, TicketFault)> {
        let tickets = self.context.hub.tickets();
        let id = self.session.id();
        let fault = |topic: &Topic| Some((topic.clone(), tickets.check(id, topic).err()?));
        self.topics.iter().filter_map(fault).collect()
    }

    /// Returns the subscriptions for another process. `behind` are events that must be read from the log.
    pub(super) fn hand_over_topics(&self, behind: &[KeptEvents]) -> Vec<handover::Subscription> {
        let (hub, presence) = (&self.context.hub, &self.context.presence);
        let topics = self.topics.iter().map(|topic| {
            let progress = hub.progress(&self.session, topic, behind);
            let sub = presence.sub_of(self.session.id(), topic);
            handover::Subscription {
                topic: topic.to_string(),
                after: progress.after,
                is_reading: progress.is_reading,
                sub: sub.as_deref().map(str::to_owned),
            }
        });
        topics.collect()
    }

    /// Continues the subscriptions of another process.
    pub(super) fn take_over_topics(&mut self, handed: Vec<handover::Subscription>) {
        let (id, now_ms) = (self.session.id(), self.context.clock.now_ms());
        for subscription in handed {
            let handover::Subscription {
                topic,
                after,
                is_reading,
                sub,
            } = subscription;
            let progress = Progress { after, is_reading };
            let topic = self.context.hub.take_over(&self.session, &topic, progress);
            let presence = &self.context.presence;
            if let Some(member) = sub.and_then(|sub| presence.member(&topic, &sub)) {
                presence.update(id, &topic, Some(member), now_ms);
            }
            self.topics.insert(topic);
        }
    }

    /// Ends a subscription. Returns false if there is none.
    pub(super) fn unsubscribe(&mut self, topic: &str) -> bool {
        let Some(topic) = self.context.hub.unsubscribe(&self.session, topic) else {
            return false;
        };
        self.topics.remove(&topic);
        let now_ms = self.context.clock.now_ms();
        let presence = &self.context.presence;
        presence.leave(self.session.id(), &topic, now_ms);
        // Not at the end of a session: then the queued events are still sent.
        self.session.connection().remove_kept(&topic);
        self.context.application.unsubscribed(&self.session, &topic);
        true
    }

    /// Records that the site has named a user of the session in another way than by a ticket.
    pub(super) fn add_user(&self, sub: &str) -> Result<(), UsersFull> {
        self.context.hub.tickets().add_user(&self.session, sub)
    }

    /// Publishes an event, one JSON value.
    pub(super) fn publish(
        &mut self,
        topic: &str,
        event: &str,
        recipients: Option<Recipients>,
    ) -> Result<Accepted, PublishError> {
        self.has_published = true;
        self.context.hub.accept(Publish {
            recipients,
            ..Publish::new(topic, event, Source::Browser)
        })
    }
}

impl Drop for SessionState {
    fn drop(&mut self) {
        end_session(&self.context, &self.session, self.topics.iter());
    }
}
