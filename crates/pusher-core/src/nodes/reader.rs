//! Reads the log for the hub.

use std::convert::Infallible;
use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::time::Duration;

use pusher_proto::{PRESENCE_PREFIX, Position};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, Value};
use tokio::time::sleep;

use super::connect::RESPONSE_TIMEOUT;
use super::entry::{Content, Entry, id};
use super::fields::{text, unexpected};
use super::node::Node;
use super::probe;
use super::status::Use;
use crate::hub::SharedEvent;
use crate::unix_time::unix_ms;

/// Time that Redis waits for the next entry before it replies that there is none.
const BLOCK: Duration = Duration::from_secs(2);

/// Most entries of one reply.
const ENTRIES_MAX: usize = 256;

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(100);

/// The largest epoch and sequence number that `append.lua` accepts from the state: anybody with access to Redis can write
/// it.
const EPOCH_MAX: u64 = 9_999_999_999_999_999_999;
const SEQUENCE_MAX: u64 = 1 << 52;

/// The beginning of the log.
const BEGIN: Position = Position {
    epoch: 0,
    sequence: 0,
};

/// Reads on and on. After a failure it connects again, and continues where it was.
pub(super) async fn run(node: &Node) {
    loop {
        tokio::select! {
            read = read(node) => {
                let Err(error) = read;
                node.status.fails(Use::Reading, &error);
            }
            () = node.probes.lost() => {}
        }
        node.counters.redis_connected.set(0);
        sleep(RETRY).await;
    }
}

async fn read(node: &Node) -> RedisResult<Infallible> {
    let (mut connection, _driver) = node
        .connector
        .connect_for_requests(BLOCK + RESPONSE_TIMEOUT)
        .await?;
    node.counters.redis_connections.add(1);
    // A revoked user may have subscribed meanwhile, and must get none of the events.
    node.status.revocations_loaded().await;
    let (mut at, target) = begin(node, &mut connection).await?;
    loop {
        if node.hub.position().sequence >= target {
            node.status.set_loaded();
        }
        node.hub.room_for_delivery().await;
        let reply = read_after(node, &mut connection, at).await?;
        let entries = entries(&reply).ok_or_else(|| unexpected("entries of a stream"))?;
        // After the first reply, because a user that may connect may still have no permission to read.
        node.status.works(Use::Reading);
        node.counters.redis_connected.set(1);
        for entry in entries {
            if node.hub.is_closed() {
                // The hub takes no more events. An entry behind them would look as if some were missing.
                return pending().await;
            }
            let end = node.hub.position();
            if !follows(end, entry.position) {
                check_is_ours(node, &mut connection, entry.position).await?;
            }
            at = entry.position;
            take(node, entry, end);
        }
    }
}

/// Returns where reading begins, and the sequence number at which this node has the log.
async fn begin(
    node: &Node,
    connection: &mut MultiplexedConnection,
) -> RedisResult<(Position, u64)> {
    let Some(last) = last_position(node, connection).await? else {
        // The first probe begins an epoch.
        node.probes.hurry();
        return Ok((BEGIN, 1));
    };
    let Position {
        epoch,
        sequence: top,
    } = last;
    let end = node.hub.position();
    if end.epoch == epoch {
        if end.sequence > top {
            // Redis has lost entries. The next probe begins an epoch.
            node.probes.hurry();
        }
        return Ok((end, top));
    }
    let mut command = redis::cmd("XLEN");
    let len: u64 = command.arg(&node.keys.log).query_async(connection).await?;
    if len == 0 {
        restart(node, last);
    }
    Ok((BEGIN, top))
}

/// Returns the position of the last entry that a node has appended. `None` if there is no log yet.
async fn last_position(
    node: &Node,
    connection: &mut MultiplexedConnection,
) -> RedisResult<Option<Position>> {
    let mut command = redis::cmd("HMGET");
    command.arg(&node.keys.state).arg("epoch").arg("sequence");
    let damaged = || {
        let text = "the state of the log is damaged: delete it, and a new epoch begins";
        RedisError::from((ErrorKind::Client, text, node.keys.state.clone()))
    };
    let (epoch, sequence) = match command.query_async(connection).await {
        Err(error) if error.code() == Some("WRONGTYPE") => return Err(damaged()),
        values => values?,
    };
    // The script begins an epoch, and then appends.
    if epoch == Value::Nil || sequence == Value::Nil {
        return Ok(None);
    }
    let position = Position {
        epoch: decimal(&epoch, 1..=EPOCH_MAX).ok_or_else(damaged)?,
        sequence: decimal(&sequence, 0..=SEQUENCE_MAX).ok_or_else(damaged)?,
    };
    Ok(Some(position))
}

