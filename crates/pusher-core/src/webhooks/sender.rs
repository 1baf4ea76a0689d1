//! Sends the events of one URL: one request at a time, in order.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pusher_proto::channels::webhook_body;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::post::{PostError, Site};
use super::queue::{Batch, Queue};
use crate::config::{Live, WebhookUrl};
use crate::stats::Counters;
use crate::unix_time::unix_ms;

/// Bounds of the pause before a request is sent again. It doubles each time.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// The site did not accept a request while the server ends.
struct Unsent;

/// Sends what is in the queue. When `ending` is cancelled, returns as soon as the queue is empty or a request fails.
pub(super) async fn run(
    queue: Arc<Queue>,
    url: WebhookUrl,
    live: Arc<Live>,
    counters: Arc<Counters>,
    ending: CancellationToken,
) {
    let mut sender = Sender {
        site: Site::new(url),
        live,
        counters,
        ending: ending.clone(),
    };
    loop {
        let batch = tokio::select! {
            biased;
            batch = queue.batch() => batch,
            () = ending.cancelled() => return,
        };
        if let Err(Unsent) = sender.deliver(batch).await {
            return;
        }
    }
}

struct Sender {
    site: Site,
    live: Arc<Live>,
    counters: Arc<Counters>,
    ending: CancellationToken,
}

impl Sender {
    /// Sends a batch until the site accepts it, but not for too long.
    async fn deliver(&mut self, batch: Batch) -> Result<(), Unsent> {
        let started = Instant::now();
        let mut pause = PAUSE_MIN;
        let mut has_failed = false;
        loop {
            let Err(error) = self.send(&batch).await else {
                if has_failed {
                    tracing::info!(url = self.url(), "webhook accepted again");
                }
                batch.sent();
                return Ok(());
            };
            self.counters.webhooks_failed.add(1);
            let retry_max = self.live.limits().webhook_retry_max;
            let events = batch.len();
            let is_ending = self.ending.is_cancelled();
            if is_ending || started.elapsed() + pause > retry_max {
                tracing::warn!(url = self.url(), events, %error, "dropped webhook events");
                return if is_ending { Err(Unsent) } else { Ok(()) };
            }
            match has_failed {
                false => tracing::warn!(url = self.url(), events, %error, "webhook failed"),
                true => tracing::debug!(url = self.url(), events, %error, "webhook failed again"),
            }
            has_failed = true;
            // If the server ends, this is the last attempt.
            let _ending = timeout(pause, self.ending.cancelled()).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn send(&mut self, batch: &Batch) -> Result<(), PostError> {
        let (app, time) = {
            let options = self.live.options();
            (options.channels_app.clone(), options.limits.webhook_timeout)
        };
        let app = app.ok_or(PostError::NoApp)?;
        // With the time of this attempt: libraries refuse a request that is older than 5 minutes.
        let body = Bytes::from(webhook_body(unix_ms(), batch.events()));
        let sent = timeout(time, self.site.post(&app, body)).await;
        let accepted = sent.map_err(|_| PostError::Timeout)??;
        // A site that is slow to finish has the events all the same.
        let _late = timeout(time, accepted.finish()).await;
        Ok(())
    }

    /// Returns the URL for the log.
    fn url(&self) -> &str {
        self.site.url.without_query()
    }
}
