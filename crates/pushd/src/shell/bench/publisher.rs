//! The publisher: one connection to the private door, an event at a time.

use std::time::Duration;

use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::event::event;
use super::tally::Tally;
use super::{Failed, Wish};
use crate::shell::private::Line;
use crate::shell::publish::Receipt;

/// How late an event may be by this command's own fault. Beyond, its latency counts from when it was due.
const LATE: Duration = Duration::from_millis(2);

/// Publishes until the time is over, or until it is stopped: between two events, never in one.
pub(super) async fn publish(
    line: &mut Line<'_>,
    topic: &str,
    wish: &Wish,
    tally: &Tally,
    stop: &CancellationToken,
) -> Result<(), Failed> {
    let path = format!("/publish/{topic}");
    for n in 0.. {
        let due = wish.rate.map(|rate| Duration::from_secs(n) / rate);
        let until = due.unwrap_or_default().min(wish.time);
        let ready = async {
            sleep_until((tally.begin + until).into()).await;
            // What is lost never makes room: the end comes nevertheless.
            tokio::select! {
                () = sleep_until((tally.begin + wish.time).into()) => None,
                room = tally.room.acquire_many(wish.subscribers) => room.ok(),
            }
        };
        let room = tokio::select! {
            () = stop.cancelled() => None,
            room = ready => room,
        };
        let Some(room) = room else { break };
        let now = tally.begin.elapsed();
        if now >= wish.time {
            break;
        }
        let at = due
            .filter(|due| now.saturating_sub(*due) > LATE)
            .unwrap_or(now);
        let receipt: Receipt = line.post(&path, &[], event(n, at, wish.size)).await?;
        if n == 0 && receipt.subscribers < u64::from(wish.subscribers) {
            return Err(other_pushd(receipt.subscribers, wish.subscribers));
        }
        tally.publish();
        // Each delivery gives its part back.
        room.forget();
    }
    tally.counts().took = tally.begin.elapsed();
    Ok(())
}

fn other_pushd(known: u64, subscribers: u32) -> Failed {
    format!(
        "the private door knows {known} of the {subscribers} subscribers: it is another pushd's than the public address \
         leads to (--publish-address, --url)"
    )
}
