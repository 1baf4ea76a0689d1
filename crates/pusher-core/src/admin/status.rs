//! What the status page shows, as JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::health::readiness;
use super::history::History;
use super::process;
use crate::context::Context;
use crate::stats::PeerLogEntry;
use crate::stats::{Counts, Kind, Stats};

/// How many topics, outboxes and complaints are told.
const TOPICS_MAX: usize = 50;
const OUTBOXES_MAX: usize = 20;
const COMPLAINTS_MAX: usize = 50;

/// A snapshot is good for so long: several pages that look cost what one does.
const FRESH: Duration = Duration::from_millis(500);

/// And for so many times as long as it took: with very many topics, publishers wait meanwhile.
const FRESH_TIMES: u32 = 20;

/// The last snapshot, and until when it is good. One request at a time takes a new one, or gathers the metrics. The
/// others wait for the lock as tasks, without a thread.
#[derive(Debug, Default)]
pub(crate) struct Snapshot(Arc<Mutex<Last>>);

type Last = Option<(Instant, Bytes)>;

/// The turn of a request. The thread that works for the request owns it: if the client hangs up meanwhile, the next
/// request still waits for that thread.
#[derive(Debug)]
pub(crate) struct SnapshotLock(OwnedMutexGuard<Last>);

impl Snapshot {
    pub(crate) async fn lock(&self) -> SnapshotLock {
        SnapshotLock(self.0.clone().lock_owned().await)
    }
}

impl SnapshotLock {
    /// Returns the last snapshot if it is still good.
    pub(crate) fn last(&self) -> Option<Bytes> {
        let (good_until, json) = self.0.as_ref()?;
        (Instant::now() < *good_until).then(|| json.clone())
    }

    /// Takes a snapshot. Blocks for a while where there are many sessions or topics.
    pub(crate) fn renew(mut self, context: &Context, history: &History) -> Bytes {
        let begin = Instant::now();
        let json = Bytes::from(take(context, history).to_string());
        let now = Instant::now();
        *self.0 = Some((now + good_for(now - begin), json.clone()));
        json
    }
}

/// How long a snapshot is good that took so long.
fn good_for(took: Duration) -> Duration {
    FRESH.max(took * FRESH_TIMES)
}

fn take(context: &Context, history: &History) -> Value {
    let stats = context.hub.stats();
    let limits = context.live.limits();
    let (_, state) = readiness(context);
    json!({
        "server": context.server_ident,
        "state": state,
        "uptime_s": context.clock.now_ms() / 1000,
        "resident_len": process::resident_len(),
        "browsers": stats.browsers,
        "browsers_max": limits.connections_max,
        "sessions": stats.sessions,
        "publishers": stats.publishers,
        "publishers_max": limits.publishers_max,
        "events": stats.events.total(),
        "event_bytes": stats.event_bytes,
        "deliveries": stats.deliveries,
        "delivery_bytes": stats.delivery_bytes,
        "backlog_len": stats.backlog_len,
        "backlog_len_max": limits.backlog_len_max,
        "outboxes": stats.outboxes,
        "outboxes_len": stats.outboxes_len,
        "outbox_len_max": limits.outbox_len_max,
        "topics": stats.topics,
        "history": {
            "events": history.row(|second| second.events),
            "deliveries": history.row(|second| second.deliveries),
            "sessions": history.row(|second| second.sessions),
        },
        "largest_topics": largest_topics(context),
        "longest_outboxes": longest_outboxes(context),
        "refused": refused(&stats),
        "complaints": complaints(context),
    })
}

fn largest_topics(context: &Context) -> Vec<Value> {
    let topics = context.hub.largest_topics(TOPICS_MAX);
    let shown = topics.into_iter();
    shown
        .map(|(topic, subscribers)| json!({"topic": &*topic, "subscribers": subscribers}))
        .collect()
}

/// Whom most waits for.
fn longest_outboxes(context: &Context) -> Vec<Value> {
    let waiting = context.hub.longest_outboxes(OUTBOXES_MAX);
    let shown = waiting.into_iter();
    shown
        .map(|(session, len)| json!({"peer": session.peer_addr().to_string(), "len": len}))
        .collect()
}

/// Who was refused or dropped, and why; only what has happened.
fn refused(stats: &Stats) -> Vec<Value> {
    let mut refused = Vec::new();
    add(&mut refused, "browser", &stats.browsers_refused);
    add(&mut refused, "session", &stats.violations);
    add(&mut refused, "slow consumer", &stats.slow_consumers);
    add(&mut refused, "publisher", &stats.publishers_refused);
    add(&mut refused, "publish", &stats.publishes_refused);
    if stats.pings_unanswered > 0 {
        let count = stats.pings_unanswered;
        refused.push(json!({"who": "session", "reason": "pong_timeout", "count": count}));
    }
    refused
}

fn add<K: Kind>(refused: &mut Vec<Value>, who: &str, counts: &Counts<K>) {
    let happened = counts.iter().filter(|(_, count)| *count > 0);
    refused.extend(
        happened.map(|(kind, count)| json!({"who": who, "reason": kind.label(), "count": count})),
    );
}

/// The last log lines about peers, the newest first.
fn complaints(context: &Context) -> Vec<Value> {
    let mut recent = context.publisher_log.recent();
    recent.extend(context.browser_log.recent());
    recent.sort_by_key(|complaint| std::cmp::Reverse(complaint.at));
    let shown = recent.into_iter().take(COMPLAINTS_MAX);
    shown
        .map(|PeerLogEntry { at, peer, what }| {
            json!({"ago_s": at.elapsed().as_secs(), "peer": peer, "what": what})
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_took_long_is_good_for_longer() {
        for (took_ms, good_for_ms) in [(0, 500), (25, 500), (26, 520), (1000, 20_000)] {
            let took = Duration::from_millis(took_ms);
            assert_eq!(good_for(took), Duration::from_millis(good_for_ms));
        }
    }
}
