//! The leases of the nodes, and the numbers of subscribers that each node reports to the others.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};
use tokio::time::{interval, timeout};

use super::connect::RESPONSE_TIMEOUT;
use super::node::Node;

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease.lua")));

/// Time between two reports.
const INTERVAL: Duration = Duration::from_secs(2);

/// Time after which the others forget a node that does not report.
const LEASE: Duration = Duration::from_secs(8);

/// Topics of one command.
const TOPICS_PER_COMMAND: usize = 500;

/// Time for the last command of a node.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Reports for as long as the node runs. Errors are those of other uses of Redis, too, which report them.
pub(super) async fn run(node: &Node) {
    let mut ticks = interval(INTERVAL);
    let mut connection = None;
    let mut is_complete = false;
    loop {
        ticks.tick().await;
        match report(node, &mut connection, !is_complete).await {
            Ok(still_complete) => is_complete = still_complete,
            Err(error) => {
                tracing::debug!(%error, "cannot report subscribers to the other nodes");
                (connection, is_complete) = (None, false);
            }
        }
    }
}

/// Reports the topics whose subscribers have changed, and renews the lease. Returns whether Redis has all topics.
async fn report(
    node: &Node,
    connection: &mut Option<MultiplexedConnection>,
    is_full: bool,
) -> RedisResult<bool> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(node.connector.connect(RESPONSE_TIMEOUT).await?),
    };
    let key = node.keys.topics(&node.id);
    let changed = node.hub.changed_topics(is_full);
    for topics in changed.chunks(TOPICS_PER_COMMAND) {
        let mut pipeline = redis::pipe();
        for (topic, subscribers) in topics {
            match subscribers {
                0 => pipeline.hdel(&key, &**topic).ignore(),
                subscribers => pipeline.hset(&key, &**topic, subscribers).ignore(),
            };
        }
        let () = pipeline.query_async(connection).await?;
    }
    if is_full {
        let mut mark = redis::cmd("HSET");
        let () = mark
            .arg(&key)
            .arg("")
            .arg(1)
            .query_async(connection)
            .await?;
    }
    let (is_complete, living): (bool, Vec<String>) = SCRIPT
        .key(&node.keys.nodes)
        .key(&key)
        .arg(&node.id)
        .arg(u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX))
        .invoke_async(connection)
        .await?;
    node.counters.redis_nodes.set(living.len() as u64);
    node.status.set_nodes(living);
    Ok(is_complete)
}

/// Ends the lease.
pub(super) async fn end(node: &Node) {
    let ended = async {
        let mut connection = node.connector.connect(RESPONSE_TIMEOUT).await?;
        let () = redis::pipe()
            .zrem(&node.keys.nodes, &node.id)
            .del(node.keys.topics(&node.id))
            .query_async(&mut connection)
            .await?;
        RedisResult::Ok(())
    };
    // Otherwise the lease ends by itself.
    let _late_or_failed = timeout(END_TIMEOUT, ended).await;
}
