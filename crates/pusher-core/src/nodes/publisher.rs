//! Appends the publishes of this node to the log.

use std::pin::pin;
use std::time::{Duration, Instant};

use pusher_proto::{Position, Receipt, Stored};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult};
use tokio::time::sleep;

use super::batch::{self, Appended, Batch};
use super::connect::RESPONSE_TIMEOUT;
use super::node::Node;
use super::probe;
use super::status::Use;
use crate::hub::{PublishError, SharedLogQueue, SharedPublish};

/// Most publishes of one batch, and most bytes of their events, except for the first one. While Redis appends a batch, it
/// does nothing else.
const BATCH_MAX: usize = 256;
const BATCH_LEN_MAX: usize = 1024 * 1024;

/// Time between two attempts.
const RETRY_MIN: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

/// Time between two looks for publishers whose time is over.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(50);

/// Appends batch after batch. One is under way at a time, so the events of one publisher stay in order, and a batch has
/// all that arrived while the last one was under way.
pub(super) async fn run(node: &Node) {
    let Some(queue) = node.hub.shared_log() else {
        return;
    };
    let mut connection = None;
    for number in 1.. {
        while queue.is_empty() {
            tokio::select! {
                () = queue.arrived() => {}
                () = node.probes.wanted() => break,
            }
        }
        let probe = node.probes.take_wanted();
        let batch = Batch {
            number,
            publishes: queue.take(BATCH_MAX, BATCH_LEN_MAX),
            probe: probe
                .map(|probe| probe::text(node, probe))
                .unwrap_or_default(),
        };
        if batch.publishes.is_empty() && batch.probe.is_empty() {
            continue;
        }
        let is_appended = append(node, queue, &mut connection, batch).await;
        match probe {
            Some(probe) if is_appended => node.probes.set_appended(probe),
            Some(probe) => node.probes.want(probe),
            None => {}
        }
    }
}

/// Appends a batch, with as many attempts as its publishers have time for. A probe alone waits until there are
/// publishers. Returns whether the batch is in the log.
async fn append(
    node: &Node,
    queue: &SharedLogQueue,
    connection: &mut Option<MultiplexedConnection>,
    batch: Batch,
) -> bool {
    let mut retry = RETRY_MIN;
    let mut why = "there is no answer".to_owned();
    loop {
        let attempt = try_append(node, connection, &batch);
        match refuse_during(node, queue, &batch, &why, attempt).await {
            Ok(appended) => {
                node.status.works(Use::Appending);
                answer(node, batch, &appended);
                return true;
            }
            Err(error) => {
                node.status.fails(Use::Appending, &error);
                why = error.to_string();
            }
        }
        *connection = None;
        refuse_during(node, queue, &batch, &why, sleep(retry)).await;
        retry = (retry * 2).min(RETRY_MAX);
        refuse_expired(node, queue, &batch, &why);
        let is_probe_alone = batch.publishes.is_empty() && queue.is_empty();
        if batch.publishes.iter().all(SharedPublish::is_answered) && !is_probe_alone {
            return false;
        }
    }
}

/// Refuses the publishers whose time ends during some work: Redis may not answer for longer than that.
async fn refuse_during<T>(
    node: &Node,
    queue: &SharedLogQueue,
    batch: &Batch,
    why: &str,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = sleep(EXPIRY_INTERVAL) => refuse_expired(node, queue, batch, why),
        }
    }
}

/// Refuses the publishers whose time is over.
fn refuse_expired(node: &Node, queue: &SharedLogQueue, batch: &Batch, why: &str) {
    let wait = node.live.limits().redis_wait;
    let Some(oldest) = Instant::now().checked_sub(wait) else {
        return;
    };
    let waiting = batch.publishes.iter();
    waiting
        .filter(|publish| publish.since < oldest)
        .for_each(|publish| refuse(publish, why));
    let waiting = queue.take_expired(oldest);
    waiting.iter().for_each(|publish| refuse(publish, why));
}

async fn try_append(
    node: &Node,
    connection: &mut Option<MultiplexedConnection>,
    batch: &Batch,
) -> RedisResult<Appended> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connect(node).await?),
    };
    let started = Instant::now();
    let appended = batch.append(node, connection).await;
    if appended
        .as_ref()
        .is_err_and(|error| error.code() == Some("OOM"))
    {
        // Redis is full, so the script does not come to this.
        let _failed_too = batch::trim(node, connection).await;
    }
    let appended = appended?;
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    node.counters.redis_script_us.set(micros);
    Ok(appended)
}

/// Connects to a Redis that has loaded its data: before, it knows no ids.
async fn connect(node: &Node) -> RedisResult<MultiplexedConnection> {
    let mut connection = node.connector.connect(RESPONSE_TIMEOUT).await?;
    node.counters.redis_connections.add(1);
    let mut command = redis::cmd("INFO");
    let info: String = command
        .arg("persistence")
        .query_async(&mut connection)
        .await?;
    if info.lines().any(|line| line == "loading:1") {
        let text = "Redis still loads its data";
        return Err(RedisError::from((ErrorKind::Client, text)));
    }
    Ok(connection)
}

fn answer(node: &Node, batch: Batch, appended: &Appended) {
    node.status.note_end(appended.end);
    for (publish, &(position, others)) in batch.publishes.into_iter().zip(&appended.places) {
        node.hub.count(publish.source, publish.event.len());
        let receipt = receipt(node, &publish, position, others, appended.nodes);
        tracing::trace!(topic = publish.topic, ?receipt, "published");
        publish.answer(Ok(receipt));
    }
}

fn receipt(
    node: &Node,
    publish: &SharedPublish,
    position: Position,
    subscribers_at_others: u64,
    node_count: u64,
) -> Receipt {
    let has_history = node.live.options().has_history(&publish.topic);
    Receipt {
        sequence: position.sequence,
        subscribers: node.hub.subscriber_count(&publish.topic) + subscribers_at_others,
        position: Some(position),
        stored: match has_history {
            // A restart of Redis begins another log.
            true => Stored::Memory,
            false => Stored::No,
        },
        // This node may have no lease yet.
        nodes: Some(node_count.max(1)),
    }
}

fn refuse(publish: &SharedPublish, why: &str) {
    let text = format!("the log in Redis did not take the event in time: {why}");
    publish.answer(Err(PublishError::LogUnavailable(text)));
}
