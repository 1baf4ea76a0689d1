//! The leases of the nodes, and the numbers of subscribers that each node reports to the others.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, Script};
use tokio::time::{interval, timeout};

use super::connect::RESPONSE_TIMEOUT;
use super::node::Node;
use crate::hub::ChangeReader;

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lease.lua")));
static REPORT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("report.lua")));

/// Time between two reports.
const INTERVAL: Duration = Duration::from_secs(2);

/// Time after which the others forget a node that does not report.
const LEASE: Duration = Duration::from_secs(8);

/// Topics of one call of the script.
const CHUNK: usize = 500;

/// Time for the last command of a node.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Reports for as long as the node runs. Errors are those of other uses of Redis, too, which report them.
pub(super) async fn run(node: &Node) {
    let mut ticks = interval(INTERVAL);
    let mut reports = Reports::default();
    loop {
        ticks.tick().await;
        if let Err(error) = reports.report(node).await {
            tracing::debug!(%error, "cannot report subscribers to the other nodes");
            (reports.connection, reports.is_complete) = (None, false);
        }
    }
}

#[derive(Default)]
struct Reports {
    connection: Option<MultiplexedConnection>,
    /// Redis has all topics.
    is_complete: bool,
    /// Number of the last call of the script.
    number: u64,
}

impl Reports {
    /// Reports the topics whose subscribers have changed, and renews the lease.
    async fn report(&mut self, node: &Node) -> RedisResult<()> {
        let is_full = !self.is_complete;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(node.connector.connect(RESPONSE_TIMEOUT).await?),
        };
        let key = node.keys.topics(&node.id);
        let lease_ms = u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX);
        let changed = node.hub.changed_topics(ChangeReader::Nodes, is_full);
        // A full report has one call at least: Redis may have topics whose last subscribers left while it was away.
        let calls = changed.len().div_ceil(CHUNK).max(usize::from(is_full));
        for index in 0..calls {
            let first = index * CHUNK;
            let topics = &changed[first..changed.len().min(first + CHUNK)];
            self.number += 1;
            let mut call = REPORT.key(&key);
            call.key(node.keys.last_report(&node.run));
            call.arg(self.number).arg(lease_ms);
            call.arg(u8::from(is_full && index == 0));
            call.arg(u8::from(is_full && index + 1 == calls));
            for (topic, subscribers) in topics {
                call.arg(&**topic).arg(*subscribers);
            }
            let () = call.invoke_async(connection).await?;
        }
        let (is_complete, living): (bool, Vec<String>) = RENEW
            .key(&node.keys.nodes)
            .key(&key)
            .arg(&node.id)
            .arg(lease_ms)
            .invoke_async(connection)
            .await?;
        self.is_complete = is_complete;
        node.counters.redis_nodes.set(living.len() as u64);
        node.status.set_nodes(living);
        Ok(())
    }
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
