//! Tells the subscribers of a channel how many they are.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use pusher_proto::RESERVED_PREFIX;
use pusher_proto::channels::subscription_count;
use pusher_proto::wamp::text_frame;
use tokio::task::yield_now;

use crate::config::SlowPolicy;
use crate::connection::{Dialect, DropPolicy, OverflowRule, Session, Topic};
use crate::hub::Hub;

/// Most subscribers that are visited in a second, on average. A visit costs about as much as a delivery. A channel counts as
/// one, too.
const SUBSCRIBERS_PER_SECOND: i64 = if cfg!(test) { 2 } else { 20_000 };

/// Writes before the task yields to the event loop. They take less than 1 ms.
const WRITES_PER_TURN: usize = 64;

/// The channels whose subscribers have to be told.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// In the order of their first change.
    channels: IndexSet<Topic, RandomState>,
    /// Subscribers that may be visited. Below 0 after a channel that has more.
    budget: i64,
}

impl Counts {
    pub(super) fn add(&mut self, channel: Topic) {
        self.channels.insert(channel);
    }

    /// Tells the subscribers of as many channels as a second allows. The others wait, and are told their number of then.
    pub(super) async fn tell(&mut self, hub: &Hub) {
        self.budget = (self.budget + SUBSCRIBERS_PER_SECOND).min(SUBSCRIBERS_PER_SECOND);
        let mut told = 0;
        while self.budget > 0
            && let Some(channel) = self.channels.get_index(told)
        {
            told += 1;
            let subscribers = hub.subscribers(channel);
            self.budget -= 1 + i64::try_from(subscribers.len()).unwrap_or(i64::MAX);
            tell(channel, hub.subscriber_count(channel), &subscribers).await;
        }
        self.channels.drain(..told);
    }
}

/// Sends the number of subscribers to those of the Channels protocol. It is no event of the log.
async fn tell(channel: &str, count: u64, subscribers: &[Session]) {
    let is_told = |session: &&Session| session.connection().dialect() == Dialect::Channels;
    let mut sessions = subscribers.iter().filter(is_told);
    let Some(first) = sessions.clone().next() else {
        return;
    };
    let frame = text_frame(&subscription_count(channel, count));
    let frame = first.connection().counted_frame(frame);
    // Of the numbers that wait for a slow browser, only the last one matters. No events have this topic.
    let drop_policy = DropPolicy {
        topic: Arc::from(format!("{RESERVED_PREFIX}subscription_count:{channel}")),
        policy: SlowPolicy::KeepLatest,
    };
    loop {
        for session in sessions.by_ref().take(WRITES_PER_TURN) {
            let rule = OverflowRule::Drop(&drop_policy);
            let _no_behind = session.connection().send_events(&frame, rule);
        }
        if sessions.clone().next().is_none() {
            return;
        }
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Live, LiveOptions};
    use crate::hub::LogStart;
    use crate::stats::{Counters, PeerLog};
    use crate::tickets::Tickets;

    /// A hub without sessions.
    fn hub() -> Hub {
        let live = Arc::new(Live::new(LiveOptions::default()));
        let log = Arc::new(PeerLog::new());
        let counters = Arc::new(Counters::default());
        let tickets = Tickets::new(live.clone(), counters.clone(), log.clone(), None);
        Hub::new(1, live, counters, &log, LogStart::shared(), tickets)
    }

    #[tokio::test]
    async fn channels_beyond_the_budget_wait_for_their_turn() {
        let (hub, mut counts) = (hub(), Counts::default());
        for channel in ["a", "b", "c", "a", "d", "e"] {
            counts.add(channel.into());
        }
        for left in [&["c", "d", "e"][..], &["e"], &[]] {
            counts.tell(&hub).await;
            let channels: Vec<_> = counts.channels.iter().map(|channel| &**channel).collect();
            assert_eq!(channels, left);
        }
        // A channel with many subscribers uses the budget of later seconds.
        counts.budget = -3;
        counts.add("a".into());
        counts.tell(&hub).await;
        assert_eq!(counts.channels.len(), 1);
        counts.tell(&hub).await;
        assert_eq!(counts.channels.len(), 0);
    }
}
