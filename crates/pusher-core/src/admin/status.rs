//! The data of the status page, as JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pusher_proto::ticket::TicketKeys;
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::health::readiness;
use super::problems::problems;
use super::process;
use super::refusals::{refused, refused_origins};
use crate::context::Context;
use crate::hub::TopicTotals;
use crate::nodes::{Node, NodesState};
use crate::spool::Spool;
use crate::stats::PeerLogEntry;
use crate::stats::{Figure, Value as FigureValue};

/// Maximum numbers of topics, outboxes and log lines in the answer.
const TOPICS_MAX: usize = 50;
const OUTBOXES_MAX: usize = 20;
const PEER_LOG_MAX: usize = 50;

/// Minimum lifetime of a snapshot. Several open pages then cost as much as one.
const LIFETIME_MIN: Duration = Duration::from_millis(500);

/// Lifetime of a snapshot, as a multiple of the time to create it. With very many topics that takes long, and publishers
/// wait meanwhile; the factor limits this to 5 % of the time.
const LIFETIME_FACTOR: u32 = 20;

/// The last snapshot and its expiry. One request at a time creates a snapshot or the metrics. The others wait for the
/// lock as tasks, without a thread.
#[derive(Debug, Default)]
pub(crate) struct Snapshot(Arc<Mutex<Last>>);

type Last = Option<(Instant, Bytes)>;

/// The lock of a request. The thread that works for the request owns it: if the client disconnects meanwhile, the next
/// request still waits for that thread.
#[derive(Debug)]
pub(crate) struct SnapshotLock(OwnedMutexGuard<Last>);

impl Snapshot {
    pub(crate) async fn lock(&self) -> SnapshotLock {
        SnapshotLock(self.0.clone().lock_owned().await)
    }
}

impl SnapshotLock {
    /// Returns the last snapshot if it has not expired.
    pub(crate) fn last(&self) -> Option<Bytes> {
        let (expiry, json) = self.0.as_ref()?;
        (Instant::now() < *expiry).then(|| json.clone())
    }

    /// Creates a snapshot. Slow if there are many sessions or topics.
    pub(crate) fn renew(mut self, context: &Context) -> Bytes {
        let begin = Instant::now();
        let json = Bytes::from(take(context).to_string());
        let now = Instant::now();
        *self.0 = Some((now + lifetime(now - begin), json.clone()));
        json
    }
}

/// Returns the lifetime of a snapshot from the time to create it.
fn lifetime(took: Duration) -> Duration {
    LIFETIME_MIN.max(took * LIFETIME_FACTOR)
}

fn take(context: &Context) -> Value {
    let stats = context.hub.stats();
    let limits = context.live.limits();
    let (_, state) = readiness(context);
    let figures = stats.figures();
    let mut status = json!({
        "server": context.server_ident,
        "state": state,
        "uptime_s": context.clock.now_ms() / 1000,
        "resident_len": process::resident_len(),
        "browsers_max": limits.connections_max,
        "publishers_max": limits.publishers_max,
        "backlog_len_max": limits.backlog_len_max,
        "outbox_len_max": limits.outbox_len_max,
        "events_len_max": limits.events_len_max,
        "history_len_max": limits.history_len_max,
        "disk_failure": context.hub.disk_failure(),
        "spool": context.spool.as_deref().map(spool),
        "redis": context.node.as_deref().map(redis),
        "ticket_keys": ticket_keys(context),
        "webhooks": context.live.options().webhooks.len(),
        "public": public(context),
        "problems": problems(context, &stats),
        "largest_topics": topics(context.hub.largest_topics(TOPICS_MAX)),
        "busiest_topics": topics(context.hub.busiest_topics(TOPICS_MAX)),
        "longest_outboxes": longest_outboxes(context),
        "refused": refused(context, &figures),
        "refused_origins": refused_origins(context),
        "complaints": complaints(context),
        "figures": described(&figures),
    });
    for figure in &figures {
        status[figure.name] = figure.value.total().into();
    }
    status
}

