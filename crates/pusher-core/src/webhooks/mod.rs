//! Tells the site about its channels: which have subscribers, and who is a member. Also tells the subscribers of a channel
//! how many they are.
//!
//! Both come from one look in each second, at the topics whose subscribers have changed and at the changes of members that
//! the room `presence` has recorded. So subscribing costs the same with and without webhooks, and without the options
//! `webhooks` and `subscription_counts` nothing runs.
//!
//! | file | contents |
//! |---|---|
//! | `channels.rs` | the channels that have subscribers, as the site knows them |
//! | `queue.rs` | the events that wait for one URL |
//! | `senders.rs`, `sender.rs` | a task for each URL: one request at a time, retries |
//! | `post.rs` | one request |
//! | `counts.rs` | the numbers of subscribers |
//!
//! If several servers share their log, each tells of the subscribers that it has itself: a channel that is occupied at two
//! of them is occupied and vacated twice. A change of members is told once, by the server that has told the others of it.

mod channels;
mod counts;
mod post;
mod queue;
mod sender;
mod senders;

use std::sync::Arc;
use std::time::Duration;

use pusher_proto::channels::{Channel, WebhookEvent};
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use channels::{Channels, Difference};
use counts::Counts;
use senders::Senders;

use crate::config::Live;
use crate::connection::Topic;
use crate::handover;
use crate::hub::{ChangeReader, Hub};
use crate::presence::{Change, Presence, Recorded};
use crate::stats::Counters;

/// Time between two looks.
const SECOND: Duration = Duration::from_secs(1);

/// What the site is told, and how.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) hub: Hub,
    pub(crate) presence: Arc<Presence>,
    pub(crate) live: Arc<Live>,
    pub(crate) counters: Arc<Counters>,
}

/// The signals that begin and end the webhooks.
#[derive(Debug)]
pub(crate) struct WebhooksSignals {
    /// The browsers of the process before are subscribed again. Until then, their channels look vacated.
    pub(crate) resumed: CancellationToken,
    /// The server closes.
    pub(crate) closing: CancellationToken,
    /// The server is handed over.
    pub(crate) handover: CancellationToken,
}

impl WebhooksSignals {
    /// Waits for the time of the next look.
    async fn next_look(&self, ticks: &mut Interval) {
        self.resumed.cancelled().await;
        ticks.tick().await;
    }

    fn is_end(&self) -> bool {
        self.closing.is_cancelled() || self.handover.is_cancelled()
    }
}

/// The state between two looks.
struct Look<'a> {
    webhooks: &'a Webhooks,
    /// `None` without URLs.
    channels: Option<Channels>,
    /// URLs, and the events that another process had for them.
    queues: Vec<(String, Vec<String>)>,
    senders: Senders,
    counts: Counts,
}

impl Webhooks {
    /// Runs until the server ends. If the server closes, until the site has the last events or a request fails. If
    /// it is handed over, returns at once what the other process must know. `before` is what this one knows from another.
    /// `reloads` is notified after each reload of the options.
    pub(crate) async fn run(
        self,
        before: handover::Webhooks,
        mut reloads: watch::Receiver<()>,
        signals: WebhooksSignals,
    ) -> handover::Webhooks {
        let mut before = before;
        while !signals.is_end() {
            let mut handed = handover::Webhooks::default();
            if self.is_wanted() {
                handed = self
                    .run_while_wanted(std::mem::take(&mut before), &signals)
                    .await;
                self.hub.stop_changes(ChangeReader::Webhooks);
            }
            tokio::select! {
                biased;
                () = signals.handover.cancelled() => return handed,
                () = signals.closing.cancelled() => {}
                Ok(()) = reloads.changed() => {}
            }
        }
        handover::Webhooks::default()
    }

    fn is_wanted(&self) -> bool {
        let options = self.live.options();
        let has_any = !options.webhooks.is_empty() || !options.subscription_counts.is_empty();
        options.channels_app.is_some() && has_any
    }

