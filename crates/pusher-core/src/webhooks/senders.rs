//! The senders of all URLs.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::queue::Queue;
use super::sender;
use crate::config::{Live, WebhookUrl};
use crate::stats::Counters;

/// One task and one queue for each URL.
#[derive(Debug)]
pub(super) struct Senders {
    senders: Vec<Sender>,
    live: Arc<Live>,
    counters: Arc<Counters>,
    ending: CancellationToken,
}

#[derive(Debug)]
struct Sender {
    url: WebhookUrl,
    queue: Arc<Queue>,
    /// The last events that were queued did not have enough room.
    is_full: bool,
    task: AbortOnDropHandle<()>,
}

impl Senders {
    pub(super) fn new(live: Arc<Live>, counters: Arc<Counters>) -> Self {
        Self {
            senders: Vec::new(),
            live,
            counters,
            ending: CancellationToken::new(),
        }
    }

    /// Ends the senders of other URLs, whose events are dropped, and starts those of new ones.
    pub(super) fn set_urls(&mut self, urls: &[WebhookUrl]) {
        self.senders.retain(|sender| urls.contains(&sender.url));
        for url in urls {
            if !self.senders.iter().any(|sender| sender.url == *url) {
                self.senders.push(self.start(url.clone()));
            }
        }
    }

    fn start(&self, url: WebhookUrl) -> Sender {
        let queue = Arc::new(Queue::new(self.counters.clone()));
        let (live, counters) = (self.live.clone(), self.counters.clone());
        let (sent_queue, sent_url, ending) = (queue.clone(), url.clone(), self.ending.clone());
        let task = tokio::spawn(sender::run(sent_queue, sent_url, live, counters, ending));
        Sender {
            url,
            queue,
            is_full: false,
            task: AbortOnDropHandle::new(task),
        }
    }

    /// Sends what is queued. Ends with the first failure for each URL.
    pub(super) async fn finish(self) {
        self.ending.cancel();
        for sender in self.senders {
            let _ended = sender.task.await;
        }
    }

    /// Ends without sending. Returns the URLs and the events that wait for them, also those of a request that is not answered.
    pub(super) fn hand_over(self) -> Vec<(String, Vec<String>)> {
        let senders = self.senders.iter();
        senders
            .map(|sender| (sender.url.to_string(), sender.queue.hand_over()))
            .collect()
    }

    /// Queues the events that another process had for a URL.
    pub(super) fn take_over(&mut self, url: &str, events: &[String]) {
        let events: Vec<Arc<str>> = events.iter().map(|event| event.as_str().into()).collect();
        let max = self.live.limits().webhook_events_max;
        match self
            .senders
            .iter()
            .find(|sender| sender.url.to_string() == url)
        {
            Some(sender) => {
                sender.queue.push(&events, max);
            }
            None => self.counters.webhooks_dropped.add(events.len() as u64),
        }
    }

    /// Queues events for all URLs.
    pub(super) fn push(&mut self, events: &[Arc<str>]) {
        if events.is_empty() {
            return;
        }
        let max = self.live.limits().webhook_events_max;
        for sender in &mut self.senders {
            let dropped = sender.queue.push(events, max);
            let was_full = std::mem::replace(&mut sender.is_full, dropped > 0);
            if dropped > 0 && !was_full {
                let url = sender.url.without_query();
                tracing::warn!(
                    url,
                    dropped,
                    "webhook-events-max is reached: dropped events"
                );
            }
        }
    }
}