/// Reads a number that the script accepts as a part of the state.
fn decimal(value: &Value, range: RangeInclusive<u64>) -> Option<u64> {
    let digits = text(value)?;
    let is_decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok()?;
    (is_decimal && range.contains(&number)).then_some(number)
}

/// Whether an entry is known, or the next one.
fn follows(end: Position, position: Position) -> bool {
    position.epoch == end.epoch && position.sequence <= end.sequence.saturating_add(1)
}

/// Fails if no node has appended an entry. This node must not follow such an entry: its position may be so high that no
/// epoch can begin behind it. The next probe begins one, without that entry.
async fn check_is_ours(
    node: &Node,
    connection: &mut MultiplexedConnection,
    position: Position,
) -> RedisResult<()> {
    let last = last_position(node, connection).await?;
    let order = |position: Position| (position.epoch, position.sequence);
    if last.is_some_and(|last| order(position) <= order(last)) {
        return Ok(());
    }
    node.probes.hurry();
    let text = "the log has an entry that no server with this prefix has appended";
    Err(RedisError::from((ErrorKind::Client, text, id(position))))
}

/// Returns the reply with the next entries, or that there are none for [`BLOCK`].
async fn read_after(
    node: &Node,
    connection: &mut MultiplexedConnection,
    at: Position,
) -> RedisResult<Value> {
    let mut command = redis::cmd("XREAD");
    command
        .arg("BLOCK")
        .arg(u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX));
    command.arg("COUNT").arg(ENTRIES_MAX);
    command.arg("STREAMS").arg(&node.keys.log).arg(id(at));
    command.query_async(connection).await
}

/// Decodes `[[stream, [entry, ...]]]`, or nil if there is nothing new.
pub(super) fn entries(reply: &Value) -> Option<Vec<Entry<'_>>> {
    let streams = match reply {
        Value::Nil => return Some(Vec::new()),
        Value::Array(streams) => streams,
        _ => return None,
    };
    let [Value::Array(stream)] = &streams[..] else {
        return None;
    };
    let [_name, Value::Array(entries)] = &stream[..] else {
        return None;
    };
    entries.iter().map(Entry::decode).collect()
}

/// Gives an entry to the hub, whose log ends at `end`.
fn take(node: &Node, entry: Entry<'_>, end: Position) {
    let Entry {
        position, time_ms, ..
    } = entry;
    if position.epoch == end.epoch && position.sequence <= end.sequence {
        return;
    }
    let before = Position {
        sequence: position.sequence.saturating_sub(1),
        ..position
    };
    if before != end {
        restart(node, before);
    }
    let age_ms = unix_ms().saturating_sub(time_ms);
    node.trim.add(position.sequence, entry.len(), time_ms);
    node.counters.redis_lag_ms.set(age_ms);
    match entry.content {
        Content::Event {
            topic,
            event,
            recipients,
        } => {
            let event = SharedEvent {
                sequence: position.sequence,
                topic,
                event,
                recipients,
                age_ms,
                channels: None,
            };
            match topic.starts_with(PRESENCE_PREFIX) {
                true => node.presence.deliver(event),
                false => node.hub.append_shared(event),
            }
        }
        Content::Probe(text) => {
            node.hub.skip_shared(position.sequence);
            probe::arrived(node, text);
        }
        Content::Unknown => {
            tracing::warn!(
                entry = id(position),
                "an entry of the log in Redis is not readable"
            );
            restart(node, position);
        }
    }
    node.status.note_end(position);
}

/// Begins again behind a position: the entries before it are missing.
fn restart(node: &Node, position: Position) {
    if node.status.is_loaded() {
        tracing::warn!(
            position = %position,
            "entries of the log in Redis are missing before this position: telling all clients of a gap"
        );
        node.counters.redis_gaps.add(1);
    }
    node.trim.clear();
    node.hub.restart_log(position);
    node.has_missed_changes.store(true, Ordering::Relaxed);
    node.status.note_end(position);
}