    async fn run_while_wanted(
        &self,
        before: handover::Webhooks,
        signals: &WebhooksSignals,
    ) -> handover::Webhooks {
        if before.occupied.is_some() {
            // The members are known to the site.
            self.presence.take_changes();
        }
        let mut look = Look {
            webhooks: self,
            channels: before.occupied.map(Channels::take_over),
            queues: before.queues,
            senders: Senders::new(self.live.clone(), self.counters.clone()),
            counts: Counts::default(),
        };
        let mut ticks = interval(SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.is_wanted() {
            tokio::select! {
                biased;
                () = signals.handover.cancelled() => {
                    look.run_last(signals).await;
                    return look.hand_over();
                }
                () = signals.closing.cancelled() => {
                    look.run_last(signals).await;
                    look.senders.finish().await;
                    return handover::Webhooks::default();
                }
                () = signals.next_look(&mut ticks) => look.run().await,
            }
        }
        look.stop_channels();
        handover::Webhooks::default()
    }
}

impl Look<'_> {
    fn hand_over(self) -> handover::Webhooks {
        handover::Webhooks {
            occupied: self.channels.as_ref().map(Channels::hand_over),
            queues: self.senders.hand_over(),
        }
    }

    /// Starts a sender for each URL, with the events that another process had for it.
    fn update_senders(&mut self) {
        let urls = self.webhooks.live.options().webhooks.clone();
        self.senders.set_urls(&urls);
        for (url, events) in std::mem::take(&mut self.queues) {
            self.senders.take_over(&url, &events);
        }
    }

    async fn run(&mut self) {
        self.update_senders();
        let hub = &self.webhooks.hub;
        let changed = match self.webhooks.live.options().webhooks.is_empty() {
            true => {
                self.stop_channels();
                hub.changed_topics(ChangeReader::Webhooks, false)
            }
            false => self.run_channels(),
        };
        {
            let options = self.webhooks.live.options();
            for (topic, subscribers) in changed {
                let channel = Channel::parse(&topic);
                let is_told = |channel| options.tells_subscription_count(channel);
                if subscribers > 0 && channel.is_ok_and(is_told) {
                    self.counts.add(topic);
                }
            }
        }
        self.counts.tell(hub).await;
    }

    /// The last look. No channel is vacated because the server ends: if its browsers are not there yet, or are ending
    /// already, this looks at the members only.
    async fn run_last(&mut self, signals: &WebhooksSignals) {
        if signals.resumed.is_cancelled() && !self.webhooks.hub.is_closed() {
            return self.run().await;
        }
        self.update_senders();
        if self.channels.is_some() {
            self.push(
                &Difference::default(),
                &self.webhooks.presence.take_changes(),
            );
        }
    }

    /// Queues the events of the channels. Returns the topics whose numbers of subscribers have changed.
    fn run_channels(&mut self) -> Vec<(Topic, u64)> {
        let Webhooks { hub, presence, .. } = self.webhooks;
        // The site knows nothing yet.
        let is_full = self.channels.is_none();
        let channels = self.channels.get_or_insert_default();
        // In this order, so that the members of a channel come behind `channel_occupied` and before `channel_vacated`.
        let candidates = channels.candidates(|topic| presence.has_members(topic));
        let members = presence.take_changes();
        let changed = hub.changed_topics(ChangeReader::Webhooks, is_full);
        let difference = channels.update(candidates, &changed);
        self.push(&difference, &members);
        changed
    }

    fn push(&mut self, difference: &Difference, members: &Recorded) {
        let counters = &self.webhooks.counters;
        counters.webhooks_dropped.add(members.dropped);
        self.senders.push(&encode(difference, members));
    }

    fn stop_channels(&mut self) {
        if self.channels.take().is_some() {
            self.webhooks.presence.stop_changes();
        }
    }
}

fn encode(difference: &Difference, members: &Recorded) -> Vec<Arc<str>> {
    let occupied = difference.occupied.iter();
    let occupied = occupied.map(|channel| WebhookEvent::ChannelOccupied { channel });
    let members = members.changes.iter();
    let members = members.filter(|(topic, _)| Channel::parse(topic).is_ok());
    let members = members.map(|(channel, change)| match change {
        Change::Joined(member) => WebhookEvent::MemberAdded {
            channel,
            user_id: &member.sub,
        },
        Change::Left(member) => WebhookEvent::MemberRemoved {
            channel,
            user_id: &member.sub,
        },
    });
    let vacated = difference.vacated.iter();
    let vacated = vacated.map(|channel| WebhookEvent::ChannelVacated { channel });
    let events = occupied.chain(members).chain(vacated);
    events.map(|event| event.encode().into()).collect()
}