/// Returns every figure with its description, for the table of the status page. `by` has the labels that are not 0.
fn described(figures: &[Figure]) -> Vec<Value> {
    let described = figures.iter().map(|figure| {
        let Figure {
            name, help, value, ..
        } = figure;
        let mut row = json!({"name": name, "help": help, "value": value.total()});
        if let FigureValue::ByLabel { counts, .. } = value {
            let counts = counts.iter().filter(|(_, count)| *count > 0);
            let by = counts.map(|(label, count)| ((*label).to_owned(), (*count).into()));
            row["by"] = Value::Object(by.collect());
        }
        row
    });
    described.collect()
}

/// Returns where browsers connect, and which pages may, for the lines that the status page proposes.
fn public(context: &Context) -> Value {
    let options = context.live.options();
    let addresses = context.public_addrs.iter().map(ToString::to_string);
    let hosts = options.public_hosts.iter().map(ToString::to_string);
    let origins = options.allow_origins.iter().map(ToString::to_string);
    json!({
        "addresses": addresses.collect::<Vec<_>>(),
        "tls": options.certificate.is_some(),
        "hosts": hosts.collect::<Vec<_>>(),
        "origins": origins.collect::<Vec<_>>(),
    })
}

/// Returns the state of the spool. The figures count its records by their results.
fn spool(spool: &Spool) -> Value {
    json!({
        "directory": spool.directory.path().display().to_string(),
        "failure": spool.failure(),
    })
}

/// Returns the ids of the keys of tickets. The first signs. `pushd ticket rotate` waits for a new one.
fn ticket_keys(context: &Context) -> Vec<String> {
    let options = context.live.options();
    let ids = options.ticket_keys.iter().flat_map(TicketKeys::ids);
    ids.map(str::to_owned).collect()
}

/// Returns the state of the log in Redis, and of the servers that share it.
fn redis(node: &Node) -> Value {
    let NodesState {
        address,
        server,
        failure,
        id,
        nodes,
        probe_age,
    } = node.state();
    json!({
        "address": address,
        "server": server,
        "failure": failure,
        "node": id,
        "nodes": nodes,
        "probe_age_ms": probe_age.map(|age| age.as_millis() as u64),
    })
}

fn topics(topics: Vec<TopicTotals>) -> Vec<Value> {
    let shown = topics.iter().map(|totals| {
        let TopicTotals {
            topic,
            subscribers,
            log_events,
            events_per_s,
        } = totals;
        json!({
            "topic": &**topic,
            "subscribers": subscribers,
            "log_events": log_events,
            "events_per_s": (events_per_s * 10.0).round() / 10.0,
        })
    });
    shown.collect()
}

/// Returns the browsers with the largest outboxes.
fn longest_outboxes(context: &Context) -> Vec<Value> {
    let waiting = context.hub.longest_outboxes(OUTBOXES_MAX);
    let shown = waiting.into_iter();
    shown
        .map(|(session, len)| json!({"peer": session.peer_addr().to_string(), "len": len}))
        .collect()
}

/// Returns the last log lines about peers, the newest first.
fn complaints(context: &Context) -> Vec<Value> {
    let mut recent = context.publisher_log.recent();
    recent.extend(context.browser_log.recent());
    recent.sort_by_key(|complaint| std::cmp::Reverse(complaint.at));
    let shown = recent.into_iter().take(PEER_LOG_MAX);
    shown
        .map(
            |PeerLogEntry {
                 at,
                 peer,
                 message: what,
             }| {
                json!({"ago_s": at.elapsed().as_secs(), "peer": peer, "what": what})
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_snapshot_lives_longer() {
        for (took_ms, lifetime_ms) in [(0, 500), (25, 500), (26, 520), (1000, 20_000)] {
            let took = Duration::from_millis(took_ms);
            assert_eq!(lifetime(took), Duration::from_millis(lifetime_ms));
        }
    }
}
