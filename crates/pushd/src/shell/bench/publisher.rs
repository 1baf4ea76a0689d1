//! The publisher: one connection to port 5555, one event after the other.

use std::time::Duration;

use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::event::event;
use super::options::BenchOptions;
use super::tally::Tally;
use crate::shell::error::ShellError;
use crate::shell::publish_listener::PublishConnection;
use pusher_proto::Receipt;

/// Delay that this command itself may cause. The latency of a later event counts from the time when it was due.
const LATE: Duration = Duration::from_millis(2);

/// Publishes until the time is over or `stop` is cancelled. It stops between two events, never within one.
pub(super) async fn publish(
    connection: &mut PublishConnection<'_>,
    topic: &str,
    options: &BenchOptions,
    tally: &Tally,
    stop: &CancellationToken,
) -> Result<(), ShellError> {
    let path = format!("/publish/{topic}");
    for n in 0.. {
        let due = options.rate.map(|rate| Duration::from_secs(n) / rate);
        let until = due.unwrap_or_default().min(options.time);
        let ready = async {
            sleep_until((tally.begin + until).into()).await;
            // Lost deliveries never return their permits, so the end of the time is awaited too.
            tokio::select! {
                () = sleep_until((tally.begin + options.time).into()) => None,
                permits = tally.window.acquire_many(options.subscribers) => permits.ok(),
            }
        };
        let permits = tokio::select! {
            () = stop.cancelled() => None,
            permits = ready => permits,
        };
        let Some(permits) = permits else { break };
        let now = tally.begin.elapsed();
        if now >= options.time {
            break;
        }
        let at = due
            .filter(|due| now.saturating_sub(*due) > LATE)
            .unwrap_or(now);
        let receipt: Receipt = connection
            .post(&path, &[], event(n, at, options.size))
            .await?;
        if n == 0 && receipt.subscribers < u64::from(options.subscribers) {
            return Err(ShellError::OtherPushd {
                known: receipt.subscribers,
                subscribers: options.subscribers,
            });
        }
        tally.publish();
        // Each delivery returns its own permit.
        permits.forget();
    }
    tally.counts().took = tally.begin.elapsed();
    Ok(())
}
